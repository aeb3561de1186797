// SPDX-License-Identifier: Apache-2.0
// Simple: every member, in the order of the plan. All healthy ones are answered together.
//
// Route 53 does not look at health in a simple record set. Here it does, because the group of a
// region's nodes is one: a node that is down leaves the answer, and only when all are down is the
// region down.
#include "steer/policies.h"

namespace sealane::steer {

void rank_simple(const RankInput& in, Ranking& out) {
  for (size_t i = 0; i < in.group.members.size(); ++i) out.push_back(uint16_t(i));
}

}  // namespace sealane::steer
