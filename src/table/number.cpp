// SPDX-License-Identifier: Apache-2.0
#include "table/number.h"

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sealane::table {
namespace {

constexpr std::string_view kNotANumber = "The parameter cannot be converted to a numeric value";
constexpr const char* kTooManyDigits =
    "Attempting to store more than 38 significant digits in a Number";
constexpr const char* kOverflow =
    "Number overflow. Attempting to store a number with magnitude larger than supported range";
constexpr const char* kUnderflow =
    "Number underflow. Attempting to store a number with magnitude smaller than supported range";

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The forms of ordered bytes: a sign, then for what is not zero the exponent as one byte, two
// digits a byte as 1..100, and a 0; for negative numbers all but the sign inverted.
constexpr uint8_t kNegative = 1, kZero = 2, kPositive = 3;
constexpr int kExponentBias =
    129;  // of 0.d1d2.., whose exponents go from -129 to 126: one byte, all of it used
static_assert(Number::kExponentMin + 1 + kExponentBias == 0);
static_assert(Number::kExponentMax + 1 + kExponentBias == 255);

constexpr int64_t kFarAway = int64_t(1) << 60;

// "e-12" at `at`, or nothing. False: not an exponent, or not one of 64 bits.
bool take_exponent(std::string_view text, size_t& at, int64_t& value) {
  if (at == text.size() || (text[at] != 'e' && text[at] != 'E')) return true;
  ++at;
  if (at < text.size() && text[at] == '+') {
    ++at;
    if (at < text.size() && text[at] == '-') return false;
  }
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + text.size(), value);
  at = size_t(end - text.data());
  return error == std::errc();
}

std::unexpected<Error> not_a_number(std::string_view text) {
  std::string what(kNotANumber);
  if (!text.empty()) what.append(": ").append(text);
  return fail(Code::invalid, std::move(what));
}

}  // namespace

Number::Number(int64_t value) {
  if (value == 0) return;
  negative_ = value < 0;
  uint64_t rest = negative_ ? 0 - uint64_t(value) : uint64_t(value);
  uint8_t reversed[20];
  int count = 0;
  for (; rest != 0; rest /= 10) reversed[count++] = uint8_t(rest % 10);
  exponent_ = int16_t(count);
  std::reverse_copy(reversed, reversed + count, digits_);
  while (digits_[count - 1] == 0) --count;
  digit_count_ = uint8_t(count);
}

// Sign, digits with at most one point, exponent: what Java's BigDecimal takes. The exponent is read
// whole (up to 64 bits, as AWS does) before the range is judged; of zero it is judged as it is
// written.
Result<Number> Number::parse(std::string_view text) {
  Number out;
  size_t at = 0;
  const auto peek = [&] { return at < text.size() ? text[at] : '\0'; };
  if (peek() == '-' || peek() == '+') out.negative_ = text[at++] == '-';

  bool has_digit = false, has_point = false, has_too_many = false;
  int64_t point = 0;        // exponent of 0.d1d2.. before the written exponent
  int64_t significant = 0;  // digits since the first that is not 0
  for (; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '.' && !has_point) {
      has_point = true;
      continue;
    }
    if (!is_digit(c)) break;
    has_digit = true;
    if (c == '0' && significant == 0) {
      point -= has_point;
      continue;
    }
    point += !has_point;
    if (significant < kDigitsMax)
      out.digits_[significant] = uint8_t(c - '0');
    else
      has_too_many |= c != '0';
    ++significant;
  }
  int64_t written = 0;
  if (!has_digit || !take_exponent(text, at, written) || at != text.size())
    return not_a_number(text);

  // What is written may be near the ends of 64 bits; far outside the range one such is as good as
  // another.
  const int64_t first = std::clamp<int64_t>(written, -kFarAway, kFarAway) +
                        (significant == 0 ? 0 : std::clamp(point - 1, -kFarAway, kFarAway));
  if (first > kExponentMax) return fail(Code::invalid, kOverflow);
  if (first < kExponentMin) return fail(Code::invalid, kUnderflow);
  if (significant == 0) return Number();
  if (has_too_many) return fail(Code::invalid, kTooManyDigits);
  int count = int(std::min<int64_t>(significant, kDigitsMax));
  while (out.digits_[count - 1] == 0) --count;
  out.digit_count_ = uint8_t(count);
  out.exponent_ = int16_t(first + 1);
  return out;
}

