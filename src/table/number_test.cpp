// SPDX-License-Identifier: Apache-2.0
#include "table/number.h"

#include <gtest/gtest.h>

#include <array>

#include "table/sample_value.h"

namespace sealane::table {
namespace {

using Wide = __int128;

Number number(std::string_view text) {
  auto out = Number::parse(text);
  EXPECT_TRUE(out) << text << ": " << out.error().what;
  return out ? *out : Number();
}

std::string read(std::string_view text) {
  const auto out = Number::parse(text);
  return out ? out->to_string() : out.error().what;
}

std::string ordered(const Number& n) {
  std::string out;
  n.append_ordered(out);
  return out;
}

const std::string kNines(38, '9');
constexpr const char* kOverflow =
    "Number overflow. Attempting to store a number with magnitude larger than supported range";
constexpr const char* kUnderflow =
    "Number underflow. Attempting to store a number with magnitude smaller than supported range";
constexpr const char* kTooLong = "Attempting to store more than 38 significant digits in a Number";

TEST(Number, is_written_back_without_exponent_and_without_zeros_that_say_nothing) {
  const std::pair<std::string, std::string> cases[] = {
      {"0", "0"},
      {"-0", "0"},
      {"0.000", "0"},
      {"0e125", "0"},
      {"0e-130", "0"},
      {"1", "1"},
      {"+1", "1"},
      {"-1", "-1"},
      {"00042", "42"},
      {"1.0", "1"},
      {"3.1400", "3.14"},
      {"0042.1200", "42.12"},
      {".5", "0.5"},
      {"+.5", "0.5"},
      {"5.", "5"},
      {"-12.50", "-12.5"},
      {"1e3", "1000"},
      {"1E+3", "1000"},
      {"1.5E2", "150"},
      {"15e-1", "1.5"},
      {"12e-4", "0.0012"},
      {"100", "100"},
      {"0.05", "0.05"},
      {"-0.00e7", "0"},
      {"1000e-3", "1"},
      {"0.001e3", "1"},
      {"1e125", "1" + std::string(125, '0')},
      {"1E-130", "0." + std::string(129, '0') + "1"},
      {"-9." + std::string(37, '9') + "e125", "-" + kNines + std::string(88, '0')},
      {kNines, kNines},
      {"0." + kNines, "0." + kNines},
      {kNines + "000e-3", kNines},
      {"0000000000000000000000000000000000000000001", "1"},
  };
  for (const auto& [text, written] : cases) EXPECT_EQ(read(text), written) << text;
}

TEST(Number, refuses_with_the_messages_of_dynamodb) {
  const std::string not_a_number = "The parameter cannot be converted to a numeric value";
  EXPECT_EQ(read(""), not_a_number);
  for (const std::string text : {"b",
                                 "-",
                                 "+",
                                 ".",
                                 "-.",
                                 "1.2.3",
                                 "1e",
                                 "1e+",
                                 "1e1.5",
                                 "e5",
                                 " 1",
                                 "1 ",
                                 "1,5",
                                 "0x10",
                                 "NaN",
                                 "Infinity",
                                 "--1",
                                 "+-1",
                                 "1e+-1",
                                 "1e--1",
                                 "1d",
                                 "1e9223372036854775808",
                                 "1e-9223372036854775809"})
    EXPECT_EQ(read(text), not_a_number + ": " + text);
  for (const char* text : {"1e126", "-1e126", "10e125", "0.01e128", "1e2147483648", "1e99999999999",
                           "1e9223372036854775807", "0e126", "1234e9223372036854775807"})
    EXPECT_EQ(read(text), kOverflow) << text;
  for (const char* text : {"1e-131", "-1e-131", "0.1e-130", "1e-99999999999", "0e-131",
                           "1e-9223372036854775808", "0.0001e-9223372036854775808"})
    EXPECT_EQ(read(text), kUnderflow) << text;
  for (const char* text :
       {"123456789012345678901234567890123456789", "-1.23456789012345678901234567890123456789"})
    EXPECT_EQ(read(text), kTooLong) << text;
}

TEST(Number, has_at_most_38_digits_wherever_the_point_is) {
  for (int exponent = Number::kExponentMin; exponent <= Number::kExponentMax; ++exponent) {
    const std::string tail = "e" + std::to_string(exponent - 37);
    EXPECT_EQ(number(kNines + tail).digit_count(), 38) << tail;
    EXPECT_EQ(number(kNines + tail).exponent(), exponent);
    EXPECT_EQ(read(kNines + "9" + tail), exponent < Number::kExponentMax ? kTooLong : kOverflow)
        << tail;
  }
}

TEST(Number, a_text_is_canonical_just_when_it_is_what_the_number_writes) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    Dice dice(seed);
    std::string text = roll_number(dice).to_string();
    ASSERT_TRUE(Number::is_canonical(text)) << text;
    constexpr std::string_view kPieces = "0019.-+e ";
    for (uint64_t edits = dice.below(4); edits > 0; --edits) {
      const size_t at = size_t(dice.below(text.size() + 1));
      if (dice.chance(0.5))
        text.insert(at, 1, kPieces[dice.below(kPieces.size())]);
      else
        text.erase(at, 1);
    }
    const auto parsed = Number::parse(text);
    ASSERT_EQ(Number::is_canonical(text), parsed && parsed->to_string() == text)
        << seed << " " << text;
  }
  for (const char* text : {"", "-", "-0", "00", "01", "1.", ".1", "0.0", "1.0", "+1", "1e3"})
    EXPECT_FALSE(Number::is_canonical(text)) << text;
  EXPECT_FALSE(Number::is_canonical(kNines + "9"));
  EXPECT_FALSE(Number::is_canonical("1" + std::string(126, '0')));
  EXPECT_FALSE(Number::is_canonical("0." + std::string(130, '0') + "1"));
}

