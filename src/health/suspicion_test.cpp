// SPDX-License-Identifier: Apache-2.0
// What the edge's suspicions do, and what they cannot.
#include <algorithm>

#include "health/test_world.h"

namespace sealane::health {
namespace {

TEST(Health, a_suspect_that_refuses_falls_at_a_quarter_of_the_interval) {
  Duration worst{};
  for (Duration phase{}; phase < 100ms; phase += 3ms) {
    World w;
    const EndpointId id = w.agent();
    w.serve(id, FakeServer::status(200));
    w.start();
    w.run(1s + phase);
    w.serve(id, FakeServer::refuses());
    w.health->suspect(id, Outcome::refused);
    worst = std::max(worst, w.until(id, false, 1s));
  }
  EXPECT_LE(worst, 75ms + 1ms);
}

TEST(Health, a_suspicion_alone_ejects_nobody) {
  World w;
  const EndpointId id = w.agent();
  w.check(id).failures = 1;
  w.serve(id, FakeServer::status(200));
  w.start();
  w.run(1s);
  for (int i = 0; i < 100; ++i) {
    w.health->suspect(id, Outcome::refused);
    w.run(7ms);
    ASSERT_TRUE(w.healthy(id));
  }
}

TEST(Health, a_storm_of_suspicions_is_a_bounded_number_of_probes) {
  World w;
  const EndpointId id = w.agent();
  w.serve(id, FakeServer::status(200));
  w.start();
  w.run(1s);
  const size_t before = w.seen(id).connects.size();
  for (int i = 0; i < 10'000; ++i) {
    w.health->suspect(id, Outcome::reset);
    w.run(100us);
  }
  EXPECT_LE(w.seen(id).connects.size() - before, 41u);  // 1 s at 25 ms
  EXPECT_EQ(w.seen(id).open_most, 1);
  const auto& at = w.seen(id).connects;
  for (size_t i = before + 1; i < at.size(); ++i) ASSERT_GE(at[i] - at[i - 1], 25ms);
  w.run(1s);
  const size_t after = w.seen(id).connects.size();
  w.run(1s);
  EXPECT_EQ(w.seen(id).connects.size() - after, 10u) << "back to the common pace";
}

TEST(Health, a_suspect_that_freezes_keeps_the_common_pace) {
  World w;
  const EndpointId id = w.agent();
  w.check(id).failures = 10;
  w.serve(id, FakeServer::status(200));
  w.start();
  w.run(1s);
  w.serve(id, FakeServer::frozen());
  const size_t before = w.seen(id).connects.size();
  for (int i = 0; i < 50; ++i) {
    w.health->suspect(id, Outcome::timeout);
    w.run(10ms);
  }
  EXPECT_LE(w.seen(id).connects.size() - before, 6u);
  EXPECT_TRUE(w.healthy(id));
}

TEST(Health, a_suspicion_during_a_probe_asks_again_even_if_that_one_was_good) {
  World w;
  const EndpointId id = w.agent();
  w.serve(id, FakeServer::says("HTTP/1.1 200 OK\r\n\r\n", 10ms));
  w.start();
  w.run(1s);
  while (w.fake.open_count == 0) w.run(1ms);
  w.serve(id, FakeServer::refuses());  // dies after this probe was answered for
  w.health->suspect(id, Outcome::reset);
  EXPECT_LE(w.until(id, false, 1s), 85ms);
}

TEST(Health, suspicions_about_nobody_are_ignored) {
  World w;
  const EndpointId id = w.agent();
  w.serve(id, FakeServer::status(200));
  w.start();
  w.run(1s);
  w.health->suspect(EndpointId{4711}, Outcome::refused);
  w.health->suspect(EndpointId{0}, Outcome::refused);  // our own node
  w.health->suspect(id, Outcome::bad_status);          // an answer, not a broken connection
  EXPECT_EQ(w.fake.metric("sealane_health_suspicions_total"), 0u);
}

}  // namespace
}  // namespace sealane::health
