// SPDX-License-Identifier: Apache-2.0
// How far this node has applied every node's log, for readers on other threads: one writer, no locks. Each position only
// grows, so what a reader puts together from several is never ahead of what was applied when it had read the last of them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "table/entry.h"

namespace sealane::state {

class Progress {
 public:
  static constexpr size_t kSourcesMax = 1024;  // what comes after them is not told: its readers wait in vain, bounded

  // From the thread that applies. Costs a walk over the sources, which are as many as nodes.
  void raise(table::Source source, uint64_t position) {
    const size_t count = count_.load(std::memory_order_relaxed);
    for (size_t i = 0; i < count; ++i) {
      if (slots_[i].source == source) return slots_[i].position.store(position, std::memory_order_release);
    }
    if (count == kSourcesMax) return;
    slots_[count].source = source;
    slots_[count].position.store(position, std::memory_order_relaxed);
    count_.store(count + 1, std::memory_order_release);
  }

  // From any thread. Stamps are left out: a vector of positions.
  table::Vector applied() const {
    table::Vector all;
    const size_t count = count_.load(std::memory_order_acquire);
    for (size_t i = 0; i < count; ++i) {
      all.raise(table::Reach{slots_[i].source, slots_[i].position.load(std::memory_order_acquire), 0});
    }
    return all;
  }

 private:
  struct Slot {
    table::Source source = 0;  // written once, before count_ tells of it
    std::atomic<uint64_t> position{0};
  };
  std::atomic<size_t> count_{0};
  std::array<Slot, kSourcesMax> slots_{};
};

}  // namespace sealane::state
