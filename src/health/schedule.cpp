// SPDX-License-Identifier: Apache-2.0
#include "health/schedule.h"

namespace sealane::health {

void Schedule::resize(size_t slot_count) {
  heap_.clear();
  heap_.reserve(slot_count);
  at_.assign(slot_count, kNone);
}

void Schedule::up(size_t at, Due due) {
  while (at > 0) {
    const size_t parent = (at - 1) / 2;
    if (!before(due, heap_[parent])) break;
    place(at, heap_[parent]);
    at = parent;
  }
  place(at, due);
}

void Schedule::down(size_t at, Due due) {
  while (true) {
    size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && before(heap_[child + 1], heap_[child])) ++child;
    if (!before(heap_[child], due)) break;
    place(at, heap_[child]);
    at = child;
  }
  place(at, due);
}

void Schedule::set(uint32_t slot, Instant when) {
  const Due due{slot, when};
  if (at_[slot] == kNone) {
    heap_.push_back(due);
    up(heap_.size() - 1, due);
  } else if (const size_t at = at_[slot]; before(due, heap_[at])) {
    up(at, due);
  } else {
    down(at, due);
  }
}

void Schedule::remove(uint32_t slot) {
  const uint32_t at = at_[slot];
  if (at == kNone) return;
  at_[slot] = kNone;
  const Due last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  if (at > 0 && before(last, heap_[(at - 1) / 2])) {
    up(at, last);
  } else {
    down(at, last);
  }
}

std::optional<Instant> Schedule::when(uint32_t slot) const {
  if (at_[slot] == kNone) return std::nullopt;
  return heap_[at_[slot]].when;
}

std::optional<Schedule::Due> Schedule::first() const {
  if (heap_.empty()) return std::nullopt;
  return heap_[0];
}

}  // namespace sealane::health
