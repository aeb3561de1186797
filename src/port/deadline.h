// SPDX-License-Identifier: Apache-2.0
// A deadline that may move with every byte: moving it later only stores a number, the timer below
// is armed again when it fires early.
#pragma once

#include <algorithm>
#include <functional>
#include <memory>

#include "port/timer.h"

namespace sealane::port {

inline constexpr Instant kNever = Instant::max();

class Deadline {
 public:
  Deadline(port::Clock& clock, port::Timers& timers, std::function<void()> expired)
      : clock_(clock), expired_(std::move(expired)), timer_(timers.make([this] { fired(); })) {}

  void set(Instant when) {
    when_ = when;
    if (when == kNever || (timer_->armed() && armed_for_ <= when)) return;
    armed_for_ = when;
    timer_->arm_at(when);
  }
  Instant when() const { return when_; }

 private:
  void fired() {
    armed_for_ = kNever;
    if (when_ == kNever) return;
    if (clock_.now() < when_) {
      set(when_);
    } else {
      when_ = kNever;
      expired_();
    }
  }

  port::Clock& clock_;
  std::function<void()> expired_;
  std::unique_ptr<port::Timer> timer_;
  Instant when_ = kNever;
  Instant armed_for_ = kNever;
};

}  // namespace sealane::port
