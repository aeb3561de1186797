// SPDX-License-Identifier: Apache-2.0
#include "cache/stored.h"

#include <gtest/gtest.h>

#include "cache/revalidate.h"

namespace sealane::cache {
namespace {

using wire::http::Field;
using Fields = std::vector<Field>;

constexpr Instant kT0 = Instant(50s);
constexpr WallTime kWall = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));
const Rule kRule = {.mode = Rule::Mode::rfc9111};

Got got(const Fields& fields, uint16_t status = 200, Duration after = 0s) {
  return {.status = status,
          .fields = fields,
          .asked_at = kT0 + after,
          .got_at = kT0 + after,
          .wall = kWall};
}

TEST(Head, keeps_end_to_end_fields_in_order_and_nothing_of_this_hop) {
  const Fields fields = {{"Server", "x"},
                         {"Connection", "close, X-Hop"},
                         {"Keep-Alive", "1"},
                         {"X-Hop", "y"},
                         {"Transfer-Encoding", "chunked"},
                         {"Age", "3"},
                         {"Content-Length", "9"},
                         {"Date", "Sun, 22 Nov 2026 00:00:00 GMT"},
                         {"X-Cache", "Hit"},
                         {"ETag", "\"a\""}};
  const Head head = Head::make(got(fields), "");
  EXPECT_EQ(
      head.image(),
      "HTTP/1.1 200 OK\r\nServer: x\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\nETag: \"a\"\r\n");
  EXPECT_EQ(head.with_length(12).image(),
            "HTTP/1.1 200 OK\r\nServer: x\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\nETag: \"a\"\r\n"
            "Content-Length: 12\r\n");
  EXPECT_EQ(head.with_length(12).field_lines(),
            "Server: x\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\nETag: \"a\"\r\n");
  EXPECT_EQ(head.not_modified_image(),
            "HTTP/1.1 304 Not Modified\r\nDate: Sun, 22 Nov 2026 00:00:00 GMT\r\nETag: \"a\"\r\n");
  EXPECT_EQ(head.etag(), "\"a\"");
  EXPECT_EQ(head.field_count(), 3u);
}

TEST(Head, a_missing_date_is_the_time_of_arrival) {
  const Head head = Head::make(got({}), "");
  EXPECT_EQ(head.find("date"), "Sun, 22 Nov 2026 00:00:00 GMT");
  EXPECT_EQ(head.date(), kWall);
}

TEST(Head, via_is_appended_to_what_the_origin_sent) {
  EXPECT_EQ(Head::make(got({}), "1.1 edge").find("via"), "1.1 edge");
  const Fields fields = {{"Via", "1.0 a"}, {"via", "1.1 b"}};
  EXPECT_EQ(Head::make(got(fields), "1.1 edge").find("via"), "1.0 a, 1.1 b, 1.1 edge");
  EXPECT_EQ(Head::make(got(fields), "").find("via"), "1.0 a");
}

TEST(Head, a_204_never_names_a_length) {
  EXPECT_EQ(Head::make(got({}, 204), "").with_length(0).image().find("Content-Length"),
            std::string::npos);
}

TEST(Budget, an_object_counts_once_however_many_hold_it_and_not_at_all_when_gone) {
  const auto budget = std::make_shared<Budget>(1 << 20);
  {
    auto body = std::make_shared<Body>();
    body->bytes.assign(1000, 'x');
    body->charge = Charge(budget, 1000);
    const auto a = make_stored(budget, Head::make(got({}), ""), body, {}, {}, kT0);
    const uint64_t once = budget->used();
    EXPECT_GT(once, 1000u);
    EXPECT_LT(once, 2000u);
    const auto b = a;
    EXPECT_EQ(budget->used(), once);
    // A refreshed answer shares the body.
    const auto c = make_stored(budget, Head::make(got({}), ""), body, {}, {}, kT0);
    EXPECT_EQ(budget->used(), 2 * once - 1000);
  }
  EXPECT_EQ(budget->used(), 0u);
}

struct Revalidate : testing::Test {
  std::shared_ptr<Budget> budget = std::make_shared<Budget>(1 << 20);
  Fields request = {{"Accept-Encoding", "gzip"}};
  Asked asked{.method = "GET", .fields = request};

