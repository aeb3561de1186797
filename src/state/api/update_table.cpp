// SPDX-License-Identifier: Apache-2.0
// UpdateTable: throughput and billing, global indexes, the stream, replicas in other regions,
// protection. All of it holds at once; what the answer calls UPDATING and CREATING is ACTIVE for
// whoever asks next (a new index when it is filled).
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "state/api/contains.h"
#include "state/api/json_writer.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/table_description.h"
#include "state/api/table_parameters.h"

namespace sealane::state::api {
namespace {

constexpr size_t kIndexUpdatesMax = 5;

struct IndexUpdate {
  enum class Kind : uint8_t { none, create, update, remove } kind = Kind::none;
  GivenIndex given;  // of update: name and throughput
};
struct ReplicaUpdate {
  enum class Kind : uint8_t { none, create, update, remove } kind = Kind::none;
  std::string region;
};

struct Given {
  std::string name;
  std::vector<table::KeyAttribute> definitions;
  std::optional<std::string_view> billing_mode, table_class;
  std::optional<table::Throughput> throughput;
  std::vector<IndexUpdate> indexes;
  std::optional<GivenStream> stream;
  std::vector<ReplicaUpdate> replicas;
  std::optional<bool> has_deletion_protection;
  bool has_anything = false;
};

std::vector<IndexUpdate> read_index_updates(const Members& members) {
  std::vector<IndexUpdate> out;
  TextRule name_rule = kIndexNameRule;
  name_rule.is_required = true;
  for (const Members& each :
       members.structures("GlobalSecondaryIndexUpdates", "GlobalSecondaryIndexUpdate")) {
    IndexUpdate& update = out.emplace_back();
    if (const auto change = each.structure("Update")) {
      update.kind = IndexUpdate::Kind::update;
      update.given.name = change->text("IndexName", name_rule).value_or("");
      update.given.throughput = read_throughput(*change, "ProvisionedThroughput");
    } else if (const auto create = each.structure("Create")) {
      update = {IndexUpdate::Kind::create, read_index(*create)};
    } else if (const auto remove = each.structure("Delete")) {
      update.kind = IndexUpdate::Kind::remove;
      update.given.name = remove->text("IndexName", name_rule).value_or("");
    }
  }
  return out;
}

std::vector<ReplicaUpdate> read_replica_updates(const Members& members) {
  using Kind = ReplicaUpdate::Kind;
  constexpr std::pair<std::string_view, Kind> kKinds[] = {
      {"Create", Kind::create}, {"Update", Kind::update}, {"Delete", Kind::remove}};
  std::vector<ReplicaUpdate> out;
  for (const Members& each :
       members.structures("ReplicaUpdates", "ReplicationGroupUpdate", {.length_min = 1})) {
    ReplicaUpdate& update = out.emplace_back();
    for (const auto& [name, kind] : kKinds) {
      const auto part = each.structure(name);
      if (part)
        update = {
            kind,
            std::string(
                part->text("RegionName", {.is_required = true, .length_min = 1}).value_or(""))};
    }
  }
  return out;
}

Outcome<Given> read(const Members& members) {
  Given given;
  SL_TRY(given.name, read_name_of_table(members));
  given.definitions = read_attribute_definitions(members, false);
  given.billing_mode = read_billing_mode(members);
  given.throughput = read_throughput(members, "ProvisionedThroughput");
  given.indexes = read_index_updates(members);
  given.stream = read_stream(members);
  given.replicas = read_replica_updates(members);
  given.table_class = read_table_class(members);
  given.has_deletion_protection = members.flag("DeletionProtectionEnabled");
  SL_CHECK(members.mistakes().check());
  given.has_anything = given.billing_mode || given.throughput || !given.indexes.empty() ||
                       given.stream || !given.replicas.empty() || given.table_class ||
                       given.has_deletion_protection || members.has("SSESpecification");
  return given;
}

Outcome<void> check(const Given& given) {
  if (!given.has_anything) {
    return validation(
        "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
        "GlobalSecondaryIndexUpdates "
        "or SSESpecification or ReplicaUpdates is required");
  }
  std::set<std::string> names;
  for (const IndexUpdate& update : given.indexes) {
    if (update.kind == IndexUpdate::Kind::none) {
      return invalid_values(
          "One of GlobalSecondaryIndexUpdate.Update, GlobalSecondaryIndexUpdate.Create, "
          "GlobalSecondaryIndexUpdate.Delete must not be null");
    }
    if (!names.insert(update.given.name).second) {
      return invalid_values(
          "Only one global secondary index update per index is allowed simultaneously. Index: " +
          update.given.name);
    }
  }
  if (given.indexes.size() > kIndexUpdatesMax) {
    return failure("LimitExceededException",
                   "Subscriber limit exceeded: Only 1 online index can be created or deleted "
                   "simultaneously per table");
  }
  std::set<std::string> regions;
  for (const ReplicaUpdate& update : given.replicas) {
    if (update.kind == ReplicaUpdate::Kind::none) {
      return invalid_values(
          "One of ReplicaUpdates.Create, ReplicaUpdates.Update, ReplicaUpdates.Delete must not be "
          "null");
    }
    if (!regions.insert(update.region).second) {
      return invalid_values(
          "Only one replica update per region is allowed simultaneously. Region: " + update.region);
    }
  }
  return {};
}

Outcome<void> update_billing(Table& table, const Given& given) {
  if (given.billing_mode == "PROVISIONED" && !given.throughput) {
    return invalid_values(
        "ProvisionedThroughput must be specified when BillingMode is PROVISIONED");
  }
  if (given.billing_mode) table.is_on_demand = given.billing_mode == "PAY_PER_REQUEST";
  if (given.throughput) {
    if (table.is_on_demand) {
      return invalid_values(
          "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
          "PAY_PER_REQUEST");
    }
    SL_CHECK(check_throughput(*given.throughput));
    if (!given.billing_mode && *given.throughput == table.throughput && given.indexes.empty() &&
        !given.stream && given.replicas.empty()) {
      return validation(
          fmt::format("The provisioned throughput for the table will not change. The requested "
                      "value equals the current value. Current "
                      "ReadCapacityUnits provisioned for the table: {0}. Requested "
                      "ReadCapacityUnits: {0}. Current WriteCapacityUnits "
                      "provisioned for the table: {1}. Requested WriteCapacityUnits: {1}. Refer to "
                      "the Amazon DynamoDB Developer Guide "
                      "for current limits and how to request higher limits.",
                      table.throughput.read_units, table.throughput.write_units));
    }
    table.throughput = *given.throughput;
  }
  if (table.is_on_demand) {
    table.throughput = {};
    for (table::Index& index : table.indexes) index.throughput = {};
  }
  return {};
}

Outcome<void> update_index(Table& table, const IndexUpdate& update, Statuses& statuses) {
  const std::string& name = update.given.name;
  if (update.kind == IndexUpdate::Kind::create) {
    if (table.find_index(name)) {
      return validation(
          fmt::format("Attempting to create an index which already exists: {}", name));
    }
    SL_TRY(table::Index index, make_index(update.given, table, false));
    table.indexes.push_back(std::move(index));
    std::ranges::sort(table.indexes, {}, &table::Index::name);
    statuses.indexes_created.push_back(name);
    return {};
  }
  const auto at = std::ranges::find(table.indexes, name, &table::Index::name);
  if (at == table.indexes.end() || at->is_local) {
    return failure("ResourceNotFoundException",
                   fmt::format("Requested resource not found: Index: {} for table: {} not found",
                               name, table.name));
  }
  if (update.kind == IndexUpdate::Kind::remove) {
    table.indexes.erase(at);
  } else if (update.given.throughput) {
    SL_CHECK(check_throughput(*update.given.throughput));
    at->throughput = *update.given.throughput;
  }
  return {};
}

Outcome<void> update_indexes(Table& table, const Given& given, Statuses& statuses) {
  for (const table::KeyAttribute& attribute : given.definitions) {
    const auto at =
        std::ranges::find(table.attribute_definitions, attribute.name, &table::KeyAttribute::name);
    if (at == table.attribute_definitions.end()) {
      table.attribute_definitions.push_back(attribute);
    } else if (at->type != attribute.type) {
      return invalid_values(
          fmt::format("Attribute {} is already defined with another type", attribute.name));
    }
  }
  for (const IndexUpdate& update : given.indexes) SL_CHECK(update_index(table, update, statuses));
  const size_t global_count =
      size_t(std::ranges::count(table.indexes, false, &table::Index::is_local));
  if (global_count > kGlobalIndexesMax) {
    return failure("LimitExceededException",
                   fmt::format("GlobalSecondaryIndex count exceeds the per-table limit of {}",
                               kGlobalIndexesMax));
  }
  SL_CHECK(check_projections(table));
  // Definitions that no key uses any more go with their index.
  std::erase_if(table.attribute_definitions, [&](const table::KeyAttribute& attribute) {
    const auto uses = [&](const table::KeySchema& key) {
      return key.hash.name == attribute.name || (key.range && key.range->name == attribute.name);
    };
    return !uses(table.key) && std::ranges::none_of(table.indexes, [&](const table::Index& index) {
      return uses(index.key);
    });
  });
  return {};
}

// By its time, by which it is told from those before it.
void begin_stream(Table& table, table::StreamView view, uint64_t now_ms) {
  table.stream = view;
  table.stream_started_ms = std::max(now_ms, table.stream_started_ms + 1);
}

Outcome<void> update_stream(Table& table, const Given& given, uint64_t now_ms) {
  if (!given.stream) return {};
  SL_TRY(const table::StreamView view, make_stream(*given.stream));
  if (view == table::StreamView::off) {
    if (table.stream == table::StreamView::off)
      return validation("Table is already without a stream");
    if (table.replicas.size() > 1) {
      return validation("Stream cannot be disabled while the table has replicas in other regions");
    }
    table.stream = view;
  } else {
    if (table.stream != table::StreamView::off)
      return failure("ResourceInUseException",
                     "Table already has an enabled stream: TableName: " + table.name);
    begin_stream(table, view, now_ms);
  }
  return {};
}

Outcome<void> update_replicas(Table& table, const Given& given, const Call& call,
                              Statuses& statuses) {
  for (const ReplicaUpdate& update : given.replicas) {
    const bool is_there = table.is_in(update.region);
    if (update.kind == ReplicaUpdate::Kind::create) {
      if (is_there) {
        return validation(fmt::format(
            "Failed to create a the new replica of table with name: '{}' because one or more "
            "replicas already existed as tables.",
            table.name));
      }
      if (std::ranges::find(call.regions, update.region) == call.regions.end()) {
        return invalid_values(
            fmt::format("Region {} is none of those that keep tables in this world: {}",
                        update.region, fmt::join(call.regions, ", ")));
      }
      table.replicas.push_back(update.region);
      std::ranges::sort(table.replicas);
      statuses.replicas_created.push_back(update.region);
      continue;
    }
    if (!is_there) {
      return failure("ReplicaNotFoundException",
                     fmt::format("Replica not found: table {} has none in region {}", table.name,
                                 update.region));
    }
    if (update.kind != ReplicaUpdate::Kind::remove) continue;
    if (update.region == call.region) {
      return validation("The replica of the region that is asked is deleted with DeleteTable");
    }
    std::erase(table.replicas, update.region);
    statuses.replicas_deleted.push_back(update.region);
  }
  // Replicas go with a stream, as clients of global tables expect it.
  if (table.replicas.size() > 1 && table.stream == table::StreamView::off)
    begin_stream(table, table::StreamView::new_and_old_images, call.now_ms);
  return {};
}

}  // namespace

Outcome<Answer> update_table(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  SL_TRY(const Given given, read(members));
  SL_CHECK(check(given));
  const Table* present = call.engine.find_table(given.name);
  if (!present) return table_not_found(given.name);

  Table table = *present;
  Statuses statuses{.table = "UPDATING"};
  SL_CHECK(update_billing(table, given));
  SL_CHECK(update_indexes(table, given, statuses));
  SL_CHECK(update_stream(table, given, call.now_ms));
  SL_CHECK(update_replicas(table, given, call, statuses));
  if (given.table_class) table.table_class = *given.table_class;
  if (given.has_deletion_protection) table.has_deletion_protection = *given.has_deletion_protection;

  Answer answer;
  SL_TRY(answer.written, lift(call.engine.write_table(table)));
  JsonWriter json(answer.json);
  json.open('{');
  json.key("TableDescription");
  write_table_description(json, call.engine, call.region, table, statuses);
  json.close('}');
  return answer;
}

}  // namespace sealane::state::api
