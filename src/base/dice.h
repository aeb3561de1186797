// SPDX-License-Identifier: Apache-2.0
// Seeded chance: the same seed gives the same run. Not for secrets.
#pragma once

#include <cstdint>

#include "base/hash.h"
#include "base/result.h"

namespace sealane {

class Dice {
 public:
  explicit Dice(uint64_t seed) : state_(seed) {}
  // 64 even bits.
  uint64_t roll() { return mix64(state_ += 0x9e3779b97f4a7c15); }
  // Even over [0, n); n > 0. The bias of the multiply-shift is below n / 2^64.
  uint64_t below(uint64_t n) {
    SL_ASSERT(n > 0);
    return uint64_t((__extension__ static_cast<unsigned __int128>(roll()) * n) >> 64);
  }
  // True with this chance, 0 to 1.
  bool chance(double p) { return unit() < p; }
  // Even over [0, 1).
  double unit() { return double(roll() >> 11) * 0x1p-53; }
  // A stream of its own, so that one user's rolls do not shift another's.
  Dice fork() { return Dice(roll()); }

 private:
  uint64_t state_;
};

}  // namespace sealane
