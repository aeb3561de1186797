// SPDX-License-Identifier: Apache-2.0
#include "state/api/table_description.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "state/api/arn.h"
#include "state/api/contains.h"

namespace sealane::state::api {
namespace {

using table::Index;
using table::KeySchema;

void write_key_schema(JsonWriter& json, const KeySchema& key) {
  const auto element = [&](std::string_view name, std::string_view type) {
    json.open('{');
    json.key("AttributeName").text(name);
    json.key("KeyType").text(type);
    json.close('}');
  };
  json.key("KeySchema").open('[');
  element(key.hash.name, "HASH");
  if (key.range) element(key.range->name, "RANGE");
  json.close(']');
}

void write_throughput(JsonWriter& json, const table::Throughput& throughput) {
  json.key("ProvisionedThroughput").open('{');
  json.key("NumberOfDecreasesToday").integer(0);
  json.key("ReadCapacityUnits").integer(uint64_t(throughput.read_units));
  json.key("WriteCapacityUnits").integer(uint64_t(throughput.write_units));
  json.close('}');
}

void write_projection(JsonWriter& json, const table::IndexProjection& projection) {
  using Kind = table::IndexProjection::Kind;
  json.key("Projection").open('{');
  json.key("ProjectionType").text(projection.kind == Kind::all         ? "ALL"
                                  : projection.kind == Kind::keys_only ? "KEYS_ONLY"
                                                                       : "INCLUDE");
  if (projection.kind == Kind::include) {
    json.key("NonKeyAttributes").open('[');
    for (const std::string& name : projection.include) json.text(name);
    json.close(']');
  }
  json.close('}');
}

struct Place {
  const Engine& engine;
  std::string_view region;
  const Table& table;
  const Statuses& statuses;
};

void write_index(JsonWriter& json, const Place& place, const Index& index) {
  json.open('{');
  json.key("IndexName").text(index.name);
  write_key_schema(json, index.key);
  write_projection(json, index.projection);
  if (!index.is_local) {
    const bool is_filling = place.engine.is_filling(place.table, index);
    const bool is_new = is_filling || contains(place.statuses.indexes_created, index.name);
    json.key("IndexStatus").text(is_new ? "CREATING" : "ACTIVE");
    if (is_filling) json.key("Backfilling").boolean(true);
    write_throughput(json, index.throughput);
  }
  // Indexes hold only keys, and are not counted apart from their table.
  const Engine::Count count = place.engine.count(place.table);
  json.key("IndexSizeBytes").integer(count.bytes);
  json.key("ItemCount").integer(count.item_count);
  json.key("IndexArn").text(index_arn(place.region, place.table.name, index.name));
  json.close('}');
}

void write_indexes(JsonWriter& json, const Place& place, bool is_local) {
  if (!contains(place.table.indexes, is_local, &Index::is_local)) return;
  json.key(is_local ? "LocalSecondaryIndexes" : "GlobalSecondaryIndexes").open('[');
  for (const Index& index : place.table.indexes) {
    if (index.is_local == is_local) write_index(json, place, index);
  }
  json.close(']');
}

std::string_view stream_view(table::StreamView view) {
  switch (view) {
    case table::StreamView::off:
    case table::StreamView::keys_only: return "KEYS_ONLY";
    case table::StreamView::new_image: return "NEW_IMAGE";
    case table::StreamView::old_image: return "OLD_IMAGE";
    case table::StreamView::new_and_old_images: return "NEW_AND_OLD_IMAGES";
  }
  return "KEYS_ONLY";
}

void write_stream(JsonWriter& json, const Place& place) {
  const Table& table = place.table;
  if (table.stream != table::StreamView::off) {
    json.key("StreamSpecification").open('{');
    json.key("StreamEnabled").boolean(true);
    json.key("StreamViewType").text(stream_view(table.stream));
    json.close('}');
  }
  if (table.stream_started_ms == 0) return;
  json.key("LatestStreamLabel").text(stream_label(table.stream_started_ms));
  json.key("LatestStreamArn").text(stream_arn(place.region, table));
}

// All of them, the region that is asked too.
void write_replicas(JsonWriter& json, const Place& place) {
  const Statuses& statuses = place.statuses;
  if (place.table.replicas.size() < 2 && statuses.replicas_deleted.empty()) return;
  json.key("GlobalTableVersion").text("2019.11.21");
  json.key("Replicas").open('[');
  const auto replica = [&](std::string_view region, std::string_view status) {
    json.open('{');
    json.key("RegionName").text(region);
    json.key("ReplicaStatus").text(status);
    json.close('}');
  };
  for (const std::string& region : place.table.replicas) {
    replica(region, contains(statuses.replicas_created, region) ? "CREATING" : "ACTIVE");
  }
  for (const std::string& region : statuses.replicas_deleted) replica(region, "DELETING");
  json.close(']');
}

void write_billing(JsonWriter& json, const Table& table) {
  write_throughput(json, table.is_on_demand ? table::Throughput() : table.throughput);
  if (table.is_on_demand) {
    json.key("BillingModeSummary").open('{');
    json.key("BillingMode").text("PAY_PER_REQUEST");
    json.key("LastUpdateToPayPerRequestDateTime").date(table.created_ms);
    json.close('}');
  }
  if (!table.table_class.empty()) {
    json.key("TableClassSummary").open('{');
    json.key("TableClass").text(table.table_class);
    json.close('}');
  }
}

}  // namespace

std::string table_uuid(const Table& table) {
  const uint64_t high = mix64(table.id), low = mix64(high ^ table.id);
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff, high & 0xfff,
                     0x8000 | ((low >> 48) & 0x3fff), low & 0xffff'ffff'ffff);
}

void write_table_description(JsonWriter& json, const Engine& engine, std::string_view region, const Table& table,
                             const Statuses& statuses) {
  const Place place{engine, region, table, statuses};
  json.open('{');
  json.key("TableName").text(table.name);
  json.key("TableStatus").text(statuses.table);
  json.key("TableArn").text(table_arn(region, table.name));
  json.key("TableId").text(table_uuid(table));
  json.key("CreationDateTime").date(table.created_ms);
  json.key("AttributeDefinitions").open('[');
  for (const table::KeyAttribute& attribute : table.attribute_definitions) {
    json.open('{');
    json.key("AttributeName").text(attribute.name);
    json.key("AttributeType").text(table::name(attribute.type));
    json.close('}');
  }
  json.close(']');
  write_key_schema(json, table.key);
  write_billing(json, table);
  const Engine::Count count = engine.count(table);
  json.key("TableSizeBytes").integer(count.bytes);
  json.key("ItemCount").integer(count.item_count);
  write_indexes(json, place, true);
  write_indexes(json, place, false);
  write_stream(json, place);
  write_replicas(json, place);
  json.key("DeletionProtectionEnabled").boolean(table.has_deletion_protection);
  json.close('}');
}

}  // namespace sealane::state::api
