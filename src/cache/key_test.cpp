// SPDX-License-Identifier: Apache-2.0
#include "cache/key.h"

#include <gtest/gtest.h>

#include <vector>

namespace sealane::cache {
namespace {

using wire::http::Field;
using Fields = std::vector<Field>;
constexpr SipKey kSecret = {1, 2};

std::string key_of(std::string_view target, std::string_view service = "s") {
  std::string buffer;
  return std::string(make_key(buffer, kSecret, service, target).text);
}

TEST(Key, service_and_target_make_it_and_the_query_counts) {
  EXPECT_EQ(key_of("/a?b=1"), "s\n/a?b=1");
  EXPECT_NE(key_of("/a"), key_of("/a", "t"));
  EXPECT_NE(key_of("/a"), key_of("/a?"));
  EXPECT_NE(key_of("/a?b=1&c=2"), key_of("/a?c=2&b=1"));
}

TEST(Key, encodings_that_mean_the_same_to_every_origin_are_one_key) {
  EXPECT_EQ(key_of("/%7euser/%41%2d"), key_of("/~user/A-"));
  EXPECT_EQ(key_of("/%2f%c3%bc"), "s\n/%2F%C3%BC");
}

TEST(Key, what_an_origin_may_tell_apart_stays_apart) {
  EXPECT_NE(key_of("/a%2Fb"), key_of("/a/b"));
  EXPECT_NE(key_of("/a/../b"), key_of("/b"));
  EXPECT_NE(key_of("/A"), key_of("/a"));
  EXPECT_EQ(key_of("/%zz%4"), "s\n/%zz%4");
  EXPECT_EQ(key_of("/%4%31"), "s\n/%4%31");  // not /%41, which is /A
  EXPECT_EQ(key_of("/%"), "s\n/%");
  EXPECT_EQ(key_of("/%4"), "s\n/%4");
}

TEST(Key, the_hash_depends_on_the_secret) {
  std::string a, b;
  EXPECT_NE(make_key(a, {1, 2}, "s", "/").hash, make_key(b, {1, 3}, "s", "/").hash);
}

std::string codings(std::string_view value) {
  std::string out;
  const Fields fields = {{"Accept-Encoding", value}};
  append_normalised(out, "accept-encoding", fields);
  return out;
}

TEST(Vary, accept_encoding_collapses_to_the_codings_that_matter) {
  EXPECT_EQ(codings("gzip, deflate, br"), "br, gzip");
  EXPECT_EQ(codings("br;q=0.9,GZIP;q=0.1"), "br, gzip");
  EXPECT_EQ(codings("gzip;q=0, br ; Q=0.000"), "");
  EXPECT_EQ(codings("gzip;q=0.001"), "gzip");
  EXPECT_EQ(codings("identity, *"), "");
  EXPECT_EQ(codings("zstd,x-gzip"), "gzip, zstd");
  EXPECT_EQ(codings(""), "");
}

TEST(Vary, a_request_selects_what_it_would_have_made) {
  const Fields response = {{"Vary", "Accept-Language, accept-encoding"}, {"vary", "X-A"}};
  const Fields german = {{"accept-language", "de ,en"}, {"Accept-Encoding", "gzip"}};
  const Fields same = {
      {"Accept-Encoding", "gzip, deflate"}, {"Accept-Language", "de"}, {"Accept-Language", "en"}};
  const Fields english = {{"Accept-Language", "en"}, {"Accept-Encoding", "gzip"}};
  const Vary vary = make_vary(response, german);
  EXPECT_EQ(vary.names, "accept-encoding\naccept-language\nx-a\n");
  EXPECT_EQ(vary.values, "gzip\nde, en\n\n");
  EXPECT_TRUE(selects(vary, german));
  EXPECT_TRUE(selects(vary, same));
  EXPECT_FALSE(selects(vary, english));
  EXPECT_FALSE(selects(vary, {}));
}

TEST(Vary, no_vary_is_selected_by_everything_and_star_by_nothing) {
  EXPECT_TRUE(selects(make_vary({}, {}), Fields{{"A", "b"}}));
  EXPECT_FALSE(selects(make_vary(Fields{{"Vary", "x, *"}}, {}), {}));
}

TEST(Vary, one_name_too_many_counts_as_star) {
  std::string names;
  for (size_t i = 0; i < kVaryNamesMax; ++i) names += "x-" + std::to_string(i) + ",";
  EXPECT_TRUE(selects(make_vary(Fields{{"Vary", names}}, {}), {}));
  names += "y";
  EXPECT_FALSE(selects(make_vary(Fields{{"Vary", names}}, {}), {}));
}

}  // namespace
}  // namespace sealane::cache
