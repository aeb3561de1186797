// SPDX-License-Identifier: Apache-2.0
// Multivalue answer: healthy members in random order, up to eight (kHeadMax) in one answer.
//
// Route 53 Developer Guide, "Multivalue answer routing": up to eight healthy records, chosen at
// random when there are more; when none is healthy, up to eight unhealthy ones.
#include <utility>

#include "base/dice.h"
#include "steer/policies.h"

namespace sealane::steer {

void rank_multivalue(const RankInput& in, Ranking& out) {
  rank_simple(in, out);
  Dice dice(in.dice);
  // Fisher-Yates
  for (size_t i = out.size(); i > 1; --i) std::swap(out[i - 1], out[dice.below(i)]);
}

}  // namespace sealane::steer
