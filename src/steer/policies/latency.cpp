// SPDX-License-Identifier: Apache-2.0
// Latency: the member whose region has the lowest round-trip time from the client's class, then the
// next. A region without an estimate comes last; equal ones keep the plan's order.
//
// Route 53 Developer Guide, "Latency-based routing": the table is about networks, not about how
// busy an endpoint is, so a slow answer of an agent does not change the order.
#include <algorithm>

#include "steer/policies.h"

namespace sealane::steer {

void rank_latency(const RankInput& in, Ranking& out) {
  rank_simple(in, out);
  auto rtt_us = [&](uint16_t member) {
    const plan::Estimate& e = in.to_region[plan::index(in.group.members[member].region)];
    return e.source == plan::LatencySource::unknown ? ~uint32_t{0} : e.rtt_us;
  };
  // Insertion sort: stable, in place, and groups have a handful of regions.
  for (size_t i = 1; i < out.size(); ++i) {
    for (size_t j = i; j > 0 && rtt_us(out[j]) < rtt_us(out[j - 1]); --j)
      std::swap(out[j], out[j - 1]);
  }
}

}  // namespace sealane::steer
