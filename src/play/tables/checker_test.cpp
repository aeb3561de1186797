// SPDX-License-Identifier: Apache-2.0
#include "play/tables/checker.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sealane::play {
namespace {

TEST(TableChecker, finds_nothing_wrong_in_random_worlds) {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    const TableVerdict verdict = try_tables(random_trial(seed));
    EXPECT_TRUE(verdict.broken.empty())
        << "seed " << seed << ": " << fmt::format("{}", fmt::join(verdict.broken, "\n"));
    EXPECT_GT(verdict.acknowledged_count + verdict.refused_count, 100u) << "seed " << seed;
  }
}

TEST(TableChecker, runs_the_same_for_the_same_seed) {
  EXPECT_EQ(try_tables(random_trial(3)).trace_hash, try_tables(random_trial(3)).trace_hash);
}

}  // namespace
}  // namespace sealane::play
