// SPDX-License-Identifier: Apache-2.0
// `sealane demo WORLD [--once]`: brings the world up, lets users in, kills its primary, heals it,
// and prints what users felt. What the README's first command runs.
#pragma once

#include <filesystem>

namespace sealane::main {

struct DemoOptions {
  std::filesystem::path world;
  std::filesystem::path data_dir = ".sealane";
  bool once = false;  // stop when the verdict is out, also on a terminal
};

// 0 only if every expectation of the drill was met.
int run_demo(const DemoOptions& options);

}  // namespace sealane::main
