// SPDX-License-Identifier: Apache-2.0
// The one queue of the simulator: what happens next, in the order of virtual time; what was
// scheduled first goes first among equals, so a run depends on nothing but its seed.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "base/time.h"

namespace sealane::sim {

using Action = std::move_only_function<void()>;

class Events {
 public:
  void at(Instant when, Action action);
  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  Instant next() const { return heap_.front().when; }
  // Takes the first event out; its time comes back in `when`.
  Action pop(Instant& when);

 private:
  struct Entry {
    Instant when;
    uint64_t sequence;
    uint32_t slot;
    bool operator>(const Entry& o) const {
      return when != o.when ? when > o.when : sequence > o.sequence;
    }
  };
  std::vector<Entry> heap_;
  std::vector<Action> slots_;  // heap entries stay small and cheap to move
  std::vector<uint32_t> free_;
  uint64_t sequence_ = 0;
};

}  // namespace sealane::sim
