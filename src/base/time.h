// SPDX-License-Identifier: Apache-2.0
// Points in time as types. Nothing here reads a clock: `now` comes in as an argument or from
// port::Clock.
#pragma once

#include <chrono>
#include <cstdint>

namespace sealane {

using Duration = std::chrono::nanoseconds;
using std::chrono_literals::operator""ms;
using std::chrono_literals::operator""s;
using std::chrono_literals::operator""us;
using std::chrono_literals::operator""min;
using std::chrono_literals::operator""h;

// Monotonic time of one node (or of the simulator). Never compare instants of two nodes.
struct Monotonic {
  using rep = Duration::rep;
  using period = Duration::period;
  using duration = Duration;
  using time_point = std::chrono::time_point<Monotonic>;
  static constexpr bool is_steady = true;
};
using Instant = Monotonic::time_point;

// Time of day, UTC, as HTTP dates and log lines need it. It may jump; never measure with it.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

// Milliseconds since 1970, as stamps, records and AWS's dates have them.
constexpr uint64_t unix_ms(WallTime wall) { return uint64_t(wall.time_since_epoch().count()); }

constexpr int64_t to_ms(Duration d) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(d).count();
}
constexpr int64_t to_us(Duration d) {
  return std::chrono::duration_cast<std::chrono::microseconds>(d).count();
}

}  // namespace sealane
