// SPDX-License-Identifier: Apache-2.0
#include "state/api/capacity.h"

#include <algorithm>
#include <optional>

#include "state/api/read.h"
#include "table/size.h"

namespace sealane::state::api {
namespace {

double units_of(const table::Item& item) {
  return table::write_units(std::max<size_t>(1, table::size_bytes(item)));
}

// What an index is charged for: nothing when its entry stays as it is, one write for one that comes
// or goes, and two when the entry moves to another key (AWS, "Global secondary indexes": write
// capacity).
double index_units(const Table& table, const table::Index& index, const Written& written) {
  const auto before = table::key_of(written.before, index.key),
             after = table::key_of(written.after, index.key);
  if (!before && !after) return 0;
  const table::Item old = before ? cut_to_index(written.before, table, index) : table::Item();
  const table::Item now = after ? cut_to_index(written.after, table, index) : table::Item();
  if (!before) return units_of(now);
  if (!after) return units_of(old);
  if (*before != *after) return units_of(old) + units_of(now);
  return old == now ? 0 : std::max(units_of(old), units_of(now));
}

void write_indexes(JsonWriter& json, std::string_view name,
                   const std::map<std::string, double>& indexes) {
  if (indexes.empty()) return;
  json.key(name).open('{');
  for (const auto& [index, units] : indexes) {
    json.key(index).open('{');
    json.key("CapacityUnits").units(units);
    json.close('}');
  }
  json.close('}');
}

}  // namespace

double Consumed::total() const {
  double sum = table;
  for (const auto& [name, units] : local_indexes) sum += units;
  for (const auto& [name, units] : global_indexes) sum += units;
  return sum;
}

void add_write(Consumed& consumed, const Table& table, const Written& written, double factor) {
  consumed.table += factor * std::max(units_of(written.before), units_of(written.after));
  for (const table::Index& index : table.indexes) {
    const double units = factor * index_units(table, index, written);
    if (units > 0)
      (index.is_local ? consumed.local_indexes : consumed.global_indexes)[index.name] += units;
  }
}

void add_read(Consumed& consumed, const table::Index* index, size_t bytes, bool consistent,
              double factor) {
  const double units = factor * table::read_units(std::max<size_t>(1, bytes), consistent);
  if (!index) {
    consumed.table += units;
  } else {
    (index->is_local ? consumed.local_indexes : consumed.global_indexes)[index->name] += units;
  }
}

void write_consumed(JsonWriter& json, std::string_view table_name, const Consumed& consumed,
                    ReturnCapacity wanted) {
  json.open('{');
  json.key("TableName").text(table_name);
  json.key("CapacityUnits").units(consumed.total());
  if (wanted == ReturnCapacity::indexes) {
    json.key("Table").open('{');
    json.key("CapacityUnits").units(consumed.table);
    json.close('}');
    write_indexes(json, "LocalSecondaryIndexes", consumed.local_indexes);
    write_indexes(json, "GlobalSecondaryIndexes", consumed.global_indexes);
  }
  json.close('}');
}

void write_consumed_member(JsonWriter& json, std::string_view table_name, const Consumed& consumed,
                           ReturnCapacity wanted) {
  if (wanted == ReturnCapacity::none) return;
  json.key("ConsumedCapacity");
  write_consumed(json, table_name, consumed, wanted);
}

bool has_collections(const Table& table) {
  return std::ranges::any_of(table.indexes, &table::Index::is_local);
}

void write_collection_metrics(JsonWriter& json, const Table& table,
                              const table::Item& item_or_key) {
  table::Item hash;
  if (const table::Value* value = item_or_key.find(table.key.hash.name))
    hash.set(table.key.hash.name, *value);
  json.open('{');
  json.key("ItemCollectionKey").item(hash);
  json.key("SizeEstimateRangeGB").raw("[0.0,1.0]");
  json.close('}');
}

void write_all_consumed(JsonWriter& json, const std::map<std::string, Consumed>& consumed,
                        ReturnCapacity wanted) {
  if (wanted == ReturnCapacity::none) return;
  json.key("ConsumedCapacity").open('[');
  for (const auto& [table, each] : consumed) write_consumed(json, table, each, wanted);
  json.close(']');
}

}  // namespace sealane::state::api
