// SPDX-License-Identifier: Apache-2.0
// The section `state`: tables and how they are kept; and `control`: who may use the APIs.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plan/building.h"
#include "plan/values.h"

namespace sealane::plan {
namespace {

constexpr size_t kRegionBytesMax = 64;  // of a region in the scope of a signature

// The place of `word` among `words`; the grammar has made sure that it is there, or it is a mistake
// already.
template <size_t N>
size_t place_of(const std::string& word, const std::array<std::string_view, N>& words) {
  const auto at = std::ranges::find(words, word);
  return at == words.end() ? 0 : size_t(at - words.begin());
}

void read_key(const Node& node, StateTable& table) {
  const Node* key = node.find("key");
  if (!key || key->kind != Node::Kind::map) return;
  bool is_first = true;
  for (const auto& entry : key->entries) {
    const TableKey attribute{entry.key, entry.value.text.empty() ? 'S' : entry.value.text[0]};
    is_first ? void(table.hash = attribute) : void(table.range = attribute);
    is_first = false;
  }
}

StateTable read_table(const Node& node, Building& b) {
  StateTable table{.name = text_of(&node, "name")};
  read_key(node, table);
  table.ttl_attribute = text_of(&node, "ttl_attribute");
  constexpr std::array<std::string_view, 3> kAcks{"local", "remote", "reachable"};
  const std::string ack_name = text_of(&node, "ack", "local");
  table.ack = StateTable::Ack(place_of(ack_name, kAcks));
  constexpr std::array<std::string_view, 3> kMerges{"attribute", "item", "conversation"};
  table.merge = StateTable::Merge(place_of(text_of(&node, "merge", "attribute"), kMerges));
  constexpr std::array<std::string_view, 5> kStreams{"off", "keys_only", "new_image", "old_image",
                                                     "new_and_old_images"};
  table.stream = StateTable::Stream(place_of(text_of(&node, "stream", "off"), kStreams));
  if (node.find("regions")) {
    for (const Node& name : items_of(&node, "regions")) {
      if (const auto region = b.region_of(name)) table.regions.push_back(*region);
    }
  } else {
    for (size_t i = 0; i < b.plan.regions.size(); ++i) {
      if (!b.plan.regions[i].agents.empty()) table.regions.push_back(RegionId(i));
    }
  }
  std::ranges::sort(table.regions);
  const auto twice = std::ranges::unique(table.regions);
  table.regions.erase(twice.begin(), twice.end());
  const bool wants_another = table.ack != StateTable::Ack::local;
  if (const Node* ack = node.find("ack"); ack && wants_another && table.regions.size() < 2) {
    b.mistakes.add(
        ack->at,
        fmt::format("the table {} is kept in one region only; `ack: {}` wants another one",
                    quoted(table.name), ack_name));
  }
  if (!table.ttl_attribute.empty() && (table.ttl_attribute == table.hash.name ||
                                       (table.range && table.ttl_attribute == table.range->name))) {
    b.mistakes.add(node.find("ttl_attribute")->at, "the TTL attribute cannot be part of the key");
  }
  return table;
}

// "{region}" stands for the name of each region.
std::string for_region(std::string url, std::string_view region) {
  constexpr std::string_view kPlace = "{region}";
  for (size_t at = 0; (at = url.find(kPlace, at)) != url.npos; at += region.size())
    url.replace(at, kPlace.size(), region);
  return url;
}

// The URL of each region that has agents; of one that is missing or is none, a mistake.
void read_endpoints(const Node& node, Building& b) {
  State& state = b.plan.state;
  state.endpoints.resize(b.plan.regions.size());
  for (const Node::Entry& entry : node.entries) {
    Node name;
    name.kind = Node::Kind::scalar, name.at = entry.at, name.text = entry.key;
    b.region_of(name);
  }
  for (size_t i = 0; i < b.plan.regions.size(); ++i) {
    const Region& region = b.plan.regions[i];
    if (region.agents.empty()) continue;
    const Node* const url = node.kind == Node::Kind::map ? node.find(region.name) : &node;
    if (!url) {
      b.mistakes.add(node.at, fmt::format("no endpoint for the region {}", quoted(region.name)));
      continue;
    }
    if (url->kind != Node::Kind::scalar) continue;
    state.endpoints[i] = for_region(url->text, region.name);
    if (const auto parsed = parse_url(state.endpoints[i]); !parsed) {
      b.mistakes.add(url->at,
                     fmt::format("{}: {}", quoted(state.endpoints[i]), parsed.error().what));
    }
  }
}

// Who keeps the tables. What only one of the two obeys is a mistake with the other, so that nothing
// is silently ignored.
void read_engine(const Node& node, Building& b) {
  State& state = b.plan.state;
  const bool is_handed = text_of(&node, "engine", "sealane") == "dynamodb";
  if (is_handed) {
    if (const Node* endpoint = node.find("endpoint")) {
      read_endpoints(*endpoint, b);
    } else {
      b.mistakes.add(node.find("engine")->at,
                     "the engine 'dynamodb' wants an endpoint: the URL of its server");
    }
  }
  const auto refuse = [&](const Node& section, std::initializer_list<const char*> keys,
                          std::string_view why) {
    for (const char* key : keys) {
      if (const Node* found = section.find(key))
        b.mistakes.add(found->at, fmt::format("'{}' {}", key, why));
    }
  };
  if (is_handed) {
    constexpr std::string_view kWhy =
        "goes with tables that the nodes keep; with the engine 'dynamodb' its server decides that";
    refuse(node,
           {"durability", "stale_after", "clock_ahead_max", "log_bytes_max", "cache_bytes_max"},
           kWhy);
    for (const Node& table : items_of(&node, "tables"))
      refuse(table, {"merge", "ack", "regions"}, kWhy);
  } else {
    refuse(node, {"endpoint", "endpoint_region", "endpoint_keys", "endpoint_profile"},
           "goes with the engine 'dynamodb'");
  }
  state.endpoint_region = text_of(&node, "endpoint_region");
  const auto is_of_a_region = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  if (state.endpoint_region.size() > kRegionBytesMax ||
      !std::ranges::all_of(state.endpoint_region, is_of_a_region)) {
    b.mistakes.add(node.find("endpoint_region")->at,
                   "a region is made of lower-case letters, digits and hyphens");
  }
  state.endpoint_keys = text_of(&node, "endpoint_keys");
  state.endpoint_profile = text_of(&node, "endpoint_profile", state.endpoint_profile);
}

}  // namespace

void build_state(const Node& root, Building& b) {
  b.plan.keys_file = text_of(root.find("control"), "keys");
  const Node* node = root.find("state");
  if (!node) return;
  State& state = b.plan.state;
  for (const Node& item : items_of(node, "tables")) {
    StateTable table = read_table(item, b);
    if (std::ranges::find(state.tables, table.name, &StateTable::name) != state.tables.end()) {
      b.mistakes.add(item.at, fmt::format("there is a table {} already", quoted(table.name)));
      continue;
    }
    state.tables.push_back(std::move(table));
  }
  read_engine(*node, b);
  state.enabled = boolean_of(node, "enabled", !state.tables.empty() || state.is_handed());
  state.fsync = text_of(node, "durability", "fsync") == "fsync";
  state.stale_after = duration_of(node, "stale_after", state.stale_after);
  state.clock_ahead_max = duration_of(node, "clock_ahead_max", state.clock_ahead_max);
  state.log_bytes_max = bytes_of(node, "log_bytes_max", state.log_bytes_max);
  state.cache_bytes_max = bytes_of(node, "cache_bytes_max", state.cache_bytes_max);
}

}  // namespace sealane::plan
