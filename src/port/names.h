// SPDX-License-Identifier: Apache-2.0
// Host names to addresses, by whatever resolver the machine has, without holding up the lane.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"

namespace sealane::port {

class Names {
 public:
  static constexpr size_t kUnderWayMax = 16;
  using Done = std::function<void(Result<std::vector<IpAddress>>)>;

  // What was asked and is not answered is forgotten.
  virtual ~Names() = default;
  // Calls `done` on this lane, never from inside, with every address of the name in the resolver's
  // order (at least one), or: not_found, unavailable; limit: kUnderWayMax names are being asked
  // for. It may take as long as the resolver does, or for ever: who asks has a deadline of his own.
  virtual void resolve(const std::string& name, Done done) = 0;
};

}  // namespace sealane::port
