// SPDX-License-Identifier: Apache-2.0
// `sealane drill`: breaks a region of the world that `sealane up` runs here, heals it, and says
// what users felt.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <string>

#include "play/drill/drill.h"
#include "play/drill/scenario.h"

namespace sealane::main {

struct DrillArguments {
  play::drill::Fault fault = play::drill::Fault::kill;
  std::string region;
  std::filesystem::path world;  // empty: the one that is up
  std::filesystem::path data_dir = ".sealane";
  std::filesystem::path report, json;  // files to write; empty: none
  play::drill::Drill::Options options;
};

// 0: every expectation of the plan was met. 1: not all, or it was interrupted. 2: the input is
// wrong. 3: no world is up here, or it was not healthy to begin with.
int run_drill(const DrillArguments& arguments);

// Adds the command; `exit_code` is set when it ran.
void add_drill_command(CLI::App& app, int& exit_code);

}  // namespace sealane::main
