// SPDX-License-Identifier: Apache-2.0
#include "view/book.h"

#include <gtest/gtest.h>

namespace sealane::view {
namespace {

using plan::Endpoint;
using plan::EndpointId;
using plan::EndpointKind;

Instant at(Duration d) { return Instant{} + d; }
IpAddress ip(unsigned region, unsigned host = 1) {
  return IpAddress::v4(127, uint8_t(region), 0, uint8_t(host));
}

struct Made {
  std::shared_ptr<plan::Plan> plan = std::make_shared<plan::Plan>();
  Made& region(const std::string& name, unsigned nodes, unsigned agents) {
    const plan::RegionId id{uint16_t(plan->regions.size())};
    plan->regions.emplace_back().name = name;
    const unsigned k = unsigned(plan->regions.size());
    for (unsigned i = 0; i < nodes + agents; ++i) {
      Endpoint e;
      e.kind = i < nodes ? EndpointKind::node : EndpointKind::agent;
      e.region = id;
      e.address = i < nodes ? SocketAddress{ip(k, i + 1), 8080}
                            : SocketAddress{ip(k), uint16_t(9001 + i - nodes)};
      e.name = e.address.to_string();
      (i < nodes ? plan->regions.back().nodes : plan->regions.back().agents)
          .push_back(EndpointId(plan->endpoints.size()));
      plan->endpoints.push_back(e);
    }
    return *this;
  }
};

EndpointId named(const plan::Plan& plan, std::string_view name) {
  for (size_t i = 0; i < plan.endpoints.size(); ++i) {
    if (plan.endpoints[i].name == name) return EndpointId(i);
  }
  ADD_FAILURE() << "no endpoint " << name;
  return {};
}

class BookOfTwo : public testing::Test {
 protected:
  // us: node 127.1.0.1, agents 9001 9002. eu: nodes 127.2.0.1 127.2.0.2, agent 9001. ap: an edge
  // location.
  std::shared_ptr<plan::Plan> plan_ =
      Made{}.region("us", 1, 2).region("eu", 2, 1).region("ap", 1, 0).plan;
  Book book_{plan_, {ip(1), "us"}, at(0s)};
  EndpointId us_node_ = named(*plan_, "127.1.0.1:8080");
  EndpointId us_1_ = named(*plan_, "127.1.0.1:9001"), us_2_ = named(*plan_, "127.1.0.1:9002");
  EndpointId eu_1_ = named(*plan_, "127.2.0.1:8080"), eu_2_ = named(*plan_, "127.2.0.2:8080");
  EndpointId eu_agent_ = named(*plan_, "127.2.0.1:9001");

