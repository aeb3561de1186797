// SPDX-License-Identifier: Apache-2.0
// HTTP header fields (RFC 9110 5) as views into a buffer that somebody else owns. Names compare
// without case.
#pragma once

#include <algorithm>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace sealane::wire::http {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; }
constexpr bool equal_fold(std::string_view a, std::string_view b) {
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [](char x, char y) { return lower(x) == lower(y); });
}

struct Field {
  std::string_view name;
  std::string_view value;  // without surrounding white space
};

// The value of the first field with this name.
constexpr std::optional<std::string_view> find(std::span<const Field> fields,
                                               std::string_view name) {
  for (const Field& field : fields) {
    if (equal_fold(field.name, name)) return field.value;
  }
  return std::nullopt;
}

}  // namespace sealane::wire::http
