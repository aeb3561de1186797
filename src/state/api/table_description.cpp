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

constexpr uint64_t kSilentMs = 3000;  // a node says something twice a second

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
  const std::vector<Lag>* lags;
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
  json.key("LatestStreamArn").text(stream_arn(place.region, table.name, table.stream_started_ms));
}

// How far the node that is asked is behind the writes of a region: for each node there (a source,
// as it keeps a log of its own). Dates and seconds as DynamoDB writes them, with fractions.
void write_lag(JsonWriter& json, const Place& place, std::string_view region) {
  json.key("SealaneLag").open('{');
  json.key("Sources").open('[');
  for (const Lag& lag : *place.lags) {
    if (lag.region != region) continue;
    json.open('{');
    json.key("Node").text(lag.node);
    json.key("SourceId").text(fmt::format("{:08x}", lag.source));
    if (lag.last_applied_ms > 0) json.key("LastAppliedDateTime").date(lag.last_applied_ms);
    json.key("SecondsBehind").date(lag.behind_ms);
    json.key("BytesBehind").integer(lag.bytes);
    json.key("EntriesBehind").integer(lag.announced - lag.applied);
    json.key("SecondsSinceHeard").date(lag.silent_ms);
    json.close('}');
  }
  json.close(']');
  json.close('}');
}

// AWS: ReplicaStatus ACTIVE also of a region that cannot be reached at the moment; the words beside
// it are free.
std::string status_words(const Place& place, std::string_view region) {
  if (!place.lags || region == place.region) return {};
  uint64_t silent_ms = UINT64_MAX;
  for (const Lag& lag : *place.lags) {
    if (lag.region == region) silent_ms = std::min(silent_ms, lag.silent_ms);
  }
  if (silent_ms == UINT64_MAX) return "none of its nodes has been heard of since this one started";
  return silent_ms < kSilentMs ? "" : fmt::format("not heard of for {} s", silent_ms / 1000);
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
    if (const std::string words = status_words(place, region); !words.empty()) {
      json.key("ReplicaStatusDescription").text(words);
    }
    if (place.lags) write_lag(json, place, region);
    json.close('}');
  };
  // What was written before this region kept the table is still on its way from another one.
  const bool is_seeding = contains(place.engine.tables_to_seed(), place.table.id);
  for (const std::string& region : place.table.replicas) {
    const bool is_new =
        contains(statuses.replicas_created, region) || (is_seeding && region == place.region);
    replica(region, is_new ? "CREATING" : "ACTIVE");
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
  return fmt::format("{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}", high >> 32, (high >> 16) & 0xffff,
                     high & 0xfff, 0x8000 | ((low >> 48) & 0x3fff), low & 0xffff'ffff'ffff);
}

void write_table_description(JsonWriter& json, const Engine& engine, std::string_view region,
                             const Table& table, const Statuses& statuses,
                             const std::vector<Lag>* lags) {
  const Place place{engine, region, table, statuses, lags};
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
  // After a crash: what is told is of the part that has been counted again.
  if (lags && engine.is_counting(table)) json.key("SealaneItemCountStatus").text("COUNTING");
  write_indexes(json, place, true);
  write_indexes(json, place, false);
  write_stream(json, place);
  write_replicas(json, place);
  json.key("DeletionProtectionEnabled").boolean(table.has_deletion_protection);
  json.close('}');
}

}  // namespace sealane::state::api
