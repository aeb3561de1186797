// SPDX-License-Identifier: Apache-2.0
// Weighted: each next place goes to one of the remaining members with chance weight / sum of their
// weights.
//
//   weights              healthy             answer
//   some > 0             some of those       one of those, by weight among the healthy
//   some > 0             only zero-weighted  one of the zero-weighted, equal chances
//   all 0                some                one of those, equal chances
//   any                  none                the whole group counts as healthy (open)
//
// Route 53 Developer Guide, "How Amazon Route 53 chooses records when health checking is
// configured": only records with a weight above zero are considered first; if all of those are
// unhealthy, the zero-weighted are.
#include <algorithm>
#include <array>
#include <cmath>

#include "base/dice.h"
#include "steer/policies.h"

namespace sealane::steer {

void rank_weighted(const RankInput& in, Ranking& out) {
  rank_simple(in, out);
  // Sampling without replacement in one sort (Efraimidis, Spirakis 2006): the member with the
  // smallest -ln(u) / weight comes first with chance weight / sum, and so on among the rest.
  struct Key {
    bool zero;
    double wait;
    bool operator<(const Key& o) const { return zero != o.zero ? o.zero : wait < o.wait; }
  };
  std::array<Key, plan::kMembersMax> keys;
  Dice dice(in.dice);
  for (size_t i = 0; i < out.size(); ++i) {
    const unsigned weight = in.group.members[i].weight;
    const double wait = -std::log(1.0 - dice.unit());
    keys[i] = {weight == 0, weight == 0 ? wait : wait / weight};
  }
  std::sort(out.begin(), out.end(), [&](uint16_t a, uint16_t b) { return keys[a] < keys[b]; });
}

}  // namespace sealane::steer
