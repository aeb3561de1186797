// SPDX-License-Identifier: Apache-2.0
#include "health/schedule.h"

#include <gtest/gtest.h>

#include <map>

#include "base/dice.h"

namespace sealane::health {
namespace {

TEST(Schedule, equals_a_sorted_map_over_random_calls) {
  constexpr uint64_t kSeed = 42;
  Dice dice(kSeed);
  Schedule schedule;
  schedule.resize(50);
  std::map<uint32_t, Instant> naive;
  for (int i = 0; i < 20'000; ++i) {
    const uint32_t slot = uint32_t(dice.below(50));
    if (dice.chance(0.7)) {
      const Instant when = Instant{} + 1ms * dice.below(100);
      schedule.set(slot, when);
      naive[slot] = when;
    } else {
      schedule.remove(slot);
      naive.erase(slot);
    }
    ASSERT_EQ(schedule.size(), naive.size());
    std::optional<Schedule::Due> first;
    for (const auto& [s, when] : naive) {
      if (!first || when < first->when) first = {s, when};
    }
    ASSERT_EQ(schedule.first().has_value(), first.has_value());
    if (first) {
      ASSERT_EQ(schedule.first()->slot, first->slot) << "seed " << kSeed << " call " << i;
      ASSERT_EQ(schedule.first()->when, first->when);
    }
    ASSERT_EQ(schedule.when(slot).has_value(), naive.contains(slot));
  }
}

TEST(Schedule, resize_forgets_everything) {
  Schedule schedule;
  schedule.resize(2);
  schedule.set(1, Instant{});
  schedule.resize(3);
  EXPECT_EQ(schedule.size(), 0u);
  EXPECT_EQ(schedule.when(1), std::nullopt);
}

}  // namespace
}  // namespace sealane::health
