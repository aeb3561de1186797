// SPDX-License-Identifier: Apache-2.0
#include "host/timer_queue.h"

#include <gtest/gtest.h>

#include <map>

#include "base/dice.h"

namespace sealane::host {
namespace {

Instant at(int64_t ms) { return Instant(std::chrono::milliseconds(ms)); }

TEST(TimerQueue, fires_at_the_deadline_and_not_before) {
  TimerQueue q;
  int fired = 0;
  auto t = q.make([&] { ++fired; });
  EXPECT_EQ(q.next(), Instant::max());
  t->arm_at(at(10));
  q.fire_due(at(9));
  EXPECT_EQ(fired, 0);
  q.fire_due(at(10));
  EXPECT_EQ(fired, 1);
  EXPECT_FALSE(t->armed());
  q.fire_due(at(100));
  EXPECT_EQ(fired, 1);
}

TEST(TimerQueue, a_deadline_moves_both_ways) {
  TimerQueue q;
  int fired = 0;
  auto t = q.make([&] { ++fired; });
  t->arm_at(at(10));
  t->arm_at(at(20));
  q.fire_due(at(15));
  EXPECT_EQ(fired, 0);
  t->arm_at(at(16));
  q.fire_due(at(16));
  EXPECT_EQ(fired, 1);
}

TEST(TimerQueue, a_callback_may_destroy_itself_and_others) {
  TimerQueue q;
  int fired = 0;
  std::unique_ptr<port::Timer> a, b;
  a = q.make([&] { ++fired, a.reset(), b.reset(); });
  b = q.make([&] { ++fired, a.reset(), b.reset(); });
  a->arm_at(at(1)), b->arm_at(at(1));
  q.fire_due(at(1));
  EXPECT_EQ(fired, 1);
}

TEST(TimerQueue, re_arming_in_the_past_waits_for_the_next_turn) {
  TimerQueue q;
  int fired = 0;
  std::unique_ptr<port::Timer> t;
  t = q.make([&] { ++fired, t->arm_at(at(0)); });
  t->arm_at(at(1));
  q.fire_due(at(5));
  EXPECT_EQ(fired, 1);
  q.fire_due(at(5));
  EXPECT_EQ(fired, 2);
}

TEST(TimerQueue, timers_outlive_the_queue) {
  std::unique_ptr<port::Timer> t;
  {
    TimerQueue q;
    t = q.make([] {});
    t->arm_at(at(1));
  }
  t->arm_at(at(2));
}

TEST(TimerQueue, equals_a_sorted_map_under_random_use) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed);
    TimerQueue q;
    std::vector<int> fired(20), want(20);
    std::vector<std::unique_ptr<port::Timer>> timers;
    std::map<size_t, int64_t> model;
    for (size_t i = 0; i < 20; ++i) timers.push_back(q.make([&fired, i] { ++fired[i]; }));
    int64_t now = 0;
    for (int step = 0; step < 2000; ++step) {
      const size_t i = dice.below(20);
      if (dice.chance(0.6)) {
        const auto when = now + int64_t(dice.below(50));
        timers[i]->arm_at(at(when)), model[i] = when;
      } else if (dice.chance(0.3)) {
        timers[i]->disarm(), model.erase(i);
      } else {
        now += int64_t(dice.below(10));
        q.fire_due(at(now));
        std::erase_if(model,
                      [&](auto& m) { return m.second <= now ? ++want[m.first], true : false; });
        ASSERT_EQ(fired, want);
      }
    }
  }
}

}  // namespace
}  // namespace sealane::host
