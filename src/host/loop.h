// SPDX-License-Identifier: Apache-2.0
// One lane's event loop: epoll (edge-triggered, each descriptor registered once), timers and an
// inbox.
//
// Why not a library: docs/decisions/0002-epoll-loop.md. In short: a descriptor costs no system call
// beyond its own reads and writes, and an idle connection holds no buffer.
#pragma once

#include <sys/epoll.h>

#include <atomic>
#include <functional>
#include <memory>
#include <span>
#include <unordered_set>
#include <vector>

#include "base/thread_annotations.h"
#include "host/timer_queue.h"
#include "port/lane.h"

namespace sealane::host {

// Something that waits for its descriptor. It lives until the end of the turn in which it was
// retired, so that an event that is already in hand finds it.
class Waiter {
 public:
  virtual ~Waiter() = default;
  virtual void on_events(uint32_t epoll_events) = 0;
  virtual void on_again() {}  // asked for by Loop::again()
  bool retired() const { return retired_; }

 private:
  friend class Loop;
  bool queued_again_ = false;
  bool retired_ = false;
};

class Loop final : public port::Clock, public port::Timers, public port::Inbox {
 public:
  Loop();
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  // Runs until stop(); returns after the turn in which it was called.
  void run();
  // One turn: waits at most `wait`, handles what is there. For tests and hand-driven loops.
  void turn(Duration wait);
  void stop();  // from any thread, and from a signal handler

  Instant now() const override { return now_; }
  WallTime wall() const override;
  std::unique_ptr<port::Timer> make(std::function<void()> fire) override;
  bool post(std::function<void()> work) override;  // from any thread

  // Registers for `epoll_events`; a descriptor stays registered until it is closed.
  Status watch(int fd, Waiter& waiter, uint32_t epoll_events);
  // Calls on_again() in the next turn: for work that went on too long, and for news that must not
  // be told from inside the caller.
  void again(Waiter& waiter);
  // Takes over a waiter that nobody may call any more; freed at the end of the turn.
  void retire(Waiter* waiter);

  // Owns a waiter that has no other owner until disown() or the end of the loop. False when
  // kOrphansMax are there already; the caller keeps it then.
  bool adopt(Waiter* waiter);
  void disown(Waiter* waiter) { orphans_.erase(waiter); }

  // Room to read into, shared by all streams of the lane: what is read is used before the next
  // read.
  std::span<char> scratch() { return {scratch_.get(), kScratchBytes}; }

  static constexpr size_t kScratchBytes = 64 << 10;
  static constexpr size_t kEventsMax = 256;  // a turn
  static constexpr size_t kOrphansMax = 4096;

 private:
  int wait_for_events(std::span<epoll_event> events, Duration wait);
  void refresh_clock();
  void run_inbox();
  void free_retired();

  int epoll_ = -1;
  int wake_ = -1;
  bool has_pwait2_ = true;
  std::atomic<bool> stopped_{false};
  Instant now_;
  TimerQueue timers_;
  std::unique_ptr<char[]> scratch_;
  std::vector<Waiter*> again_, again_now_;
  std::vector<Waiter*> retired_;
  std::unordered_set<Waiter*> orphans_;

  Mutex inbox_mu_;
  std::vector<std::function<void()>> inbox_ SL_GUARDED_BY(inbox_mu_);
  std::vector<std::function<void()>> inbox_now_;
};

}  // namespace sealane::host