  Recorded see(EndpointId id, Outcome outcome, int times = 1) {
    Recorded last;
    for (int i = 0; i < times; ++i)
      last = book_.record(id, {.outcome = outcome}, at(1s * ++ticks_));
    return last;
  }
  int ticks_ = 0;
};

TEST_F(BookOfTwo, probes_its_own_agents_and_the_other_nodes) {
  EXPECT_TRUE(book_.is_probed(us_1_));
  EXPECT_TRUE(book_.is_probed(us_2_));
  EXPECT_TRUE(book_.is_probed(eu_1_));
  EXPECT_TRUE(book_.is_probed(eu_2_));
  EXPECT_FALSE(book_.is_probed(us_node_));
  EXPECT_FALSE(book_.is_probed(eu_agent_));
}

TEST_F(BookOfTwo, the_own_node_is_up_while_one_of_its_agents_is) {
  see(us_1_, Outcome::ok), see(us_2_, Outcome::ok);
  EXPECT_TRUE(book_.look(us_node_).known);
  EXPECT_FALSE(see(us_1_, Outcome::refused, 3).own_flipped);
  EXPECT_TRUE(book_.look(us_node_).healthy);
  EXPECT_TRUE(see(us_2_, Outcome::refused, 3).own_flipped);
  EXPECT_FALSE(book_.look(us_node_).healthy);
  EXPECT_EQ(book_.look(us_node_).last, Outcome::refused);
  EXPECT_TRUE(see(us_1_, Outcome::ok, 3).own_flipped);
  EXPECT_TRUE(book_.look(us_node_).healthy);
}

TEST_F(BookOfTwo, the_own_node_may_flip_when_its_last_healthy_agent_may) {
  see(us_1_, Outcome::ok), see(us_2_, Outcome::ok);
  see(us_1_, Outcome::refused);
  EXPECT_EQ(book_.look(us_node_).may_flip_in, std::nullopt);
  see(us_2_, Outcome::refused, 2);
  EXPECT_EQ(book_.look(us_1_).may_flip_in, 200ms);
  EXPECT_EQ(book_.look(us_2_).may_flip_in, 100ms);
  EXPECT_EQ(book_.look(us_node_).may_flip_in, 200ms);
  see(us_1_, Outcome::refused, 2), see(us_2_, Outcome::refused);
  EXPECT_EQ(book_.look(us_node_).may_flip_in, std::nullopt);
  see(us_2_, Outcome::ok);
  EXPECT_EQ(book_.look(us_node_).may_flip_in, 200ms);
}

TEST_F(BookOfTwo, an_edge_location_is_up_while_a_region_with_agents_is) {
  Book edge(plan_, {ip(3), "ap"}, at(0s));
  const EndpointId own = *edge.own_node();
  EXPECT_EQ(plan_->endpoint(own).address.ip, ip(3));
  auto down = [&](EndpointId id) {
    Recorded last;
    for (int i = 0; i < 3; ++i) last = edge.record(id, {.outcome = Outcome::timeout}, at(1s));
    return last;
  };
  down(us_node_), down(eu_1_);
  EXPECT_TRUE(edge.look(own).healthy);
  EXPECT_EQ(edge.look(eu_2_).known, false);
  down(eu_2_);
  EXPECT_FALSE(edge.look(own).healthy);
  for (int i = 0; i < 3; ++i) edge.record(eu_1_, {.outcome = Outcome::ok}, at(2s));
  EXPECT_TRUE(edge.look(own).healthy);
}

TEST_F(BookOfTwo, only_what_changes_a_decision_is_a_change) {
  EXPECT_TRUE(see(us_1_, Outcome::ok).changed);  // known now
  EXPECT_FALSE(see(us_1_, Outcome::ok).changed);
  EXPECT_TRUE(see(us_1_, Outcome::refused).changed);  // answers must live shorter now
  EXPECT_TRUE(see(us_1_, Outcome::ok).changed);
  EXPECT_TRUE(see(us_1_, Outcome::refused, 3).flipped);
  EXPECT_FALSE(see(us_1_, Outcome::timeout).changed);
  EXPECT_TRUE(book_.touched());
}

TEST_F(BookOfTwo, a_faster_cadence_is_a_sooner_flip) {
  see(us_1_, Outcome::ok);
  book_.record(us_1_, {.outcome = Outcome::refused, .next_in = 25ms}, at(9s));
  EXPECT_EQ(book_.look(us_1_).may_flip_in, 50ms);
}

TEST_F(BookOfTwo, each_snapshot_has_a_higher_version_and_the_whole_world) {
  see(us_1_, Outcome::refused);
  const View first = book_.snapshot(at(5s));
  const View second = book_.snapshot(at(6s));
  EXPECT_LT(first.version, second.version);
  EXPECT_EQ(second.as_of, at(6s));
  ASSERT_EQ(first.endpoints.size(), plan_->endpoints.size());
  EXPECT_FALSE(first.healthy(us_1_));
  EXPECT_TRUE(first.healthy(eu_agent_));
  EXPECT_FALSE(book_.touched());
}

TEST_F(BookOfTwo, a_new_plan_keeps_what_is_the_same_and_forgets_what_is_gone) {
  see(us_1_, Outcome::refused), see(eu_1_, Outcome::timeout, 3), see(us_2_, Outcome::ok);
  // The regions change places, us loses an agent and gets another, the check of eu changes.
  auto next = Made{}.region("eu", 2, 1).region("us", 1, 1).plan;
  for (Endpoint& e : next->endpoints) {
    e.address.ip = ip(e.region == plan::RegionId{0} ? 2 : 1, e.address.ip.bytes()[3]);
    e.name = e.address.to_string();
    if (e.region == plan::RegionId{0}) e.check.path = "/other";
  }
  const auto from = book_.change_plan(next, at(100s));
  ASSERT_EQ(from.size(), next->endpoints.size());
  const EndpointId eu_1 = named(*next, "127.2.0.1:8080"), us_1 = named(*next, "127.1.0.1:9001");
  EXPECT_EQ(from[plan::index(eu_1)], eu_1_);
  EXPECT_FALSE(book_.look(eu_1).healthy);
  EXPECT_EQ(book_.look(eu_1).since, at(2s));
  EXPECT_FALSE(book_.look(us_1).healthy);
  EXPECT_FALSE(book_.look(*book_.own_node()).healthy);  // its only agent is down
  EXPECT_EQ(book_.snapshot(at(101s)).endpoints.size(), next->endpoints.size());
}

TEST_F(BookOfTwo, a_check_that_is_disabled_by_a_reload_is_healthy) {
  see(us_1_, Outcome::refused, 3);
  auto next = std::make_shared<plan::Plan>(*plan_);
  next->endpoints[plan::index(us_1_)].check.disabled = true;
  book_.change_plan(next, at(9s));
  EXPECT_FALSE(book_.is_probed(us_1_));
  EXPECT_TRUE(book_.look(us_1_).healthy);
}

TEST_F(BookOfTwo, a_node_outside_the_plan_probes_every_node) {
  Book stranger(plan_, {ip(99), "nowhere"}, at(0s));
  EXPECT_EQ(stranger.own_node(), std::nullopt);
  EXPECT_TRUE(stranger.is_probed(us_node_));
  EXPECT_FALSE(stranger.is_probed(us_1_));
}

TEST_F(BookOfTwo, latency_samples_survive_a_reload_that_moves_the_regions) {
  const Prefix client = *Prefix::parse("198.51.100.0/24");
  book_.record_rtt(client, plan::RegionId{1}, 80'000, at(1s));
  EXPECT_TRUE(book_.latency_due(at(1s)));
  book_.snapshot(at(1s));
  auto next = Made{}.region("eu", 1, 1).region("us", 1, 1).plan;
  book_.change_plan(next, at(2s));
  const View view = book_.snapshot(at(2s));
  const auto found = view.samples->table.find(*IpAddress::parse("198.51.100.7"));
  ASSERT_GT(found.value, 0u);
  EXPECT_EQ(view.samples->rows[found.value - 1], (std::vector<uint32_t>{80'000, 0}));
}

}  // namespace
}  // namespace sealane::view
