// SPDX-License-Identifier: Apache-2.0
#include "edge/seen.h"

#include <gtest/gtest.h>

#include <vector>

namespace sealane::edge {
namespace {

using Fields = std::vector<wire::http::Field>;
using wire::http::Method;

TEST(Seen, is_read_from_the_field_the_cookie_and_the_mcp_session) {
  const Fields cookie = {{"Cookie", "a=b; sealane=TOKEN"}};
  Seen seen = seen_in(cookie, "sealane");
  EXPECT_EQ(seen.token, "TOKEN");
  EXPECT_EQ(seen.session, "");
  EXPECT_TRUE(seen.by_cookie);
  const Fields streamed = {{"Cookie", "sealane=TOKEN.0123"}};
  seen = seen_in(streamed, "sealane");
  EXPECT_EQ(seen.token, "TOKEN");
  EXPECT_EQ(seen.session, "0123");
  const Fields field = {{"x-sealane-session", "MINE"},
                        {"Cookie", "sealane=TOKEN.0123"},
                        {"x-sealane-stale", "refuse"}};
  seen = seen_in(field, "sealane");
  EXPECT_EQ(seen.token, "MINE") << "who keeps it itself means it";
  EXPECT_EQ(seen.session, "");
  EXPECT_TRUE(seen.by_field && !seen.by_cookie && seen.refuses_stale);
  const Fields mcp = {{"mcp-session-id", "m1"}};
  seen = seen_in(mcp, "sealane");
  EXPECT_EQ(seen.token, "");
  EXPECT_EQ(seen.session, "m1");
  EXPECT_TRUE(seen_in(cookie, "").empty()) << "cookies are off";
  EXPECT_TRUE(seen_in(cookie, "other").empty());
}

TEST(Seen, what_is_told_follows_its_table) {
  const Seen nobody, by_cookie{.token = "T", .by_cookie = true},
      by_field{.token = "T", .by_field = true}, mcp{.session = "m1"};
  struct Case {
    const Seen& seen;
    Method method;
    Fields answer;
    bool cookies_on;
    Telling told;
  };
  const Case cases[] = {
      {nobody, Method::get, {}, true, Telling::nothing},
      {nobody, Method::get, {{"Cache-Control", "no-store"}}, true, Telling::nothing},
      {nobody, Method::post, {}, true, Telling::cookie},
      {nobody, Method::post, {{"Cache-Control", "public"}}, true, Telling::nothing},
      {nobody, Method::post, {{"Cache-Control", "max-age=60"}}, true, Telling::nothing},
      {nobody, Method::post, {{"Cache-Control", "private, max-age=60"}}, true, Telling::cookie},
      {nobody, Method::post, {}, false, Telling::field},
      {nobody, Method::post, {{"Mcp-Session-Id", "m1"}}, true, Telling::field},
      {by_cookie, Method::get, {}, true, Telling::nothing},
      {by_cookie, Method::get, {{"Cache-Control", "private"}}, true, Telling::cookie},
      {by_cookie, Method::head, {{"Cache-Control", "no-store"}}, true, Telling::cookie},
      {by_cookie, Method::get, {{"Cache-Control", "s-maxage=1"}}, true, Telling::nothing},
      {by_cookie, Method::put, {}, true, Telling::cookie},
      {by_field, Method::put, {}, true, Telling::field},
      {by_field, Method::get, {{"Cache-Control", "no-cache"}}, true, Telling::field},
      {mcp, Method::post, {}, true, Telling::field},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(telling(c.seen, c.method, c.answer, c.cookies_on), c.told) << (&c - cases);
  }
}

TEST(Seen, is_told_in_words_that_come_back) {
  std::string out;
  append_told(out, Telling::nothing, {.token = "T", .session = "", .cookie_name = "s"});
  EXPECT_EQ(out, "");
  append_told(out, Telling::field, {.token = "T", .session = "", .cookie_name = "s"});
  EXPECT_EQ(out, "X-Sealane-Session: T\r\n");
  out.clear();
  append_told(out, Telling::cookie,
              {.token = "T", .session = "12", .cookie_name = "s", .secure = true});
  EXPECT_EQ(out,
            "X-Sealane-Session: T\r\nSet-Cookie: s=T.12; Path=/; Max-Age=86400; HttpOnly; "
            "SameSite=Lax; Secure\r\n");
}

}  // namespace
}  // namespace sealane::edge
