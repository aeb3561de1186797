// SPDX-License-Identifier: Apache-2.0
// What is wrong with a world file: every mistake with its place, what was found, what is allowed,
// and the nearest valid name. All of them are reported together, so that one look mends the file.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sealane::plan {

constexpr size_t kMistakesMax = 50;  // printed; the rest is counted

struct Mark {
  uint32_t line = 1, column = 1;  // from 1; columns are bytes
  friend auto operator<=>(const Mark&, const Mark&) = default;
};

class Mistakes {
 public:
  void add(Mark at, std::string what);
  bool empty() const { return count_ == 0; }
  // Code::invalid; one line a mistake, "file:line:column: what", in the order of the file, no line
  // twice.
  Error error(std::string_view file_name) const;

 private:
  struct Mistake {
    Mark at;
    std::string what;
    friend auto operator<=>(const Mistake&, const Mistake&) = default;
  };
  std::vector<Mistake> kept_;
  size_t count_ = 0;
};

// 'text' in quotes, fit for a terminal: bytes that do not print are escaped, long texts are cut.
std::string quoted(std::string_view text);

// "a, b, c", cut after a few dozen.
std::string listed(std::span<const std::string_view> words);

// "; did you mean 'x'?" with the nearest of `among` by edit distance, or "" when nothing is near.
std::string did_you_mean(std::string_view word, std::span<const std::string_view> among);

}  // namespace sealane::plan
