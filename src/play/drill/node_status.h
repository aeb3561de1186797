// SPDX-License-Identifier: Apache-2.0
// A node's answer to GET /status, as far as a drill looks at it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sealane::play::drill {

constexpr size_t kStatusBytesMax = 8 << 20;

struct EndpointStatus {
  uint32_t id = 0;  // EndpointId of the node's plan
  bool healthy = false;
  bool known = false;
  std::string last;
  double since_ms = 0;  // age of the present state
};

struct NodeStatus {
  bool ready = false;
  std::string plan;  // version in hexadecimal
  std::vector<EndpointStatus> endpoints;
};

// Errors: Code::invalid, when it is not what /status says. Unknown members are ignored.
Result<NodeStatus> parse_status(std::string_view json);

}  // namespace sealane::play::drill
