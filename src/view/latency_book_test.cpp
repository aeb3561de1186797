// SPDX-License-Identifier: Apache-2.0
#include "view/latency_book.h"

#include <gtest/gtest.h>

namespace sealane::view {
namespace {

using plan::RegionId;

Instant at(Duration d) { return Instant{} + d; }
Prefix p(std::string_view text) { return *Prefix::parse(text); }

uint32_t rtt(const LatencySamples& samples, std::string_view client, size_t region) {
  const auto found = samples.table.find(*IpAddress::parse(client));
  return found.value == 0 ? 0 : samples.rows[found.value - 1][region];
}

TEST(LatencyBook, the_first_sample_counts_whole_and_the_later_ones_by_a_quarter) {
  LatencyBook book(2);
  book.record(p("203.0.113.0/24"), RegionId{0}, 40'000, at(0s));
  EXPECT_EQ(rtt(book.rebuild(at(0s)), "203.0.113.9", 0), 40'000u);
  book.record(p("203.0.113.0/24"), RegionId{0}, 80'000, at(0s));
  const LatencySamples samples = book.rebuild(at(1s));
  EXPECT_EQ(rtt(samples, "203.0.113.9", 0), 50'000u);
  EXPECT_EQ(rtt(samples, "203.0.113.9", 1), 0u);
  EXPECT_EQ(rtt(samples, "203.0.114.9", 0), 0u);
}

TEST(LatencyBook, lone_users_are_widened_to_their_network) {
  LatencyBook book(1);
  book.record(p("203.0.113.77"), RegionId{0}, 1000, at(0s));
  book.record(p("2001:db8:1:2:3::4"), RegionId{0}, 2000, at(0s));
  const LatencySamples samples = book.rebuild(at(0s));
  EXPECT_EQ(rtt(samples, "203.0.113.1", 0), 1000u);
  EXPECT_EQ(rtt(samples, "2001:db8:1:9::1", 0), 2000u);
  EXPECT_EQ(rtt(samples, "2001:db8:2::1", 0), 0u);
}

TEST(LatencyBook, nonsense_is_ignored) {
  LatencyBook book(1);
  book.record(p("203.0.113.0/24"), RegionId{0}, 0, at(0s));
  book.record(p("203.0.113.0/24"), RegionId{0}, LatencyBook::kRttMaxUs + 1, at(0s));
  book.record(p("203.0.113.0/24"), RegionId{1}, 1000, at(0s));
  EXPECT_EQ(book.prefix_count(), 0u);
  EXPECT_FALSE(book.due(at(9s)));
  book.record(p("203.0.113.0/24"), RegionId{0}, LatencyBook::kRttMaxUs, at(0s));
  EXPECT_EQ(book.prefix_count(), 1u);
}

TEST(LatencyBook, is_due_at_most_once_a_second_and_only_for_a_difference) {
  LatencyBook book(1);
  EXPECT_FALSE(book.due(at(0s)));
  book.record(p("203.0.113.0/24"), RegionId{0}, 100'000, at(0s));
  EXPECT_TRUE(book.due(at(0s)));
  book.rebuild(at(0s));
  book.record(p("203.0.113.0/24"), RegionId{0}, 101'000, at(0s));  // moves the average by 0.25 %
  EXPECT_FALSE(book.due(at(5s)));
  book.record(p("203.0.113.0/24"), RegionId{0}, 180'000, at(0s));
  EXPECT_FALSE(book.due(at(999ms)));
  EXPECT_TRUE(book.due(at(1s)));
}

TEST(LatencyBook, at_the_limit_the_prefix_not_heard_of_for_longest_goes) {
  LatencyBook book(1);
  auto nth = [](size_t i) { return Prefix::of(IpAddress::v4(uint32_t(10u << 24 | i << 8)), 24); };
  for (size_t i = 0; i < LatencyBook::kPrefixesMax; ++i)
    book.record(nth(i), RegionId{0}, 1000, at(0s));
  EXPECT_EQ(book.prefix_count(), LatencyBook::kPrefixesMax);
  book.record(nth(0), RegionId{0}, 1000, at(0s));  // heard of again
  book.record(nth(LatencyBook::kPrefixesMax), RegionId{0}, 1000, at(0s));
  EXPECT_EQ(book.prefix_count(), LatencyBook::kPrefixesMax);
  const LatencySamples samples = book.rebuild(at(0s));
  EXPECT_EQ(samples.rows.size(), LatencyBook::kPrefixesMax);
  EXPECT_EQ(rtt(samples, nth(0).base.to_string(), 0), 1000u);
  EXPECT_EQ(rtt(samples, nth(1).base.to_string(), 0), 0u);
}

TEST(LatencyBook, what_was_not_heard_of_for_long_is_forgotten) {
  LatencyBook book(1);
  book.record(p("203.0.113.0/24"), RegionId{0}, 1000, at(0s));
  book.record(p("198.51.100.0/24"), RegionId{0}, 2000, at(1min));
  book.rebuild(at(1min));
  EXPECT_FALSE(book.due(at(LatencyBook::kForgetAfter)));
  const Instant later = at(LatencyBook::kForgetAfter + 1s);
  ASSERT_TRUE(book.due(later));
  const LatencySamples samples = book.rebuild(later);
  EXPECT_EQ(rtt(samples, "203.0.113.9", 0), 0u);
  EXPECT_EQ(rtt(samples, "198.51.100.9", 0), 2000u);
  EXPECT_FALSE(book.due(later + 1s));
}

TEST(LatencyBook, a_row_knows_the_place_that_fills_its_gaps) {
  PrefixTable::Builder places;
  places.add(p("203.0.0.0/16"), 7);
  LatencyBook book(2);
  book.record(p("203.0.113.0/24"), RegionId{0}, 1000, at(0s));
  book.record(p("198.51.100.0/24"), RegionId{0}, 1000, at(0s));
  EXPECT_EQ(book.rebuild(at(0s), places.build(0)).places, (std::vector<uint32_t>{0, 7}));
}

}  // namespace
}  // namespace sealane::view
