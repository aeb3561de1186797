// SPDX-License-Identifier: Apache-2.0
// What a running node cannot take over from a new world.
#pragma once

#include <string>

#include "plan/plan.h"

namespace sealane::main {

// The keys whose change waits for a restart, as the world file names them: "ports.http, lanes".
// Empty: all of the new world is taken over.
std::string waits_for_restart(const plan::Plan& running, const plan::Plan& fresh);

}  // namespace sealane::main
