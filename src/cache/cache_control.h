// SPDX-License-Identifier: Apache-2.0
// Cache-Control (RFC 9111 5.2, RFC 5861, RFC 8246) of a request or a response, as one struct.
#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string_view>

#include "wire/http/fields.h"

namespace sealane::cache {

using Seconds = std::chrono::seconds;

// RFC 9111 1.2.2: a delta that overflows counts as 2^31, which is "for ever" in practice.
inline constexpr Seconds kDeltaMax{int64_t{1} << 31};

// Digits and nothing else; nullopt if it is not a delta-seconds.
std::optional<Seconds> parse_delta_seconds(std::string_view text);

// What stands twice with different values is read the way that keeps less: the shorter time
// (RFC 9111 4.2.1). A time that is no number counts as 0, so as stale (same section).
struct CacheControl {
  std::optional<Seconds> max_age, s_maxage, stale_while_revalidate, stale_if_error;
  std::optional<Seconds> min_fresh;  // request only
  std::optional<Seconds> max_stale;  // request only; no value: kDeltaMax
  bool no_store = false;
  bool no_cache = false;    // the form with field names counts as the plain one (RFC 9111 5.2.2.4)
  bool is_private = false;  // likewise (5.2.2.7)
  bool is_public = false;
  bool must_revalidate = false;
  bool proxy_revalidate = false;
  bool must_understand = false;
  bool immutable = false;  // RFC 8246
  bool no_transform = false;
  bool only_if_cached = false;  // request only

  // One more field line. Unknown directives are skipped; a broken one ends at the next comma.
  void add(std::string_view value);
};

// All Cache-Control lines of a message together.
CacheControl parse_cache_control(std::span<const wire::http::Field> fields);

}  // namespace sealane::cache
