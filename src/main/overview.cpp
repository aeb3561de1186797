// SPDX-License-Identifier: Apache-2.0
#include "main/overview.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

namespace sealane::main {
namespace {

using nlohmann::json;

// A member of the wanted type, or what stands for it.
std::string text_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}
bool flag_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_boolean() && found->get<bool>();
}
double number_of(const json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

uint64_t count_of(const json& object, const char* key) {
  return uint64_t(std::clamp(number_of(object, key), 0.0, 1e18));
}

// What a node's text says goes to a terminal: no control may reach it.
std::string printable(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return uint8_t(c) < 0x20 || c == 0x7f; }, '?');
  return out;
}

std::string age(Duration since) {
  const double s = double(since.count()) / 1e9;
  if (s < 120) return fmt::format("{:.1f} s", s);
  return s < 7200 ? fmt::format("{:.0f} min", s / 60) : fmt::format("{:.0f} h", s / 3600);
}

std::string state_of(const NodeReport& node) {
  if (!node.trouble.empty()) return "no answer";
  return node.draining ? "draining" : node.ready ? "ready" : "starting";
}

// A counter that fell is that of a node that has started anew.
uint64_t grown(uint64_t now, uint64_t before) { return now >= before ? now - before : now; }

std::string amount(uint64_t now, std::optional<uint64_t> before, Duration ago) {
  if (!before) return fmt::format("{}", now);
  return fmt::format(
      "{:.0f}/s", double(grown(now, *before)) * 1e9 / double(std::max(ago, Duration(1ms)).count()));
}

TablesReport tables_of(const json& state) {
  TablesReport tables{.messaging = text_of(state, "messaging"),
                      .replicas = {},
                      .endpoint = text_of(state, "endpoint"),
                      .trouble = text_of(state, "trouble"),
                      .reachable = flag_of(state, "reachable")};
  const auto replicas = state.find("replicas");
  if (replicas == state.end() || !replicas->is_array()) return tables;
  for (const json& one : *replicas) {
    if (!one.is_object()) continue;
    tables.replicas.push_back({.node = text_of(one, "node"),
                               .region = text_of(one, "region"),
                               .behind_ms = count_of(one, "behind_ms"),
                               .behind_bytes = count_of(one, "behind_bytes"),
                               .last_applied_ms = count_of(one, "last_applied_ms")});
  }
  return tables;
}

std::string clock_time(uint64_t unix_ms) {
  constexpr uint64_t kMsMax = 253'402'300'799'000;  // the end of the year 9999
  if (unix_ms == 0 || unix_ms > kMsMax) return "never";
  return fmt::format("{:%FT%T}.{:03}Z", fmt::gmtime(time_t(unix_ms / 1000)), unix_ms % 1000);
}

std::string render_tables(const NodeReport& node) {
  const TablesReport& tables = *node.tables;
  if (!tables.endpoint.empty()) {
    const std::string how = tables.reachable ? "answers" : "does not answer: " + tables.trouble;
    return fmt::format("{:<16} at {}, which {}\n", node.address, printable(tables.endpoint),
                       printable(how));
  }
  constexpr uint64_t kBehindMsMax = 1'000'000'000'000;  // thirty years
  std::string out;
  if (tables.messaging == "disconnected")
    out += fmt::format("{:<16} not connected to its messaging server\n", node.address);
  for (const ReplicaReport& replica : tables.replicas) {
    out += fmt::format(
        "{:<16} {:<34} {:>10} {:>12}  {}\n", node.address,
        printable(replica.region + " " + replica.node),
        replica.behind_ms == 0 ? "level" : age(std::min(replica.behind_ms, kBehindMsMax) * 1ms),
        replica.behind_bytes, clock_time(replica.last_applied_ms));
  }
  return out;
}

json json_of(const TablesReport& tables) {
  if (!tables.endpoint.empty()) {
    return {{"endpoint", tables.endpoint},
            {"reachable", tables.reachable},
            {"trouble", tables.trouble}};
  }
  json replicas = json::array();
  for (const ReplicaReport& replica : tables.replicas) {
    replicas.push_back({{"node", replica.node},
                        {"region", replica.region},
                        {"behind_ms", replica.behind_ms},
                        {"behind_bytes", replica.behind_bytes},
                        {"last_applied_ms", replica.last_applied_ms}});
  }
  return {{"messaging", tables.messaging}, {"replicas", replicas}};
}

}  // namespace

size_t Overview::answered_count() const {
  return size_t(
      std::ranges::count_if(nodes, [](const NodeReport& n) { return n.trouble.empty(); }));
}

Status read_status(std::string_view text, NodeReport& node) {
  const json said = json::parse(text, nullptr, false);
  const auto wrong = [] {
    return fail(Code::invalid, "its /status is not that of a Sealane node");
  };
  if (!said.is_object() || !said.contains("endpoints") || !said["endpoints"].is_array())
    return wrong();
  node.ready = flag_of(said, "ready"), node.draining = flag_of(said, "draining");
  node.plan = text_of(said, "plan");
  node.view = count_of(said, "view");
  node.tables.reset();
  if (const auto state = said.find("state"); state != said.end() && state->is_object())
    node.tables = tables_of(*state);
  node.endpoints.clear();
  for (const json& one : said["endpoints"]) {
    if (!one.is_object()) return wrong();
    node.endpoints.push_back(
        {.name = text_of(one, "name"),
         .region = text_of(one, "region"),
         .kind = text_of(one, "kind"),
         .last = text_of(one, "last"),
         .healthy = flag_of(one, "healthy"),
         .known = flag_of(one, "known"),
         .since = Duration(int64_t(std::clamp(number_of(one, "since_ms"), 0.0, 1e12) * 1e6))});
  }
  return {};
}

