// SPDX-License-Identifier: Apache-2.0
// `sealane tables conflicts|snapshot|restore`: what operators do with a world's tables.
#pragma once

#include <CLI/CLI.hpp>

namespace sealane::main {

void add_tables_command(CLI::App& app, int& exit_code);

}  // namespace sealane::main
