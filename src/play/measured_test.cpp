// SPDX-License-Identifier: Apache-2.0
// What the edge measures changes what the name server says: users who are farther from a region
// than the plan believes are sent elsewhere.
#include <gtest/gtest.h>

#include "play/stage.h"
#include "plan/world.h"
#include "steer/steer.h"

namespace sealane::play {
namespace {

constexpr std::string_view kWorld = R"(
domain: agent.example.test
regions:
  us-east-1:
    nodes: [192.0.2.1]
    agents: [http://192.0.2.1:9001]
    clients: [198.51.100.0/24]
  eu-west-1:
    nodes: [192.0.2.129]
    agents: [http://192.0.2.129:9001]
routing: { policy: latency, ttl: 5s }
health: { path: /health, interval: 100ms, failures: 3 }
edge: { viewer_protocol: allow-all }
)";

TEST(Measured, a_prefix_that_is_farther_than_the_plan_believes_is_sent_elsewhere) {
  const plan::Data data = plan::built_in_data(false);
  const auto compiled = plan::compile(
      kWorld, "w.yaml",
      [](std::string_view) -> Result<std::string> { return fail(Code::not_found, "none"); }, data);
  ASSERT_TRUE(compiled) << compiled.error().what;
  const auto plan = std::make_shared<const plan::Plan>(*compiled);
  Stage stage(plan, {});
  const plan::RegionId us = *plan->find_region("us-east-1");
  const plan::RegionId eu = *plan->find_region("eu-west-1");
  UserGroup& users =
      stage.add_users({.near = {.text = "us-east-1"}, .per_second = 20, .path = "/work"}, us);
  const IpAddress user = *IpAddress::parse("198.51.100.7");
  const steer::Question question{plan->public_group, user};
  const auto view = [&] { return stage.seats()[0].view; };  // of the node in us-east-1
  const auto answered = [&] {
    return plan->endpoint(steer::steer(*plan, *view(), question, 0).order[0]).region;
  };

  stage.run_until(Instant{} + 2s);
  users.begin();
  stage.run_until(Instant{} + 5s);
  EXPECT_EQ(answered(), us) << "measured, and as near as believed";
  const std::string near =
      steer::explain(*plan, *view(), question, steer::steer(*plan, *view(), question, 0));
  EXPECT_NE(near.find("measured for the client's prefix"), std::string::npos) << near;

  // The way from these users to us-east-1 takes a detour.
  stage.world().links().impair({.from = {*Prefix::parse("198.51.100.0/24")},
                                .to = {*Prefix::parse("192.0.2.1/32")},
                                .slow = 200ms});
  stage.run_until(Instant{} + 30s);
  EXPECT_EQ(answered(), eu) << steer::explain(*plan, *view(), question,
                                              steer::steer(*plan, *view(), question, 0));
  const std::string far =
      steer::explain(*plan, *view(), question, steer::steer(*plan, *view(), question, 0));
  EXPECT_NE(far.find("with measured round-trip times"), std::string::npos) << far;
  // Neighbours that nobody measured go where the plan says.
  EXPECT_EQ(steer::steer(*plan, *view(), {plan->public_group, *IpAddress::parse("198.51.101.7")}, 0)
                .scope_bits,
            24u);
}

}  // namespace
}  // namespace sealane::play
