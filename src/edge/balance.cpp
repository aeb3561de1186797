// SPDX-License-Identifier: Apache-2.0
#include "edge/balance.h"

#include <algorithm>

#include "steer/steer.h"

namespace sealane::edge {
namespace {

using plan::EndpointId;
using plan::EndpointKind;

// The agent with the least under way; `turn` rotates between equals.
std::optional<EndpointId> least_loaded(const plan::Plan& plan, const view::View& view,
                                       plan::RegionId region, const Tried& tried,
                                       std::span<const uint32_t> loads, uint64_t turn) {
  const auto& agents = plan.region(region).agents;
  std::optional<EndpointId> best;
  uint32_t best_load = 0;
  for (size_t i = 0; i < agents.size(); ++i) {
    const EndpointId id = agents[(i + turn) % agents.size()];
    if (plan.endpoint(id).address.ip.is_unspecified()) continue;  // its name is not resolved yet
    if (!view.healthy(id) || tried.has(id)) continue;
    const uint32_t load = loads[plan::index(id)];
    if (!best || load < best_load) best = id, best_load = load;
  }
  return best;
}

}  // namespace

bool Tried::has(EndpointId id) const { return std::ranges::find(endpoints, id) != endpoints.end(); }

std::optional<Pick> next_origin(const plan::Plan& plan, const view::View& view, const Ask& ask,
                                const Tried& tried, std::span<const uint32_t> loads) {
  const auto local = [&] { return least_loaded(plan, view, ask.here, tried, loads, ask.dice); };
  const bool local_first = ask.stay || ask.group == plan.public_group;
  if (local_first) {
    if (const auto id = local()) return Pick{*id, false};
  }
  // When nobody is healthy: who was so last. What has been down for long is dead; what fell a
  // moment ago may have been taken for dead by a probe that was late. Of equals the first, and
  // those here before those elsewhere.
  std::optional<EndpointId> resort;
  const auto consider = [&](EndpointId id) {
    if (tried.has(id) || plan.endpoint(id).address.ip.is_unspecified()) return;
    const Instant fell = view.endpoints[plan::index(id)].since;
    if (!resort || fell > view.endpoints[plan::index(*resort)].since) resort = id;
  };
  // The name of another region does not fall back on agents here, down ones even less.
  if (local_first) {
    for (const EndpointId id : plan.region(ask.here).agents) consider(id);
  }
  bool closed = false;
  if (!ask.stay) {
    closed = plan.group(ask.group).when_all_down == plan::WhenAllDown::closed;
    const steer::Choice choice = steer::steer(plan, view, {ask.group, ask.client}, ask.dice);
    for (const EndpointId id : choice.order) {
      const plan::Endpoint& endpoint = plan.endpoint(id);
      if (endpoint.kind != EndpointKind::node) continue;
      if (endpoint.region == ask.here) {
        if (local_first) continue;
        if (const auto agent = local()) return Pick{*agent, false};
        continue;
      }
      // An edge location has nobody to do the work, and what comes from a node it may not pass on.
      if (tried.has(id) || plan.region(endpoint.region).agents.empty()) continue;
      if (view.healthy(id)) return Pick{id, false};
      consider(id);
    }
  }
  if (tried.last_resort || closed || !resort) return std::nullopt;
  return Pick{*resort, true};
}

bool anyone_healthy(const plan::Plan& plan, const view::View& view, plan::RegionId here) {
  for (size_t r = 0; r < plan.regions.size(); ++r) {
    const plan::Region& region = plan.regions[r];
    if (region.agents.empty()) continue;
    const auto& ids = plan::RegionId(r) == here ? region.agents : region.nodes;
    if (std::ranges::any_of(ids, [&](EndpointId id) { return view.healthy(id); })) return true;
  }
  return false;
}

}  // namespace sealane::edge
