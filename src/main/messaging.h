// SPDX-License-Identifier: Apache-2.0
// The nats-server of a region, by the world file: for the keeper of `sealane up`, and for who runs
// nats-server by hand
// (`sealane nats-config`).
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>

#include "base/result.h"
#include "host/nats_config.h"
#include "plan/plan.h"

namespace sealane::main {

// On the region's first node, with gateways to those of all other regions that keep tables. Issues
// its certificate when the one in DATA/ca is missing or will end soon. Error `invalid`: the region
// keeps no tables, or needs nobody to talk to.
Result<host::NatsConfig> nats_config_of(const plan::Plan& plan, plan::RegionId region,
                                        const std::filesystem::path& data_dir);

// `sealane nats-config`: prints it.
void add_nats_config_command(CLI::App& app, int& exit_code);

}  // namespace sealane::main
