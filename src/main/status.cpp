// SPDX-License-Identifier: Apache-2.0
#include "main/status.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "steer/steer.h"

namespace sealane::main {
namespace {

const char* name(plan::EndpointKind kind) {
  switch (kind) {
    case plan::EndpointKind::node: return "node";
    case plan::EndpointKind::agent: return "agent";
    case plan::EndpointKind::fixed: return "fixed";
  }
  return "?";
}

// {"tables":[{"name":..,"items":..,"bytes":..,"counting":..}], "replicas":[..]}: how far behind
// each other node's writes this one is.
nlohmann::json tables_json(const TablesStatus& status) {
  nlohmann::json tables = nlohmann::json::array(), replicas = nlohmann::json::array();
  for (const auto& table : status.tables) {
    tables.push_back({{"name", table.name},
                      {"items", table.item_count},
                      {"bytes", table.bytes},
                      {"counting", table.is_counting}});
  }
  for (const state::Lag& lag : status.lags) {
    replicas.push_back({{"node", lag.node},
                        {"region", lag.region},
                        {"source", fmt::format("{:08x}", lag.source)},
                        {"behind_ms", lag.behind_ms},
                        {"behind_bytes", lag.bytes},
                        {"last_applied_ms", lag.last_applied_ms},
                        {"silent_ms", lag.silent_ms},
                        {"applied", lag.applied},
                        {"announced", lag.announced}});
  }
  return {{"tables", tables},
          {"replicas", replicas},
          {"position", status.position},
          {"conflicts", status.conflict_count},
          {"disk_bytes", status.disk_bytes},
          {"messaging", status.is_alone       ? "alone"
                        : status.is_connected ? "connected"
                                              : "disconnected"}};
}

// {"engine":"dynamodb","endpoint":"https://..","reachable":true,
//  "declared":[{"name":..,"ready":true}],..}
nlohmann::json handed_json(const HandedStatus& status) {
  nlohmann::json declared = nlohmann::json::array();
  for (const auto& table : status.declared) {
    declared.push_back({{"name", table.name}, {"ready", table.is_ready}});
    if (!table.trouble.empty()) declared.back()["trouble"] = table.trouble;
  }
  nlohmann::json out{{"engine", "dynamodb"},
                     {"endpoint", status.endpoint},
                     {"known", status.is_known},
                     {"reachable", status.is_reachable},
                     {"declared", declared},
                     {"connections", status.connection_count},
                     {"waiting", status.waiting_count}};
  if (!status.trouble.empty()) out["trouble"] = status.trouble;
  return out;
}

}  // namespace

std::string status_json(const NodeState& state, const plan::Plan& plan, const view::View& view,
                        Instant now) {
  nlohmann::json endpoints = nlohmann::json::array();
  // Between the publishing of a plan and of its view the two may not fit.
  const size_t count = std::min(plan.endpoints.size(), view.endpoints.size());
  for (size_t i = 0; i < count; ++i) {
    const plan::Endpoint& endpoint = plan.endpoints[i];
    const view::EndpointView& seen = view.endpoints[i];
    // Agents of other regions are their own nodes' business: this node has no opinion of them.
    if (endpoint.kind == plan::EndpointKind::agent &&
        plan.region(endpoint.region).name != state.region)
      continue;
    endpoints.push_back({{"id", i},
                         {"name", endpoint.name},
                         {"kind", name(endpoint.kind)},
                         {"region", plan.region(endpoint.region).name},
                         {"address", endpoint.address.to_string()},
                         {"healthy", seen.healthy},
                         {"known", seen.known},
                         {"last", view::name(seen.last)},
                         {"status", seen.status},
                         {"rtt_us", seen.rtt_us},
                         {"since_ms", double((now - seen.since).count()) / 1e6}});
  }
  nlohmann::json page{{"node", state.node.to_string()},
                        {"region", state.region},
                        {"ready", state.ready},
                        {"draining", state.draining},
                        {"plan", fmt::format("{:016x}", plan.version)},
                        {"view", view.version},
                        {"endpoints", endpoints}};
  if (state.tables.kept) page["state"] = tables_json(*state.tables.kept);
  if (state.tables.handed) page["state"] = handed_json(*state.tables.handed);
  // What another server says of itself may be any bytes.
  return page.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

Result<plan::GroupId> group_of(const plan::Plan& plan, std::string_view name_or_url) {
  std::string_view host = name_or_url;
  if (const size_t scheme = host.find("://"); scheme != host.npos) host.remove_prefix(scheme + 3);
  host = host.substr(0, host.find_first_of("/:?#"));
  std::string name(host);
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return char(std::tolower(c)); });
  if (name.ends_with('.')) name.pop_back();
  std::string known;
  for (const auto& steered : plan.names) {
    if (steered.name == name) return steered.group;
    known += " " + steered.name;
  }
  return fail(Code::not_found,
              fmt::format("'{}' is not a steered name of this world; it has:{}", name, known));
}

Page explain_page(const plan::Plan& plan, const view::View& view, const Admin::Query& query) {
  const auto name = query.find("name");
  const auto from = query.find("from");
  if (name == query.end() || from == query.end())
    return {400, "text/plain", "needs name=NAME and from=ADDRESS\n"};
  const auto group = group_of(plan, name->second);
  if (!group) return {404, "text/plain", group.error().what + "\n"};
  const auto client = IpAddress::parse(from->second);
  if (!client) return {400, "text/plain", client.error().what + "\n"};
  if (view.endpoints.size() != plan.endpoints.size())
    return {503, "text/plain", "a new plan is coming up\n"};
  uint64_t dice = 1;
  if (const auto roll = query.find("dice"); roll != query.end()) {
    std::from_chars(roll->second.data(), roll->second.data() + roll->second.size(), dice);
  }
  const steer::Question question{*group, *client};
  return {200, "text/plain",
          steer::explain(plan, view, question, steer::steer(plan, view, question, dice))};
}

}  // namespace sealane::main
