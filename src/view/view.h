// SPDX-License-Identifier: Apache-2.0
// What the world looks like from this node, as an immutable snapshot for every lane.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/prefix_table.h"
#include "base/time.h"
#include "plan/plan.h"

namespace sealane::view {

// Why a probe failed, or how an endpoint was last seen.
enum class Outcome : uint8_t {
  unknown,     // never probed
  ok,
  refused,     // connect answered by RST
  timeout,     // no answer in time
  reset,       // the connection broke
  tls,         // handshake failed
  bad_status,  // not 2xx or 3xx
  no_match,    // the search string was not found
  bad_answer,  // not HTTP
  unresolved,  // its host name has no address yet
};
const char* name(Outcome outcome);

struct EndpointView {
  bool healthy = true;      // a new endpoint is healthy until known
  bool known = false;       // probed at least once, or needs no probe
  Outcome last = Outcome::unknown;
  uint16_t status = 0;      // HTTP status of the last probe, 0: none
  uint32_t rtt_us = 0;      // of the last good probe
  Instant since;            // of the present `healthy`
  // Set while probes contradict the present state: the soonest moment at which it can flip. Answers
  // do not live longer than that.
  std::optional<Duration> may_flip_in;
};

// Measured round-trip times, client prefix to region.
struct LatencySamples {
  PrefixTable table;  // address -> row + 1; 0: no sample
  std::vector<std::vector<uint32_t>> rows;  // by RegionId, microseconds; 0: none
  // By row: the plan's place of the prefix, whose estimates stand in for regions without a sample.
  // Shorter than rows: place 0 for the rest.
  std::vector<uint32_t> places;
};

struct View {
  uint64_t version = 0;
  Instant as_of;
  uint64_t plan_version = 0;            // of the plan that it was made for
  std::vector<EndpointView> endpoints;  // by EndpointId of that plan
  // Shared by all views until somebody measured something else. Never null.
  std::shared_ptr<const LatencySamples> samples = std::make_shared<const LatencySamples>();

  // A view that knows nothing yet: every endpoint healthy until known.
  static View unknown(const plan::Plan& plan, Instant now);
  bool is_of(const plan::Plan& plan) const {
    return plan_version == plan.version && endpoints.size() == plan.endpoints.size();
  }
  bool healthy(plan::EndpointId id) const { return endpoints[plan::index(id)].healthy; }
};

}  // namespace sealane::view
