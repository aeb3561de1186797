// SPDX-License-Identifier: Apache-2.0
// HTTP dates (RFC 9110 5.6.7): read in all three forms, written in the one that is allowed.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "base/time.h"

namespace sealane::wire::http {

// IMF-fixdate "Sun, 06 Nov 1994 08:49:37 GMT", RFC 850 "Sunday, 06-Nov-94 08:49:37 GMT" and asctime
// "Sun Nov  6 08:49:37 1994". A two-digit year that would lie more than 50 years after `now` is
// taken from the century before. Anything else, an impossible day or time included: nullopt.
std::optional<WallTime> parse_http_date(std::string_view text, WallTime now);

// 29 bytes of IMF-fixdate. Years 0 to 9999.
using HttpDate = std::array<char, 29>;
HttpDate format_http_date(WallTime time);
inline std::string_view view(const HttpDate& date) { return {date.data(), date.size()}; }

}  // namespace sealane::wire::http
