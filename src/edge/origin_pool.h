// SPDX-License-Identifier: Apache-2.0
// The lane's connections to origins, by endpoint: who is busy, who rests, and how many there may
// be.
#pragma once

#include <memory>
#include <vector>

#include "edge/origin_connection.h"

namespace sealane::edge {

class OriginPool {
 public:
  // Below the 5 s after which Node.js closes an idle connection, so that we are the one who closes.
  static constexpr Duration kRestMax = 4s;
  // A request that must not be repeated takes a rested connection only when it is this young: the
  // chance that the origin closes it at this very moment is what the client would pay for.
  static constexpr Duration kRestMaxUnrepeatable = 500ms;

  explicit OriginPool(Context& context) : context_(context) {}

  enum class Want : uint8_t { any, young, fresh };
  // A resting connection or a new one that is being opened; nullptr when origin_connections_max is
  // reached.
  OriginConnection* acquire(plan::EndpointId endpoint, Want want);
  // False: not kept, drop it.
  bool rest(OriginConnection& connection);
  void drop(OriginConnection& connection);
  void plan_moved();
  size_t resting_count(plan::EndpointId endpoint) const;

 private:
  struct PerEndpoint {
    std::vector<OriginConnection*> resting;  // the last one rested last
    uint32_t count = 0;                      // resting and busy
  };
  Context& context_;
  std::vector<PerEndpoint> endpoints_;
  std::vector<std::unique_ptr<OriginConnection>> all_;  // in no order
};

}  // namespace sealane::edge
