// SPDX-License-Identifier: Apache-2.0
#include "cache/answer.h"

#include <gtest/gtest.h>

namespace sealane::cache {
namespace {

using wire::http::Field;
using Fields = std::vector<Field>;

constexpr WallTime kWall = WallTime(std::chrono::sys_days(std::chrono::year(2026) / 11 / 22));
constexpr std::string_view kModified = "Sat, 21 Nov 2026 00:00:00 GMT";

Stored make(const Fields& fields, uint16_t status = 200, std::string body = "0123456789") {
  const Got got = {.status = status, .fields = fields, .asked_at = {}, .got_at = {}, .wall = kWall};
  auto bytes = std::make_shared<Body>();
  bytes->bytes = std::move(body);
  const uint64_t size = bytes->bytes.size();
  return {.head = Head::make(got, "").with_length(size),
          .body = bytes,
          .vary = {},
          .freshness = {},
          .got_at = {},
          .charge = {}};
}

const Fields kBoth = {{"ETag", "\"v1\""}, {"Last-Modified", kModified}, {"X-A", "b"}};

struct Sent {
  uint16_t status;
  std::string head, body;
};
Sent ask(const Stored& stored, const Fields& request, std::string_view method = "GET") {
  Tail tail;
  const Answer a = answer(stored, {.method = method, .fields = request}, kWall, tail);
  return {a.status, std::string(a.head) + std::string(a.more_head) + std::string(tail.view()),
          std::string(a.body)};
}

TEST(Answer, without_conditions_the_whole) {
  const Sent sent = ask(make(kBoth), {});
  EXPECT_EQ(sent.status, 200);
  EXPECT_EQ(sent.head,
            "HTTP/1.1 200 OK\r\nETag: \"v1\"\r\nLast-Modified: Sat, 21 Nov 2026 00:00:00 "
            "GMT\r\nX-A: b\r\n"
            "Date: Sun, 22 Nov 2026 00:00:00 GMT\r\nContent-Length: 10\r\n");
  EXPECT_EQ(sent.body, "0123456789");
}

TEST(Answer, head_has_the_head_and_no_body) {
  const Sent sent = ask(make(kBoth), {{"Range", "bytes=0-1"}}, "HEAD");
  EXPECT_EQ(sent.status, 200);
  EXPECT_TRUE(sent.head.ends_with("Content-Length: 10\r\n"));
  EXPECT_EQ(sent.body, "");
  EXPECT_EQ(ask(make(kBoth), {{"If-None-Match", "*"}}, "HEAD").status, 304);
}

TEST(Answer, if_none_match_compares_weakly_and_walks_lists) {
  struct Case {
    const char* stored;
    const char* asked;
    uint16_t status;
  };
  for (const Case& c : {
           Case{"\"v1\"", "\"v1\"", 304},
           Case{"\"v1\"", "W/\"v1\"", 304},
           Case{"W/\"v1\"", "\"v1\"", 304},
           Case{"\"v1\"", "\"v2\"", 200},
           Case{"\"v1\"", "\"x\", \"v1\"", 304},
           Case{"\"v1\"", "\"x\",W/\"v1\" , \"y\"", 304},
           Case{"\"a,b\"", "\"q\", \"a,b\"", 304},
           Case{"\"b\"", "\"a, \"b\"", 200},
           Case{"\"v1\"", "*", 304},
           Case{"\"v1\"", "v1", 200},
           Case{"\"v1\"", "\"v1", 200},
           Case{"\"v1\"", "", 200},
       }) {
    EXPECT_EQ(ask(make({{"ETag", c.stored}}), {{"If-None-Match", c.asked}}).status, c.status)
        << c.stored << " / " << c.asked;
  }
  EXPECT_EQ(ask(make({{"ETag", "\"b\""}}), {{"If-None-Match", "\"a\""}, {"If-None-Match", "\"b\""}})
                .status,
            304);
  EXPECT_EQ(ask(make({}), {{"If-None-Match", "\"a\""}}).status, 200);
}

TEST(Answer, if_modified_since_counts_only_without_if_none_match) {
  const Stored s = make(kBoth);
  EXPECT_EQ(ask(s, {{"If-Modified-Since", kModified}}).status, 304);
  EXPECT_EQ(ask(s, {{"If-Modified-Since", "Fri, 20 Nov 2026 23:59:59 GMT"}}).status, 200);
  EXPECT_EQ(ask(s, {{"If-Modified-Since", "yesterday"}}).status, 200);
  EXPECT_EQ(ask(s, {{"If-Modified-Since", kModified}, {"If-None-Match", "\"v2\""}}).status, 200);
  // Without Last-Modified, Date stands in (RFC 9111 4.3.2).
  EXPECT_EQ(ask(make({}), {{"If-Modified-Since", "Sun, 22 Nov 2026 00:00:00 GMT"}}).status, 304);
  EXPECT_EQ(ask(make({}), {{"If-Modified-Since", kModified}}).status, 200);
}

TEST(Answer, a_304_has_no_body_and_no_length) {
  const Sent sent = ask(make(kBoth), {{"If-None-Match", "\"v1\""}});
  EXPECT_EQ(sent.head,
            "HTTP/1.1 304 Not Modified\r\nETag: \"v1\"\r\nLast-Modified: Sat, 21 Nov 2026 00:00:00 "
            "GMT\r\n"
            "Date: Sun, 22 Nov 2026 00:00:00 GMT\r\n");
  EXPECT_EQ(sent.body, "");
}

TEST(Answer, one_range_is_cut_out) {
  struct Case {
    const char* range;
    uint16_t status;
    const char* body;
    const char* content_range;
  };
  for (const Case& c : {
           Case{"bytes=0-0", 206, "0", "bytes 0-0/10"},
           Case{"bytes=2-4", 206, "234", "bytes 2-4/10"},
           Case{"bytes=7-", 206, "789", "bytes 7-9/10"},
           Case{"bytes=7-99999999999999999999999", 206, "789", "bytes 7-9/10"},
           Case{"BYTES=-3", 206, "789", "bytes 7-9/10"},
           Case{"bytes=-11", 206, "0123456789", "bytes 0-9/10"},
           Case{"bytes=10-", 416, "", "bytes */10"},
           Case{"bytes=99999999999999999999999-", 416, "", "bytes */10"},
           Case{"bytes=-0", 416, "", "bytes */10"},
           Case{"bytes=4-2", 200, "0123456789", nullptr},
           Case{"bytes=0-1,3-4", 200, "0123456789", nullptr},
           Case{"lines=0-1", 200, "0123456789", nullptr},
           Case{"bytes=", 200, "0123456789", nullptr},
           Case{"bytes=-", 200, "0123456789", nullptr},
           Case{"bytes=a-b", 200, "0123456789", nullptr},
           Case{"bytes=+1-2", 200, "0123456789", nullptr},
       }) {
    const Sent sent = ask(make(kBoth), {{"Range", c.range}});
    EXPECT_EQ(sent.status, c.status) << c.range;
    EXPECT_EQ(sent.body, c.body) << c.range;
    if (c.content_range) {
      EXPECT_NE(sent.head.find("Content-Range: " + std::string(c.content_range) + "\r\n"),
                std::string::npos)
          << sent.head;
      const std::string length = "Content-Length: " + std::to_string(sent.body.size()) + "\r\n";
      EXPECT_TRUE(sent.head.ends_with(length)) << sent.head;
      EXPECT_EQ(sent.head.find("Content-Length"), sent.head.rfind("Content-Length"));
    }
  }
  EXPECT_EQ(ask(make(kBoth), {{"Range", "bytes=0-1"}, {"Range", "bytes=3-4"}}).status, 200);
  EXPECT_EQ(ask(make(kBoth, 200, ""), {{"Range", "bytes=0-"}}).status, 416);
  EXPECT_EQ(ask(make(kBoth, 200, ""), {{"Range", "bytes=-5"}}).status, 416);
}

TEST(Answer, a_206_has_the_fields_of_the_200) {
  EXPECT_TRUE(
      ask(make(kBoth), {{"Range", "bytes=0-0"}})
          .head.starts_with("HTTP/1.1 206 Partial Content\r\nETag: \"v1\"\r\nLast-Modified: "));
}

TEST(Answer, if_range_must_hold_strongly) {
  const auto status = [](const Fields& stored, std::string_view if_range) {
    return ask(make(stored), {{"Range", "bytes=0-1"}, {"If-Range", if_range}}).status;
  };
  EXPECT_EQ(status(kBoth, "\"v1\""), 206);
  EXPECT_EQ(status(kBoth, "W/\"v1\""), 200);
  EXPECT_EQ(status(kBoth, "\"v2\""), 200);
  EXPECT_EQ(status({{"ETag", "W/\"v1\""}}, "W/\"v1\""), 200);
  EXPECT_EQ(status(kBoth, kModified), 206);
  EXPECT_EQ(status(kBoth, "Sat, 21 Nov 2026 00:00:01 GMT"), 200);
  // Modified in the second it was sent: not a strong validator.
  EXPECT_EQ(
      status({{"Last-Modified", "Sun, 22 Nov 2026 00:00:00 GMT"}}, "Sun, 22 Nov 2026 00:00:00 GMT"),
      200);
}

TEST(Answer, conditions_come_before_ranges) {
  EXPECT_EQ(ask(make(kBoth), {{"Range", "bytes=0-1"}, {"If-None-Match", "\"v1\""}}).status, 304);
}

TEST(Answer, other_statuses_know_neither_conditions_nor_ranges) {
  const Sent sent = ask(make(kBoth, 404), {{"Range", "bytes=0-1"}, {"If-None-Match", "*"}});
  EXPECT_EQ(sent.status, 404);
  EXPECT_EQ(sent.body, "0123456789");
}

TEST(Tail, what_does_not_fit_is_left_out_whole) {
  Tail tail;
  EXPECT_TRUE(tail.add("A", std::string(Tail::kBytesMax - 5, 'x')));
  EXPECT_EQ(tail.view().size(), Tail::kBytesMax);
  EXPECT_FALSE(tail.add("B", int64_t{1}));
  EXPECT_EQ(tail.view().size(), Tail::kBytesMax);
  Tail other;
  EXPECT_FALSE(other.add("A", std::string(Tail::kBytesMax - 4, 'x')));
  EXPECT_EQ(other.view(), "");
  EXPECT_TRUE(other.add("Age", int64_t{-7}));
  EXPECT_EQ(other.view(), "Age: -7\r\n");
}

}  // namespace
}  // namespace sealane::cache
