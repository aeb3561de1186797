// SPDX-License-Identifier: Apache-2.0
#include "play/drill/tracker.h"

#include <algorithm>

namespace sealane::play::drill {

using plan::EndpointId;
using plan::RegionId;

namespace {
bool holds(const std::vector<RegionId>& regions, RegionId region) {
  return std::ranges::find(regions, region) != regions.end();
}
}  // namespace

void Tracker::look() {
  for (; requests_ < seen_.requests.size(); ++requests_) {
    const RequestSeen& r = seen_.requests[requests_];
    Count& count = counts_[r.near];
    ++(r.ok() ? count.ok : count.failed);
    if (r.try_count > 1) ++count.retried;
    Last& last = last_[{r.near, r.kind}];
    // A request that ends late says less about now than one that began after it.
    if (r.intended >= last.intended) last = {r.ok(), r.intended, r.served_by};
  }
  for (; answers_ < seen_.answers.size(); ++answers_) {
    const AnswerSeen& a = seen_.answers[answers_];
    answer_[{a.node, a.near}] = a.regions;
  }
  for (; health_ < seen_.health.size(); ++health_) {
    const HealthSeen& h = seen_.health[health_];
    healthy_[{h.node, h.endpoint}] = h.healthy;
  }
}

template <typename F>
bool Tracker::each_survivor(F&& survivor_holds) const {
  for (const plan::Region& region : plan_.regions) {
    if (&region == &plan_.region(scenario_.target)) continue;
    for (const EndpointId node : region.nodes) {
      if (!survivor_holds(node)) return false;
    }
  }
  return true;
}

bool Tracker::sees_target(EndpointId node, bool healthy) const {
  return std::ranges::all_of(target_nodes(plan_, scenario_), [&](EndpointId target) {
    const auto at = healthy_.find({node, target});
    return at != healthy_.end() && at->second == healthy;
  });
}

bool Tracker::users_are(bool at_target) const {
  for (const Place& place : scenario_.places) {
    if (!place.is_affected) continue;
    if (!at_target && holds(place.during, scenario_.target)) continue;
    if (at_target && place.before.size() > 1) continue;  // chance may send them elsewhere
    for (const Kind kind : {Kind::retrying, Kind::ttl_only}) {
      const auto at = last_.find({place.region, kind});
      if (at == last_.end() || !at->second.ok) return false;
      if ((at->second.by == scenario_.target) != at_target) return false;
    }
  }
  return true;
}

bool Tracker::has_moved() const {
  return users_are(false) && each_survivor([&](EndpointId node) {
           return sees_target(node, false) &&
                  std::ranges::all_of(scenario_.places, [&](const Place& place) {
                    if (!holds(place.before, scenario_.target) ||
                        holds(place.during, scenario_.target))
                      return true;
                    const auto at = answer_.find({node, place.region});
                    return at != answer_.end() && !at->second.empty() &&
                           !holds(at->second, scenario_.target);
                  });
         });
}

bool Tracker::has_returned() const {
  return users_are(true) && each_survivor([&](EndpointId node) {
           return sees_target(node, true) &&
                  std::ranges::all_of(scenario_.places, [&](const Place& place) {
                    if (!holds(place.before, scenario_.target) || place.before.size() > 1)
                      return true;
                    const auto at = answer_.find({node, place.region});
                    return at != answer_.end() && holds(at->second, scenario_.target);
                  });
         });
}

bool Tracker::all_at_home() const {
  return std::ranges::all_of(scenario_.places, [&](const Place& place) {
    return std::ranges::all_of(kKinds, [&](Kind kind) {
      const auto at = last_.find({place.region, kind});
      return at != last_.end() && at->second.ok && holds(place.before, at->second.by);
    });
  });
}

RegionId Tracker::serves(RegionId near) const {
  const auto at = last_.find({near, Kind::retrying});
  return at == last_.end() || !at->second.ok ? kNowhere : at->second.by;
}

}  // namespace sealane::play::drill
