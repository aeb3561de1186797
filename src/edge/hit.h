// SPDX-License-Identifier: Apache-2.0
// Sends a stored answer: three views and one write, nothing allocated, nothing locked.
#pragma once

#include <string_view>

#include "cache/stored.h"
#include "edge/client_connection.h"

namespace sealane::edge {

// What is left of a body that is too large for one write; it must go out when the client has
// drained.
std::string_view send_stored(Context& context, ClientConnection& client,
                             const cache::Stored& stored, const cache::Asked& asked,
                             std::string_view x_cache);

// The judgement for a path of the plan.
cache::Rule rule_of(const plan::CacheRule& rule);

}  // namespace sealane::edge
