// SPDX-License-Identifier: Apache-2.0
// `sealane status` and `sealane top`: asks every node of a world, at once and again each second.
#pragma once

#include <CLI/CLI.hpp>

namespace sealane::main {

void add_overview_commands(CLI::App& app, int& exit_code);

}  // namespace sealane::main
