// SPDX-License-Identifier: Apache-2.0
#include "wire/http/cookie.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace sealane::wire::http {
namespace {

std::string found(std::vector<Field> fields) {
  return std::string(find_cookie(fields, "s").value_or("(none)"));
}

TEST(Cookie, is_found_by_its_whole_name) {
  EXPECT_EQ(found({{"Cookie", "s=1"}}), "1");
  EXPECT_EQ(found({{"cookie", "a=b; s=1; c=d"}}), "1");
  EXPECT_EQ(found({{"Cookie", "ss=2; S=3; s=1"}}), "1");
  EXPECT_EQ(found({{"Cookie", "xs=2; sx=3"}}), "(none)");
  EXPECT_EQ(found({{"Cookie", "a=s=1"}}), "(none)");
  EXPECT_EQ(found({{"Set-Cookie", "s=1"}}), "(none)");
}

TEST(Cookie, may_stand_in_any_of_several_fields) {
  EXPECT_EQ(found({{"Cookie", "a=b"}, {"Host", "s=9"}, {"Cookie", "s=1"}}), "1");
}

TEST(Cookie, the_first_counts) { EXPECT_EQ(found({{"Cookie", "s=1; s=2"}}), "1"); }

TEST(Cookie, odd_forms) {
  EXPECT_EQ(found({{"Cookie", "s="}}), "");
  EXPECT_EQ(found({{"Cookie", "s"}}), "(none)");
  EXPECT_EQ(found({{"Cookie", ""}}), "(none)");
  EXPECT_EQ(found({{"Cookie", ";;; s=1;"}}), "1");
  EXPECT_EQ(found({{"Cookie", "s=\"1\""}}), "1");
  EXPECT_EQ(found({{"Cookie", "s=\""}}), "\"");
  EXPECT_EQ(found({{"Cookie", "s=a=b"}}), "a=b");
  EXPECT_EQ(found({{"Cookie", "\ts = 1 "}}), "1");
}

}  // namespace
}  // namespace sealane::wire::http