// ── sums ──

std::string written(Wide value) {
  const bool is_negative = value < 0;
  std::string out;
  for (Wide rest = is_negative ? -value : value; rest != 0; rest /= 10)
    out.insert(out.begin(), char('0' + int(rest % 10)));
  return (is_negative ? "-" : "") + (out.empty() ? "0" : out);
}

TEST(Number, adds_and_subtracts_as_integers_do) {
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    Dice dice(seed);
    // mantissa * 10^shift, all of it as an integer of 10^-12.
    const auto roll = [&](Wide& scaled) {
      const uint64_t digits = 1 + dice.below(16);
      Wide mantissa = 0;
      for (uint64_t i = 0; i < digits; ++i)
        mantissa = mantissa * 10 + Wide(dice.chance(0.3) ? 9 : dice.below(10));
      if (dice.chance(0.5)) mantissa = -mantissa;
      const int shift = int(dice.below(20)) - 12;
      scaled = mantissa;
      for (int i = 0; i < shift + 12; ++i) scaled *= 10;
      return number(written(mantissa) + "e" + std::to_string(shift));
    };
    Wide a_scaled, b_scaled;
    const Number a = roll(a_scaled), b = roll(b_scaled);
    ASSERT_EQ(*Number::add(a, b), number(written(a_scaled + b_scaled) + "e-12")) << seed;
    ASSERT_EQ(*Number::subtract(a, b), number(written(a_scaled - b_scaled) + "e-12")) << seed;
    ASSERT_EQ(a <=> b, a_scaled <=> b_scaled) << seed;
  }
}

