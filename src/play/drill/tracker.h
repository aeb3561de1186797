// SPDX-License-Identifier: Apache-2.0
// Where the world stands at the moment, folded from the observations so far: has everything moved
// away from the target, is everything back? Looks at each observation once.
#pragma once

#include <array>
#include <map>
#include <utility>
#include <vector>

#include "play/drill/observations.h"
#include "play/drill/scenario.h"

namespace sealane::play::drill {

class Tracker {
 public:
  Tracker(const plan::Plan& plan, const Scenario& scenario, const Observations& seen)
      : plan_(plan), scenario_(scenario), seen_(seen) {}
  void look();

  // Every surviving node sees the target down and names it to nobody who can be served elsewhere,
  // and the users who lost it are served elsewhere.
  bool has_moved() const;
  // Every surviving node sees the target up and names it again, and its users are there.
  bool has_returned() const;
  // Each place's users were answered well last time, by whom the plan names.
  bool all_at_home() const;

  struct Count {
    uint64_t ok = 0, failed = 0, retried = 0;
  };
  // Of a place's users since the last call.
  Count take_count(plan::RegionId near) { return std::exchange(counts_[near], {}); }
  plan::RegionId serves(plan::RegionId near) const;  // who answered its retrying users last

 private:
  struct Last {
    bool ok = false;
    Instant intended;
    plan::RegionId by = kNowhere;
  };
  bool sees_target(plan::EndpointId node, bool healthy) const;
  template <typename F>
  bool each_survivor(F&& holds) const;
  bool users_are(bool at_target) const;

  const plan::Plan& plan_;
  const Scenario& scenario_;
  const Observations& seen_;
  size_t requests_ = 0, answers_ = 0, health_ = 0;  // looked at so far
  std::map<std::pair<plan::EndpointId, plan::RegionId>, std::vector<plan::RegionId>> answer_;
  std::map<std::pair<plan::EndpointId, plan::EndpointId>, bool> healthy_;
  std::map<std::pair<plan::RegionId, Kind>, Last> last_;
  std::map<plan::RegionId, Count> counts_;
};

}  // namespace sealane::play::drill
