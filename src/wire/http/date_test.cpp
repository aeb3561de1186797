// SPDX-License-Identifier: Apache-2.0
#include "wire/http/date.h"

#include <gtest/gtest.h>

#include "base/dice.h"

namespace sealane::wire::http {
namespace {

using namespace std::chrono;

constexpr WallTime kNow = WallTime(sys_days(year(2026) / 11 / 22));
constexpr WallTime kExample = WallTime(sys_days(year(1994) / 11 / 6)) + 8h + 49min + 37s;

TEST(HttpDate, all_three_forms_of_rfc_9110_name_the_same_second) {
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow), kExample);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow), kExample);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", kNow), kExample);
}

TEST(HttpDate, a_two_digit_year_is_at_most_fifty_years_ahead) {
  const auto year_of = [](std::string_view two) {
    const auto time = parse_http_date("Sunday, 06-Nov-" + std::string(two) + " 08:49:37 GMT", kNow);
    return int(year_month_day(floor<days>(time.value())).year());
  };
  EXPECT_EQ(year_of("26"), 2026);
  EXPECT_EQ(year_of("76"), 2076);
  EXPECT_EQ(year_of("77"), 1977);
  EXPECT_EQ(year_of("00"), 2000);
}

TEST(HttpDate, what_is_not_a_date_is_refused) {
  for (const std::string_view text : {
           "",
           "0",
           "-1",
           "Sun, 06 Nov 1994 08:49:37",
           "Sun, 06 Nov 1994 08:49:37 UTC",
           "Sun, 6 Nov 1994 08:49:37 GMT",
           "sun, 06 Nov 1994 08:49:37 GMT",
           "Sun, 31 Feb 1994 08:49:37 GMT",
           "Sun, 00 Nov 1994 08:49:37 GMT",
           "Sun, 06 Nov 1994 24:00:00 GMT",
           "Sun, 06 Nov 1994 08:60:00 GMT",
           "Sun, 06 Nov 1994 08:49:61 GMT",
           "Sun, 06 Nov 1994 08:49:37 GMT ",
           "Sun Nov 6 08:49:37 1994",
           "Sunday, 06-Nov-1994 08:49:37 GMT",
       }) {
    EXPECT_FALSE(parse_http_date(text, kNow)) << text;
  }
}

TEST(HttpDate, a_leap_second_is_the_second_before_it_again) {
  EXPECT_EQ(parse_http_date("Sat, 31 Dec 2016 23:59:60 GMT", kNow),
            WallTime(sys_days(year(2017) / 1 / 1)) - 1s);
}

TEST(HttpDate, what_is_written_reads_back) {
  EXPECT_EQ(view(format_http_date(kExample + 999ms)), "Sun, 06 Nov 1994 08:49:37 GMT");
  Dice dice(7);
  for (int i = 0; i < 2000; ++i) {
    const WallTime time(seconds(dice.below(253'402'300'800)));  // up to year 9999
    ASSERT_EQ(parse_http_date(view(format_http_date(time)), kNow), time) << time.time_since_epoch();
  }
}

}  // namespace
}  // namespace sealane::wire::http
