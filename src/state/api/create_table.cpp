// SPDX-License-Identifier: Apache-2.0
// CreateTable: in this region only; UpdateTable's ReplicaUpdates bring it to others.
#include <fmt/format.h>

#include <algorithm>

#include "state/api/json_writer.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/table_description.h"
#include "state/api/table_parameters.h"

namespace sealane::state::api {
namespace {

struct Given {
  std::string name;
  std::vector<table::KeyAttribute> definitions;
  std::vector<KeyElement> key;
  bool has_local = false, has_global = false;
  std::vector<GivenIndex> local, global;
  std::optional<std::string_view> billing_mode, table_class;
  std::optional<table::Throughput> throughput;
  std::optional<GivenStream> stream;
  bool has_deletion_protection = false;
  Tags tags;
};

Outcome<Given> read(const Members& members) {
  Given given;
  SL_TRY(given.name, read_name_of_table(members));
  given.definitions = read_attribute_definitions(members, true);
  given.billing_mode = read_billing_mode(members);
  given.throughput = read_throughput(members, "ProvisionedThroughput");
  given.key = read_key_schema(members);
  given.has_local = members.has("LocalSecondaryIndexes");
  for (const Members& each : members.structures("LocalSecondaryIndexes", "LocalSecondaryIndex")) {
    given.local.push_back(read_index(each));
  }
  given.has_global = members.has("GlobalSecondaryIndexes");
  for (const Members& each : members.structures("GlobalSecondaryIndexes", "GlobalSecondaryIndex")) {
    given.global.push_back(read_index(each));
  }
  given.stream = read_stream(members);
  given.table_class = read_table_class(members);
  given.has_deletion_protection = members.flag("DeletionProtectionEnabled").value_or(false);
  given.tags = read_tags(members, false);
  SL_CHECK(members.mistakes().check());
  if (members.has("GlobalTableWitnesses") ||
      members.text("MultiRegionConsistency").value_or("EVENTUAL") != "EVENTUAL") {
    return validation(
        "MultiRegionConsistency STRONG is not offered here; tag the table sealane:ack=remote to "
        "have writes "
        "acknowledged only when another region has them");
  }
  return given;
}

Outcome<void> set_billing(Table& table, const Given& given) {
  table.is_on_demand = given.billing_mode == "PAY_PER_REQUEST";
  if (table.is_on_demand) {
    if (!given.throughput) return {};
    return invalid_values(
        "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is "
        "PAY_PER_REQUEST");
  }
  if (!given.throughput) {
    return invalid_values(
        "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
        "PROVISIONED");
  }
  table.throughput = *given.throughput;
  return check_throughput(table.throughput);
}

Outcome<void> set_indexes(Table& table, const Given& given) {
  if (given.has_local) {
    if (given.local.empty()) return invalid_values("List of LocalSecondaryIndexes is empty");
    if (!table.key.range) {
      return invalid_values(
          "Table KeySchema does not have a range key, which is required when specifying a "
          "LocalSecondaryIndex");
    }
  }
  if (given.has_global && given.global.empty())
    return invalid_values("List of GlobalSecondaryIndexes is empty");
  for (const GivenIndex& each : given.local) {
    SL_TRY(table::Index index, make_index(each, table, true));
    table.indexes.push_back(std::move(index));
  }
  if (given.local.size() > kLocalIndexesMax) {
    return invalid_values(fmt::format(
        "Number of LocalSecondaryIndexes exceeds per-table limit of {}", kLocalIndexesMax));
  }
  for (const GivenIndex& each : given.global) {
    SL_TRY(table::Index index, make_index(each, table, false));
    table.indexes.push_back(std::move(index));
  }
  if (given.global.size() > kGlobalIndexesMax) {
    return invalid_values(fmt::format(
        "GlobalSecondaryIndex count exceeds the per-table limit of {}", kGlobalIndexesMax));
  }
  std::ranges::sort(table.indexes, {}, &table::Index::name);
  return {};
}

Outcome<Table> make_table(const Given& given, const Call& call) {
  Table table{.name = given.name};
  SL_CHECK(set_billing(table, given));
  table.attribute_definitions = given.definitions;
  SL_TRY(table.key, make_key(given.key, given.definitions));
  SL_CHECK(set_indexes(table, given));
  SL_CHECK(check_projections(table));
  SL_CHECK(check_definitions_used(table));
  if (given.stream) {
    SL_TRY(table.stream, make_stream(*given.stream));
  }
  if (table.stream != table::StreamView::off) table.stream_started_ms = call.now_ms;
  table.has_deletion_protection = given.has_deletion_protection;
  table.table_class = given.table_class.value_or("");
  table.created_ms = call.now_ms;
  table.replicas = {std::string(call.region)};
  SL_CHECK(set_tags(table, given.tags));
  return table;
}

}  // namespace

Outcome<Answer> create_table(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  SL_TRY(const Given given, read(members));
  SL_TRY(Table table, make_table(given, call));
  if (const Table* present = call.engine.find_anywhere(table.name)) {
    if (!present->is_deleted) {
      return failure(
          "ResourceInUseException",
          present->is_in(call.region)
              ? fmt::format("Table already exists: {}", table.name)
              : fmt::format("Table already exists: {} (in {}; add a replica here with UpdateTable)",
                            table.name,
                            present->replicas.empty() ? "no region" : present->replicas.front()));
    }
    table.generation = present->generation + 1;
  }
  table.id = table::table_id(table.name, table.generation, table.key);

  Answer answer;
  SL_TRY(answer.written, lift(call.engine.write_table(table)));
  JsonWriter json(answer.json);
  json.open('{');
  Statuses statuses{.table = "CREATING"};
  for (const table::Index& index : table.indexes) statuses.indexes_created.push_back(index.name);
  json.key("TableDescription");
  write_table_description(json, call.engine, call.region, table, statuses);
  json.close('}');
  return answer;
}

}  // namespace sealane::state::api
