// SPDX-License-Identifier: Apache-2.0
// How far this node has applied every node's log, and what it may show of it, for readers on other
// threads: one writer, no locks. What is shown only grows; what is applied too, unless a log is to
// be read once more (Engine::seeded). So what a reader puts together from several sources is never
// ahead of what was there when it had read the last of them.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "table/entry.h"

namespace sealane::state {

class Progress {
 public:
  // what comes after them is not told: its readers wait in vain, bounded
  static constexpr size_t kSourcesMax = 1024;

  // From the thread that applies. Costs a walk over the sources, which are as many as nodes.
  void raise(table::Source source, uint64_t position) {
    const size_t count = count_.load(std::memory_order_relaxed);
    for (size_t i = 0; i < count; ++i) {
      if (slots_[i].source == source) return store(slots_[i], position);
    }
    if (count == kSourcesMax) return;
    slots_[count].source = source;
    store(slots_[count], position);
    count_.store(count + 1, std::memory_order_release);
  }
  // More is shown than is applied, while the pages of a snapshot come in.
  void show(table::Source source, uint64_t position) {
    const size_t count = count_.load(std::memory_order_relaxed);
    for (size_t i = 0; i < count; ++i) {
      if (slots_[i].source == source) return show(slots_[i], position);
    }
    raise(source, 0);
    if (count < kSourcesMax) show(slots_[count], position);
  }

  // From any thread. Stamps are left out: vectors of positions. What must be here for a session is
  // compared with applied(), and what it may have seen here is in shown().
  table::Vector applied() const { return all(&Slot::applied); }
  table::Vector shown() const { return all(&Slot::shown); }

 private:
  struct Slot {
    table::Source source = 0;  // written once, before count_ tells of it
    std::atomic<uint64_t> applied{0}, shown{0};
  };

  static void store(Slot& slot, uint64_t position) {
    slot.applied.store(position, std::memory_order_release);
    show(slot, position);
  }
  static void show(Slot& slot, uint64_t position) {
    if (slot.shown.load(std::memory_order_relaxed) < position)
      slot.shown.store(position, std::memory_order_release);
  }
  table::Vector all(std::atomic<uint64_t> Slot::*which) const {
    table::Vector all;
    const size_t count = count_.load(std::memory_order_acquire);
    for (size_t i = 0; i < count; ++i) {
      all.raise(
          table::Reach{slots_[i].source, (slots_[i].*which).load(std::memory_order_acquire), 0});
    }
    return all;
  }

  std::atomic<size_t> count_{0};
  std::array<Slot, kSourcesMax> slots_{};
};

}  // namespace sealane::state