// Schoolbook, on a line of decimal places from one above the larger exponent down to the last digit
// of both.
Result<Number> Number::add(const Number& a, const Number& b) {
  if (a.is_zero()) return b;
  if (b.is_zero()) return a;
  const auto last_place = [](const Number& n) { return n.exponent_ - n.digit_count_; };
  const int top = std::max(a.exponent_, b.exponent_) + 1;
  const int width = top - std::min(last_place(a), last_place(b));
  constexpr int kWidthMax = kExponentMax - kExponentMin + kDigitsMax + 2;
  SL_ASSERT(width <= kWidthMax);
  int8_t line[kWidthMax] = {};

  // Of different signs, the smaller magnitude is taken from the larger, so that no borrow leaves
  // the line.
  const bool is_sum = a.negative_ == b.negative_;
  Number a_size = a, b_size = b;
  a_size.negative_ = b_size.negative_ = false;
  const auto order = a_size <=> b_size;
  if (!is_sum && order == 0) return Number();
  const Number& large = order >= 0 ? a : b;
  const Number& small = order >= 0 ? b : a;
  for (int i = 0; i < large.digit_count_; ++i)
    line[top - large.exponent_ + i] = int8_t(large.digits_[i]);
  for (int i = 0; i < small.digit_count_; ++i) {
    int8_t& place = line[top - small.exponent_ + i];
    place = int8_t(is_sum ? place + small.digits_[i] : place - small.digits_[i]);
  }
  for (int i = width - 1; i > 0; --i) {
    const int carry = line[i] > 9 ? 1 : line[i] < 0 ? -1 : 0;
    line[i] = int8_t(line[i] - 10 * carry);
    line[i - 1] = int8_t(line[i - 1] + carry);
  }

  int first = 0, end = width;
  while (line[first] == 0) ++first;
  while (line[end - 1] == 0) --end;
  const int exponent = top - first;
  if (exponent > kExponentMax + 1) return fail(Code::invalid, kOverflow);
  if (exponent < kExponentMin + 1) return fail(Code::invalid, kUnderflow);
  if (end - first > kDigitsMax) return fail(Code::invalid, kTooManyDigits);
  Number out;
  out.negative_ = large.negative_;
  out.exponent_ = int16_t(exponent);
  out.digit_count_ = uint8_t(end - first);
  std::transform(line + first, line + end, out.digits_, [](int8_t d) { return uint8_t(d); });
  return out;
}

Result<Number> Number::subtract(const Number& a, const Number& b) {
  Number minus_b = b;
  minus_b.negative_ = !b.negative_ && !b.is_zero();
  return add(a, minus_b);
}

std::string Number::to_string() const {
  char text[kTextMax];
  return std::string(text, write(text));
}

size_t Number::write(char* text) const {
  char* at = text;
  if (is_zero()) *at++ = '0';
  if (negative_) *at++ = '-';
  if (!is_zero() && exponent_ <= 0) {
    *at++ = '0';
    *at++ = '.';
    at = std::fill_n(at, -exponent_, '0');
  }
  for (int i = 0; i < digit_count_; ++i) {
    if (i == exponent_ && i > 0) *at++ = '.';
    *at++ = char('0' + digits_[i]);
  }
  if (exponent_ > digit_count_) at = std::fill_n(at, exponent_ - digit_count_, '0');
  return size_t(at - text);
}

