// SPDX-License-Identifier: Apache-2.0
#include "wire/http/cookie.h"

#include "wire/http/head.h"

namespace sealane::wire::http {

std::optional<std::string_view> find_cookie(std::span<const Field> fields, std::string_view name) {
  for (const Field& field : fields) {
    if (!equal_fold(field.name, "cookie")) continue;
    std::string_view rest = field.value;
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      const size_t equals = pair.find('=');
      if (equals == pair.npos || trim(pair.substr(0, equals)) != name) continue;
      std::string_view value = trim(pair.substr(equals + 1));
      if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
        value = value.substr(1, value.size() - 2);
      return value;
    }
  }
  return std::nullopt;
}

}  // namespace sealane::wire::http
