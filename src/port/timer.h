// SPDX-License-Identifier: Apache-2.0
// Time as a role sees it: the clocks of its lane and timers that call back on that lane.
#pragma once

#include <functional>
#include <memory>

#include "base/time.h"

namespace sealane::port {

class Clock {
 public:
  virtual ~Clock() = default;
  // The time at which the lane's current turn began; constant within one callback, so it is cheap.
  virtual Instant now() const = 0;
  virtual WallTime wall() const = 0;
};

// One call-back that can be armed again and again. Destroying it disarms it. Arming again replaces
// the old deadline and costs no allocation; moving a deadline later is O(1).
class Timer {
 public:
  virtual ~Timer() = default;
  virtual void arm_at(Instant when) = 0;  // in the past: at the next turn of the loop
  virtual void disarm() = 0;
  virtual bool armed() const = 0;
};

class Timers {
 public:
  virtual ~Timers() = default;
  // `fire` runs on this lane, never inside arm_at().
  virtual std::unique_ptr<Timer> make(std::function<void()> fire) = 0;
};

}  // namespace sealane::port
