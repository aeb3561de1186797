// SPDX-License-Identifier: Apache-2.0
// "Count to 1000": the longest reply there is, for those who want to watch a stream for a while.
#include <algorithm>
#include <charconv>

#include "model.h"
#include "words.h"

namespace sealane::agent {
namespace {

constexpr unsigned kCountMax = 2000;

}  // namespace

std::optional<std::string> count_up(const Ask& ask) {
  const auto said = words(ask.prompt);
  const auto at = std::ranges::find(said, "count");
  if (at == said.end() || said.end() - at < 3 || *(at + 1) != "to") return std::nullopt;
  const std::string& number = *(at + 2);
  unsigned last = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), last);
  if (end != number.data() + number.size() || number.empty()) return std::nullopt;
  // A number too large for `last` leaves it as it was.
  if (error == std::errc::result_out_of_range || last > kCountMax)
    return fmt::format("I get tired after {}.", kCountMax);
  if (error != std::errc{} || last == 0) return std::nullopt;
  std::string out = "1";
  for (unsigned n = 2; n <= last; ++n) fmt::format_to(std::back_inserter(out), " {}", n);
  return out;
}

}  // namespace sealane::agent
