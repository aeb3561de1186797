// SPDX-License-Identifier: Apache-2.0
// Runs a scene in virtual time and reports.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "plan/data.h"
#include "plan/world.h"
#include "play/report.h"
#include "play/scene.h"

namespace sealane::play {

constexpr Duration kWarmUp = 3s;   // before the scene's time begins: nodes look around first
constexpr Duration kDrain = 150s;  // after it: what is under way has to end
constexpr Duration kWatchPeriod = 10ms;

struct Options {
  plan::ReadFile read_file;          // what the scene and its world refer to, relative to the scene
  const plan::Data* data = nullptr;  // null: the built-in data without address blocks
  size_t trace_max = 0;
};

// Compiles the scene's world and runs it. Errors are mistakes in the scene or its world
// (Code::invalid), with file, line and column; an expectation that is not met is no error, it is in
// the report.
Result<Report> run(const Scene& scene, uint64_t seed, const Options& options);

// The whole way from the text of a .play file.
Result<Report> run_file(std::string_view text, std::string_view name, uint64_t seed,
                        const Options& options);

}  // namespace sealane::play
