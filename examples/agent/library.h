// SPDX-License-Identifier: Apache-2.0
// The built-in text with an index over its words, made once: a look-up costs microseconds, so two
// hundred users who ask at the same moment do not wait for each other.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "text.h"

namespace sealane::agent {

class Library {
 public:
  static constexpr size_t kSentencesMax = 3;  // in one answer
  Library();

  // The sentences that fit these words best, of one paragraph and in its order; nothing when none
  // fits well. `skip` says which sentences must not come again.
  template <typename Skip>
  std::optional<std::string> find(const std::set<std::string>& wanted, Skip skip) const {
    std::vector<bool> skipped(lines_.size());
    for (size_t i = 0; i < lines_.size(); ++i) skipped[i] = skip(sentence(i));
    return best(wanted, skipped);
  }
  // The words of a text that carry its meaning, without their endings.
  static std::set<std::string> stems(std::string_view text);

 private:
  struct Line {
    uint16_t paragraph, sentence;
    uint16_t word_count;
  };
  std::string_view sentence(size_t line) const {
    return text()[lines_[line].paragraph].sentences[lines_[line].sentence];
  }
  std::optional<std::string> best(const std::set<std::string>& wanted,
                                  const std::vector<bool>& skipped) const;

  std::vector<Line> lines_;
  std::map<std::string, std::vector<uint32_t>, std::less<>> in_lines_, in_titles_;  // word -> lines
};

}  // namespace sealane::agent
