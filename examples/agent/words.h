// SPDX-License-Identifier: Apache-2.0
// Prompts as lower-case words, and numbers as people write them.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

namespace sealane::agent {

inline std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = char(c + 32);
  }
  return out;
}

// Words of letters, digits and inner '-', '.', '\'' (so "us-east-1" and "2.5" are one word), in
// lower case.
inline std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  std::string word;
  auto close = [&] {
    while (!word.empty() && !std::isalnum(uint8_t(word.back()))) word.pop_back();
    if (!word.empty()) out.push_back(std::move(word));
    word.clear();
  };
  for (const char c : lower(text)) {
    const bool inner = !word.empty() && (c == '-' || c == '.' || c == '\'');
    if (std::isalnum(uint8_t(c)) || inner) {
      word += c;
    } else {
      close();
    }
  }
  close();
  return out;
}

inline bool has(std::string_view lower_text, std::initializer_list<std::string_view> any_of) {
  for (const std::string_view part : any_of) {
    if (lower_text.contains(part)) return true;
  }
  return false;
}

inline std::string number_text(double value) {
  if (value == 0) return "0";  // not "-0"
  if (std::abs(value) < 1e15 && value == std::floor(value)) return fmt::format("{:.0f}", value);
  return fmt::format("{:.8g}", value);
}

}  // namespace sealane::agent
