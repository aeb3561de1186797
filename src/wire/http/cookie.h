// SPDX-License-Identifier: Apache-2.0
// The cookies that a client brings (RFC 6265 4.2, 5.4).
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "wire/http/fields.h"

namespace sealane::wire::http {

// The value of the first cookie with this name, which is matched with its case; quotes around the
// value do not count. In one field or in several (RFC 9113 8.2.3 lets a client split them).
std::optional<std::string_view> find_cookie(std::span<const Field> fields, std::string_view name);

}  // namespace sealane::wire::http
