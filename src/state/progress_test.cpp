// SPDX-License-Identifier: Apache-2.0
#include "state/progress.h"

#include <gtest/gtest.h>

#include <thread>

namespace sealane::state {
namespace {

TEST(Progress, tells_the_furthest_of_every_source) {
  Progress progress;
  EXPECT_TRUE(progress.applied().empty());
  progress.raise(7, 1);
  progress.raise(9, 100);
  progress.raise(7, 2);
  const table::Vector applied = progress.applied();
  EXPECT_EQ(applied.size(), 2u);
  EXPECT_EQ(applied.position(7), 2u);
  EXPECT_EQ(applied.position(9), 100u);
}

TEST(Progress, what_is_shown_is_more_than_what_is_applied_and_never_less_than_it_was) {
  Progress progress;
  progress.raise(7, 5);
  progress.show(7, 9);
  progress.show(8, 3);
  EXPECT_EQ(progress.applied().position(7), 5u);
  EXPECT_EQ(progress.applied().position(8), 0u);
  EXPECT_EQ(progress.shown().position(7), 9u);
  EXPECT_EQ(progress.shown().position(8), 3u);
  progress.raise(7, 2);  // a log that is read once more
  EXPECT_EQ(progress.applied().position(7), 2u);
  EXPECT_EQ(progress.shown().position(7), 9u);
  progress.raise(7, 10);
  EXPECT_EQ(progress.shown().position(7), 10u);
}

TEST(Progress, sources_beyond_the_bound_are_not_told) {
  Progress progress;
  for (table::Source source = 1; source <= Progress::kSourcesMax + 1; ++source)
    progress.raise(source, source);
  EXPECT_EQ(progress.applied().size(), Progress::kSourcesMax);
  EXPECT_EQ(progress.applied().position(Progress::kSourcesMax + 1), 0u);
}

// The writer raises b only after a: who sees b at n has been told of a at n.
TEST(Progress, a_reader_is_never_told_less_than_it_was_and_sees_causes_before_effects) {
  constexpr uint64_t kLast = 20000;
  Progress progress;
  std::thread writer([&] {
    for (uint64_t n = 1; n <= kLast; ++n) {
      progress.raise(1, n);
      progress.raise(2, n);
    }
  });
  uint64_t last = 0;
  while (last < kLast) {
    const uint64_t effect = progress.applied().position(2);
    const uint64_t cause = progress.applied().position(1);
    ASSERT_GE(effect, last);
    ASSERT_GE(cause, effect);
    last = effect;
  }
  writer.join();
}

}  // namespace
}  // namespace sealane::state
