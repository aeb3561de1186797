// SPDX-License-Identifier: Apache-2.0
// What a role gets to live on: one lane, that is one thread with its own loop (or one node's turn
// in the simulator). Everything a role does happens on the lane it was built on.
#pragma once

#include <functional>
#include <string_view>

#include "base/dice.h"
#include "port/meter.h"
#include "port/net.h"
#include "port/timer.h"

namespace sealane::port {

// Hands work to a lane from any thread. Bounded: false when the lane has kMax calls waiting.
class Inbox {
 public:
  static constexpr size_t kMax = 65536;
  virtual ~Inbox() = default;
  [[nodiscard]] virtual bool post(std::function<void()> work) = 0;
};

enum class Level { debug, info, warn, error };

// Structured lines for operators: an event name in snake_case and key=value pairs already in
// `text`. Never on a per-request path, never a secret.
class Log {
 public:
  virtual ~Log() = default;
  virtual void line(Level level, std::string_view event, std::string_view text) = 0;
};

struct Lane {
  Clock& clock;
  Timers& timers;
  Net& net;
  Inbox& inbox;
  Log& log;
  Meter& meter;
  Dice& dice;
  unsigned index = 0;  // of this node's lanes
};

}  // namespace sealane::port
