// SPDX-License-Identifier: Apache-2.0
#include "steer/steer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/dice.h"
#include "steer/sample_world.h"

namespace sealane::steer {
namespace {

using plan::EndpointId;
using plan::Policy;
using Verdict = Step::Verdict;

std::vector<int> order_of(const Choice& choice) {
  std::vector<int> out;
  for (const auto id : choice.order) out.push_back(int(plan::index(id)));
  return out;
}

std::set<int> head_of(const Choice& choice) {
  const auto order = order_of(choice);
  return {order.begin(), order.begin() + choice.head_count};
}

// ── truth tables ─────────────────────────────────────────────────────────────────────────────────

TEST(Failover, truth_table) {
  struct Row {
    bool primary, secondary;
    std::vector<int> order;
    Verdict verdict;
  };
  for (const Row& row :
       {Row{true, true, {0, 1}, Verdict::first}, Row{true, false, {0}, Verdict::first},
        Row{false, true, {1}, Verdict::next}, Row{false, false, {0, 1}, Verdict::all_down_open}}) {
    SampleWorld w(2, Policy::failover);
    w.set(0, row.primary), w.set(1, row.secondary);
    const Choice c = w.ask();
    EXPECT_EQ(order_of(c), row.order);
    EXPECT_EQ(c.head_count, 1);
    EXPECT_EQ(c.why.front().verdict, row.verdict);
  }
}

TEST(Simple, all_healthy_ones_are_answered_together) {
  SampleWorld w(3, Policy::simple);
  w.set(1, false);
  EXPECT_EQ(order_of(w.ask()), (std::vector{0, 2}));
  EXPECT_EQ(w.ask().head_count, 2);
}

TEST(Latency, the_lowest_round_trip_wins_then_the_next_and_unknown_comes_last) {
  SampleWorld w(3, Policy::latency);
  w.rtt({30'000, 10'000, 0});
  EXPECT_EQ(order_of(w.ask()), (std::vector{1, 0, 2}));
  EXPECT_EQ(w.ask().why[0].estimate.rtt_us, 10'000u);
  w.set(1, false);
  const Choice c = w.ask();
  EXPECT_EQ(order_of(c), (std::vector{0, 2}));
  EXPECT_EQ(c.why[0].verdict, Verdict::next);
  EXPECT_EQ(c.why[0].skipped_count, 1);
}

TEST(Latency, measured_samples_beat_the_model_and_gaps_fall_back_to_it) {
  SampleWorld w(2, Policy::latency);
  w.rtt({30'000, 10'000});
  PrefixTable::Builder b;
  b.add(Prefix::parse("203.0.113.0/24").value(), 1);
  w.view.samples = std::make_shared<const view::LatencySamples>(
      view::LatencySamples{.table = b.build(0), .rows = {{5'000, 0}}, .places = {0}});
  EXPECT_EQ(order_of(w.ask("203.0.113.9")), (std::vector{0, 1}));
  EXPECT_EQ(w.ask("203.0.113.9").why[0].estimate.source, plan::LatencySource::sample);
  EXPECT_EQ(w.ask("203.0.113.9").scope_bits, 24);
  EXPECT_EQ(order_of(w.ask("203.0.114.9")), (std::vector{1, 0}));
}

TEST(Weighted, zero_weights_follow_route_53) {
  struct Row {
    std::vector<int> weights;
    std::vector<bool> healthy;
    std::set<int> heads;
  };
  for (const Row& row :
       {Row{{1, 0}, {true, true}, {0}}, Row{{1, 0}, {false, true}, {1}},
        Row{{0, 0}, {true, true}, {0, 1}}, Row{{0, 0}, {true, false}, {0}},
        Row{{3, 1}, {true, true}, {0, 1}}, Row{{3, 0, 0}, {false, true, true}, {1, 2}},
        Row{{1, 0}, {false, false}, {0}}}) {
    SampleWorld w(row.weights.size(), Policy::weighted);
    for (size_t i = 0; i < row.weights.size(); ++i) {
      w.plan.groups[0].members[i].weight = uint8_t(row.weights[i]);
      w.set(i, row.healthy[i]);
    }
    std::set<int> heads;
    for (uint64_t dice = 0; dice < 200; ++dice) heads.insert(order_of(w.ask("192.0.2.1", dice))[0]);
    EXPECT_EQ(heads, row.heads);
  }
}

TEST(Weighted, chances_are_weight_over_the_sum_of_the_healthy) {
  SampleWorld w(3, Policy::weighted);
  for (size_t i = 0; i < 3; ++i)
    w.plan.groups[0].members[i].weight = std::array<uint8_t, 3>{60, 30, 10}[i];
  auto share = [&] {
    std::map<int, int> count;
    constexpr int kRolls = 20'000;
    for (uint64_t dice = 0; dice < kRolls; ++dice)
      ++count[order_of(w.ask("192.0.2.1", mix64(dice)))[0]];
    return std::array{count[0] / double(kRolls), count[1] / double(kRolls),
                      count[2] / double(kRolls)};
  };
  // 20,000 rolls: the standard deviation of a share is below 0.0036; the bound is five of them.
  auto s = share();
  EXPECT_NEAR(s[0], 0.6, 0.018);
  EXPECT_NEAR(s[1], 0.3, 0.018);
  EXPECT_NEAR(s[2], 0.1, 0.018);
  w.set(0, false);
  s = share();
  EXPECT_EQ(s[0], 0);
  EXPECT_NEAR(s[1], 0.75, 0.018);
  EXPECT_NEAR(s[2], 0.25, 0.018);
}

TEST(Multivalue, up_to_eight_healthy_ones_at_random) {
  SampleWorld w(12, Policy::multivalue);
  w.set(3, false);
  std::set<int> seen;
  for (uint64_t dice = 0; dice < 300; ++dice) {
    const Choice c = w.ask("192.0.2.1", dice);
    EXPECT_EQ(c.head_count, 8);
    EXPECT_EQ(c.order.size(), 11u);
    for (int i = 0; i < 8; ++i) seen.insert(order_of(c)[size_t(i)]);
  }
  EXPECT_EQ(seen.size(), 11u);
  EXPECT_FALSE(seen.contains(3));
}

TEST(AllDown, open_closed_and_last_resorts) {
  SampleWorld w(2, Policy::failover);
  w.set(0, false), w.set(1, false);
  EXPECT_EQ(order_of(w.ask()), (std::vector{0, 1}));
  EXPECT_EQ(w.ask().ttl_s, 1u) << "nobody should remember it for long";
  w.plan.groups[0].when_all_down = plan::WhenAllDown::closed;
  EXPECT_TRUE(w.ask().order.empty());
  EXPECT_EQ(w.ask().why[0].verdict, Verdict::all_down_closed);
  w.plan.groups[0].when_all_down = plan::WhenAllDown::last_resorts;
  w.plan.groups[0].last_resorts = {EndpointId(1)};
  EXPECT_EQ(order_of(w.ask()), (std::vector{1}));
}

// ── nesting ──────────────────────────────────────────────────────────────────────────────────────

// latency{ A -> failover{A, C}, B -> failover{B, C} }: the tree that "latency with failover"
// compiles to.
SampleWorld latency_over_failover() {
  SampleWorld w(3, Policy::latency);
  w.rtt({10'000, 20'000, 30'000});
  w.plan.groups[0].members.clear();
  for (uint16_t region : {uint16_t{0}, uint16_t{1}}) {
    plan::Group g{.name = "failover " + std::to_string(region), .policy = Policy::failover};
    g.members = {{.target = region, .region = plan::RegionId{region}},
                 {.target = 2, .region = plan::RegionId{2}}};
    w.plan.groups[0].members.push_back({.kind = plan::Member::Kind::group,
                                        .target = uint16_t(w.plan.groups.size()),
                                        .region = plan::RegionId{region}});
    w.plan.groups.push_back(g);
  }
  return w;
}

TEST(Nesting, the_chosen_standby_comes_before_the_next_nearest) {
  SampleWorld w = latency_over_failover();
  EXPECT_EQ(order_of(w.ask()), (std::vector{0, 2, 1}));
  w.set(0, false);
  EXPECT_EQ(order_of(w.ask()), (std::vector{2, 1}));
  EXPECT_EQ(w.ask().why.size(), 2u);
  w.set(2, false);
  EXPECT_EQ(order_of(w.ask()), (std::vector{1}))
      << "the walk backs up out of a branch with nothing healthy";
  EXPECT_EQ(w.ask().why[0].skipped_count, 1);
}

// ── TTL and scope ────────────────────────────────────────────────────────────────────────────────

TEST(Ttl, sinks_when_a_change_is_near_and_only_for_what_can_change_the_answer) {
  SampleWorld w(2, Policy::failover);
  EXPECT_EQ(w.ask().ttl_s, 5u);
  w.view.endpoints[0].may_flip_in = 3500ms;
  EXPECT_EQ(w.ask().ttl_s, 3u);
  w.view.endpoints[0].may_flip_in = 200ms;
  EXPECT_EQ(w.ask().ttl_s, 1u) << "never below ttl_min";
  w.view.endpoints[0].may_flip_in = 60s;
  EXPECT_EQ(w.ask().ttl_s, 5u) << "never above ttl";
  w.view.endpoints[0].may_flip_in.reset();
  w.view.endpoints[1].may_flip_in = 200ms;
  EXPECT_EQ(w.ask().ttl_s, 5u) << "the standby's trouble does not concern the answer";
  w.set(0, false);
  w.view.endpoints[0].may_flip_in = 200ms;
  w.view.endpoints[1].may_flip_in.reset();
  EXPECT_EQ(w.ask().ttl_s, 1u) << "the primary is about to come back";
}

// simple over [failover over {0, 1}, 2].
SampleWorld simple_over_failover() {
  SampleWorld w(3, Policy::simple);
  plan::Group pair{.name = "pair", .policy = Policy::failover};
  pair.members.assign(w.plan.groups[0].members.begin(), w.plan.groups[0].members.begin() + 2);
  w.plan.groups[0].members.erase(w.plan.groups[0].members.begin());
  w.plan.groups[0].members[0].kind = plan::Member::Kind::group;
  w.plan.groups[0].members[0].target = 1;
  w.plan.groups.push_back(pair);
  return w;
}

TEST(Simple, answers_each_branch_by_its_first_and_no_standby) {
  SampleWorld w = simple_over_failover();
  EXPECT_EQ(head_of(w.ask()), (std::set{0, 2}));
  EXPECT_EQ(order_of(w.ask()).back(), 1) << "the standby is the last to be tried";
  w.set(0, false);
  EXPECT_EQ(head_of(w.ask()), (std::set{1, 2}));
  w.set(2, false);
  EXPECT_EQ(head_of(w.ask()), (std::set{1}));
}

TEST(Ttl, sinks_for_each_branch_that_is_answered_and_for_no_standby) {
  SampleWorld w = simple_over_failover();
  w.plan.groups[0].ttl_s = 60;
  w.plan.groups[0].ttl_min_s = 1;
  w.view.endpoints[1].may_flip_in = 5s;
  EXPECT_EQ(w.ask().ttl_s, 60u) << "the standby's news change nothing";
  w.view.endpoints[2].may_flip_in = 7s;
  EXPECT_EQ(w.ask().ttl_s, 7u);
}

TEST(Scope, is_zero_when_the_answer_does_not_depend_on_the_client) {
  SampleWorld w(2, Policy::latency);
  w.rtt({10'000, 20'000});
  PrefixTable::Builder b;
  b.add(Prefix::parse("203.0.112.0/20").value(), 0);
  b.add(Prefix::parse("203.0.113.0/24").value(), 1);
  w.plan.geography.table = b.build(0);
  w.plan.geography.places.push_back({.name = "near b",
                                     .to_region = {{40'000, plan::LatencySource::country_model},
                                                   {1'000, plan::LatencySource::country_model}}});
  EXPECT_EQ(order_of(w.ask("203.0.113.7"))[0], 1);
  EXPECT_EQ(w.ask("203.0.113.7").scope_bits, 24);
  EXPECT_EQ(w.ask("203.0.112.7").scope_bits, 24) << "the neighbour's /24 has another answer";
  w.plan.groups[0].policy = Policy::failover;
  EXPECT_EQ(w.ask("203.0.113.7").scope_bits, 0);
}

TEST(Explain, says_why_in_words) {
  SampleWorld w = latency_over_failover();
  w.set(0, false);
  w.view.endpoints[0].last = view::Outcome::refused;
  const Question q{plan::GroupId(0), IpAddress::v4(192, 0, 2, 1)};
  const std::string text = explain(w.plan, w.view, q, w.ask());
  for (const char* part : {"192.0.2.1", "latency", "10.0 ms", "1 better one is down",
                           "endpoint 2  [answered]", "ttl 5 s"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << "\nin\n" << text;
  }
}

// ── properties over random worlds ────────────────────────────────────────────────────────────────

bool any_healthy(const SampleWorld& w, plan::GroupId id, std::set<int>& healthy) {
  for (const auto& m : w.plan.group(id).members) {
    if (m.kind == plan::Member::Kind::group) {
      any_healthy(w, m.group(), healthy);
    } else if (w.view.healthy(m.endpoint())) {
      healthy.insert(m.target);
    }
  }
  return !healthy.empty();
}

// Whom a group answers, from whom its members alone would answer: those of one member, with
// failover of the first healthy one; of all healthy members where the policy answers together.
void expect_head_of_members(const SampleWorld& w, uint64_t roll) {
  const plan::Group& group = w.plan.groups[0];
  std::vector<std::set<int>> heads;  // of healthy members, in their order
  std::set<int> all;
  for (const plan::Member& m : group.members) {
    std::set<int> head, ignored;
    if (m.kind == plan::Member::Kind::endpoint) {
      if (w.view.healthy(m.endpoint())) head = {m.target};
    } else if (any_healthy(w, m.group(), ignored)) {
      head = head_of(choose(w.plan, w.view, m.group(), {}, roll));
    }
    if (head.empty()) continue;
    heads.push_back(head);
    all.insert(head.begin(), head.end());
  }
  const std::set<int> got = head_of(choose(w.plan, w.view, plan::GroupId(0), {}, roll));
  switch (group.policy) {
    case Policy::failover:
      ASSERT_EQ(got, heads[0]);
      break;
    case Policy::simple:
    case Policy::multivalue:
      if (all.size() <= kHeadMax) {
        ASSERT_EQ(got, all);
      } else {
        ASSERT_EQ(got.size(), kHeadMax);
        ASSERT_TRUE(std::ranges::includes(all, got));
      }
      break;
    case Policy::weighted:
    case Policy::latency:
      ASSERT_TRUE(std::ranges::find(heads, got) != heads.end());
  }
}

TEST(Properties, hold_in_random_worlds) {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed);
    const SampleWorld w = SampleWorld::random(dice);
    std::set<int> healthy;
    const bool some = any_healthy(w, plan::GroupId(0), healthy);
    const uint64_t roll = dice.roll();
    const Choice c = w.ask("192.0.2.1", roll);
    const auto order = order_of(c);
    const std::set<int> unique(order.begin(), order.end());
    ASSERT_EQ(unique.size(), order.size()) << "no endpoint twice";
    ASSERT_FALSE(c.why.empty()) << "every answer is explained";
    if (some) {
      ASSERT_EQ(unique, healthy) << "all that is healthy and nothing else";
      ASSERT_NO_FATAL_FAILURE(expect_head_of_members(w, roll));
    } else if (w.plan.groups[0].when_all_down == plan::WhenAllDown::closed) {
      ASSERT_TRUE(order.empty());
    } else {
      ASSERT_FALSE(order.empty());
    }
    ASSERT_EQ(c.head_count == 0, order.empty());
    ASSERT_LE(c.head_count, std::min(order.size(), kHeadMax));
    ASSERT_GE(c.ttl_s, w.plan.groups[0].ttl_min_s);
    ASSERT_LE(c.ttl_s, w.plan.groups[0].ttl_s);
    ASSERT_EQ(order, order_of(w.ask("192.0.2.1", roll))) << "the same question, the same answer";
  }
}

}  // namespace
}  // namespace sealane::steer
