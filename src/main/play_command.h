// SPDX-License-Identifier: Apache-2.0
// `sealane play FILE.play [--seed N]`.
#pragma once

#include <CLI/CLI.hpp>

namespace sealane::main {

// Adds the command; `exit_code` is set when it ran.
void add_play_command(CLI::App& app, int& exit_code);

}  // namespace sealane::main
