// SPDX-License-Identifier: Apache-2.0
// The contract of port::Fabric in the simulator, and what only it can do: cuts, frozen brokers,
// seeds.
#include "sim/fabric.h"

#include <gtest/gtest.h>

#include "port/fabric_contract.h"

namespace sealane::port::contract {

struct SimFabricBench {
  sim::World world{sim::WorldOptions{.seed = 7}};
  IpAddress at = IpAddress::v4(10, 0, 0, 9);
  sim::Node& broker = world.messaging().add_broker("broker", at);
  std::unique_ptr<Fabric> fabrics[3] = {open("a", 1), open("b", 2), open("c", 3)};
  std::unique_ptr<Fabric> open(const char* name, uint8_t last) {
    sim::Node& node = world.add_node({.name = name, .addresses = {IpAddress::v4(10, 0, 0, last)}});
    return world.messaging().open(node, at);
  }
  Fabric& a() { return *fabrics[0]; }
  Fabric& b() { return *fabrics[1]; }
  Fabric& c() { return *fabrics[2]; }
  bool run(const std::function<bool()>& done, Duration max) {
    return world.run_until(done, world.now() + max);
  }
  void close_a() { fabrics[0].reset(); }
  void lose_server() { world.kill(broker); }
  void restore_server() { world.start(broker); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sim, FabricContract, SimFabricBench);

}  // namespace sealane::port::contract

namespace sealane::sim {
namespace {

// Two regions, 40 ms apart, a broker and a node in each; the node of `eu` publishes each 10 ms.
struct TwoRegions {
  World world;
  Node &eu_broker, &us_broker, &eu, &us;
  std::unique_ptr<port::Fabric> from, to;
  std::unique_ptr<port::Fabric::Subscription> subscription;
  std::vector<std::pair<Instant, int>> got;
  int sent_count = 0;

  static IpAddress ip(uint8_t region, uint8_t last) { return IpAddress::v4(10, 0, region, last); }
  explicit TwoRegions(uint64_t seed)
      : world({.seed = seed,
               .round_trip =
                   [](const IpAddress& a, const IpAddress& b) {
                     return a.bytes()[2] == b.bytes()[2] ? Duration(1ms) : Duration(40ms);
                   }}),
        eu_broker(world.messaging().add_broker("eu-broker", ip(1, 9))),
        us_broker(world.messaging().add_broker("us-broker", ip(2, 9))),
        eu(world.add_node({.name = "eu", .addresses = {ip(1, 1)}})),
        us(world.add_node({.name = "us", .addresses = {ip(2, 1)}})),
        from(world.messaging().open(eu, ip(1, 9))),
        to(world.messaging().open(us, ip(2, 9))) {
    subscription = to->subscribe("n", [this](const port::Fabric::Message& message) {
      got.emplace_back(world.now(), std::stoi(std::string(message.bytes)));
    });
    world.run_for(1s);
    publish();
  }
  void publish() {
    from->publish("n", std::to_string(++sent_count));
    world.at(world.now() + 10ms, [this] { publish(); });
  }
  Hosts region(uint8_t number) const { return {Prefix::of(ip(number, 0), 24)}; }
  void expect_order() const {
    for (size_t i = 1; i < got.size(); ++i) ASSERT_LT(got[i - 1].second, got[i].second);
  }
};

TEST(Messages, take_the_way_through_both_brokers) {
  TwoRegions two(1);
  two.world.run_for(1s);
  ASSERT_FALSE(two.got.empty());
  EXPECT_TRUE(two.world.messaging().is_joined(two.eu_broker, two.us_broker));
  const Duration taken = two.got.front().first - Instant(1s);
  EXPECT_GE(taken, 21ms);  // half of 1 + 40 + 1 ms
  EXPECT_LE(taken, 23ms);
  two.expect_order();
}

TEST(Messages, flow_again_soon_after_a_long_cut) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    TwoRegions two(seed);
    two.world.run_for(1s);
    two.world.cut(two.region(1), two.region(2));
    two.world.run_for(100ms);
    const size_t before = two.got.size();
    two.world.run_for(8s);
    EXPECT_EQ(two.got.size(), before) << "nothing passes";
    EXPECT_FALSE(two.world.messaging().is_joined(two.eu_broker, two.us_broker));
    EXPECT_TRUE(two.from->is_connected()) << "its own broker is there";
    two.world.links().heal_all();
    const Instant healed = two.world.now();
    ASSERT_TRUE(two.world.run_until([&] { return two.got.size() > before; }, healed + 5s));
    EXPECT_LE(two.got.back().first - healed, 500ms) << "seed " << seed;
    EXPECT_GE(two.got.back().second - two.got[before - 1].second, 700) << "the cut's are gone";
    two.expect_order();
  }
}

TEST(Messages, of_a_short_cut_come_late_and_in_order) {
  TwoRegions two(3);
  two.world.run_for(1s);
  two.world.cut(two.region(1), two.region(2));
  two.world.run_for(500ms);
  two.world.links().heal_all();
  two.world.run_for(2s);
  two.expect_order();
  EXPECT_GE(two.got.size() + 5, size_t(two.sent_count)) << "none is lost";
}

TEST(Messages, a_lossy_way_delays_and_loses_none) {
  TwoRegions two(4);
  two.world.links().impair({.from = two.region(1), .to = two.region(2), .loss = 0.2});
  two.world.run_for(5s);
  two.world.links().heal_all();
  two.world.run_for(1s);
  two.expect_order();
  EXPECT_GE(two.got.size() + 5, size_t(two.sent_count));
}

TEST(Messages, a_frozen_broker_is_given_up_and_comes_back) {
  TwoRegions two(5);
  two.world.run_for(1s);
  two.world.freeze(two.us_broker);
  two.world.run_for(5s);
  EXPECT_FALSE(two.to->is_connected());
  EXPECT_TRUE(two.from->is_connected());
  const size_t before = two.got.size();
  two.world.thaw(two.us_broker);
  two.world.run_for(1s);
  EXPECT_TRUE(two.to->is_connected());
  EXPECT_GT(two.got.size(), before);
  two.expect_order();
}

TEST(Messages, a_broker_that_lost_power_is_noticed_by_its_silence) {
  TwoRegions two(6);
  two.world.run_for(1s);
  two.world.power_off(two.eu_broker);
  two.world.run_for(500ms);
  EXPECT_TRUE(two.from->is_connected()) << "nobody said a word";
  two.world.run_for(4s);
  EXPECT_FALSE(two.from->is_connected());
  const size_t before = two.got.size();
  two.world.start(two.eu_broker);
  two.world.run_for(1s);
  EXPECT_GT(two.got.size(), before);
}

TEST(Messages, the_same_seed_gives_the_same_run) {
  const auto run = [](uint64_t seed) {
    TwoRegions two(seed);
    two.world.cut(two.region(1), two.region(2));
    two.world.run_for(4s);
    two.world.links().heal_all();
    two.world.kill(two.us_broker);
    two.world.run_for(1s);
    two.world.start(two.us_broker);
    two.world.run_for(3s);
    return two.world.trace_hash();
  };
  EXPECT_EQ(run(9), run(9));
  EXPECT_NE(run(9), run(10));
}

}  // namespace
}  // namespace sealane::sim
