// SPDX-License-Identifier: Apache-2.0
#include "cache/cache_control.h"

#include <gtest/gtest.h>

#include <string>

namespace sealane::cache {
namespace {

CacheControl parse(std::string_view line) {
  CacheControl out;
  out.add(line);
  return out;
}

TEST(CacheControl, every_directive_is_read_without_case) {
  const CacheControl cc = parse(
      "Public, MAX-AGE=1, s-maxage=2, Stale-While-Revalidate=3, stale-if-error=4, must-revalidate,"
      "proxy-revalidate , immutable,no-transform, "
      "must-understand,min-fresh=5,max-stale=6,only-if-cached");
  EXPECT_TRUE(cc.is_public && cc.must_revalidate && cc.proxy_revalidate && cc.immutable);
  EXPECT_TRUE(cc.no_transform && cc.must_understand && cc.only_if_cached);
  EXPECT_FALSE(cc.no_store || cc.no_cache || cc.is_private);
  EXPECT_EQ(cc.max_age, Seconds(1));
  EXPECT_EQ(cc.s_maxage, Seconds(2));
  EXPECT_EQ(cc.stale_while_revalidate, Seconds(3));
  EXPECT_EQ(cc.stale_if_error, Seconds(4));
  EXPECT_EQ(cc.min_fresh, Seconds(5));
  EXPECT_EQ(cc.max_stale, Seconds(6));
}

TEST(CacheControl, a_directive_inside_a_quoted_string_is_none) {
  const CacheControl cc = parse(R"(ext="a, no-store, \", private", max-age="60")");
  EXPECT_FALSE(cc.no_store || cc.is_private);
  EXPECT_EQ(cc.max_age, Seconds(60));
  EXPECT_FALSE(parse(R"(ext="open, no-store)").no_store);
}

TEST(CacheControl, private_and_no_cache_with_field_names_count_as_the_plain_ones) {
  EXPECT_TRUE(parse(R"(private="Set-Cookie, X-A")").is_private);
  EXPECT_TRUE(parse(R"(no-cache="Set-Cookie", max-age=9)").no_cache);
  EXPECT_EQ(parse(R"(no-cache="Set-Cookie", max-age=9)").max_age, Seconds(9));
}

TEST(CacheControl, of_two_times_the_shorter_counts_and_no_number_is_zero) {
  EXPECT_EQ(parse("max-age=60, max-age=10").max_age, Seconds(10));
  EXPECT_EQ(parse("max-age=10, max-age=60").max_age, Seconds(10));
  EXPECT_EQ(parse("max-age").max_age, Seconds(0));
  EXPECT_EQ(parse("max-age=").max_age, Seconds(0));
  EXPECT_EQ(parse("max-age=-1").max_age, Seconds(0));
  EXPECT_EQ(parse("max-age=1.5").max_age, Seconds(0));
  EXPECT_EQ(parse("max-age=0x10").max_age, Seconds(0));
  EXPECT_EQ(parse("min-fresh=soon").min_fresh, kDeltaMax);
}

TEST(CacheControl, a_delta_that_overflows_is_two_to_the_31) {
  EXPECT_EQ(parse_delta_seconds("2147483647"), Seconds(2147483647));
  EXPECT_EQ(parse_delta_seconds("2147483648"), kDeltaMax);
  EXPECT_EQ(parse_delta_seconds("99999999999999999999999999999999"), kDeltaMax);
  EXPECT_EQ(parse_delta_seconds("0000000000000000000000000000007"), Seconds(7));
}

TEST(CacheControl, max_stale_without_a_value_takes_any_age) {
  EXPECT_EQ(parse("max-stale").max_stale, kDeltaMax);
  EXPECT_EQ(parse("max-stale, max-stale=5").max_stale, Seconds(5));
}

TEST(CacheControl, empty_elements_and_unknown_directives_are_skipped) {
  const CacheControl cc = parse(" , ,, foo, bar=1, no-storee, xno-store, \t no-store\t,");
  EXPECT_TRUE(cc.no_store);
  EXPECT_FALSE(parse("no-storee, xno-store").no_store);
}

TEST(CacheControl, all_lines_of_a_message_count_together) {
  const std::vector<wire::http::Field> fields = {
      {"Cache-Control", "max-age=5"}, {"X", "no-store"}, {"cache-control", "private"}};
  const CacheControl cc = parse_cache_control(fields);
  EXPECT_TRUE(cc.is_private);
  EXPECT_FALSE(cc.no_store);
  EXPECT_EQ(cc.max_age, Seconds(5));
}

}  // namespace
}  // namespace sealane::cache
