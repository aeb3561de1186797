// SPDX-License-Identifier: Apache-2.0
// Numbers as text for heads: written for every relayed answer, so without a format string to read.
#pragma once

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <string>

#include "base/time.h"

namespace sealane::edge {

inline void append_number(std::string& out, uint64_t number) {
  char text[20];
  out.append(text, std::to_chars(text, std::end(text), number).ptr);
}

// Milliseconds with three decimals, as Server-Timing has them: "12.345".
inline void append_ms(std::string& out, Duration duration) {
  const auto us = uint64_t(std::max<int64_t>(to_us(duration), 0));
  append_number(out, us / 1000);
  const auto rest = unsigned(us % 1000);
  const char text[] = {'.', char('0' + rest / 100), char('0' + rest / 10 % 10),
                       char('0' + rest % 10)};
  out.append(text, sizeof text);
}

}  // namespace sealane::edge
