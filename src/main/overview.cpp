// SPDX-License-Identifier: Apache-2.0
#include "main/overview.h"

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
  node.view = uint64_t(std::clamp(number_of(said, "view"), 0.0, 1e18));
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
    }
    nodes.push_back(std::move(one));
  }
  return json{{"domain", overview.domain}, {"nodes", nodes}}.dump(-1, ' ', false,
                                                                  json::error_handler_t::replace) +
         "\n";
}

}  // namespace sealane::main
