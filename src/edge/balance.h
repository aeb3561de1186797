// SPDX-License-Identifier: Apache-2.0
// Which endpoint a request is sent to next, given where it has been. Pure; asked anew for every
// attempt, so that an attempt follows the newest view.
//
//   1. a healthy agent of this region, the one with the fewest requests under way (a hop, a probe
//      and the public name always; the name of one region only where the steering order says so)
//   2. the nodes of other regions, healthy, in the order of steer(); never for a hop or a probe
//   3. somebody who is believed to be down, once: an agent of this region, else a node in steer's
//      order, unless the group is closed when all are down
#pragma once

#include <boost/container/static_vector.hpp>
#include <optional>
#include <span>

#include "plan/plan.h"
#include "view/view.h"

namespace sealane::edge {

constexpr size_t kAttemptsMax = 16;  // plan.edge.attempts_max is cut to this

struct Ask {
  plan::RegionId here{};
  plan::GroupId group{};
  IpAddress client;
  bool stay = false;  // a hop or a probe: this region only
  uint64_t dice = 0;
};

struct Tried {
  boost::container::static_vector<plan::EndpointId, kAttemptsMax> endpoints;
  bool last_resort = false;  // step 3 was taken
  bool has(plan::EndpointId id) const;
};

struct Pick {
  plan::EndpointId endpoint{};
  bool last_resort = false;
};

// `loads`: requests under way by EndpointId.
std::optional<Pick> next_origin(const plan::Plan& plan, const view::View& view, const Ask& ask,
                                const Tried& tried, std::span<const uint32_t> loads);

// A region with agents of which one is healthy, or whose nodes are: this node can serve somebody.
bool anyone_healthy(const plan::Plan& plan, const view::View& view, plan::RegionId here);

}  // namespace sealane::edge
