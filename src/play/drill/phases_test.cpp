// SPDX-License-Identifier: Apache-2.0
#include "play/drill/phases.h"

#include <gtest/gtest.h>

namespace sealane::play::drill {
namespace {

class PhasesTest : public testing::Test {
 protected:
  // Steps every 10 ms until an action or `max`.
  Action run(Duration max, bool Sight::* flag = nullptr) {
    for (const Instant end = now + max; now < end; now += 10ms) {
      Sight sight = base;
      sight.now = now;
      if (flag != nullptr) sight.*flag = true;
      if (const Action action = phases.step(sight); action != Action::none) return action;
    }
    return Action::none;
  }
  void to_settle() {
    ASSERT_EQ(run(3s, &Sight::is_well), Action::inject);
    base.is_told = true;
    ASSERT_EQ(run(20ms), Action::none);
    ASSERT_EQ(phases.phase(), Phase::settle);
  }
  Instant now = Instant{} + 1h;
  Sight base;
  Phases phases{{}, now};
};

TEST_F(PhasesTest, a_world_that_is_not_well_is_left_alone) {
  EXPECT_EQ(run(30s), Action::finish);
  EXPECT_NE(phases.stopped_by(), "");
}

TEST_F(PhasesTest, the_fault_comes_after_the_baseline) {
  const Instant start = now;
  EXPECT_EQ(run(30s, &Sight::is_well), Action::inject);
  EXPECT_EQ(now - start, Duration(2s));
}

TEST_F(PhasesTest, heal_waits_until_everything_has_moved_for_two_seconds) {
  to_settle();
  EXPECT_EQ(run(5s), Action::none);
  EXPECT_EQ(run(1900ms, &Sight::has_moved), Action::none);
  EXPECT_EQ(run(100ms), Action::none) << "it moved back: the two seconds begin anew";
  const Instant start = now;
  EXPECT_EQ(run(5s, &Sight::has_moved), Action::heal);
  EXPECT_EQ(now - start, Duration(2s));
}

TEST_F(PhasesTest, heal_comes_at_the_bound_when_nothing_moves) {
  to_settle();
  const Instant start = now;
  EXPECT_EQ(run(60s), Action::heal);
  EXPECT_LE(now - start, Duration(20s));
}

TEST_F(PhasesTest, an_interrupted_fault_is_healed_before_the_end) {
  to_settle();
  EXPECT_EQ(run(1s, &Sight::is_aborted), Action::heal);
  base.is_told = false;
  EXPECT_EQ(run(1s, &Sight::is_aborted), Action::none) << "the heal is not confirmed yet";
  EXPECT_EQ(run(1s, &Sight::is_told), Action::finish);
  EXPECT_NE(phases.stopped_by(), "");
}

TEST_F(PhasesTest, interrupted_while_the_fault_is_ordered_it_is_still_healed) {
  ASSERT_EQ(run(3s, &Sight::is_well), Action::inject);
  base.is_aborted = true;
  EXPECT_EQ(run(1s), Action::none);
  EXPECT_EQ(run(1s, &Sight::is_told), Action::heal);
}

TEST_F(PhasesTest, a_fault_that_was_refused_ends_the_drill) {
  ASSERT_EQ(run(3s, &Sight::is_well), Action::inject);
  EXPECT_EQ(run(1s, &Sight::is_refused), Action::finish);
  EXPECT_NE(phases.stopped_by(), "");
}

TEST_F(PhasesTest, the_return_is_watched_and_bounded) {
  to_settle();
  ASSERT_EQ(run(5s, &Sight::has_moved), Action::heal);
  const Instant start = now;
  EXPECT_EQ(run(60s), Action::finish);
  EXPECT_LE(now - start, Duration(20100ms));
  EXPECT_EQ(phases.stopped_by(), "");
}

}  // namespace
}  // namespace sealane::play::drill
