// SPDX-License-Identifier: Apache-2.0
// Failover: the plan's order is the order of preference.
//
//   primary    secondary   answer
//   healthy    any         primary
//   down       healthy     secondary
//   down       down        primary (the group is all down and open: as if all were healthy)
//
// Route 53 Developer Guide, "Active-passive failover".
#include "steer/policies.h"

namespace sealane::steer {

void rank_failover(const RankInput& in, Ranking& out) { rank_simple(in, out); }

}  // namespace sealane::steer
