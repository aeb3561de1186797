// SPDX-License-Identifier: Apache-2.0
// BatchGetItem and BatchWriteItem: many single reads or writes in one request. AWS may do part of a
// batch; here it is done whole, and writes are one entry of the change log.
#include <fmt/format.h>

#include <map>
#include <set>

#include "state/api/capacity.h"
#include "state/api/json_writer.h"
#include "state/api/keys.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/write.h"
#include "table/record.h"
#include "table/size.h"

namespace sealane::state::api {
namespace {

constexpr size_t kWritesMax = 25, kReadsMax = 100;
constexpr size_t kAnswerBytesMax = 16 << 20;

constexpr std::string_view kExpressions[] = {"ProjectionExpression"};
constexpr std::string_view kLegacy[] = {"AttributesToGet"};

// RequestItems: a map from tables (names or ARNs) to what is asked of each.
std::optional<simdjson::dom::object> read_request_items(const Members& members,
                                                        std::string_view type) {
  const auto items = members.object("RequestItems", type, true);
  if (items && items->size() == 0) {
    members.mistakes().constraint("'{}'", "requestItems",
                                  "Member must have length greater than or equal to 1");
  }
  return items;
}

void check_table_name(Mistakes& mistakes, std::string_view name) {
  constexpr std::string_view kRule =
      "Map keys must satisfy constraint: [Member must have length less than or equal to 255, "
      "Member must have length greater than or equal to 3, Member must satisfy regular "
      "expression pattern: [a-zA-Z0-9_.-]+]";
  const bool is_right = name.size() >= 3 && name.size() <= 255 && name.find_first_not_of(
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == name.npos;
  if (!is_right) mistakes.constraint(fmt::format("'{{{}}}'", name), "requestItems", kRule);
}

// ── writes ──

Outcome<std::vector<WriteRequest>> read_writes(const Members& members) {
  using Kind = WriteRequest::Kind;
  std::vector<WriteRequest> writes;
  const auto items =
      read_request_items(members, "java.util.List<com.amazonaws.dynamodb.v20120810.WriteRequest>");
  SL_CHECK(members.mistakes().check());
  Mistakes& mistakes = members.mistakes();
  bool has_neither = false;
  for (const auto& [table, requests] : *items) {
    const std::string name = table_name_of(table);
    check_table_name(mistakes, name);
    const Members of_table(*items, mistakes, "requestItems");
    const auto each = of_table.structures(table, "WriteRequest");
    if (of_table.has(table) && (each.empty() || each.size() > kWritesMax)) {
      mistakes.constraint(fmt::format("'{{{}=[...]}}'", name), "requestItems",
                          "Map value must satisfy constraint: [Member must have length less than "
                          "or equal to 25, Member "
                          "must have length greater than or equal to 1]");
    }
    for (const Members& request : each) {
      const auto put = request.structure("PutRequest"), remove = request.structure("DeleteRequest");
      if (!put == !remove) {
        has_neither = true;
      } else if (put) {
        writes.push_back(read_batch_write(*put, Kind::put, name));
      } else {
        writes.push_back(read_batch_write(*remove, Kind::remove, name));
      }
    }
  }
  SL_CHECK(mistakes.check());
  if (has_neither) {
    return validation(
        "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
        "supported "
        "datatypes");
  }
  if (writes.size() > kWritesMax)
    return validation("Too many items requested for the BatchWriteItem call");
  return writes;
}

// An item without its table's key is told in other words here than by PutItem.
Outcome<void> bind_in_batch(const Engine& engine, WriteRequest& write) {
  SL_TRY(const Table* table, find_table(engine, write.table_name));
  for (const auto* attribute :
       {&table->key.hash, table->key.range ? &*table->key.range : nullptr}) {
    const table::Value* value = attribute ? write.item().find(attribute->name) : nullptr;
    if (attribute && (!value || !value->is(attribute->type))) {
      return validation("The provided key element does not match the schema");
    }
  }
  return bind_write(engine, write);
}

void write_metrics(JsonWriter& json, const std::vector<WriteRequest>& writes) {
  std::map<std::string, std::vector<const WriteRequest*>> by_table;
  for (const WriteRequest& write : writes) {
    if (has_collections(*write.table)) by_table[write.table_name].push_back(&write);
  }
  if (by_table.empty()) return;
  json.key("ItemCollectionMetrics").open('{');
  for (const auto& [table, each] : by_table) {
    json.key(table).open('[');
    for (const WriteRequest* write : each)
      write_collection_metrics(json, *write->table, write->item());
    json.close(']');
  }
  json.close('}');
}

// ── reads ──

struct TableReads {
  std::string name;
  std::string asked_as;  // the key in RequestItems, with which it is answered
  simdjson::dom::object request;
  const Table* table = nullptr;
  std::vector<GivenItem> given;
  std::vector<std::string> keys;
  std::optional<table::Projection> projection;
  bool is_consistent = false;
};

Outcome<std::vector<TableReads>> read_reads(const Members& members) {
  std::vector<TableReads> reads;
  const auto items = read_request_items(members, "KeysAndAttributes");
  SL_CHECK(members.mistakes().check());
  Mistakes& mistakes = members.mistakes();
  size_t count = 0;
  for (const auto& [table, value] : *items) {
    TableReads& each = reads.emplace_back();
    each.asked_as = table;
    each.name = table_name_of(table);
    check_table_name(mistakes, each.name);
    const auto request = Members(*items, mistakes, "requestItems").structure(table);
    if (!request) continue;
    each.request = value;
    const Members in(each.request, mistakes, fmt::format("requestItems.{}.member", table));
    const auto keys =
        in.list("Keys", {.is_required = true, .length_min = 1, .length_max = kReadsMax});
    check_shapes(in, {kExpressions, kLegacy});
    each.is_consistent = in.flag("ConsistentRead").value_or(false);
    if (!keys) continue;
    for (const simdjson::dom::element key : *keys) {
      GivenItem& given = each.given.emplace_back();
      auto item = table::item_from_json(key);
      if (item) {
        given.item = std::move(*item);
      } else {
        given.mistake = from_error(item.error()).error();
        if (given.mistake->type == "SerializationException") mistakes.shape(given.mistake->message);
      }
      ++count;
    }
  }
  SL_CHECK(mistakes.check());
  if (count > kReadsMax) return validation("Too many items requested for the BatchGetItem call");
  return reads;
}

Outcome<void> understand(const Members& members, TableReads& reads) {
  SL_CHECK(check_expression_kinds(members, {kExpressions, kLegacy}));
  for (const GivenItem& given : reads.given) SL_CHECK(given.check());
  SL_TRY(table::Placeholders placeholders, read_placeholders(members));
  SL_TRY(reads.projection, read_projection(members, placeholders));
  return lift(placeholders.check_all_used());
}

Outcome<void> bind(const Engine& engine, TableReads& reads) {
  SL_TRY(reads.table, find_table(engine, reads.name));
  std::set<std::string> seen;
  for (const GivenItem& given : reads.given) {
    SL_TRY(std::string key, check_key(given.item, *reads.table));
    if (!seen.insert(key).second)
      return validation("Provided list of item keys contains duplicates");
    reads.keys.push_back(std::move(key));
  }
  if (reads.projection) SL_CHECK(check_paths(*reads.projection, *reads.table));
  return {};
}

// What did not fit into the answer is asked for again, with the parameters it came with.
void write_unprocessed(JsonWriter& json, const TableReads& reads, size_t from) {
  json.key(reads.asked_as).open('{');
  json.key("Keys").open('[');
  for (size_t i = from; i < reads.given.size(); ++i) json.item(reads.given[i].item);
  json.close(']');
  for (const auto& [name, value] : reads.request) {
    if (name != "Keys") json.key(name).raw(simdjson::to_string(value));
  }
  json.close('}');
}

}  // namespace

Outcome<Answer> batch_write_item(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const ReturnCapacity capacity = read_return_capacity(members);
  const bool wants_metrics = read_return_collection_metrics(members);
  SL_TRY(std::vector<WriteRequest> writes, read_writes(members));
  for (WriteRequest& write : writes) SL_CHECK(understand(write));
  std::set<std::pair<const Table*, std::string>> seen;
  for (WriteRequest& write : writes) {
    SL_CHECK(bind_in_batch(call.engine, write));
    if (!seen.insert({write.table, write.key}).second) {
      return validation("Provided list of item keys contains duplicates");
    }
  }
  Answer answer;
  std::vector<ItemWrite> items;
  const table::Stamp stamp = call.engine.next_stamp();
  for (WriteRequest& write : writes) {
    SL_TRY(Judged judged, judge(call.engine, write, stamp, false));
    items.push_back(to_commit(write, judged));
    answer.ack = table::stricter(answer.ack, write.table->ack);
  }
  std::vector<Written> written;
  SL_TRY(answer.written,
         lift(call.engine.commit(items, capacity == ReturnCapacity::none ? nullptr : &written)));

  JsonWriter json(answer.json);
  json.open('{');
  json.key("UnprocessedItems").raw("{}");
  std::map<std::string, Consumed> consumed;
  for (size_t i = 0; i < written.size(); ++i) {
    add_write(consumed[writes[i].table_name], *writes[i].table, written[i]);
  }
  write_all_consumed(json, consumed, capacity);
  if (wants_metrics) write_metrics(json, writes);
  json.close('}');
  return answer;
}

Outcome<Answer> batch_get_item(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const ReturnCapacity capacity = read_return_capacity(members);
  SL_TRY(std::vector<TableReads> all, read_reads(members));
  for (TableReads& reads : all) SL_CHECK(understand(Members(reads.request, mistakes), reads));
  for (TableReads& reads : all) SL_CHECK(bind(call.engine, reads));

  Answer answer;
  JsonWriter json(answer.json);
  std::string unprocessed_json;
  JsonWriter unprocessed(unprocessed_json);
  std::map<std::string, Consumed> consumed;
  size_t bytes = 0;
  json.open('{');
  unprocessed.open('{');
  json.key("Responses").open('{');
  std::string packed;
  for (const TableReads& reads : all) {
    json.key(reads.asked_as).open('[');
    for (size_t i = 0; i < reads.keys.size(); ++i) {
      packed.clear();
      SL_TRY(const bool found, lift(call.engine.load_packed(*reads.table, reads.keys[i], packed)));
      table::Item item;
      if (found) {
        std::string_view rest = packed;
        SL_TRY(const table::Record record, lift(table::take_packed_record(rest)));
        item = table::item_of(record);
      }
      const size_t size = table::size_bytes(item);
      if (bytes > 0 && bytes + size > kAnswerBytesMax) {
        write_unprocessed(unprocessed, reads, i);
        break;
      }
      bytes += size;
      add_read(consumed[reads.name], nullptr, size, reads.is_consistent);
      if (!item.empty())
        json.item(reads.projection ? table::project(item, *reads.projection) : item);
    }
    json.close(']');
  }
  json.close('}');
  unprocessed.close('}');
  json.key("UnprocessedKeys").raw(unprocessed_json);
  write_all_consumed(json, consumed, capacity);
  json.close('}');
  return answer;
}

}  // namespace sealane::state::api
