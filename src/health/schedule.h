// SPDX-License-Identifier: Apache-2.0
// When each of many slots is due next: one heap, one moment a slot, so thousands of endpoints need
// one timer. Setting a slot again moves it; nothing allocates after resize(). Ties go to the lower
// slot, so a run with the same input is the same run.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.h"

namespace sealane::health {

class Schedule {
 public:
  struct Due {
    uint32_t slot;
    Instant when;
  };

  // Forgets everything; slots are 0 to slot_count - 1 from now on.
  void resize(size_t slot_count);
  void set(uint32_t slot, Instant when);
  void remove(uint32_t slot);
  std::optional<Instant> when(uint32_t slot) const;
  // The slot that is due first.
  std::optional<Due> first() const;
  size_t size() const { return heap_.size(); }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;
  bool before(const Due& a, const Due& b) const {
    return a.when != b.when ? a.when < b.when : a.slot < b.slot;
  }
  void place(size_t at, Due due) {
    heap_[at] = due;
    at_[due.slot] = uint32_t(at);
  }
  void up(size_t at, Due due);
  void down(size_t at, Due due);

  std::vector<Due> heap_;
  std::vector<uint32_t> at_;  // slot -> position in heap_
};

}  // namespace sealane::health
