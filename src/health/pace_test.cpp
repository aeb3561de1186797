// SPDX-License-Identifier: Apache-2.0
// When: bounds of detection, the spread of probes, the first round, our own lateness.
#include <algorithm>

#include "health/test_world.h"

namespace sealane::health {
namespace {

struct Bound {
  const char* what;
  Duration interval, timeout;
  uint8_t failures;
  FakeServer fault;
  Duration most;
};

TEST(Health, detection_keeps_its_bound_at_every_phase) {
  const Bound bounds[] = {
      {"refused", 100ms, 100ms, 3, FakeServer::refuses(), 300ms + 1ms},
      {"frozen", 100ms, 100ms, 3, FakeServer::frozen(), 400ms + 1ms},
      {"cut", 100ms, 100ms, 3, FakeServer::silent(), 400ms + 1ms},
      {"503", 100ms, 100ms, 3, FakeServer::status(503), 300ms + 1ms},
      {"refused fast", 20ms, 20ms, 2, FakeServer::refuses(), 40ms + 1ms},
      {"frozen fast", 20ms, 20ms, 2, FakeServer::frozen(), 60ms + 1ms},
      {"frozen, timeout longer than the interval", 100ms, 250ms, 3, FakeServer::frozen(),
       850ms + 1ms},
      {"the floor", 10ms, 10ms, 1, FakeServer::refuses(), 10ms + 1ms},
  };
  for (const Bound& bound : bounds) {
    Duration worst{}, sum{};
    int runs = 0;
    for (Duration phase{}; phase < bound.interval; phase += bound.interval / 37, ++runs) {
      World w(uint64_t(runs) + 1);
      const EndpointId id = w.agent();
      w.check(id).interval = bound.interval, w.check(id).timeout = bound.timeout;
      w.check(id).failures = bound.failures;
      w.serve(id, FakeServer::status(200));
      w.start();
      w.run(1s + phase);
      ASSERT_TRUE(w.healthy(id));
      w.serve(id, bound.fault);
      const Duration took = w.until(id, false, 2s);
      worst = std::max(worst, took), sum += took;
    }
    EXPECT_LE(worst, bound.most) << bound.what;
    std::printf("%-45s worst %5.1f ms, mean %5.1f ms\n", bound.what, double(to_us(worst)) / 1e3,
                double(to_us(sum / runs)) / 1e3);
  }
}

TEST(Health, the_interval_counts_from_start_to_start) {
  World w;
  const EndpointId id = w.agent();
  w.serve(id, FakeServer::says("HTTP/1.1 200 OK\r\n\r\n", 40ms));  // slow, but in time
  w.start();
  w.run(10s);
  const auto& at = w.seen(id).connects;
  ASSERT_GE(at.size(), 100u);
  for (size_t i = 2; i < at.size(); ++i) ASSERT_EQ(at[i] - at[i - 1], 100ms) << i;
}

TEST(Health, a_probe_never_overlaps_the_next_of_its_endpoint) {
  World w;
  const EndpointId id = w.agent();
  w.check(id).interval = 50ms, w.check(id).timeout = 200ms;
  w.serve(id, FakeServer::frozen());
  w.start();
  w.run(10s);
  const auto& at = w.seen(id).connects;
  EXPECT_EQ(w.seen(id).open_most, 1);
  for (size_t i = 2; i < at.size(); ++i)
    ASSERT_EQ(at[i] - at[i - 1], 200ms) << "begins when the last ended";
}

TEST(Health, thousands_of_endpoints_are_spread_over_the_interval) {
  World w(7);
  constexpr unsigned kCount = 5000;
  std::vector<EndpointId> ids;
  for (unsigned i = 0; i < kCount; ++i) {
    ids.push_back(w.agent(i));
    w.check(ids.back()).interval = w.check(ids.back()).timeout = 1s;
    w.serve(ids.back(), FakeServer::status(200));
  }
  w.start();
  bool round = false;
  w.health->on_first_round([&] { round = true; });
  w.run(100ms);
  EXPECT_TRUE(round);
  for (const EndpointId id : ids) ASSERT_TRUE(w.view()->endpoints[plan::index(id)].known);
  w.run(2s);
  // One more second, counted by milliseconds: 5 a millisecond on average, none with a crowd.
  for (const EndpointId id : ids) w.seen(id).connects.clear();
  const Instant from = w.fake.time();
  w.run(1s);
  std::vector<unsigned> by_ms(1001);
  size_t all = 0;
  for (const EndpointId id : ids) {
    ASSERT_GE(w.seen(id).connects.size(), 1u);
    for (const Instant at : w.seen(id).connects) ++by_ms[size_t(to_ms(at - from))], ++all;
  }
  EXPECT_NEAR(double(all), kCount, 2);
  EXPECT_LE(std::ranges::max(by_ms), 20u);
  EXPECT_LE(w.view()->version, 200u) << "views are made for changes, not for probes";
}

TEST(Health, the_first_round_is_over_at_its_bound_even_if_someone_is_frozen) {
  World w;
  const EndpointId good = w.agent(1), frozen = w.agent(2);
  w.check(frozen).timeout = 60s;
  w.serve(good, FakeServer::status(200)), w.serve(frozen, FakeServer::frozen());
  w.start();
  std::vector<Duration> rounds;
  const Instant from = w.fake.time();
  w.health->on_first_round([&] { rounds.push_back(w.fake.time() - from); });
  w.run(100s);
  EXPECT_EQ(rounds, std::vector<Duration>{2s});
}

TEST(Health, the_first_round_comes_even_with_nothing_to_probe) {
  World w;
  w.start();
  bool round = false;
  w.health->on_first_round([&] { round = true; });
  EXPECT_FALSE(round) << "never inside the call";
  w.run(0ms);
  EXPECT_TRUE(round);
}

TEST(Health, a_stall_of_our_own_takes_nobody_down) {
  World w;
  const EndpointId id = w.agent();
  w.check(id).failures = 1;
  w.serve(id, FakeServer::says("HTTP/1.1 200 OK\r\n\r\n", 5ms));
  w.start();
  w.run(1s);
  for (int i = 0; i < 20; ++i) {
    while (w.fake.open_count == 0) w.run(1ms);
    w.fake.stall(500ms);
  }
  w.run(1s);
  EXPECT_TRUE(w.healthy(id));
  EXPECT_EQ(w.fake.metric("sealane_health_flips_total{to=\"down\"}"), 0u);
  EXPECT_GT(w.fake.metric("sealane_health_late_deadlines_total"), 0u);
}

TEST(Health, a_probe_that_we_could_not_make_says_nothing) {
  World w;
  const EndpointId id = w.agent();
  FakeServer server;
  server.connect = FakeServer::Connect::no_descriptor;
  w.serve(id, FakeServer::status(200));
  w.start();
  w.run(1s);
  w.serve(id, server);
  w.run(5s);
  EXPECT_TRUE(w.healthy(id));
  EXPECT_NEAR(double(w.fake.metric("sealane_health_probes_not_made_total")), 50, 1);
}

}  // namespace
}  // namespace sealane::health
