// SPDX-License-Identifier: Apache-2.0
// Host names by the machine's own resolver. Blocks: for start-up and reload, never on a data lane
// (names.h is for those).
#pragma once

#include <string>
#include <vector>

#include "base/ip.h"

namespace sealane::host {

// The first address, IPv4 before IPv6.
Result<IpAddress> resolve(const std::string& name);
// All of them, each once, in the resolver's order but IPv4 before IPv6.
Result<std::vector<IpAddress>> resolve_all(const std::string& name);

}  // namespace sealane::host
