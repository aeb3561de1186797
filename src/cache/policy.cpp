// SPDX-License-Identifier: Apache-2.0
#include "cache/policy.h"

#include <algorithm>
#include <optional>

#include "wire/http/date.h"

namespace sealane::cache {
namespace {

using wire::http::equal_fold;
using wire::http::find;
using wire::http::parse_http_date;

// RFC 9111 4.2.2 wants a bound on guesses and names 10 % and (in 5.2.2, by warning) a day.
constexpr Duration kHeuristicMax = 24h;
// Clamp only: how long an expired answer may stand in for an origin that fails, if the origin
// itself says nothing about stale-if-error.
constexpr Duration kStaleOnErrorMax = 24h;

// The difference of two times of day, which outsiders choose: bounded before it becomes
// nanoseconds.
Duration bounded(std::chrono::milliseconds difference) {
  return std::clamp<std::chrono::milliseconds>(difference, Seconds(0), kDeltaMax);
}

// RFC 9110 15.1: what may be kept without explicit freshness. 206 is missing: no partial answers
// here.
constexpr bool is_heuristically_cacheable(uint16_t status) {
  switch (status) {
    case 200:
    case 203:
    case 204:
    case 300:
    case 301:
    case 308:
    case 404:
    case 405:
    case 410:
    case 414:
    case 501:
      return true;
    default:
      return false;
  }
}

// Kept by clamp for error_ttl even if the origin says nothing (CloudFront's list).
constexpr bool is_error_kept(uint16_t status) {
  switch (status) {
    case 404:
    case 414:
    case 500:
    case 501:
    case 502:
    case 503:
    case 504:
      return true;
    default:
      return false;
  }
}

constexpr bool has_method(std::string_view method) { return method == "GET" || method == "HEAD"; }

bool has_set_cookie(std::span<const wire::http::Field> fields) {
  return find(fields, "set-cookie").has_value();
}

bool has_validator(std::span<const wire::http::Field> fields, WallTime now) {
  if (find(fields, "etag")) return true;
  const auto modified = find(fields, "last-modified");
  return modified && parse_http_date(*modified, now).has_value();
}

// Any line with a bare `*` (RFC 9110 12.5.5).
bool varies_on_anything(std::span<const wire::http::Field> fields) {
  for (const wire::http::Field& field : fields) {
    if (equal_fold(field.name, "vary") && field.value.find('*') != std::string_view::npos)
      return true;
  }
  return false;
}

struct Dates {
  std::optional<WallTime> date, expires, last_modified;
  bool has_expires = false;  // a broken date in Expires means "in the past" (RFC 9111 5.3)
};

Dates read_dates(const Got& got) {
  Dates out;
  for (const wire::http::Field& field : got.fields) {
    if (equal_fold(field.name, "date")) out.date = parse_http_date(field.value, got.wall);
    if (equal_fold(field.name, "last-modified")) {
      out.last_modified = parse_http_date(field.value, got.wall);
    }
    if (equal_fold(field.name, "expires")) {
      const auto expires = parse_http_date(field.value, got.wall);
      // Of several the earliest; a broken one is the earliest of all.
      if (!out.has_expires)
        out.expires = expires;
      else if (!expires || (out.expires && *expires < *out.expires))
        out.expires = expires;
      out.has_expires = true;
    }
  }
  return out;
}

// RFC 9111 4.2.3.
Duration initial_age(const Got& got, const Dates& dates) {
  Duration age_value{};
  if (const auto age = find(got.fields, "age")) {
    age_value = parse_delta_seconds(*age).value_or(Seconds(0));
  }
  const Duration response_delay = std::max(got.got_at - got.asked_at, Duration(0));
  const Duration apparent = dates.date ? bounded(got.wall - *dates.date) : Duration(0);
  return std::max(apparent, age_value + response_delay);
}

// s-maxage, then max-age, then Expires - Date (RFC 9111 4.2.1); nullopt: the origin says nothing.
std::optional<Duration> explicit_lifetime(const Got& got, const CacheControl& cc,
                                          const Dates& dates) {
  if (cc.s_maxage) return *cc.s_maxage;
  if (cc.max_age) return *cc.max_age;
  if (!dates.has_expires) return std::nullopt;
  if (!dates.expires) return Duration(0);
  return bounded(*dates.expires - dates.date.value_or(got.wall));
}

//   must-revalidate, proxy-revalidate or no-cache   never used stale (RFC 9111 4.2.4)
//   stale-while-revalidate, stale-if-error          as said, also beside s-maxage, which by itself
//                                                   means proxy-revalidate (5.2.2.10)
//   no stale-if-error, clamp                        kStaleOnErrorMax
//   no stale-if-error, rfc9111                      not on error
void set_stale_uses(const Rule& rule, const CacheControl& cc, Freshness& out) {
  if (cc.must_revalidate || cc.proxy_revalidate || cc.no_cache) return;
  out.may_be_stale = !cc.s_maxage;
  if (cc.stale_while_revalidate) out.stale_while_revalidate = *cc.stale_while_revalidate;
  const bool is_clamp = rule.mode == Rule::Mode::clamp;
  out.stale_if_error = cc.stale_if_error ? *cc.stale_if_error : is_clamp ? kStaleOnErrorMax : 0s;
}

Verdict no(Why why) { return {.store = false, .why = why, .freshness = {}}; }

// The TTL table. `ttl` is what is left of the origin's lifetime, its Age taken off.
//
//   origin says                      ttl_min = 0            ttl_min > 0
//   s-maxage, max-age, Expires       min(ttl, max)          clamp(ttl, min, max)
//   nothing, usual status            default                max(default, min)
//   nothing, other status            not stored             not stored
//   nothing, error of the list       error_ttl              error_ttl
//   ttl <= 0                         stored if a validator  min
//   no-cache                         stored if a validator, asked every time
//     with overrides                 same                   min
//   no-store, private                not stored             not stored
//     with overrides                 not stored             min
Verdict clamp(const Rule& rule, const Got& got, const CacheControl& cc, const Dates& dates) {
  const bool overrides = rule.ttl_min_overrides_private && rule.ttl_min > Duration(0);
  Verdict out{.store = true, .why = Why::explicit_freshness, .freshness = {}};
  Freshness& f = out.freshness;
  f.initial_age = initial_age(got, dates);

  if (cc.no_store || cc.is_private || cc.no_cache) {
    if (overrides) {
      f.fresh_for = rule.ttl_min;
      return out;
    }
    if (cc.no_store || cc.is_private) return no(cc.no_store ? Why::no_store : Why::is_private);
    if (!has_validator(got.fields, got.wall)) return no(Why::no_freshness);
    f.always_validate = true;
    out.why = Why::validator_only;
    return out;
  }
  set_stale_uses(rule, cc, f);

  const auto lifetime = explicit_lifetime(got, cc, dates);
  const Duration max = std::max(rule.ttl_max, rule.ttl_min);
  if (lifetime) {
    // An error is kept at least for error_ttl, so that a failing origin is not hammered.
    const Duration min =
        is_error_kept(got.status) ? std::max(rule.ttl_min, rule.error_ttl) : rule.ttl_min;
    f.fresh_for = std::clamp(*lifetime - f.initial_age, min, std::max(max, min));
    if (f.fresh_for > Duration(0)) return out;
    out.why = Why::validator_only;
    return has_validator(got.fields, got.wall) ? out : no(Why::no_freshness);
  }
  if (is_error_kept(got.status)) {
    f.fresh_for = rule.error_ttl;
    out.why = Why::error;
    return out;
  }
  if (!is_heuristically_cacheable(got.status)) return no(Why::no_freshness);
  f.fresh_for = std::max(rule.ttl_default, rule.ttl_min);
  out.why = Why::default_freshness;
  if (f.fresh_for > Duration(0)) return out;
  out.why = Why::validator_only;
  return has_validator(got.fields, got.wall) ? out : no(Why::no_freshness);
}

// RFC 9111 3 and 4.2.
//
//   explicit  validator  status heuristic  ->
//   yes, > 0  any        any                  stored, fresh for lifetime - age
//   yes, = 0  yes        any                  stored, stale at once
//   yes, = 0  no         any                  not stored
//   no        modified   yes                  stored, fresh for 10 % of (Date - Last-Modified), a
//   day at most no        ETag only  yes                  stored, stale at once no        none any
//   not stored no        any        no                   not stored no-cache: stored if there is a
//   validator, asked every time
Verdict rfc9111(const Rule& rule, const Got& got, const CacheControl& cc, const Dates& dates) {
  // must-understand lets a cache that knows the status pass over no-store (5.2.2.3).
  const bool understood = cc.must_understand && is_heuristically_cacheable(got.status);
  if (cc.must_understand && !understood) return no(Why::status);
  if (cc.no_store && !understood) return no(Why::no_store);
  if (cc.is_private) return no(Why::is_private);

  const bool validator = has_validator(got.fields, got.wall);
  Verdict out{.store = true, .why = Why::explicit_freshness, .freshness = {}};
  Freshness& f = out.freshness;
  f.initial_age = initial_age(got, dates);
  f.always_validate = cc.no_cache;
  set_stale_uses(rule, cc, f);

  const auto lifetime = explicit_lifetime(got, cc, dates);
  if (lifetime) {
    f.fresh_for = *lifetime - f.initial_age;
  } else {
    if (!validator || !is_heuristically_cacheable(got.status)) return no(Why::no_freshness);
    out.why = Why::validator_only;
    f.fresh_for = -f.initial_age;
    if (dates.last_modified) {
      const Duration since = bounded(dates.date.value_or(got.wall) - *dates.last_modified);
      f.fresh_for += std::min(since / 10, kHeuristicMax);
      out.why = Why::default_freshness;
    }
  }
  if (f.always_validate || f.fresh_for <= Duration(0)) {
    if (!validator && f.fresh_for + f.stale_while_revalidate <= Duration(0))
      return no(Why::no_freshness);
    if (!validator && f.always_validate) return no(Why::no_freshness);
    out.why = Why::validator_only;
  }
  return out;
}

// RFC 9111 5.2.1, for rfc9111 rules: what the client says about a stored answer.
Use heed(const CacheControl& cc, Use found, Duration age, Duration fresh_left, bool may_be_stale) {
  const Use ask = cc.only_if_cached ? Use::unavailable : Use::validate;
  if (found == Use::validate) {
    // max-stale: the client takes what has expired by at most so much.
    const bool taken = cc.max_stale && may_be_stale && -fresh_left <= *cc.max_stale;
    if (!taken) return ask;
    found = Use::fresh;
  }
  if (cc.no_cache) return ask;
  if (cc.max_age && age > *cc.max_age) return ask;
  if (cc.min_fresh && fresh_left < *cc.min_fresh) return ask;
  return found;
}

}  // namespace

const char* name(Why why) {
  switch (why) {
    case Why::explicit_freshness:
      return "explicit-freshness";
    case Why::default_freshness:
      return "default-freshness";
    case Why::validator_only:
      return "validator-only";
    case Why::error:
      return "error";
    case Why::rule:
      return "rule";
    case Why::method:
      return "method";
    case Why::status:
      return "status";
    case Why::no_store:
      return "no-store";
    case Why::is_private:
      return "private";
    case Why::authorization:
      return "authorization";
    case Why::set_cookie:
      return "set-cookie";
    case Why::vary_any:
      return "vary-any";
    case Why::no_freshness:
      return "no-freshness";
  }
  return "?";
}

//   rule   method        request has                       ->
//   pass   any           any                               pass
//   other  GET           If-Match, If-Unmodified-Since     pass (the origin must judge them)
//   other  GET           a body (Content-Length, chunked)  pass
//   other  GET           Range                             lookup
//   rfc9111  GET         Cache-Control: no-store           lookup (a clamped path does not heed
//   clients) other  HEAD          -                                 lookup (a miss brings no body
//   to store) other  GET           -                                 cached other  anything else
//   pass
Way way(const Rule& rule, const Asked& asked) {
  if (rule.mode == Rule::Mode::pass || !has_method(asked.method)) return Way::pass;
  Way out = asked.method == "HEAD" ? Way::lookup : Way::cached;
  for (const wire::http::Field& field : asked.fields) {
    switch (field.name.size()) {
      case 5:
        if (equal_fold(field.name, "range")) out = Way::lookup;
        break;
      case 8:
        if (equal_fold(field.name, "if-match")) return Way::pass;
        break;
      case 13:
        if (rule.mode == Rule::Mode::rfc9111 && equal_fold(field.name, "cache-control") &&
            parse_cache_control({&field, 1}).no_store) {
          out = Way::lookup;
        }
        break;
      case 14:
        if (equal_fold(field.name, "content-length") && field.value != "0") return Way::pass;
        break;
      case 17:
        if (equal_fold(field.name, "transfer-encoding")) return Way::pass;
        break;
      case 19:
        if (equal_fold(field.name, "if-unmodified-since")) return Way::pass;
        break;
      default:
        break;
    }
  }
  return out;
}

//   first that holds                                                            -> not stored,
//   because rule is pass                                                                   rule
//   method is not GET                                                              method
//   status below 200, 206 or 304                                                   status
//   the request has Authorization, and the answer neither public, s-maxage nor
//     must-revalidate (RFC 9111 3.5)                                               authorization
//   the answer has Set-Cookie, and the rule does not want it                       set_cookie
//   Vary: *                                                                        vary_any
//   otherwise the table of the rule's mode decides
Verdict may_store(const Rule& rule, const Asked& asked, const Got& got) {
  if (rule.mode == Rule::Mode::pass) return no(Why::rule);
  if (asked.method != "GET") return no(Why::method);
  if (got.status < 200 || got.status > 599 || got.status == 206 || got.status == 304) {
    return no(Why::status);
  }
  const CacheControl cc = parse_cache_control(got.fields);
  if (find(asked.fields, "authorization") && !cc.is_public && !cc.s_maxage && !cc.must_revalidate) {
    return no(Why::authorization);
  }
  if (!rule.store_set_cookie && has_set_cookie(got.fields)) return no(Why::set_cookie);
  if (varies_on_anything(got.fields)) return no(Why::vary_any);
  const Dates dates = read_dates(got);
  return rule.mode == Rule::Mode::clamp ? clamp(rule, got, cc, dates)
                                        : rfc9111(rule, got, cc, dates);
}

//   no-cache    past fresh_for by              ->
//   yes         any                            validate
//   no          not yet                        fresh
//   no          up to stale_while_revalidate   refresh
//   no          more                           validate
// and then, for an rfc9111 rule, what the client says.
Use use(const Rule& rule, const Freshness& freshness, Instant got_at, const Asked& asked,
        Instant now) {
  const Duration fresh_left = freshness.fresh_for - (now - got_at);
  Use out = Use::validate;
  if (!freshness.always_validate) {
    if (fresh_left > Duration(0))
      out = Use::fresh;
    else if (-fresh_left < freshness.stale_while_revalidate)
      out = Use::refresh;
  }
  if (rule.mode != Rule::Mode::rfc9111) return out;
  const auto line = find(asked.fields, "cache-control");
  if (!line) return out;
  const Duration age = freshness.initial_age + (now - got_at);
  return heed(parse_cache_control(asked.fields), out, age, fresh_left, freshness.may_be_stale);
}

bool wants_only_stored(const Rule& rule, const Asked& asked) {
  return rule.mode == Rule::Mode::rfc9111 && find(asked.fields, "cache-control") &&
         parse_cache_control(asked.fields).only_if_cached;
}

bool is_lasting(Why why) {
  return why != Why::authorization && why != Why::method && why != Why::rule;
}

bool may_serve_on_error(const Freshness& freshness, Instant got_at, Instant now) {
  if (freshness.always_validate) return false;
  return now - got_at < freshness.fresh_for + freshness.stale_if_error;
}

bool invalidates(const Rule& rule, std::string_view method, uint16_t status) {
  const bool is_safe = has_method(method) || method == "OPTIONS" || method == "TRACE";
  return rule.mode == Rule::Mode::rfc9111 && !is_safe && status >= 200 && status < 400;
}

int64_t age_s(const Freshness& freshness, Instant got_at, Instant now) {
  return std::chrono::duration_cast<Seconds>(freshness.initial_age + (now - got_at)).count();
}

}  // namespace sealane::cache
