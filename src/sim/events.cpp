// SPDX-License-Identifier: Apache-2.0
#include "sim/events.h"

#include <algorithm>
#include <utility>

namespace sealane::sim {

void Events::at(Instant when, Action action) {
  uint32_t slot = uint32_t(slots_.size());
  if (free_.empty()) {
    slots_.push_back(std::move(action));
  } else {
    slot = free_.back();
    free_.pop_back();
    slots_[slot] = std::move(action);
  }
  heap_.push_back({when, sequence_++, slot});
  std::ranges::push_heap(heap_, std::greater<>{});
}

Action Events::pop(Instant& when) {
  std::ranges::pop_heap(heap_, std::greater<>{});
  const Entry entry = heap_.back();
  heap_.pop_back();
  when = entry.when;
  Action action = std::move(slots_[entry.slot]);
  slots_[entry.slot] = nullptr;
  free_.push_back(entry.slot);
  return action;
}

}  // namespace sealane::sim
