// SPDX-License-Identifier: Apache-2.0
#include "wire/sigv4_canonical.h"

#include <gtest/gtest.h>

#include <utility>

namespace sealane::wire::sigv4 {
namespace {

TEST(SigV4Canonical, paths) {
  const std::vector<std::pair<const char*, const char*>> table = {
      {"", "/"},
      {"/", "/"},
      {"*", "/%2A"},
      {"//example//", "/example/"},
      {"/./example", "/example"},
      {"/a/b/../c", "/a/c"},
      {"/..", "/"},
      {"/../../a", "/a"},
      {"/a/..", "/"},
      {"/a/../", "/"},
      {"/a/b/..", "/a"},
      {"/a/b/../", "/a/"},
      {"/a/.", "/a"},
      {"/-._~0-9A-Za-z", "/-._~0-9A-Za-z"},
      {"/%41 +", "/%2541%20%2B"},
      {"/\xff", "/%FF"}};
  for (const auto& [path, expected] : table) {
    std::string out = "before ";
    append_path(out, path);
    EXPECT_EQ(out, std::string("before ") + expected) << path;
  }
}

TEST(SigV4Canonical, queries) {
  const std::vector<std::pair<const char*, const char*>> table = {{"", ""},
                                                                  {"&&", ""},
                                                                  {"a", "a="},
                                                                  {"b=2&a=1", "a=1&b=2"},
                                                                  {"a=2&a=1&A=3", "A=3&a=1&a=2"},
                                                                  {"a-b=1&a=2", "a=2&a-b=1"},
                                                                  {"a=b=c", "a=b%3Dc"},
                                                                  {"a=%7e%7E~", "a=~~~"},
                                                                  {"%61=%zz%4", "a=%25zz%254"},
                                                                  {"a=x y+z", "a=x%20y%2Bz"},
                                                                  {"=v", "=v"}};
  for (const auto& [query, expected] : table) {
    std::string out;
    EXPECT_TRUE(Query().append(out, query, 10));
    EXPECT_EQ(out, expected) << query;
  }
}

TEST(SigV4Canonical, values) {
  for (const auto& [value, expected] : std::vector<std::pair<const char*, const char*>>{
           {"", ""}, {"   ", ""}, {" a  b\t\tc ", "a b c"}, {"\"a   b\"", "\"a b\""}}) {
    std::string out;
    append_value(out, value);
    EXPECT_EQ(out, expected);
  }
}

}  // namespace
}  // namespace sealane::wire::sigv4
