// SPDX-License-Identifier: Apache-2.0
#include "edge/number.h"

#include <gtest/gtest.h>

namespace sealane::edge {
namespace {

TEST(Number, milliseconds_have_three_decimals) {
  const auto text = [](Duration d) {
    std::string out = "dur=";
    append_ms(out, d);
    return out;
  };
  EXPECT_EQ(text(0ms), "dur=0.000");
  EXPECT_EQ(text(7us), "dur=0.007");
  EXPECT_EQ(text(80us), "dur=0.080");
  EXPECT_EQ(text(Duration(999'999)), "dur=0.999");
  EXPECT_EQ(text(12'345us), "dur=12.345");
  EXPECT_EQ(text(1h), "dur=3600000.000");
  EXPECT_EQ(text(-1ms), "dur=0.000");
}

TEST(Number, numbers_are_plain) {
  std::string out;
  append_number(out, 0);
  out += ' ';
  append_number(out, UINT64_MAX);
  EXPECT_EQ(out, "0 18446744073709551615");
}

}  // namespace
}  // namespace sealane::edge