Traffic read_metrics(std::string_view text) {
  Traffic traffic;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const std::string_view name = line.substr(0, line.find_first_of("{ "));
    const size_t blank = line.rfind(' ');
    if (line.starts_with('#') || blank == line.npos) continue;
    uint64_t value = 0;  // ours are whole numbers
    std::from_chars(line.data() + blank + 1, line.data() + line.size(), value);
    if (name == "sealane_dns_queries_total") traffic.dns_query_count += value;
    if (name == "sealane_edge_requests_total") {
      traffic.request_count += value;
      if (line.contains("class=\"5xx\"")) traffic.error_count += value;
    }
    if (name == "sealane_edge_cache_total" && line.contains("result=\"hit\""))
      traffic.hit_count += value;
    if (name == "sealane_edge_connections_open") traffic.client_count += value;
    if (name == "sealane_edge_fetches_in_flight") traffic.fetch_count += value;
  }
  return traffic;
}

std::string render(const Overview& overview, const std::optional<Earlier>& earlier) {
  std::string out = fmt::format("{}: {} of {} nodes answer\n\n", overview.domain,
                                overview.answered_count(), overview.nodes.size());
  out += fmt::format("{:<16} {:<16} {:<10} {:>10} {:>10} {:>8} {:>10} {:>8} {:>8}  {}\n", "region",
                     "node", "state", "queries", "requests", "5xx", "hits", "clients", "waiting",
                     "plan");
  for (size_t i = 0; i < overview.nodes.size(); ++i) {
    const NodeReport& node = overview.nodes[i];
    out += fmt::format("{:<16} {:<16} {:<10} ", node.region, node.address, state_of(node));
    if (!node.trouble.empty()) {
      out += node.trouble + "\n";
      continue;
    }
    const Traffic& now = node.traffic;
    const NodeReport* before = earlier ? &earlier->overview.nodes.at(i) : nullptr;
    if (before && !before->trouble.empty()) before = nullptr;
    const auto cell = [&](uint64_t Traffic::*count) {
      return amount(now.*count, before ? std::optional(before->traffic.*count) : std::nullopt,
                    earlier ? earlier->ago : Duration{});
    };
    out += fmt::format("{:>10} {:>10} {:>8} {:>10} {:>8} {:>8}  {}\n",
                       cell(&Traffic::dns_query_count), cell(&Traffic::request_count),
                       cell(&Traffic::error_count), cell(&Traffic::hit_count), now.client_count,
                       now.fetch_count, printable(node.plan));
  }

  std::string tables;
  for (const NodeReport& node : overview.nodes) {
    if (node.tables && node.trouble.empty()) tables += render_tables(node);
  }
  if (!tables.empty()) {
    out += fmt::format("\n{:<16} {:<34} {:>10} {:>12}  {}\n", "tables at", "behind the writes of",
                       "by", "bytes", "last applied");
    out += tables;
  }

  struct Doubt {
    const EndpointReport* worst = nullptr;
    std::vector<std::string> observers;
  };
  std::map<std::string, Doubt> doubts;  // by endpoint
  for (const NodeReport& node : overview.nodes) {
    for (const EndpointReport& endpoint : node.endpoints) {
      if (endpoint.healthy) continue;
      Doubt& doubt = doubts[endpoint.name];
      if (!doubt.worst || endpoint.since > doubt.worst->since) doubt.worst = &endpoint;
      doubt.observers.push_back(node.address);
    }
  }
  out += doubts.empty()
             ? "\nnothing is down\n"
             : fmt::format("\n{:<40} {:<10} {:<12} {}\n", "down", "since", "because", "seen by");
  for (const auto& [name, doubt] : doubts) {
    out += fmt::format("{:<40} {:<10} {:<12} {}\n", printable(name), age(doubt.worst->since),
                       printable(doubt.worst->last), fmt::join(doubt.observers, ", "));
  }
  return out;
}

std::string render_json(const Overview& overview) {
  json nodes = json::array();
  for (const NodeReport& node : overview.nodes) {
    json one{{"region", node.region}, {"node", node.address}, {"reachable", node.trouble.empty()}};
    if (!node.trouble.empty()) {
      one["trouble"] = node.trouble;
    } else {
      json endpoints = json::array();
      for (const EndpointReport& e : node.endpoints) {
        endpoints.push_back({{"name", e.name},
                             {"region", e.region},
                             {"kind", e.kind},
                             {"healthy", e.healthy},
                             {"known", e.known},
                             {"last", e.last},
                             {"since_ms", to_ms(e.since)}});
      }
      const Traffic& t = node.traffic;
      one.update({{"ready", node.ready},
                  {"draining", node.draining},
                  {"plan", node.plan},
                  {"view", node.view},
                  {"endpoints", endpoints},
                  {"traffic",
                   {{"dns_queries", t.dns_query_count},
                    {"requests", t.request_count},
                    {"errors", t.error_count},
                    {"cache_hits", t.hit_count},
                    {"clients", t.client_count},
                    {"fetches", t.fetch_count}}}});
      if (node.tables) one["tables"] = json_of(*node.tables);
    }
    nodes.push_back(std::move(one));
  }
  return json{{"domain", overview.domain}, {"nodes", nodes}}.dump(-1, ' ', false,
                                                                  json::error_handler_t::replace) +
         "\n";
}

}  // namespace sealane::main
