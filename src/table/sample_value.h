// SPDX-License-Identifier: Apache-2.0
// Rolled numbers, values and items for the tests of this room: small alphabets and exponents, so
// that things collide, and now and then the extremes.
#pragma once

#include <algorithm>
#include <string>

#include "base/dice.h"
#include "table/value.h"

namespace sealane::table {

inline Number roll_number(Dice& dice) {
  constexpr const char* kEdges[] = {"0",
                                    "1",
                                    "-1",
                                    "1E-130",
                                    "-1E-130",
                                    "9.9999999999999999999999999999999999999E+125",
                                    "-9.9999999999999999999999999999999999999E+125"};
  if (dice.chance(0.1)) return *Number::parse(kEdges[dice.below(std::size(kEdges))]);
  std::string text = dice.chance(0.5) ? "-" : "";
  const uint64_t digit_count = dice.chance(0.8) ? 1 + dice.below(4) : 1 + dice.below(38);
  for (uint64_t i = 0; i < digit_count; ++i) {
    if (i == 1) text += '.';
    text += char('0' + (dice.chance(0.3) ? 0 : dice.below(10)));
  }
  const int64_t exponent =
      dice.chance(0.7) ? int64_t(dice.below(9)) - 4 : int64_t(dice.below(200)) - 90;
  return *Number::parse(text + "e" + std::to_string(exponent));
}

// Of few characters, among them those that keys and JSON escape; valid UTF-8.
inline std::string roll_text(Dice& dice) {
  constexpr std::string_view kPieces[] = {"a",
                                          "b",
                                          std::string_view("\0", 1),
                                          "\x01",
                                          "\"",
                                          "\\",
                                          "\n",
                                          "\x7f",
                                          "\xc3\xa9",
                                          "\xf0\x9f\x9a\xa2",
                                          "a longer run of plain text"};
  std::string out;
  for (uint64_t left = dice.below(6); left > 0; --left)
    out += kPieces[dice.below(std::size(kPieces))];
  return out;
}

inline std::string roll_bytes(Dice& dice) {
  std::string out;
  for (uint64_t left = dice.below(9); left > 0; --left)
    out += char(dice.chance(0.3) ? dice.below(3) - 1 : dice.below(256));
  return out;
}

template <typename Element, typename Roll>
std::vector<Element> roll_set(Roll roll) {
  std::vector<Element> out;
  for (int i = 0; i < 4; ++i) out.push_back(roll());
  std::ranges::sort(out);
  const auto twice = std::ranges::unique(out);
  out.erase(twice.begin(), twice.end());
  return out;
}

// At most `levels` of nesting.
inline Value roll_value(Dice& dice, int levels) {
  switch (dice.below(levels > 1 ? 10 : 8)) {
    case 0: return Value(roll_text(dice));
    case 1: return Value(roll_number(dice));
    case 2: return Value(Binary{roll_bytes(dice)});
    case 3: return Value(roll_set<std::string>([&] { return roll_text(dice); }));
    case 4: return Value(roll_set<Number>([&] { return roll_number(dice); }));
    case 5: return Value(roll_set<Binary>([&] { return Binary{roll_bytes(dice)}; }));
    case 6: return Value();
    case 7: return Value(Value::Form(dice.chance(0.5)));
    case 8: {
      List list;
      for (uint64_t left = dice.below(4); left > 0; --left)
        list.push_back(roll_value(dice, levels - 1));
      return Value(std::move(list));
    }
    default: {
      Item map;
      for (uint64_t left = dice.below(4); left > 0; --left)
        map.set("n" + roll_text(dice), roll_value(dice, levels - 1));
      return Value(std::move(map));
    }
  }
}

inline Item roll_item(Dice& dice) {
  Item out;
  for (uint64_t left = dice.below(6); left > 0; --left)
    out.set("n" + roll_text(dice), roll_value(dice, 4));
  return out;
}

}  // namespace sealane::table
