// SPDX-License-Identifier: Apache-2.0
#include "plan/mistakes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sealane::plan {
namespace {

constexpr size_t kKeptMax = 10'000;      // mistakes held for sorting
constexpr size_t kQuotedMax = 60;        // bytes of a quoted text
constexpr size_t kListedMax = 40;        // words of a list of what is allowed
constexpr size_t kDistanceWordMax = 64;  // longer words are never "near"

char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }

// Optimal string alignment: insert, delete, change, swap neighbours; case does not count.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::array<std::array<size_t, kDistanceWordMax + 1>, 3> rows{};
  for (size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    auto& row = rows[i % 3];
    const auto& above = rows[(i - 1) % 3];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + change});
      if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
          lower(a[i - 2]) == lower(b[j - 1])) {
        row[j] = std::min(row[j], rows[(i - 2) % 3][j - 2] + 1);
      }
    }
  }
  return rows[a.size() % 3][b.size()];
}

}  // namespace

void Mistakes::add(Mark at, std::string what) {
  ++count_;
  if (kept_.size() < kKeptMax) kept_.push_back({at, std::move(what)});
}

Error Mistakes::error(std::string_view file_name) const {
  std::vector<Mistake> sorted = kept_;
  std::ranges::sort(sorted);
  const auto twice = std::ranges::unique(sorted);
  sorted.erase(twice.begin(), twice.end());
  std::string text;
  const size_t shown = std::min(sorted.size(), kMistakesMax);
  for (size_t i = 0; i < shown; ++i) {
    const Mistake& m = sorted[i];
    fmt::format_to(std::back_inserter(text), "{}{}:{}:{}: {}", i > 0 ? "\n" : "", file_name,
                   m.at.line, m.at.column, m.what);
  }
  const size_t unseen = sorted.size() - shown + (count_ - kept_.size());
  if (unseen > 0) fmt::format_to(std::back_inserter(text), "\n{}: and {} more", file_name, unseen);
  return {Code::invalid, std::move(text)};
}

std::string quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, kQuotedMax)) {
    if (uint8_t(c) < 0x20 || c == 0x7f) {
      fmt::format_to(std::back_inserter(out), "\\x{:02x}", uint8_t(c));
    } else {
      out += c;
    }
  }
  out += text.size() > kQuotedMax ? "...'" : "'";
  return out;
}

std::string listed(std::span<const std::string_view> words) {
  std::string out;
  for (size_t i = 0; i < words.size() && i < kListedMax; ++i) {
    if (i > 0) out += ", ";
    out += words[i];
  }
  if (words.size() > kListedMax) out += ", ...";
  return out;
}

std::string did_you_mean(std::string_view word, std::span<const std::string_view> among) {
  if (word.empty() || word.size() > kDistanceWordMax) return "";
  // A third of the word may be wrong, one letter always may.
  size_t best = std::max<size_t>(1, word.size() / 3) + 1;
  std::string_view nearest;
  for (const std::string_view candidate : among) {
    if (candidate.empty() || candidate.size() > kDistanceWordMax) continue;
    const size_t distance = edit_distance(word, candidate);
    if (distance < best) best = distance, nearest = candidate;
  }
  return nearest.empty() ? "" : fmt::format("; did you mean '{}'?", nearest);
}

}  // namespace sealane::plan
