// SPDX-License-Identifier: Apache-2.0
// Small plans and views made by hand, for tests of steer and of those who call it.
#pragma once

#include <string>
#include <vector>

#include "base/dice.h"
#include "steer/steer.h"

namespace sealane::steer {

// Endpoint i stands alone in region i; group 0 holds them all.
struct SampleWorld {
  plan::Plan plan;
  view::View view;

  SampleWorld(size_t count, plan::Policy policy) {
    plan::Group group{.name = "agent.example.test", .policy = policy};
    for (uint16_t i = 0; i < count; ++i) {
      const plan::RegionId region{i};
      plan.regions.push_back({.name = "region-" + std::to_string(i)});
      plan.endpoints.push_back({.region = region, .name = "endpoint " + std::to_string(i)});
      group.members.push_back({.target = i, .region = region});
    }
    plan.groups.push_back(group);
    plan.geography.places.push_back({.name = "unknown"});
    view = view::View::unknown(plan, Instant{});
  }
  void set(size_t endpoint, bool healthy) { view.endpoints[endpoint].healthy = healthy; }
  // Microseconds from place 0 to each region; 0: unknown.
  void rtt(std::vector<uint32_t> us) {
    auto& row = plan.geography.places[0].to_region;
    row.clear();
    for (const uint32_t t : us) {
      row.push_back(
          {t, t == 0 ? plan::LatencySource::unknown : plan::LatencySource::country_model});
    }
  }
  Choice ask(const char* client = "192.0.2.1", uint64_t dice = 1) const {
    return steer::steer(plan, view, {plan::GroupId(0), IpAddress::parse(client).value()}, dice);
  }

  // A tree of up to three levels over up to ten endpoints, with random policies, weights, health
  // and TTLs.
  static SampleWorld random(Dice& dice) {
    SampleWorld w(1 + dice.below(10), plan::Policy::simple);
    std::vector<uint32_t> us;
    for (size_t i = 0; i < w.plan.regions.size(); ++i)
      us.push_back(uint32_t(dice.below(4) * 10'000));
    w.rtt(us);
    const size_t group_count = 1 + dice.below(5);
    w.plan.groups.resize(group_count);
    for (size_t g = 0; g < group_count; ++g) {
      plan::Group& group = w.plan.groups[g];
      group.name = "group " + std::to_string(g);
      group.policy = plan::Policy(dice.below(5));
      group.when_all_down = dice.chance(0.5) ? plan::WhenAllDown::open : plan::WhenAllDown::closed;
      group.ttl_s = uint32_t(1 + dice.below(10));
      group.ttl_min_s = uint32_t(dice.below(group.ttl_s + 1));
      group.members.clear();
      const size_t member_count = 1 + dice.below(4);
      for (size_t m = 0; m < member_count; ++m) {
        const auto endpoint = uint16_t(dice.below(w.plan.endpoints.size()));
        plan::Member member{.target = endpoint,
                            .weight = uint8_t(dice.below(4)),
                            .region = plan::RegionId{endpoint}};
        // Groups only point to later ones, so there is no cycle, and the deepest chain is
        // group_count.
        if (g + 1 < group_count && dice.chance(0.4)) {
          member.kind = plan::Member::Kind::group;
          member.target = uint16_t(g + 1 + dice.below(group_count - g - 1));
        }
        group.members.push_back(member);
      }
    }
    for (size_t i = 0; i < w.plan.endpoints.size(); ++i) {
      w.set(i, dice.chance(0.6));
      if (dice.chance(0.3))
        w.view.endpoints[i].may_flip_in = std::chrono::milliseconds(dice.below(20'000));
    }
    return w;
  }
};

}  // namespace sealane::steer
