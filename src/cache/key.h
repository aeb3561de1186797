// SPDX-License-Identifier: Apache-2.0
// Under which name an answer is kept: the service and the request target; and which of several
// answers under one name a request selects (Vary, RFC 9111 4.1).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/hash.h"
#include "wire/http/fields.h"

namespace sealane::cache {

// A key as the index takes it: text plus its keyed hash.
struct Key {
  std::string_view text;
  uint64_t hash = 0;
};

// Writes "service\ntarget" into `buffer` (reused by the caller, so a hit allocates nothing) and
// returns a view of it. `target` is path and query as received; percent-encoding is normalised as
// far as every origin must agree (RFC 3986 6.2.2.1 and 6.2.2.2: hex digits upper case, unreserved
// bytes decoded; a target with a broken encoding stays as it is). Dot segments and the query stay:
// an origin may tell them apart.
Key make_key(std::string& buffer, SipKey secret, std::string_view service, std::string_view target);

// The target alone, normalised the same way.
void append_target(std::string& out, std::string_view target);

// Accept-Encoding is collapsed to the codings that matter, in a fixed order: "br, gzip, zstd",
// those with q=0 left out; other fields to their lines joined by ", ", blanks around commas
// removed.
void append_normalised(std::string& out, std::string_view name,
                       std::span<const wire::http::Field> fields);

inline constexpr size_t kVaryNamesMax = 16;

// The names of a Vary field with the values of the request that selected the answer.
struct Vary {
  bool any = false;    // `*`, or more names than kVaryNamesMax: never selected again
  std::string names;   // "accept-encoding\naccept-language\n", lower case, sorted; empty: no Vary
  std::string values;  // one normalised value a line, in the same order
};
Vary make_vary(std::span<const wire::http::Field> response,
               std::span<const wire::http::Field> request);
// Appends what `values` would be for this request.
void append_values(std::string& out, const Vary& vary,
                   std::span<const wire::http::Field> request);
// Does a request select what `vary` was made for?
bool selects(const Vary& vary, std::span<const wire::http::Field> request);

}  // namespace sealane::cache
