// SPDX-License-Identifier: Apache-2.0
// What a runner has collected, and the judgement on it. Pure: a runner over the simulator and one
// over a live world fill the same Evidence, in scene time (0 is the scene's beginning; before it
// the world warms up).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "play/report.h"
#include "play/scene.h"
#include "play/users.h"

namespace sealane::play {

// A fresh DNS answer.
struct AnswerSeen {
  Duration when{};
  std::string near;                  // where it was asked
  std::string via;                   // region of the name server
  std::vector<std::string> regions;  // of the addresses in it, in order; empty: no address
};

// One observer (a node of another region) changed its mind about a region.
struct FlipSeen {
  Duration when{};
  std::string observer, region;
  bool down = false;
};

// For seen_down and seen_up: how the running observers saw the region when its time was over.
struct OpinionSeen {
  size_t expectation = 0;  // position in Scene::expectations
  std::string observer;
  bool down = false;
};

struct RequestSeen {
  size_t group = 0;      // position in Scene::users
  RequestRecord record;  // began and ended in scene time
};

struct Evidence {
  std::vector<AnswerSeen> answers;  // by time
  std::vector<FlipSeen> flips;      // by time
  std::vector<OpinionSeen> opinions;
  std::vector<RequestSeen> requests;
};

// Fills verdicts, felt and met.
void judge(const Scene& scene, const Evidence& evidence, Report& report);

}  // namespace sealane::play
