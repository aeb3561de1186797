// SPDX-License-Identifier: Apache-2.0
// The parts of compile(). Each reads its sections of the tree into the plan and reports its
// mistakes; what check_shape() has already reported is passed over here, so every part can run
// whatever the others found.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/mistakes.h"
#include "plan/plan.h"
#include "plan/world.h"
#include "plan/yaml.h"

namespace sealane::plan {

struct Building {
  Plan plan;
  const Data& data;
  Mistakes& mistakes;

  std::vector<std::string_view> region_names() const;
  // The region of this name; a mistake, with the nearest name, when there is none.
  std::optional<RegionId> region_of(const Node& name);
};

inline Group make_group(std::string name, Policy policy) {
  Group group;
  group.name = std::move(name), group.policy = policy;
  return group;
}

// Values of a section, or the fallback when they are left out or are not what the grammar wants.
Duration duration_of(const Node* section, std::string_view key, Duration fallback);
uint64_t bytes_of(const Node* section, std::string_view key, uint64_t fallback);
int64_t integer_of(const Node* section, std::string_view key, int64_t fallback);
bool boolean_of(const Node* section, std::string_view key, bool fallback);
std::string text_of(const Node* section, std::string_view key, std::string_view fallback = "");
// Its items; none when it is no list.
std::span<const Node> items_of(const Node* section, std::string_view key);

// regions, health -> plan.regions, endpoints, agents, and a simple group of the nodes of each
// region. Wants plan.ports and plan.edge.enabled.
void build_regions(const Node& root, Building& b);
// routing, health.when_all_down -> the other groups, plan.names, plan.public_group. Wants the
// regions.
void build_routing(const Node& root, Building& b);
// edge, ports, dns, lanes.
void build_edge(const Node& root, Building& b);
// state, control -> plan.state, plan.keys_file. Wants the regions.
void build_state(const Node& root, Building& b);
// zones -> plan.zones.
void build_zones(const Node& root, const ReadFile& read_file, Building& b);

}  // namespace sealane::plan