bool Number::is_canonical(std::string_view text) {
  if (text == "0") return true;
  if (text.starts_with('-')) text.remove_prefix(1);
  const size_t point = std::min(text.find('.'), text.size());
  const std::string_view whole = text.substr(0, point);
  const std::string_view part = text.substr(std::min(point + 1, text.size()));
  if (!std::ranges::all_of(whole, is_digit) || !std::ranges::all_of(part, is_digit)) return false;
  if (point != text.size() && (part.empty() || part.back() == '0')) return false;
  if (whole.empty() || (whole.front() == '0' && (whole.size() > 1 || part.empty()))) return false;

  const bool has_whole = whole.front() != '0';
  const size_t zeros = has_whole ? 0 : part.find_first_not_of('0');  // part ends in another digit
  const int exponent =
      has_whole ? int(std::min<size_t>(whole.size(), 1000)) : -int(std::min<size_t>(zeros, 1000));
  size_t digits = has_whole ? whole.size() + part.size() : part.size() - zeros;
  if (part.empty()) digits = whole.find_last_not_of('0') + 1;
  return digits <= size_t(kDigitsMax) && exponent <= kExponentMax + 1 &&
         exponent >= kExponentMin + 1;
}

bool Number::to_int64(int64_t& out) const {
  if (exponent_ < digit_count_ || exponent_ > 19) return false;
  unsigned __int128 size = 0;
  for (int i = 0; i < exponent_; ++i) size = size * 10 + digits_[i];
  const unsigned __int128 limit = (unsigned __int128)(INT64_MAX) + (negative_ ? 1 : 0);
  if (size > limit) return false;
  out = negative_ ? int64_t(0 - uint64_t(size)) : int64_t(size);
  return true;
}

void Number::append_ordered(std::string& out) const {
  if (is_zero()) {
    out.push_back(char(kZero));
    return;
  }
  const uint8_t flip = negative_ ? 0xff : 0;
  char bytes[2 + kDigitsMax / 2 + 1];
  size_t size = 0;
  bytes[size++] = char(negative_ ? kNegative : kPositive);
  bytes[size++] = char(uint8_t(exponent_ + kExponentBias) ^ flip);
  for (int i = 0; i < digit_count_; i += 2)
    bytes[size++] = char(uint8_t(digits_[i] * 10 + digits_[i + 1] + 1) ^ flip);
  bytes[size++] = char(flip);
  out.append(bytes, size);
}

Result<Number> Number::take_ordered(std::string_view& bytes) {
  const auto corrupt = [] {
    return fail(Code::corrupt, "a number's ordered bytes do not read back");
  };
  if (bytes.empty()) return corrupt();
  const uint8_t sign = uint8_t(bytes[0]);
  if (sign == kZero) {
    bytes.remove_prefix(1);
    return Number();
  }
  if ((sign != kNegative && sign != kPositive) || bytes.size() < 2) return corrupt();
  Number out;
  out.negative_ = sign == kNegative;
  const uint8_t flip = out.negative_ ? 0xff : 0;
  out.exponent_ = int16_t(int(uint8_t(bytes[1]) ^ flip) - kExponentBias);
  int count = 0;
  size_t at = 2;
  for (;; ++at) {
    if (at == bytes.size()) return corrupt();
    const int pair = uint8_t(bytes[at]) ^ flip;
    if (pair == 0) break;
    if (pair > 100 || count == kDigitsMax) return corrupt();
    out.digits_[count++] = uint8_t((pair - 1) / 10);
    out.digits_[count++] = uint8_t((pair - 1) % 10);
  }
  if (count > 0 && out.digits_[count - 1] == 0) --count;  // the filler of an odd count
  if (count == 0 || out.digits_[0] == 0 || out.digits_[count - 1] == 0) return corrupt();
  out.digit_count_ = uint8_t(count);
  bytes.remove_prefix(at + 1);
  return out;
}

std::strong_ordering operator<=>(const Number& a, const Number& b) {
  const auto sign = [](const Number& n) { return n.is_zero() ? 0 : n.negative_ ? -1 : 1; };
  if (sign(a) != sign(b)) return sign(a) <=> sign(b);
  if (a.exponent_ != b.exponent_)
    return a.negative_ ? b.exponent_ <=> a.exponent_ : a.exponent_ <=> b.exponent_;
  const int digits = std::memcmp(a.digits_, b.digits_, sizeof a.digits_);
  return a.negative_ ? 0 <=> digits : digits <=> 0;
}

}  // namespace sealane::table
