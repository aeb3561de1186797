// SPDX-License-Identifier: Apache-2.0
// The judgement of a shared cache: may this answer be kept, how long is it fresh, and may a kept
// one be used now. Two ways: `clamp` (CloudFront's minimum, default and maximum) and `rfc9111`
// (just what the origin says).
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/time.h"
#include "cache/cache_control.h"
#include "wire/http/fields.h"

namespace sealane::cache {

struct Rule {
  enum class Mode : uint8_t { pass, clamp, rfc9111 };
  Mode mode = Mode::pass;
  Duration ttl_min{}, ttl_default{}, ttl_max{};  // clamp only
  bool ttl_min_overrides_private =
      false;                      // clamp only: ttl_min also beats private, no-store, no-cache
  bool store_set_cookie = false;  // keep answers that set a cookie (they go to everybody)
  Duration error_ttl = 10s;       // clamp only: how long an error is kept at least
};

// The client's request, as far as caching looks at it.
struct Asked {
  std::string_view method;
  std::span<const wire::http::Field> fields;
};

// The origin's answer.
struct Got {
  uint16_t status = 0;
  std::span<const wire::http::Field> fields;
  Instant asked_at, got_at;  // when the request left, when the head of the answer came
  WallTime wall;             // time of day at got_at
};

// What a request may do with the cache at all.
enum class Way : uint8_t {
  cached,  // look up; on a miss lead or join a fill
  lookup,  // look up; on a miss pass it on and store nothing (HEAD, Range, no-store)
  pass,    // neither
};
Way way(const Rule& rule, const Asked& asked);

// Why an answer is stored, or is not. The edge shows it in its log and metrics.
enum class Why : uint8_t {
  explicit_freshness,  // stored: the origin said how long
  default_freshness,   // stored: clamp's default or the heuristic of RFC 9111 4.2.2
  validator_only,      // stored: stale at once, but a 304 can bring it back
  error,               // stored: an error, for a short while
  rule,
  method,
  status,
  no_store,
  is_private,
  authorization,
  set_cookie,
  vary_any,
  no_freshness,
};
const char* name(Why why);
// Is the reason not to store in the answer itself, so that a hit-for-miss mark is right? One
// client's Authorization must not end coalescing for everybody.
bool is_lasting(Why why);

// Counted from Got::got_at on the monotonic clock.
struct Freshness {
  Duration fresh_for{};               // may be negative: it came stale
  Duration initial_age{};             // corrected_initial_age of RFC 9111 4.2.3
  Duration stale_while_revalidate{};  // after fresh_for: serve, and refresh in the background
  Duration stale_if_error{};          // after fresh_for: serve if the origin fails
  bool always_validate = false;       // no-cache: never reused without asking
  bool may_be_stale = false;          // a client's max-stale counts
};

struct Verdict {
  bool store = false;
  Why why = Why::rule;
  Freshness freshness;
};
Verdict may_store(const Rule& rule, const Asked& asked, const Got& got);

// What to do with a stored answer that matches the request.
enum class Use : uint8_t {
  fresh,        // send it
  refresh,      // send it, and revalidate in the background (RFC 5861 3)
  validate,     // ask the origin first
  unavailable,  // the client wanted only a stored answer and this one will not do: 504 (RFC
                // 9111 5.2.1.7)
};
// `asked` is heeded in mode rfc9111 only: a viewer of a clamped path cannot force a fetch.
Use use(const Rule& rule, const Freshness& freshness, Instant got_at, const Asked& asked,
        Instant now);

// Nothing is stored: does the client want nothing else? (504, as for Use::unavailable.)
bool wants_only_stored(const Rule& rule, const Asked& asked);

// The origin failed (no answer, or 500, 502, 503, 504): may the stored answer go out instead?
bool may_serve_on_error(const Freshness& freshness, Instant got_at, Instant now);
constexpr bool is_origin_failure(uint16_t status) {
  return status == 500 || status == 502 || status == 503 || status == 504;
}

// RFC 9111 4.4: a write that succeeded makes what is stored for its target invalid.
bool invalidates(const Rule& rule, std::string_view method, uint16_t status);

// RFC 9111 4.2.3, whole seconds for the Age field.
int64_t age_s(const Freshness& freshness, Instant got_at, Instant now);

// How long an answer that must not be stored keeps the next requests for its key from waiting for
// each other.
inline constexpr Duration kHitForMiss = 10s;
// An origin that failed is left alone for so long while a stale answer can be served.
inline constexpr Duration kBackOff = 1s;

}  // namespace sealane::cache
