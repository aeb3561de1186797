// SPDX-License-Identifier: Apache-2.0
#include "main/tables_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/time.h"
#include "host/files.h"
#include "main/conflicts.h"
#include "main/exit_code.h"
#include "main/snapshot.h"
#include "main/table_call.h"
#include "main/tables.h"
#include "main/world.h"

namespace sealane::main {
namespace {

constexpr size_t kConflictsMax = 10'000;  // as many as a node keeps
constexpr Duration kSnapshotTimeout = 60s;

// What all of them need to know.
struct Where {
  std::string world = "sealane.yaml", data = ".sealane", keys, region, node;

  void add_to(CLI::App& command, bool names_one_node) {
    command.add_option("--world", world, "the world file")->capture_default_str();
    command.add_option("--data", data, "data directory")->capture_default_str();
    auto* of_region = command.add_option(
        "--region", region, names_one_node ? "the node's region" : "ask this region only");
    if (names_one_node) of_region->required();
    command.add_option(
        "--node", node,
        names_one_node ? "its address, when the region has several" : "ask this node only");
  }
  void add_keys_to(CLI::App& command) {
    command.add_option("--keys", keys, "access keys (default: the world's, in the data directory)");
  }
};

struct Target {
  std::string region;
  IpAddress ip;
};

// The nodes that keep tables, of those that are meant.
Result<std::vector<Target>> targets(const plan::Plan& plan, const Where& where) {
  std::vector<Target> all;
  for (const plan::EndpointId id : plan.state_nodes()) {
    const plan::Endpoint& endpoint = plan.endpoint(id);
    const Target target{plan.region(endpoint.region).name, endpoint.address.ip};
    if (!where.region.empty() && target.region != where.region) continue;
    if (!where.node.empty() && target.ip.to_string() != where.node) continue;
    all.push_back(target);
  }
  if (all.empty()) {
    return fail(Code::invalid, fmt::format("no node of {} keeps tables{}{}", where.world,
                                           where.region.empty() ? "" : " in " + where.region,
                                           where.node.empty() ? "" : " at " + where.node));
  }
  return all;
}

Result<Target> one_target(const plan::Plan& plan, const Where& where) {
  SL_TRY(const auto all, targets(plan, where));
  if (all.size() > 1)
    return fail(Code::invalid, where.region + " has several nodes: say which with --node");
  return all.front();
}

Result<wire::AwsKeyring> keys_of(const plan::Plan& plan, const Where& where) {
  std::filesystem::path file = where.keys;
  if (file.empty()) file = keys_file(plan, where.data);
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {  // or one would be made, that no node knows
    return fail(Code::not_found,
                fmt::format("no keys in {}: name their file with --keys", file.string()));
  }
  return load_keys(file);
}

uint64_t now_ms() {
  return unix_ms(std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now()));
}

// ── conflicts ──

struct ConflictsArguments {
  Where where;
  std::string table, before, output = "text";
  size_t limit = 50;
};

// The latest of one node, `limit` at most, that were noticed before `before_ms`.
Result<std::vector<Conflict>> ask(const plan::Plan& plan, const Target& node,
                                  const wire::AwsKeyring& keys, const ConflictsArguments& arguments,
                                  uint64_t before_ms) {
  std::vector<Conflict> found;
  nlohmann::json body{{"Limit", std::min<size_t>(arguments.limit, 1000)}};
  if (!arguments.table.empty()) body["TableName"] = arguments.table;
  while (true) {
    SL_TRY(const std::string text, call_tables({.at = {node.ip, plan.ports.state},
                                                .region = node.region,
                                                .operation = "ListConflicts",
                                                .body = body},
                                               keys));
    SL_TRY(ConflictPage page, read_conflicts(text, node.ip.to_string()));
    for (Conflict& each : page.conflicts) {
      if (each.noticed_ms < before_ms) found.push_back(std::move(each));
    }
    if (page.next_before == 0 || found.size() >= arguments.limit || found.size() >= kConflictsMax)
      return found;
    body["Before"] = page.next_before;
  }
}

int run_conflicts(const ConflictsArguments& arguments) {
  const auto world = load_world(arguments.where.world, plan::built_in_data(false));
  if (!world) return report_failure(std::unexpected(world.error()));
  const plan::Plan& plan = *world->plan;
  uint64_t before_ms = UINT64_MAX;
  if (!arguments.before.empty()) {
    const auto time = parse_time(arguments.before);
    if (!time)
      return report_failure(
          fail(Code::invalid, "--before is a time as it is printed: " + time_text(now_ms())));
    before_ms = *time;
  }
  const auto nodes = targets(plan, arguments.where);
  if (!nodes) return report_failure(std::unexpected(nodes.error()));
  const auto keys = keys_of(plan, arguments.where);
  if (!keys) return report_failure(std::unexpected(keys.error()));
  std::vector<Conflict> all;
  Status last_failure;
  size_t answered_count = 0;
  for (const Target& node : *nodes) {
    auto found = ask(plan, node, *keys, arguments, before_ms);
    if (!found) {
      last_failure = std::unexpected(found.error());
      fmt::print(stderr, "{}: {}\n", node.ip.to_string(), found.error().what);
      continue;
    }
    ++answered_count;
    std::ranges::move(*found, std::back_inserter(all));
  }
  if (answered_count == 0) return report_failure(last_failure);
  const auto joined = join_conflicts(std::move(all), arguments.limit);
  fmt::print("{}", arguments.output == "json" ? render_json(joined) : render(joined));
  return 0;
}

// ── snapshot ──

struct SnapshotArguments {
  Where where;
  std::string to;
};

// A name that sorts by time: 20261123t025011123z.
std::string name_of(uint64_t unix_ms) {
  std::string name;
  for (const char c : time_text(unix_ms)) {
    if (c >= '0' && c <= '9') name += c;
    if (c == 'T' || c == 'Z') name += char(c + ('a' - 'A'));
  }
  return name;
}

Result<SnapshotInfo> info_of(const std::string& text, const plan::Plan& plan, const Target& node,
                             std::filesystem::path& place) {
  const auto said = nlohmann::json::parse(text, nullptr, false);
  const auto wrong = [] {
    return fail(Code::invalid, "the node's answer is not that of a snapshot");
  };
  if (!said.is_object() || !said.contains("Directory") || !said["Directory"].is_string())
    return wrong();
  if (!said.contains("Applied") || !said["Applied"].is_array()) return wrong();
  place = said["Directory"].get<std::string>();
  SnapshotInfo info{.world = plan.domain,
                    .region = node.region,
                    .node = node.ip.to_string(),
                    .source = said.value("SourceId", ""),
                    .made = time_text(now_ms()),
                    .applied = {}};
  for (const auto& reach : said["Applied"]) {
    if (!reach.is_object() || !reach.contains("SourceId") || !reach["SourceId"].is_string())
      return wrong();
    if (!reach.contains("Position") || !reach["Position"].is_number_unsigned()) return wrong();
    info.applied[reach["SourceId"]] = reach["Position"];
  }
  return info;
}

Status take_snapshot(const SnapshotArguments& arguments) {
  SL_TRY(const LoadedWorld world, load_world(arguments.where.world, plan::built_in_data(false)));
  const plan::Plan& plan = *world.plan;
  SL_TRY(const Target node, one_target(plan, arguments.where));
  SL_TRY(const auto keys, keys_of(plan, arguments.where));
  std::error_code error;
  if (!arguments.to.empty() && std::filesystem::exists(arguments.to, error) &&
      !std::filesystem::is_empty(arguments.to, error)) {
    return fail(Code::conflict,
                arguments.to + " is not empty: name a directory that is not there yet");
  }
  SL_TRY(const std::string text, call_tables({.at = {node.ip, plan.ports.state},
                                              .region = node.region,
                                              .operation = "MakeSnapshot",
                                              .body = {{"Name", name_of(now_ms())}},
                                              .access = wire::Access::write,
                                              .timeout = kSnapshotTimeout},
                                             keys));
  std::filesystem::path place;
  SL_TRY(const SnapshotInfo info, info_of(text, plan, node, place));
  if (!std::filesystem::exists(place / "tables", error)) {
    return fail(Code::not_found,
                fmt::format("the snapshot lies in {} of the node's machine: run this there",
                            place.string()));
  }
  if (!arguments.to.empty()) {
    SL_CHECK(move_snapshot(place, arguments.to));
    place = arguments.to;
  }
  SL_CHECK(write_snapshot_info(info, place));
  fmt::print("{}: tables of {} ({}), up to position {} of its log\n", place.string(), info.node,
             info.region, info.applied.contains(info.source) ? info.applied.at(info.source) : 0);
  return {};
}

// ── restore ──

struct RestoreArguments {
  Where where;
  std::string from;
};

Status restore(const RestoreArguments& arguments) {
  SL_TRY(const LoadedWorld world, load_world(arguments.where.world, plan::built_in_data(false)));
  const plan::Plan& plan = *world.plan;
  SL_TRY(const Target node, one_target(plan, arguments.where));
  SL_TRY(const SnapshotInfo info, read_snapshot_info(arguments.from));
  if (info.world != plan.domain) {
    return fail(Code::invalid, fmt::format("{} is of the world {}, not of {}", arguments.from,
                                           info.world, plan.domain));
  }
  // Which tables a region keeps is part of what lies in its nodes.
  if (info.region != node.region) {
    return fail(Code::invalid, fmt::format("{} is of a node of {}, not of {}", arguments.from,
                                           info.region, node.region));
  }
  const auto own_dir =
      std::filesystem::path(arguments.where.data) / ("node-" + node.ip.to_string());
  SL_TRY(const auto before, restore_tables(arguments.from, own_dir, name_of(now_ms())));
  fmt::print(
      "{} has the tables of {} as of {}. With its next start it begins a change log of its own and "
      "gets from the other "
      "nodes what it misses.\n",
      node.ip.to_string(), info.node, info.made);
  if (!before.empty())
    fmt::print("What was there is in {}: delete it when you are sure.\n", before.string());
  return {};
}

}  // namespace

