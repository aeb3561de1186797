// SPDX-License-Identifier: Apache-2.0
#include "play/drill/scenario.h"

#include <gtest/gtest.h>

#include "plan/world.h"

namespace sealane::play::drill {
namespace {

plan::Plan compile(const std::string& rest) {
  static const plan::Data data = plan::built_in_data(false);
  auto made = plan::compile(
      "domain: agent.example.test\n"
      "regions:\n"
      "  us-east-1: { nodes: [127.1.0.1], agents: ['http://127.1.0.1:9001'] }\n"
      "  eu-west-1: { nodes: [127.2.0.1], agents: ['http://127.2.0.1:9001'] }\n" +
          rest,
      "test.yaml", [](std::string_view) { return fail(Code::not_found, "no file"); }, data);
  EXPECT_TRUE(made) << made.error().what;
  return std::move(*made);
}

TEST(Scenario, the_nearest_serve_and_the_others_take_over) {
  const auto plan = compile("routing: { policy: latency, ttl: 5s }\n");
  const auto s = make_scenario(plan, Fault::kill, "us-east-1").value();
  ASSERT_EQ(s.places.size(), 2u);
  EXPECT_EQ(names_of(plan, s.places[0].before), "us-east-1");
  EXPECT_EQ(names_of(plan, s.places[0].during), "eu-west-1");
  EXPECT_TRUE(s.places[0].is_affected);
  EXPECT_FALSE(s.places[1].is_affected);
  EXPECT_TRUE(s.is_relieved);
  EXPECT_EQ(plan.endpoint(s.places[1].name_servers[0]).address.ip.to_string(), "127.2.0.1")
      << "the nearest is asked first";
}

TEST(Scenario, with_failover_everybody_loses_the_primary_and_nobody_the_standby) {
  const auto plan = compile("routing: { policy: failover, failover: [us-east-1, eu-west-1] }\n");
  const auto primary = make_scenario(plan, Fault::freeze, "us-east-1").value();
  EXPECT_TRUE(primary.places[0].is_affected && primary.places[1].is_affected);
  const auto standby = make_scenario(plan, Fault::freeze, "eu-west-1").value();
  EXPECT_FALSE(standby.places[0].is_affected || standby.places[1].is_affected);
}

TEST(Scenario, inside_a_region_that_is_cut_off_everything_goes_on) {
  const auto plan = compile("routing: { policy: latency }\n");
  const auto s = make_scenario(plan, Fault::cut, "us-east-1").value();
  EXPECT_FALSE(s.places[0].is_affected);
  const auto failover =
      compile("routing: { policy: failover, failover: [us-east-1, eu-west-1] }\n");
  const auto both = make_scenario(failover, Fault::cut, "us-east-1").value();
  EXPECT_FALSE(both.places[0].is_affected);
  EXPECT_TRUE(both.places[1].is_affected) << "users elsewhere lose it";
}

TEST(Scenario, bounds_come_from_the_check_and_the_ttl) {
  const auto plan = compile(
      "routing: { policy: latency, ttl: 7s }\n"
      "health: { interval: 50ms, timeout: 80ms, failures: 4, successes: 2 }\n");
  const Bounds kill = make_scenario(plan, Fault::kill, "us-east-1").value().bounds;
  EXPECT_EQ(kill.detect, 4 * 50ms + 80ms + kDetectSlack);
  EXPECT_EQ(kill.answer, kill.detect + kAnswerSlack);
  EXPECT_EQ(kill.wait_max, 280ms + kWaitSlack);
  EXPECT_EQ(kill.served_again, kill.answer + 200ms + kServedSlack);
  EXPECT_EQ(kill.ttl_served, kill.served_again + 7s);
  EXPECT_EQ(kill.seen_again, kRestartMax + 180ms + kBackSlack);
  const Bounds freeze = make_scenario(plan, Fault::freeze, "us-east-1").value().bounds;
  EXPECT_EQ(freeze.served_again - kill.served_again, Duration(500ms))
      << "a frozen node costs one try";
  EXPECT_EQ(kill.seen_again - freeze.seen_again, kRestartMax) << "nothing has to be started";
}

TEST(Scenario, weighted_users_may_be_anywhere_that_has_a_weight) {
  const auto plan =
      compile("routing: { policy: weighted, weights: { us-east-1: 1, eu-west-1: 99 } }\n");
  const auto s = make_scenario(plan, Fault::kill, "us-east-1").value();
  EXPECT_EQ(names_of(plan, s.places[0].before), "us-east-1, eu-west-1");
  EXPECT_EQ(names_of(plan, s.places[0].during), "eu-west-1");
}

TEST(Scenario, a_region_that_is_not_there_is_named_with_the_nearest_that_is) {
  const auto s = make_scenario(compile(""), Fault::kill, "us-eats-1");
  ASSERT_FALSE(s);
  EXPECT_EQ(s.error().code, Code::invalid);
  EXPECT_NE(s.error().what.find("did you mean 'us-east-1'?"), std::string::npos) << s.error().what;
}

TEST(Scenario, users_have_addresses_behind_those_of_nodes_and_stay_in_their_block) {
  Place place{.clients = Prefix::parse("127.3.0.0/16").value()};
  EXPECT_EQ(place.user(0).to_string(), "127.3.0.100");
  EXPECT_EQ(place.user(7).to_string(), "127.3.0.107");
  place.clients = Prefix::parse("127.3.0.4/32").value();
  EXPECT_EQ(place.user(7).to_string(), "127.3.0.4");
  place.clients = Prefix::parse("127.3.0.128/25").value();
  EXPECT_EQ(place.user(27).to_string(), "127.3.0.255");
  EXPECT_EQ(place.user(28).to_string(), "127.3.0.128") << "one more does not leave the block";
}

}  // namespace
}  // namespace sealane::play::drill
