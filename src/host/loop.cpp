// SPDX-License-Identifier: Apache-2.0
#include "host/loop.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

namespace sealane::host {

Loop::Loop() : scratch_(new char[kScratchBytes]) {
  ::signal(SIGPIPE, SIG_IGN);  // OpenSSL writes to sockets with write(2)
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  SL_ASSERT(epoll_ >= 0 && wake_ >= 0);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  SL_ASSERT(::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) == 0);
  refresh_clock();
}

Loop::~Loop() {
  while (!orphans_.empty()) {
    Waiter* waiter = *orphans_.begin();
    orphans_.erase(orphans_.begin());
    delete waiter;
  }
  free_retired();
  ::close(epoll_);
  ::close(wake_);
}

void Loop::refresh_clock() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC, &t);
  now_ = Instant(std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec));
}

WallTime Loop::wall() const {
  return std::chrono::time_point_cast<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

std::unique_ptr<port::Timer> Loop::make(std::function<void()> fire) {
  return timers_.make(std::move(fire));
}

bool Loop::post(std::function<void()> work) {
  bool first = false;
  {
    const LockGuard lock(inbox_mu_);
    if (inbox_.size() >= kMax) return false;
    first = inbox_.empty();
    inbox_.push_back(std::move(work));
  }
  if (first) {
    const uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
  }
  return true;
}

void Loop::stop() {
  stopped_.store(true, std::memory_order_relaxed);
  const uint64_t one = 1;
  [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

Status Loop::watch(int fd, Waiter& waiter, uint32_t epoll_events) {
  epoll_event event{};
  event.events = epoll_events;
  event.data.ptr = &waiter;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    return fail(Code::limit,
                std::string("epoll cannot watch another descriptor: ") + std::strerror(errno));
  }
  return {};
}

void Loop::again(Waiter& waiter) {
  if (waiter.queued_again_) return;
  waiter.queued_again_ = true;
  again_.push_back(&waiter);
}

void Loop::retire(Waiter* waiter) {
  SL_ASSERT(!waiter->retired_);
  waiter->retired_ = true;
  if (waiter->queued_again_) {
    std::erase(again_, waiter);
    std::ranges::replace(again_now_, waiter, static_cast<Waiter*>(nullptr));
  }
  retired_.push_back(waiter);
}

void Loop::run() {
  while (!stopped_.load(std::memory_order_relaxed)) turn(1h);
}

int Loop::wait_for_events(std::span<epoll_event> events, Duration wait) {
  if (has_pwait2_) {
    // Nanoseconds: a probe of 10 ms must not be rounded up to 11.
    const timespec timeout{.tv_sec = wait / 1s, .tv_nsec = (wait % 1s).count()};
    const int count = ::epoll_pwait2(epoll_, events.data(), int(events.size()), &timeout, nullptr);
    if (count >= 0 || errno != ENOSYS) return count;
    has_pwait2_ = false;  // Linux before 5.11, or valgrind
  }
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  return ::epoll_wait(epoll_, events.data(), int(events.size()), int(ms));
}

void Loop::turn(Duration wait) {
  std::array<epoll_event, kEventsMax> events;
  if (!again_.empty()) wait = Duration::zero();
  if (const Instant next = timers_.next(); next != Instant::max()) {
    refresh_clock();
    wait = std::clamp(next - now_, Duration::zero(), wait);
  }
  const int count = wait_for_events(events, wait);
  refresh_clock();

  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[size_t(i)];
    if (event.data.ptr == nullptr) {
      uint64_t ignored;
      [[maybe_unused]] const auto got = ::read(wake_, &ignored, sizeof ignored);
      continue;
    }
    auto* waiter = static_cast<Waiter*>(event.data.ptr);
    if (!waiter->retired_) waiter->on_events(event.events);
  }
  again_now_.swap(again_);
  for (size_t i = 0; i < again_now_.size(); ++i) {
    if (Waiter* waiter = again_now_[i]; waiter != nullptr) {
      waiter->queued_again_ = false;
      waiter->on_again();
    }
  }
  again_now_.clear();
  timers_.fire_due(now_);
  run_inbox();
  free_retired();
}

void Loop::free_retired() {
  // A destructor may retire others.
  while (!retired_.empty()) {
    Waiter* waiter = retired_.back();
    retired_.pop_back();
    delete waiter;
  }
}

bool Loop::adopt(Waiter* waiter) {
  if (orphans_.size() >= kOrphansMax) return false;
  orphans_.insert(waiter);
  return true;
}

void Loop::run_inbox() {
  {
    const LockGuard lock(inbox_mu_);
    inbox_now_.swap(inbox_);
  }
  for (auto& work : inbox_now_) work();
  inbox_now_.clear();
}

}  // namespace sealane::host
