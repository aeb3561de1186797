// SPDX-License-Identifier: Apache-2.0
// A few seeds in every test run; `play_explore --seeds 2000` does more.
#include "play/explore.h"

#include <gtest/gtest.h>

namespace sealane::play {
namespace {

// Sanitizers take ten times as long.
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
constexpr uint64_t kSeeds = 10;
#else
constexpr uint64_t kSeeds = 60;
#endif

const plan::Data& data() {
  static const plan::Data built_in = plan::built_in_data(false);
  return built_in;
}

TEST(Explore, every_invariant_holds_in_random_worlds) {
  uint64_t answers = 0, views = 0, requests = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Exploration one = explore(seed, data());
    ASSERT_TRUE(one.held) << render(one);
    answers += one.answer_count, views += one.view_count, requests += one.request_count;
  }
  // The invariants have been looked at, and not on an empty stage.
  EXPECT_GT(answers, kSeeds * 20);
  EXPECT_GT(views, kSeeds * 5);
  EXPECT_GT(requests, kSeeds * 10);
}

TEST(Explore, a_seed_is_the_whole_input) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    const Exploration a = explore(seed, data()), b = explore(seed, data());
    EXPECT_EQ(a.trace_hash, b.trace_hash) << "seed " << seed;
    EXPECT_EQ(a.event_count, b.event_count) << "seed " << seed;
    EXPECT_NE(a.trace_hash, explore(seed + 100, data()).trace_hash) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sealane::play
