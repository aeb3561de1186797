// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/time.h"

namespace sealane {

// Milliseconds since 1970, as stamps, records and AWS's dates have them.
constexpr uint64_t unix_ms(WallTime wall) { return uint64_t(wall.time_since_epoch().count()); }

}  // namespace sealane
