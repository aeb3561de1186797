// SPDX-License-Identifier: Apache-2.0
// The section `state`: tables and how they are kept; and `control`: who may use the APIs.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "plan/building.h"
#include "plan/values.h"

namespace sealane::plan {
namespace {

// The place of `word` among `words`; the grammar has made sure that it is there, or it is a mistake already.
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
  table.ack_remote = text_of(&node, "ack", "local") == "remote";
  constexpr std::array<std::string_view, 3> kMerges{"attribute", "item", "conversation"};
  table.merge = StateTable::Merge(place_of(text_of(&node, "merge", "attribute"), kMerges));
  constexpr std::array<std::string_view, 5> kStreams{"off", "keys_only", "new_image", "old_image", "new_and_old_images"};
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
  if (const Node* ack = node.find("ack"); ack && table.ack_remote && table.regions.size() < 2) {
    b.mistakes.add(ack->at, fmt::format("the table {} is kept in one region only; `ack: remote` wants another one",
                                        quoted(table.name)));
  }
  if (!table.ttl_attribute.empty() &&
      (table.ttl_attribute == table.hash.name || (table.range && table.ttl_attribute == table.range->name))) {
    b.mistakes.add(node.find("ttl_attribute")->at, "the TTL attribute cannot be part of the key");
  }
  return table;
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
  state.endpoint = text_of(node, "endpoint");
  const bool is_elsewhere = text_of(node, "engine", "sealane") == "dynamodb";
  if (is_elsewhere && state.endpoint.empty()) {
    b.mistakes.add(node->find("engine")->at, "the engine 'dynamodb' wants an endpoint: the URL of its server");
  }
  if (!is_elsewhere && !state.endpoint.empty()) {
    b.mistakes.add(node->find("endpoint")->at, "an endpoint goes with the engine 'dynamodb'");
  }
  state.enabled = boolean_of(node, "enabled", !state.tables.empty() || !state.endpoint.empty());
  state.fsync = text_of(node, "durability", "fsync") == "fsync";
  state.stale_after = duration_of(node, "stale_after", state.stale_after);
  state.clock_ahead_max = duration_of(node, "clock_ahead_max", state.clock_ahead_max);
  state.log_bytes_max = bytes_of(node, "log_bytes_max", state.log_bytes_max);
  state.cache_bytes_max = bytes_of(node, "cache_bytes_max", state.cache_bytes_max);
}

}  // namespace sealane::plan