TEST(Number, a_sum_that_is_told_is_exact) {
  int told = 0;
  for (uint64_t seed = 0; seed < 20'000; ++seed) {
    Dice dice(seed);
    const Number a = roll_number(dice), b = roll_number(dice);
    const auto sum = Number::add(a, b);
    ASSERT_EQ(sum.has_value(), Number::add(b, a).has_value());
    ASSERT_EQ(Number::subtract(a, a)->to_string(), "0");
    if (!sum) continue;
    ++told;
    ASSERT_EQ(*sum, *Number::add(b, a)) << seed;
    ASSERT_EQ(*Number::subtract(*sum, b), a)
        << seed << " " << a.to_string() << " " << b.to_string();
  }
  EXPECT_GT(told, 10'000);
}

TEST(Number, a_sum_out_of_range_or_of_too_many_digits_is_refused) {
  const auto add = [](std::string_view a, std::string_view b) {
    const auto sum = Number::add(number(a), number(b));
    return sum ? sum->to_string() : sum.error().what;
  };
  EXPECT_EQ(add("9.9e125", "9.9e125"), kOverflow);
  EXPECT_EQ(add("-9.9e125", "-9.9e125"), kOverflow);
  EXPECT_EQ(add("1e-130", "1e-130"), "0." + std::string(129, '0') + "2");
  EXPECT_EQ(add("1.1e-130", "-1e-130"), kUnderflow);
  EXPECT_EQ(add("1e37", "1"), "1" + std::string(36, '0') + "1");
  EXPECT_EQ(add("1e38", "1"), kTooLong);
  EXPECT_EQ(add("1e125", "1e-130"), kTooLong);
  EXPECT_EQ(add(kNines, "1"), "1" + std::string(38, '0'));
  EXPECT_EQ(add(kNines, "2"), kTooLong);
  EXPECT_EQ(add("0.1", "0.2"), "0.3");
}

// ── order ──

TEST(Number, its_ordered_bytes_order_as_the_numbers_do_and_read_back) {
  std::vector<Number> numbers;
  Dice dice(7);
  for (int i = 0; i < 600; ++i) numbers.push_back(roll_number(dice));
  for (const Number& a : numbers) {
    const std::string bytes = ordered(a);
    const std::string followed = bytes + "rest";
    std::string_view rest = followed;
    ASSERT_EQ(*Number::take_ordered(rest), a);
    ASSERT_EQ(rest, "rest");
    for (const Number& b : numbers) {
      const std::string others = ordered(b);
      ASSERT_EQ(a <=> b, bytes <=> others) << a.to_string() << " " << b.to_string();
      ASSERT_TRUE(a == b || !others.starts_with(bytes));
    }
  }
}

TEST(Number, ordered_bytes_that_no_number_writes_are_corrupt) {
  using namespace std::string_literals;
  const std::string good = ordered(number("-123"));
  for (const std::string& bytes :
       {""s, "\x00"s, "\x04"s, "\x03"s, "\x03\x80"s, "\x03\x80\x00"s,  // no digits
        "\x03\x80\x01\x00"s,                                           // begins with two zeros
        "\x03\x80\x06\x00"s,                                           // begins with one
        "\x03\x80\x0b\x01\x00"s,                                       // ends in two
        "\x03\x80\x65\x00"s,                                           // 101 is no pair
        "\x03\x80\x0b"s, good.substr(0, good.size() - 1),
        "\x03\x80"s + std::string(20, '\x0b') + "\x00"s}) {
    std::string_view rest = bytes;
    const auto taken = Number::take_ordered(rest);
    ASSERT_FALSE(taken) << testing::PrintToString(bytes);
    EXPECT_EQ(taken.error().code, Code::corrupt);
  }
}

TEST(Number, integers_of_64_bits_go_in_and_out) {
  const int64_t edges[] = {0, 1, -1, 10, -100, 1'000'000'007, INT64_MAX, INT64_MIN, INT64_MAX - 7};
  for (const int64_t value : edges) {
    int64_t back = 0;
    EXPECT_EQ(Number(value).to_string(), std::to_string(value));
    EXPECT_EQ(Number(value), number(std::to_string(value)));
    ASSERT_TRUE(Number(value).to_int64(back));
    EXPECT_EQ(back, value);
  }
  int64_t unused;
  for (const char* text :
       {"0.5", "9223372036854775808", "-9223372036854775809", "1e19", "1e125", "1.5e-3"})
    EXPECT_FALSE(number(text).to_int64(unused)) << text;
}

}  // namespace
}  // namespace sealane::table
