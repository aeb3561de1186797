// SPDX-License-Identifier: Apache-2.0
#include "wire/http/date.h"

#include <algorithm>
#include <chrono>

namespace sealane::wire::http {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 7> kLongDays = {"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                       "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Reads from the front of a text; every step says whether it matched.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool is(std::string_view literal) {
    if (!rest_.starts_with(literal)) return false;
    rest_.remove_prefix(literal.size());
    return true;
  }
  bool digits(size_t count, int& out) {
    if (rest_.size() < count) return false;
    out = 0;
    for (const char c : rest_.substr(0, count)) {
      if (c < '0' || c > '9') return false;
      out = out * 10 + (c - '0');
    }
    rest_.remove_prefix(count);
    return true;
  }
  template <size_t N>
  bool one_of(const std::array<std::string_view, N>& names, int& index) {
    for (index = 0; size_t(index) < N; ++index) {
      if (is(names[size_t(index)])) return true;
    }
    return false;
  }
  bool time_of_day(int& hour, int& minute, int& second) {
    return digits(2, hour) && is(":") && digits(2, minute) && is(":") && digits(2, second);
  }
  bool done() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

struct Parts {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
};

std::optional<WallTime> to_time(const Parts& p) {
  using namespace std::chrono;
  const year_month_day date(year(p.year), month(unsigned(p.month) + 1),
                            std::chrono::day(unsigned(p.day)));
  // RFC 9110 5.6.7 allows a leap second's 60; system time does not know it and repeats the 59.
  if (!date.ok() || p.hour > 23 || p.minute > 59 || p.second > 60) return std::nullopt;
  return WallTime(sys_days(date)) + hours(p.hour) + minutes(p.minute) +
         seconds(std::min(p.second, 59));
}

bool imf_fixdate(Scanner s, Parts& p) {
  int weekday = 0;
  return s.one_of(kDays, weekday) && s.is(", ") && s.digits(2, p.day) && s.is(" ") &&
         s.one_of(kMonths, p.month) && s.is(" ") && s.digits(4, p.year) && s.is(" ") &&
         s.time_of_day(p.hour, p.minute, p.second) && s.is(" GMT") && s.done();
}

bool rfc850_date(Scanner s, Parts& p, WallTime now) {
  using namespace std::chrono;
  int weekday = 0, short_year = 0;
  if (!(s.one_of(kLongDays, weekday) && s.is(", ") && s.digits(2, p.day) && s.is("-") &&
        s.one_of(kMonths, p.month) && s.is("-") && s.digits(2, short_year) && s.is(" ") &&
        s.time_of_day(p.hour, p.minute, p.second) && s.is(" GMT") && s.done())) {
    return false;
  }
  const int this_year = int(year_month_day(floor<days>(now)).year());
  p.year = this_year - this_year % 100 + short_year;
  if (p.year > this_year + 50) p.year -= 100;
  return true;
}

bool asctime_date(Scanner s, Parts& p) {
  int weekday = 0;
  if (!(s.one_of(kDays, weekday) && s.is(" ") && s.one_of(kMonths, p.month) && s.is(" ")))
    return false;
  if (!(s.is(" ") ? s.digits(1, p.day) : s.digits(2, p.day))) return false;
  return s.is(" ") && s.time_of_day(p.hour, p.minute, p.second) && s.is(" ") &&
         s.digits(4, p.year) && s.done();
}

}  // namespace

std::optional<WallTime> parse_http_date(std::string_view text, WallTime now) {
  const Scanner scanner(text);
  Parts parts;
  if (imf_fixdate(scanner, parts) || rfc850_date(scanner, parts, now) ||
      asctime_date(scanner, parts)) {
    return to_time(parts);
  }
  return std::nullopt;
}

HttpDate format_http_date(WallTime time) {
  using namespace std::chrono;
  const auto day_point = floor<days>(time);
  const year_month_day date(day_point);
  const hh_mm_ss clock(floor<seconds>(time - day_point));
  HttpDate out;
  char* at = out.data();
  const auto text = [&](std::string_view s) { at = s.copy(at, s.size()) + at; };
  const auto two = [&](int64_t n) {
    *at++ = char('0' + n / 10 % 10);
    *at++ = char('0' + n % 10);
  };
  text(kDays[weekday(day_point).c_encoding()]);
  text(", ");
  two(unsigned(date.day()));
  text(" ");
  text(kMonths[unsigned(date.month()) - 1]);
  text(" ");
  two(int(date.year()) / 100);
  two(int(date.year()) % 100);
  text(" ");
  two(clock.hours().count());
  text(":");
  two(clock.minutes().count());
  text(":");
  two(clock.seconds().count());
  text(" GMT");
  return out;
}

}  // namespace sealane::wire::http
