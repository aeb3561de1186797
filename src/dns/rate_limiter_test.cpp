// SPDX-License-Identifier: Apache-2.0
#include "dns/rate_limiter.h"

#include <gtest/gtest.h>

namespace sealane::dns {
namespace {

using Verdict = RateLimiter::Verdict;
const Instant kStart{Duration(1h)};
const IpAddress kClient = IpAddress::v4(192, 0, 2, 1);

int passed(RateLimiter& limiter, const IpAddress& client, int asked, Instant now) {
  int count = 0;
  for (int i = 0; i < asked; ++i) count += limiter.check(client, 0, now) == Verdict::pass ? 1 : 0;
  return count;
}

TEST(RateLimiter, passes_a_second_worth_at_once_and_then_the_rate) {
  RateLimiter limiter(10, 1);
  EXPECT_EQ(passed(limiter, kClient, 50, kStart), 10);
  EXPECT_EQ(passed(limiter, kClient, 50, kStart + 100ms), 1);
  EXPECT_EQ(passed(limiter, kClient, 50, kStart + 600ms), 5);
  EXPECT_EQ(passed(limiter, kClient, 50, kStart + 1h), 10) << "no more than a second is saved up";
}

TEST(RateLimiter, of_what_is_over_every_second_one_slips) {
  RateLimiter limiter(1, 1);
  EXPECT_EQ(limiter.check(kClient, 0, kStart), Verdict::pass);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(limiter.check(kClient, 0, kStart), Verdict::drop);
    EXPECT_EQ(limiter.check(kClient, 0, kStart), Verdict::slip);
  }
}

TEST(RateLimiter, counts_networks_and_kinds_apart) {
  RateLimiter limiter(1, 1);
  EXPECT_EQ(limiter.check(kClient, 0, kStart), Verdict::pass);
  EXPECT_NE(limiter.check(IpAddress::v4(192, 0, 2, 250), 0, kStart), Verdict::pass)
      << "the same /24";
  EXPECT_EQ(limiter.check(IpAddress::v4(192, 0, 3, 1), 0, kStart), Verdict::pass);
  EXPECT_EQ(limiter.check(kClient, 1, kStart), Verdict::pass);
  const auto v6 = [](const char* text) { return IpAddress::parse(text).value(); };
  EXPECT_EQ(limiter.check(v6("2001:db8:0:100::1"), 0, kStart), Verdict::pass);
  EXPECT_NE(limiter.check(v6("2001:db8:0:1ff::1"), 0, kStart), Verdict::pass) << "the same /56";
  EXPECT_EQ(limiter.check(v6("2001:db8:0:200::1"), 0, kStart), Verdict::pass);
}

TEST(RateLimiter, forgets_networks_when_more_come_than_it_has_buckets_for) {
  RateLimiter limiter(10, 1);
  // Four times as many networks as buckets: each may pass its share or more, none is stopped below
  // it.
  for (uint32_t i = 0; i < 4 * RateLimiter::kBucketsMax; ++i) {
    EXPECT_EQ(limiter.check(IpAddress::v4(i << 8), 0, kStart), Verdict::pass);
  }
  EXPECT_EQ(passed(limiter, kClient, 50, kStart + 1s), 10);
}

TEST(RateLimiter, of_zero_is_off) {
  RateLimiter limiter(0, 1);
  EXPECT_FALSE(limiter.enabled());
  limiter.set_limit(5);
  EXPECT_TRUE(limiter.enabled());
}

}  // namespace
}  // namespace sealane::dns
