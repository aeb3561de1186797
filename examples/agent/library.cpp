// SPDX-License-Identifier: Apache-2.0
#include "library.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "words.h"

namespace sealane::agent {
namespace {

constexpr double kScoreMin = 2.2;  // below it the text has nothing to say

// Endings off, so that "failing regions" finds "fail" and "region".
std::string stem(std::string word) {
  for (const std::string_view ending : {"ing", "ies", "ed", "es", "s", "ly"}) {
    if (word.size() > ending.size() + 3 && word.ends_with(ending)) {
      word.resize(word.size() - ending.size());
      break;
    }
  }
  if (word.size() > 4 && (word.ends_with('e') || word.ends_with('y'))) word.pop_back();
  return word;
}

bool is_filler(const std::string& word) {
  static constexpr std::string_view kFillers[] = {
      "a",      "an",      "and",  "are",  "as",    "at",    "be",    "by",   "can",  "do",
      "does",   "explain", "for",  "from", "give",  "has",   "have",  "how",  "i",    "in",
      "is",     "it",      "its",  "me",   "more",  "my",    "of",    "on",   "or",   "please",
      "should", "so",      "tell", "that", "the",   "their", "there", "they", "this", "to",
      "was",    "we",      "what", "when", "where", "which", "who",   "why",  "will", "with",
      "work",   "would",   "you",  "your", "about", "mean",  "means", "one",  "not",  "if"};
  return std::ranges::find(kFillers, word) != std::end(kFillers);
}

}  // namespace

std::set<std::string> Library::stems(std::string_view text) {
  std::set<std::string> out;
  for (std::string& word : words(text)) {
    if (!is_filler(word)) out.insert(stem(std::move(word)));
  }
  return out;
}

Library::Library() {
  for (size_t p = 0; p < text().size(); ++p) {
    const auto title = stems(text()[p].title);
    for (size_t s = 0; s < text()[p].sentences.size(); ++s) {
      const uint32_t line = uint32_t(lines_.size());
      const auto has_words = stems(text()[p].sentences[s]);
      lines_.push_back({uint16_t(p), uint16_t(s), uint16_t(has_words.size())});
      for (const std::string& word : has_words) in_lines_[word].push_back(line);
      for (const std::string& word : title) in_titles_[word].push_back(line);
    }
  }
}

// A word counts by how rare it is, in a sentence and once more in the title above it.
std::optional<std::string> Library::best(const std::set<std::string>& wanted,
                                         const std::vector<bool>& skipped) const {
  std::vector<double> scores(lines_.size());
  for (const std::string& word : wanted) {
    const auto found = in_lines_.find(word);
    const size_t count = found == in_lines_.end() ? 0 : found->second.size();
    const double weight = std::log(1 + double(lines_.size()) / double(1 + count));
    if (count > 0) {
      for (const uint32_t line : found->second) scores[line] += weight;
    }
    if (const auto titled = in_titles_.find(word); titled != in_titles_.end()) {
      for (const uint32_t line : titled->second) scores[line] += weight;
    }
  }
  std::vector<uint32_t> order;
  for (uint32_t line = 0; line < lines_.size(); ++line) {
    scores[line] /= 1 + 0.01 * lines_[line].word_count;
    if (!skipped[line]) order.push_back(line);
  }
  std::ranges::sort(order, {}, [&](uint32_t line) { return std::tuple(-scores[line], line); });
  if (order.empty() || scores[order[0]] < kScoreMin) return std::nullopt;

  const uint32_t top = order[0];
  std::vector<uint32_t> chosen;
  for (const uint32_t line : order) {
    const bool fits =
        lines_[line].paragraph == lines_[top].paragraph && scores[line] >= scores[top] / 4;
    if (fits && chosen.size() < kSentencesMax) chosen.push_back(line);
  }
  std::ranges::sort(chosen);
  std::string out;
  for (const uint32_t line : chosen) {
    out += out.empty() ? "" : " ";
    out += sentence(line);
  }
  return out;
}

}  // namespace sealane::agent