  std::shared_ptr<const Stored> stored(const Fields& fields) {
    auto body = std::make_shared<Body>();
    body->bytes = "hello";
    const Got from = got(fields);
    return make_stored(budget, Head::make(from, "1.1 edge"), body, make_vary(fields, request),
                       may_store(kRule, asked, from).freshness, kT0);
  }
  std::shared_ptr<const Stored> merge(const Stored& old, const Fields& fields) {
    return merge_not_modified(kRule, asked, old, got(fields, 304, 100s), budget);
  }
};

TEST_F(Revalidate, both_validators_are_sent) {
  const auto s = stored({{"ETag", "W/\"1\""}, {"Last-Modified", "Sat, 21 Nov 2026 00:00:00 GMT"}});
  EXPECT_EQ(conditional_lines(s->head),
            "If-None-Match: W/\"1\"\r\nIf-Modified-Since: Sat, 21 Nov 2026 00:00:00 GMT\r\n");
  EXPECT_EQ(conditional_lines(stored({{"Last-Modified", "yesterday"}})->head), "");
  EXPECT_TRUE(is_dropped_for_fill("If-None-Match"));
  EXPECT_TRUE(is_dropped_for_fill("range"));
  EXPECT_FALSE(is_dropped_for_fill("accept"));
}

TEST_F(Revalidate, a_304_lays_its_fields_over_the_stored_ones_and_keeps_the_body) {
  const auto old = stored({{"Cache-Control", "max-age=10"},
                           {"ETag", "\"1\""},
                           {"X-A", "old"},
                           {"Content-Type", "text/plain"},
                           {"X-B", "kept"},
                           {"Date", "Sun, 22 Nov 2026 00:00:00 GMT"}});
  const auto now = merge(*old, {{"Cache-Control", "max-age=20"},
                                {"ETag", "\"1\""},
                                {"X-A", "new"},
                                {"Content-Type", "text/html"},
                                {"Via", "1.1 other"}});
  ASSERT_TRUE(now);
  EXPECT_EQ(now->body, old->body);
  EXPECT_EQ(now->head.status(), 200);
  EXPECT_EQ(now->head.find("x-a"), "new");
  EXPECT_EQ(now->head.find("x-b"), "kept");
  EXPECT_EQ(now->head.find("content-type"), "text/plain");
  EXPECT_EQ(now->head.find("via"), "1.1 edge");
  EXPECT_TRUE(now->head.image().ends_with("Content-Length: 5\r\n"));
  EXPECT_EQ(now->freshness.fresh_for, 20s);
  EXPECT_EQ(now->got_at, kT0 + 100s);
}

TEST_F(Revalidate, a_304_without_date_is_as_young_as_now) {
  const auto old = stored({{"Cache-Control", "max-age=10"},
                           {"ETag", "\"1\""},
                           {"Date", "Sat, 21 Nov 2026 23:00:00 GMT"}});
  const auto now = merge(*old, {});
  ASSERT_TRUE(now);
  EXPECT_EQ(now->freshness.initial_age, 0s);
  EXPECT_EQ(now->freshness.fresh_for, 10s);
}

TEST_F(Revalidate, a_304_for_another_answer_or_that_forbids_keeping_is_no_refresh) {
  const auto old = stored({{"Cache-Control", "max-age=10"}, {"ETag", "\"1\""}});
  EXPECT_FALSE(merge(*old, {{"ETag", "\"2\""}}));
  EXPECT_FALSE(merge(*old, {{"Cache-Control", "no-store"}}));
  EXPECT_TRUE(merge(*old, {{"ETag", "W/\"1\""}}));
}

TEST_F(Revalidate, every_repeated_field_of_the_304_is_kept) {
  const auto old = stored({{"Cache-Control", "max-age=10"}, {"ETag", "\"1\""}, {"Link", "old"}});
  const auto now = merge(*old, {{"Link", "a"}, {"Link", "b"}});
  ASSERT_TRUE(now);
  EXPECT_NE(now->head.image().find("Link: a\r\nLink: b\r\n"), std::string::npos);
  EXPECT_EQ(now->head.image().find("old"), std::string::npos);
}

}  // namespace
}  // namespace sealane::cache
