// SPDX-License-Identifier: Apache-2.0
#include "base/prefix_table.h"

#include <gtest/gtest.h>

#include "base/dice.h"

namespace sealane {
namespace {

IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }
Prefix prefix(const char* text) { return Prefix::parse(text).value(); }

TEST(PrefixTable, an_empty_table_answers_the_fallback_for_everyone) {
  const PrefixTable table(7);
  EXPECT_EQ(table.find(ip("203.0.113.9")).value, 7u);
  EXPECT_EQ(table.find(ip("203.0.113.9")).scope_bits, 0);
  EXPECT_EQ(table.find(ip("2001:db8::1")).value, 7u);
}

TEST(PrefixTable, the_longest_prefix_wins_whatever_the_order) {
  PrefixTable::Builder b;
  b.add(prefix("10.1.2.0/24"), 3);
  b.add(prefix("10.0.0.0/8"), 1);
  b.add(prefix("10.1.0.0/16"), 2);
  b.add_range(ip("9.255.255.0"), ip("10.0.0.255"), 9);
  const PrefixTable t = b.build(0);
  EXPECT_EQ(t.find(ip("10.1.2.255")).value, 3u);
  EXPECT_EQ(t.find(ip("10.1.3.0")).value, 2u);
  EXPECT_EQ(t.find(ip("10.0.0.1")).value, 1u);
  EXPECT_EQ(t.find(ip("9.255.255.7")).value, 9u);
  EXPECT_EQ(t.find(ip("11.0.0.0")).value, 0u);
  EXPECT_EQ(t.find(ip("10.1.2.9")).scope_bits, 24);
}

TEST(PrefixTable, ipv6_is_split_by_its_upper_half) {
  PrefixTable::Builder b;
  b.add(prefix("2001:db8::/32"), 1);
  b.add(prefix("2001:db8:0:1::/64"), 2);
  const PrefixTable t = b.build(0);
  EXPECT_EQ(t.find(ip("2001:db8:0:1::5")).value, 2u);
  EXPECT_EQ(t.find(ip("2001:db8:0:2::5")).value, 1u);
  EXPECT_EQ(t.find(ip("2001:db9::")).value, 0u);
  EXPECT_EQ(t.find(ip("2001:db8:0:1::5")).scope_bits, 64);
}

// Against the slow definition, over a small world of addresses so that prefixes collide often.
TEST(PrefixTable, equals_the_linear_search_and_its_scope_is_exact) {
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Dice dice(seed);
    PrefixTable::Builder b;
    std::vector<std::pair<Prefix, uint32_t>> all;
    const uint64_t count = dice.below(40);
    for (uint64_t i = 0; i < count; ++i) {
      const auto length = unsigned(20 + dice.below(13));
      const Prefix p = Prefix::of(IpAddress::v4(uint32_t(0x0a000000 + dice.below(0x2000))), length);
      const auto value = uint32_t(1 + dice.below(4));
      all.emplace_back(p, value);
      b.add(p, value);
    }
    const PrefixTable t = b.build(0);
    auto slow = [&](IpAddress a) {
      uint32_t value = 0;
      int best = -1;
      for (const auto& [p, v] : all) {
        if (p.contains(a) && int(p.length) >= best) best = p.length, value = v;
      }
      return value;
    };
    std::vector<uint32_t> want(0x2000);
    for (uint32_t i = 0; i < want.size(); ++i) want[i] = slow(IpAddress::v4(0x0a000000 + i));
    for (uint32_t i = 0; i < want.size(); ++i) {
      const auto a = IpAddress::v4(0x0a000000 + i);
      const auto found = t.find(a);
      ASSERT_EQ(found.value, want[i]) << a.to_string();
      ASSERT_LE(found.scope_bits, 32);
      if (found.scope_bits < 19) continue;
      const uint32_t size = found.scope_bits == 32 ? 1 : 1u << (32 - found.scope_bits);
      const uint32_t first = i & ~(size - 1);
      for (uint32_t j = first; j < first + size; ++j) ASSERT_EQ(want[j], want[i]) << a.to_string();
    }
  }
}

}  // namespace
}  // namespace sealane
