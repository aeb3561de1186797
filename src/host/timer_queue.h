// SPDX-License-Identifier: Apache-2.0
// The lane's timers: a binary heap by deadline in which moving a deadline later costs nothing. A
// timer that was moved later stays where it is and is put back when its old deadline comes up;
// disarming works the same. So the timeouts that a busy connection pushes ahead with every request
// never touch the heap.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/time.h"
#include "port/timer.h"

namespace sealane::host {

class TimerQueue {
 public:
  TimerQueue() = default;
  TimerQueue(const TimerQueue&) = delete;
  TimerQueue& operator=(const TimerQueue&) = delete;
  ~TimerQueue();

  std::unique_ptr<port::Timer> make(std::function<void()> fire);
  // The moment at which fire_due() has something to look at; Instant::max() when nothing is armed.
  Instant next() const { return heap_.empty() ? Instant::max() : heap_.front().key; }
  // Calls every timer whose deadline is at or before `now`. Timers armed meanwhile wait for the
  // next call, so a timer that re-arms itself in the past cannot starve the loop.
  void fire_due(Instant now);
  size_t armed_count() const { return heap_.size(); }

 private:
  class Entry;
  struct Slot {
    Instant key;
    Entry* entry;
  };
  void place(size_t at, Slot slot);
  void sift_up(size_t at);
  void sift_down(size_t at);
  void push(Entry* entry, Instant key);
  void remove(size_t at);

  std::vector<Slot> heap_;
  std::vector<Entry*> due_;  // of the fire_due() under way
};

}  // namespace sealane::host
