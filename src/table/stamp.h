// SPDX-License-Identifier: Apache-2.0
// Hybrid logical clocks (Kulkarni et al. 2014): stamps that follow the wall clock, never go back,
// and are greater than every stamp seen before, so that what happened after something is stamped
// after it, on any node.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>

#include "base/result.h"

namespace sealane::table {

// Who wrote: one life of one node's change log (drawn at random when the log is made, so a node
// that lost its disk comes back as somebody else). 0 is nobody.
using Source = uint32_t;

// 48 bits of milliseconds since 1970, 16 bits of counter.
using Hlc = uint64_t;
constexpr Hlc hlc_of_ms(uint64_t unix_ms) { return unix_ms << 16; }
constexpr uint64_t ms_of(Hlc hlc) { return hlc >> 16; }

// When and by whom: unique in the world, and ordered.
struct Stamp {
  Hlc hlc = 0;
  Source source = 0;
  friend auto operator<=>(const Stamp&, const Stamp&) = default;
};

class HybridClock {
 public:
  // How far ahead of our own clock a stamp from elsewhere may be. A node whose clock is an hour
  // ahead would win every conflict for an hour.
  static constexpr uint64_t kAheadMaxMs = 500;

  explicit HybridClock(Source source, Hlc last = 0) : source_(source), last_(last) {}
  // A stamp greater than all given and seen so far.
  Stamp next(uint64_t wall_ms) {
    last_ = std::max(last_ + 1, hlc_of_ms(wall_ms));
    return {last_, source_};
  }
  // What it is now: below this a later next() falls only after the wall clock has stepped back.
  Hlc now(uint64_t wall_ms) const { return std::max(last_, hlc_of_ms(wall_ms)); }
  // The same, and from now on no next() falls below it.
  Hlc promise(uint64_t wall_ms) { return last_ = now(wall_ms); }
  // Notes a stamp from elsewhere. `conflict`: too far ahead; nothing was noted, and nothing of it
  // may be applied yet.
  Status see(Hlc hlc, uint64_t wall_ms, uint64_t ahead_max_ms = kAheadMaxMs) {
    if (ms_of(hlc) > wall_ms + ahead_max_ms)
      return fail(Code::conflict, "a stamp from the future: check the clocks");
    last_ = std::max(last_, hlc);
    return {};
  }
  Source source() const { return source_; }

 private:
  Source source_;
  Hlc last_;
};

}  // namespace sealane::table
