// SPDX-License-Identifier: Apache-2.0
#include "host/recent_values.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "base/dice.h"

namespace sealane::host {
namespace {

std::string value_of(RecentValues& values, std::string_view key) {
  std::string value;
  return values.find(key, value) ? value : "-";
}

TEST(RecentValues, a_value_is_the_last_that_was_kept_whatever_its_size) {
  RecentValues values(rocksdb::NewLRUCache(1 << 20, 2));
  EXPECT_EQ(value_of(values, "a"), "-");
  for (const size_t size : {10u, 10u, 6u, 9u, 3u, 0u, 1000u, 600u, 10u}) {
    const std::string value(size, char('a' + size % 26));
    values.keep("a", value);
    EXPECT_EQ(value_of(values, "a"), value) << size;
  }
  EXPECT_EQ(value_of(values, "b"), "-");
  EXPECT_EQ(value_of(values, ""), "-") << "the empty key is a key like others";
  values.keep("", "empty");
  EXPECT_EQ(value_of(values, ""), "empty");
  values.forget("a");
  EXPECT_EQ(value_of(values, "a"), "-");
  values.forget_all();
  EXPECT_EQ(value_of(values, ""), "-");
}

TEST(RecentValues, one_that_is_too_large_is_not_kept_and_neither_is_the_one_before) {
  RecentValues values(rocksdb::NewLRUCache(1 << 20, 2));
  const std::string largest(RecentValues::kValueBytesMax, 'x');
  values.keep("a", largest);
  EXPECT_EQ(value_of(values, "a"), largest);
  values.keep("a", largest + 'x');
  EXPECT_EQ(value_of(values, "a"), "-");
}

TEST(RecentValues, two_in_one_cache_do_not_see_each_other) {
  const auto cache = rocksdb::NewLRUCache(1 << 20, 2);
  RecentValues ours(cache), theirs(cache);
  ours.keep("a", "ours");
  EXPECT_EQ(value_of(theirs, "a"), "-");
}

TEST(RecentValues, are_bounded_by_their_cache_and_never_wrong) {
  const auto cache = rocksdb::NewLRUCache(64 << 10, 0);
  RecentValues values(cache);
  std::map<std::string, std::string> all;
  const uint64_t seed = 20260301;
  Dice dice(seed);
  size_t known_count = 0;
  for (int round = 0; round < 20'000; ++round) {
    const std::string key = fmt::format("key{}", dice.below(500));
    if (dice.chance(0.6)) {
      all[key] = std::string(dice.below(700), char('a' + dice.below(26)));
      values.keep(key, all[key]);
    } else if (dice.chance(0.1)) {
      all.erase(key);
      values.forget(key);
    } else if (std::string value; values.find(key, value)) {
      ++known_count;
      ASSERT_TRUE(all.contains(key)) << "seed " << seed << " round " << round;
      ASSERT_EQ(value, all[key]) << "seed " << seed << " round " << round;
    }
    ASSERT_LE(cache->GetUsage(), cache->GetCapacity());
  }
  EXPECT_GT(known_count, 100u);
}

}  // namespace
}  // namespace sealane::host
