// SPDX-License-Identifier: Apache-2.0
#include "view/tally.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/dice.h"

namespace sealane::view {
namespace {

using plan::Check;

Instant at(Duration d) { return Instant{} + d; }

Check thresholds(uint8_t failures, uint8_t successes) {
  Check check;
  check.failures = failures, check.successes = successes;
  return check;
}

// Runs a story: '+' a good probe, '-' a refused one; gives 'U' or 'd' after each.
std::string run(const Check& check, std::string_view story, Tally tally = {}) {
  std::string states;
  for (const char c : story) {
    tally = count(tally, check, c == '+' ? Outcome::ok : Outcome::refused, at(0s)).tally;
    states += tally.healthy ? 'U' : 'd';
  }
  return states;
}

TEST(Tally, follows_the_truth_table) {
  struct Row {
    uint8_t failures, successes;
    std::string_view story, states;
  };
  const Row rows[] = {
      {3, 3, "+---", "UUUd"},        // falls with the third failure in a row
      {3, 3, "+--+---", "UUUUUUd"},  // one good probe starts the count again
      {3, 3, "+---+++", "UUUdddU"},  // comes back with the third success in a row
      {3, 3, "+---++-+++", "UUUddddddU"},
      {3, 2, "+---++", "UUUddU"},  // a threshold for each direction
      {1, 1, "+-+-", "UdUd"},
      {1, 3, "+-+++", "UdddU"},
      {3, 3, "-+", "dU"},  // provisional: the first good probe takes it back
      {3, 3, "--+", "ddU"},
      {3, 3, "---+++", "dddddU"},  // confirmed: now `successes` count
      {1, 3, "-+++", "dddU"},      // failures 1: the first probe confirms itself
      {3, 3, "-+---", "dUUUd"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(run(thresholds(row.failures, row.successes), row.story), row.states) << row.story;
  }
}

TEST(Tally, a_new_endpoint_is_healthy_until_its_first_probe) {
  const Tally fresh;
  EXPECT_TRUE(fresh.healthy);
  EXPECT_FALSE(fresh.known);
  const Counted nothing = count(fresh, thresholds(3, 3), Outcome::unknown, at(1s));
  EXPECT_EQ(nothing.tally, fresh);
  EXPECT_FALSE(nothing.flipped);
}

TEST(Tally, inverted_is_healthy_when_the_probe_fails) {
  Check check = thresholds(2, 2);
  check.inverted = true;
  EXPECT_EQ(run(check, "-++--"), "UUddU");
}

TEST(Tally, disabled_or_none_is_healthy_whatever_was_counted) {
  Tally down{.healthy = false, .known = true, .provisional = false, .contrary = 1, .since = at(1s)};
  Check disabled, none;
  disabled.disabled = true;
  none.kind = plan::CheckKind::none;
  for (const Check& check : {disabled, none}) {
    const Counted counted = count(down, check, Outcome::refused, at(5s));
    EXPECT_TRUE(counted.tally.healthy);
    EXPECT_TRUE(counted.flipped);
    EXPECT_EQ(counted.tally.since, at(5s));
    EXPECT_EQ(may_flip_in(counted.tally, check, 1s), std::nullopt);
  }
}

TEST(Tally, since_is_the_moment_of_the_flip) {
  const Check check = thresholds(2, 2);
  Tally tally = count({}, check, Outcome::ok, at(1s)).tally;
  tally = count(tally, check, Outcome::timeout, at(2s)).tally;
  EXPECT_EQ(tally.since, Instant{});
  const Counted down = count(tally, check, Outcome::timeout, at(3s));
  EXPECT_TRUE(down.flipped);
  EXPECT_EQ(down.tally.since, at(3s));
}

TEST(Tally, may_flip_in_sinks_with_each_contrary_probe) {
  const Check check = thresholds(3, 3);
  Tally tally = count({}, check, Outcome::ok, at(0s)).tally;
  EXPECT_EQ(may_flip_in(tally, check, 100ms), std::nullopt);
  tally = count(tally, check, Outcome::refused, at(0s)).tally;
  EXPECT_EQ(may_flip_in(tally, check, 100ms), 200ms);
  tally = count(tally, check, Outcome::refused, at(0s)).tally;
  EXPECT_EQ(may_flip_in(tally, check, 100ms), 100ms);
  tally = count(tally, check, Outcome::refused, at(0s)).tally;
  EXPECT_EQ(may_flip_in(tally, check, 100ms), std::nullopt);
  tally = count(tally, check, Outcome::ok, at(0s)).tally;
  EXPECT_EQ(may_flip_in(tally, check, 100ms), 200ms);
}

TEST(Tally, a_lowered_threshold_decides_with_the_next_probe) {
  Tally tally = count({}, thresholds(9, 3), Outcome::ok, at(0s)).tally;
  for (int i = 0; i < 5; ++i) tally = count(tally, thresholds(9, 3), Outcome::reset, at(0s)).tally;
  EXPECT_EQ(may_flip_in(tally, thresholds(2, 3), 100ms), 100ms);
  EXPECT_TRUE(count(tally, thresholds(2, 3), Outcome::reset, at(0s)).flipped);
}

// The naive model keeps the whole history and looks back over it.
bool naive(const Check& check, const std::vector<bool>& good) {
  bool healthy = true, provisional = false;
  size_t streak_from = 0;  // probes before this one count no more
  for (size_t i = 0; i < good.size(); ++i) {
    auto in_a_row = [&](bool value, size_t wanted) {
      if (i + 1 < wanted + streak_from) return false;
      for (size_t k = 0; k < wanted; ++k) {
        if (good[i - k] != value) return false;
      }
      return true;
    };
    if (i == 0 || provisional) {
      healthy = good[i];
      provisional = !healthy && !in_a_row(false, check.failures);
      if (!provisional) streak_from = i + 1;
    } else if (healthy ? in_a_row(false, check.failures) : in_a_row(true, check.successes)) {
      healthy = !healthy;
      streak_from = i + 1;
    }
  }
  return healthy;
}

TEST(Tally, equals_the_naive_model_over_random_histories) {
  constexpr uint64_t kSeed = 20261122;
  Dice dice(kSeed);
  for (int round = 0; round < 4000; ++round) {
    Check check = thresholds(uint8_t(1 + dice.below(10)), uint8_t(1 + dice.below(10)));
    check.inverted = dice.chance(0.2);
    const double good_chance = dice.unit();
    Tally tally;
    std::vector<bool> good;
    for (int i = 0; i < 60; ++i) {
      const bool ok = dice.chance(good_chance);
      good.push_back(ok != check.inverted);
      const Counted counted = count(tally, check, ok ? Outcome::ok : Outcome::timeout, at(1s * i));
      ASSERT_EQ(counted.flipped, counted.tally.healthy != tally.healthy);
      tally = counted.tally;
      ASSERT_EQ(tally.healthy, naive(check, good))
          << "seed " << kSeed << " round " << round << " probe " << i;
      ASSERT_TRUE(!tally.provisional || (tally.known && !tally.healthy));
      ASSERT_LT(tally.contrary, 10);
    }
  }
}

// Whatever may_flip_in() promises, that many further contrary probes flip it and no fewer do.
TEST(Tally, may_flip_in_is_exact) {
  constexpr uint64_t kSeed = 7;
  Dice dice(kSeed);
  for (int round = 0; round < 2000; ++round) {
    const Check check = thresholds(uint8_t(1 + dice.below(10)), uint8_t(1 + dice.below(10)));
    Tally tally;
    const uint64_t length = 1 + dice.below(40);
    for (uint64_t i = 0; i < length; ++i) {
      tally = count(tally, check, dice.chance(0.5) ? Outcome::ok : Outcome::reset, at(0s)).tally;
    }
    const auto promised = may_flip_in(tally, check, 1s);
    if (!promised) continue;
    const Outcome contrary = tally.healthy ? Outcome::reset : Outcome::ok;
    Duration took{};
    for (bool flipped = false; !flipped; took += 1s) {
      const Counted next = count(tally, check, contrary, at(0s));
      tally = next.tally, flipped = next.flipped;
    }
    ASSERT_EQ(took, *promised) << "seed " << kSeed << " round " << round;
  }
}

}  // namespace
}  // namespace sealane::view
