// SPDX-License-Identifier: Apache-2.0
// What a run of a scene showed: each expectation with its verdict and the measured figure, what
// users felt, and the story in order. The same for a run on the simulator and one against a live
// world.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "play/scene.h"

namespace sealane::play {

struct Verdict {
  Position at;
  std::string text;  // the expectation as written
  bool met = false;
  std::string measured;      // what was found, for people
  int64_t measured_us = -1;  // the time that was bounded, where there is one
};

// One group of users.
struct Felt {
  std::string who;  // "near eu-west-1 get /docs/a"
  uint64_t request_count = 0, failed_count = 0, repeated_count = 0, unfinished_count = 0;
  Duration p50{}, p99{}, slowest{};
  std::string first_trouble;  // of a request that failed
};

struct Moment {
  Duration when{};  // scene time
  std::string who, what;
};

struct Report {
  std::string file, title;
  uint64_t seed = 0;
  bool met = false;  // every expectation, and no request without an end
  std::vector<Verdict> verdicts;
  std::vector<Felt> felt;
  std::vector<Moment> story;  // faults and failovers; at most kStoryMax
  bool story_cut = false;
  uint64_t trace_hash = 0, event_count = 0;
  Duration lasted{};  // of virtual or real time
  static constexpr size_t kStoryMax = 200;
};

std::string render(const Report& report);       // for people
std::string render_json(const Report& report);  // one object

}  // namespace sealane::play
