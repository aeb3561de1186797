// SPDX-License-Identifier: Apache-2.0
#include "plan/data.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sealane::plan {
namespace {

TEST(BuiltInData, reads_and_is_whole) {
  const auto data = read_data(embedded_files());
  ASSERT_TRUE(data) << data.error().what;
  EXPECT_GE(data->aws_regions.size(), 34u);
  EXPECT_GE(data->countries.size(), 240u);
  EXPECT_GT(data->v4.size(), 300'000u);
  EXPECT_GT(data->v6.size(), 200'000u);
  size_t measured = 0;
  for (const auto& row : data->rtt_us)
    measured += size_t(std::ranges::count_if(row, [](uint32_t t) { return t > 0; }));
  EXPECT_EQ(measured, 361u);
  for (const AwsRegion& region : data->aws_regions) {
    EXPECT_NE(std::ranges::find(data->countries, region.country, &Country::code),
              data->countries.end())
        << region.name;
  }
}

TEST(BuiltInData, ranges_ascend_and_stay_apart) {
  const Data data = built_in_data();
  auto check = [&](const auto& ranges) {
    for (size_t i = 0; i < ranges.size(); ++i) {
      ASSERT_LE(ranges[i].first, ranges[i].last);
      ASSERT_LT(ranges[i].country, data.countries.size());
      if (i > 0) ASSERT_GT(ranges[i].first, ranges[i - 1].last);
    }
  };
  check(data.v4);
  check(data.v6);
}

// One country, two ranges: 4096 addresses from 1.0.0.0, and 300 right behind them.
std::string small_ranges() {
  std::string out("SLGEO1\n\0\1IE\2", 12);
  out += "\x19";                  // gap 2^24: zeros 24, odd part 1 -> 25
  out += "\x0d";                  // length 2^12 -> 13
  out += std::string("\0", 1);    // country 0
  out += std::string("\0", 1);    // gap 0
  out += "\xc3\x12";              // length 300 = 75 << 2 -> 1 + 2 + 64 * 37 = 2371
  out += std::string("\0\0", 2);  // country 0; no IPv6 ranges
  return out;
}

DataFiles files(std::string_view ranges) {
  return {
      .aws_regions_csv = "name,country,lat,lon,city\neu-west-1,IE,53.35,-6.26,Dublin\n",
      .aws_rtt_csv = "from,to,rtt_ms\neu-west-1,eu-west-1,0.1\n",
      .countries_csv = "# people\ncode,name,population,lat,lon\nIE,Ireland,3281824,53.15,-6.99\n",
      .country_ranges_bin = ranges};
}

TEST(RangesFile, is_read_as_its_format_says) {
  const std::string bytes = small_ranges();
  const auto data = read_data(files(bytes));
  ASSERT_TRUE(data) << data.error().what;
  ASSERT_EQ(data->v4.size(), 2u);
  EXPECT_EQ(data->v4[0].first, 1u << 24);
  EXPECT_EQ(data->v4[0].last, (1u << 24) + 4095);
  EXPECT_EQ(data->v4[1].first, (1u << 24) + 4096);
  EXPECT_EQ(data->v4[1].last, (1u << 24) + 4395);
  EXPECT_EQ(data->rtt_us[0][0], 100u);
}

TEST(RangesFile, cut_short_or_too_long_is_corrupt) {
  const std::string whole = small_ranges();
  for (size_t size = 1; size < whole.size(); ++size) {
    const auto data = read_data(files(std::string_view(whole).substr(0, size)));
    ASSERT_FALSE(data) << size;
    EXPECT_EQ(data.error().code, Code::corrupt);
  }
  EXPECT_FALSE(read_data(files(whole + "x")));
}

TEST(Tables, refuse_rows_that_are_not_rows) {
  const std::string ranges = small_ranges();
  auto with = [&](auto change) {
    DataFiles all = files(ranges);
    change(all);
    return read_data(all).has_value();
  };
  EXPECT_TRUE(with([](DataFiles&) {}));
  EXPECT_FALSE(with([](DataFiles& f) { f.aws_regions_csv = "name,lat\n"; }));
  EXPECT_FALSE(
      with([](DataFiles& f) { f.aws_regions_csv = "name,country,lat,lon,city\na,IE,91,0,x\n"; }));
  EXPECT_FALSE(with([](DataFiles& f) { f.aws_rtt_csv = "from,to,rtt_ms\nmars,mars,1\n"; }));
  EXPECT_FALSE(
      with([](DataFiles& f) { f.aws_rtt_csv = "from,to,rtt_ms\neu-west-1,eu-west-1,-1\n"; }));
  EXPECT_FALSE(with(
      [](DataFiles& f) { f.countries_csv = "code,name,population,lat,lon\nIE,Ireland,1,2\n"; }));
  EXPECT_FALSE(with([](DataFiles& f) {
    f.countries_csv = "code,name,population,lat,lon\nIE,Ireland,1,2,3,4\n";
  }));
}

}  // namespace
}  // namespace sealane::plan
