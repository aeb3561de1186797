// SPDX-License-Identifier: Apache-2.0
// The randomized runner: a random world, random faults, and invariants that hold at every node at
// all times. The seed is the whole input; a violation is replayed with it, event by event.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "plan/data.h"

namespace sealane::play {

struct Exploration {
  uint64_t seed = 0;
  bool held = true;
  std::string violation;  // time, node, what
  std::string world;      // the world file that was made up
  std::string story;      // faults by time
  std::string trace;      // the last events before a violation
  uint64_t trace_hash = 0, event_count = 0, view_count = 0, answer_count = 0, request_count = 0;
  Duration lasted{};  // virtual
};

// Runs one seed. After a violation it runs again with a trace.
Exploration explore(uint64_t seed, const plan::Data& data);
std::string render(const Exploration& exploration);

}  // namespace sealane::play