void add_tables_command(CLI::App& app, int& exit_code) {
  auto* tables = app.add_subcommand("tables", "look after the tables of a world");
  tables->require_subcommand(1);

  auto conflicts = std::make_shared<ConflictsArguments>();
  auto* list = tables->add_subcommand("conflicts",
                                      "values that lost against a write that did not know of them");
  list->add_option("table", conflicts->table, "of this table only");
  conflicts->where.add_to(*list, false);
  conflicts->where.add_keys_to(*list);
  list->add_option("--limit", conflicts->limit, "so many, the latest")
      ->check(CLI::Range(size_t{1}, kConflictsMax))
      ->capture_default_str();
  list->add_option("--before", conflicts->before, "noticed before this time, for the next page");
  list->add_option("-o,--output", conflicts->output, "text or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  list->callback([conflicts, &exit_code] { exit_code = run_conflicts(*conflicts); });

  auto snapshot = std::make_shared<SnapshotArguments>();
  auto* take = tables->add_subcommand("snapshot",
                                      "copy a running node's tables; run it on the node's machine");
  snapshot->where.add_to(*take, true);
  snapshot->where.add_keys_to(*take);
  take->add_option("--to", snapshot->to, "where to (default: beside the tables, in snapshots/)");
  take->callback([snapshot, &exit_code] { exit_code = report_failure(take_snapshot(*snapshot)); });

  auto arguments = std::make_shared<RestoreArguments>();
  auto* back =
      tables->add_subcommand("restore", "put a snapshot in the place of a stopped node's tables");
  arguments->where.add_to(*back, true);
  back->add_option("--from", arguments->from, "the snapshot")->required();
  back->callback([arguments, &exit_code] { exit_code = report_failure(restore(*arguments)); });
}

}  // namespace sealane::main
