// SPDX-License-Identifier: Apache-2.0
// DynamoDB's number: up to 38 significant decimal digits, exactly; magnitudes from 1E-130 to
// 9.99...E+125, and zero (AWS "Limits", data types: number).
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sealane::table {

class Number {
 public:
  static constexpr int kDigitsMax = 38;
  static constexpr int kExponentMin = -130;  // of the first significant digit
  static constexpr int kExponentMax = 125;

  Number() = default;  // 0
  explicit Number(int64_t value);
  // "-12.50", "1e3", "+.5": as DynamoDB takes them. Errors carry AWS's message as `what`:
  //   "The parameter cannot be converted to a numeric value: <text>" (of no text: no colon)
  //   "Attempting to store more than 38 significant digits in a Number"
  //   "Number overflow. Attempting to store a number with magnitude larger than supported range"
  //   "Number underflow. Attempting to store a number with magnitude smaller than supported range"
  static Result<Number> parse(std::string_view text);

  // Exact; the same errors of range and digits as parse().
  static Result<Number> add(const Number& a, const Number& b);
  static Result<Number> subtract(const Number& a, const Number& b);

  // As DynamoDB writes numbers back: no exponent, no trailing zeros ("1200", "0.05", "-3").
  std::string to_string() const;
  // The same into a buffer of kTextMax; its length.
  static constexpr size_t kTextMax = 3 - kExponentMin + kDigitsMax;
  size_t write(char* text) const;
  // True of exactly the texts that to_string() writes.
  static bool is_canonical(std::string_view text);
  // The integer value when it is one and fits.
  bool to_int64(int64_t& out) const;
  bool is_zero() const { return digit_count_ == 0; }
  bool is_negative() const { return negative_; }
  // Of 12.5: 3 digits, and 1 as the exponent of the first. Zero has none and 0.
  int digit_count() const { return digit_count_; }
  int exponent() const { return is_zero() ? 0 : exponent_ - 1; }

  // Order-preserving bytes for keys: memcmp of two encodings orders as the numbers do. No encoding
  // is a prefix of another. decode() consumes its bytes from the front of `bytes`; error `corrupt`.
  void append_ordered(std::string& out) const;
  static Result<Number> take_ordered(std::string_view& bytes);

  friend bool operator==(const Number&, const Number&) = default;
  friend std::strong_ordering operator<=>(const Number& a, const Number& b);

 private:
  // value = +-0.d1d2d3... * 10^exponent_ with d1 != 0; zero has no digits, no sign and exponent 0.
  bool negative_ = false;
  uint8_t digit_count_ = 0;
  int16_t exponent_ = 0;
  uint8_t digits_[kDigitsMax] = {};  // 0..9, most significant first, no trailing zeros
};

}  // namespace sealane::table
