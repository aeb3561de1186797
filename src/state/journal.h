// SPDX-License-Identifier: Apache-2.0
// Values that lost a conflict, as the bytes that are stored.
#pragma once

#include <string>
#include <string_view>

#include "state/engine.h"

namespace sealane::state {

void append_packed(std::string& out, const Lost& lost);
// Error `corrupt`.
Result<Lost> take_packed_lost(std::string_view& bytes);

}  // namespace sealane::state
