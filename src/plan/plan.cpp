// SPDX-License-Identifier: Apache-2.0
#include "plan/plan.h"

namespace sealane::plan {

std::optional<RegionId> Plan::find_region(std::string_view name) const {
  for (size_t i = 0; i < regions.size(); ++i) {
    if (regions[i].name == name) return RegionId(i);
  }
  return std::nullopt;
}

std::vector<EndpointId> Plan::state_nodes() const {
  std::vector<EndpointId> all;
  if (!state.enabled) return all;
  for (const Region& each : regions) {
    if (!each.agents.empty()) all.insert(all.end(), each.nodes.begin(), each.nodes.end());
  }
  return all;
}

std::optional<EndpointId> Plan::find_node(const IpAddress& ip) const {
  for (size_t i = 0; i < endpoints.size(); ++i) {
    if (endpoints[i].kind == EndpointKind::node && endpoints[i].address.ip == ip)
      return EndpointId(i);
  }
  return std::nullopt;
}

}  // namespace sealane::plan
