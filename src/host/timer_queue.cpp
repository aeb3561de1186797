// SPDX-License-Identifier: Apache-2.0
#include "host/timer_queue.h"

#include <algorithm>
#include <utility>

#include "base/result.h"

namespace sealane::host {

class TimerQueue::Entry final : public port::Timer {
 public:
  static constexpr size_t kNowhere = ~size_t{0};

  Entry(TimerQueue& queue, std::function<void()> fire) : queue_(&queue), fire_(std::move(fire)) {}
  ~Entry() override {
    if (queue_ == nullptr) return;  // the queue died first
    if (at != kNowhere) queue_->remove(at);
    std::ranges::replace(queue_->due_, this, static_cast<Entry*>(nullptr));
    if (gone_ != nullptr) *gone_ = true;
  }
  void arm_at(Instant when) override {
    deadline = when;
    if (queue_ == nullptr) return;
    if (at == kNowhere) {
      queue_->push(this, when);
    } else if (when < queue_->heap_[at].key) {
      queue_->heap_[at].key = when;
      queue_->sift_up(at);
    }
  }
  void disarm() override { deadline = Instant::max(); }
  bool armed() const override { return deadline != Instant::max(); }

  void fire() {
    deadline = Instant::max();
    bool gone = false;
    gone_ = &gone;
    // The callback may destroy this timer, and with it the function that is running.
    auto running = std::move(fire_);
    running();
    if (!gone) {
      gone_ = nullptr;
      fire_ = std::move(running);
    }
  }
  void orphan() { queue_ = nullptr; }

  Instant deadline = Instant::max();
  size_t at = kNowhere;

 private:
  TimerQueue* queue_;
  std::function<void()> fire_;
  bool* gone_ = nullptr;
};

TimerQueue::~TimerQueue() {
  for (const Slot& slot : heap_) slot.entry->orphan();
}

std::unique_ptr<port::Timer> TimerQueue::make(std::function<void()> fire) {
  return std::make_unique<Entry>(*this, std::move(fire));
}

void TimerQueue::fire_due(Instant now) {
  SL_ASSERT(due_.empty());
  while (!heap_.empty() && heap_.front().key <= now) {
    Entry* entry = heap_.front().entry;
    remove(0);
    if (entry->deadline == Instant::max()) continue;  // disarmed meanwhile
    if (entry->deadline > now) {
      push(entry, entry->deadline);  // moved later meanwhile
    } else {
      due_.push_back(entry);
    }
  }
  for (size_t i = 0; i < due_.size(); ++i) {
    Entry* entry = due_[i];
    // An earlier callback may have destroyed, disarmed or re-armed it.
    if (entry != nullptr && entry->deadline <= now && entry->at == Entry::kNowhere) entry->fire();
  }
  due_.clear();
}

void TimerQueue::place(size_t at, Slot slot) {
  heap_[at] = slot;
  slot.entry->at = at;
}

void TimerQueue::sift_up(size_t at) {
  const Slot slot = heap_[at];
  while (at > 0 && slot.key < heap_[(at - 1) / 2].key) {
    place(at, heap_[(at - 1) / 2]);
    at = (at - 1) / 2;
  }
  place(at, slot);
}

void TimerQueue::sift_down(size_t at) {
  const Slot slot = heap_[at];
  while (true) {
    size_t child = 2 * at + 1;
    if (child >= heap_.size()) break;
    if (child + 1 < heap_.size() && heap_[child + 1].key < heap_[child].key) ++child;
    if (!(heap_[child].key < slot.key)) break;
    place(at, heap_[child]);
    at = child;
  }
  place(at, slot);
}

void TimerQueue::push(Entry* entry, Instant key) {
  heap_.push_back({key, entry});
  sift_up(heap_.size() - 1);
}

void TimerQueue::remove(size_t at) {
  heap_[at].entry->at = Entry::kNowhere;
  const Slot last = heap_.back();
  heap_.pop_back();
  if (at == heap_.size()) return;
  place(at, last);
  sift_up(at);
  sift_down(last.entry->at);
}

}  // namespace sealane::host
