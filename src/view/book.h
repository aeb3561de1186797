// SPDX-License-Identifier: Apache-2.0
// The single writer's book: what one node has seen of every endpoint of its plan. Probes and
// round-trip times go in, immutable Views come out. Pure: `now` comes in, nothing is published from
// here.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plan/plan.h"
#include "view/latency_book.h"
#include "view/tally.h"
#include "view/view.h"

namespace sealane::view {

// Which node keeps the book.
struct Own {
  IpAddress node;
  std::string region;  // looked at when the plan has no such node
};

// One probe of an endpoint.
struct Seen {
  Outcome outcome = Outcome::unknown;
  uint16_t status = 0;  // HTTP status, 0: none
  uint32_t rtt_us = 0;  // of a good probe
  Duration next_in{};   // how long until the next probe of this endpoint; 0: the check's interval
};

struct Recorded {
  bool flipped = false;      // the endpoint went up or down
  bool own_flipped = false;  // and the node's own endpoint, which is derived, did too
  bool changed = false;      // a reader of the View decides differently: publish at once
};

class Book {
 public:
  Book(std::shared_ptr<const plan::Plan> plan, Own own, Instant now);

  // What this node has to look at itself: the agents of its own region and every other node.
  bool is_probed(plan::EndpointId id) const { return entries_[plan::index(id)].probed; }
  // The node's own endpoint. Its health is derived: up while an agent of its region is; at an edge
  // location (no agents) while a region with agents is.
  std::optional<plan::EndpointId> own_node() const { return own_node_; }
  std::optional<plan::RegionId> own_region() const { return own_region_; }

  Recorded record(plan::EndpointId id, const Seen& seen, Instant now);
  void record_rtt(const Prefix& client, plan::RegionId region, uint32_t rtt_us, Instant now) {
    latency_.record(client, region, rtt_us, now);
  }
  bool latency_due(Instant now) const { return latency_.due(now); }
  // True when something was recorded since the last snapshot, even if it only matters to people
  // (the status, round-trip time or outcome of the last probe).
  bool touched() const { return touched_; }

  // Goes on with another plan. Endpoints that are the same (kind, region, address, host, path, TLS)
  // keep their state, even under a changed check; others are new. Returns, by the new EndpointId,
  // the old id or nothing.
  std::vector<std::optional<plan::EndpointId>> change_plan(std::shared_ptr<const plan::Plan> plan,
                                                           Instant now);

  const plan::Plan& plan() const { return *plan_; }
  const EndpointView& look(plan::EndpointId id) const { return entries_[plan::index(id)].shown; }
  // The world now, with a version one higher than the last.
  View snapshot(Instant now);

 private:
  struct Entry {
    Tally tally;
    EndpointView shown;
    bool probed = false;
  };
  void place();
  Entry fresh(plan::EndpointId id, Instant now) const;
  bool derive_own(Instant now);
  void rebuild_samples(Instant now);

  std::shared_ptr<const plan::Plan> plan_;
  Own own_;
  std::optional<plan::EndpointId> own_node_;
  std::optional<plan::RegionId> own_region_;
  std::vector<plan::EndpointId> sources_;  // of the own node's health
  std::vector<Entry> entries_;             // by EndpointId
  LatencyBook latency_;
  // as last built
  std::shared_ptr<const LatencySamples> samples_ = std::make_shared<const LatencySamples>();
  uint64_t version_ = 0;
  bool touched_ = true;
};

}  // namespace sealane::view
