// SPDX-License-Identifier: Apache-2.0
// Any two texts as numbers: their canonical text is the one that reads back, their sum is exact
// when it is told, and their ordered bytes order as they do.
#include <cstdint>

#include "base/result.h"
#include "table/number.h"

namespace {

using sealane::table::Number;

void alone(std::string_view text, const Number& number) {
  const std::string written = number.to_string();
  SL_ASSERT(written.size() <= Number::kTextMax);
  SL_ASSERT(Number::is_canonical(written));
  SL_ASSERT(Number::is_canonical(text) == (text == written));
  const auto read = Number::parse(written);
  SL_ASSERT(read && *read == number);
  std::string ordered;
  number.append_ordered(ordered);
  std::string_view rest = ordered;
  const auto taken = Number::take_ordered(rest);
  SL_ASSERT(taken && *taken == number && rest.empty());
  int64_t integer;
  if (number.to_int64(integer)) SL_ASSERT(Number(integer) == number);
}

void together(const Number& a, const Number& b) {
  std::string a_bytes, b_bytes;
  a.append_ordered(a_bytes);
  b.append_ordered(b_bytes);
  SL_ASSERT((a <=> b) == (a_bytes <=> b_bytes));
  const auto sum = Number::add(a, b);
  if (!sum) return;
  const auto back = Number::subtract(*sum, b);
  SL_ASSERT(back && *back == a);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t blank = bytes.find(' ');
  const std::string_view first = bytes.substr(0, blank);
  const std::string_view second = blank == std::string_view::npos ? "" : bytes.substr(blank + 1);
  const auto a = Number::parse(first), b = Number::parse(second);
  if (a) alone(first, *a);
  if (!a) SL_ASSERT(!Number::is_canonical(first));
  if (a && b) together(*a, *b);
  std::string_view rest = bytes;
  if (const auto taken = Number::take_ordered(rest)) {
    std::string again;
    taken->append_ordered(again);
    SL_ASSERT(again == bytes.substr(0, bytes.size() - rest.size()));
  }
  return 0;
}
