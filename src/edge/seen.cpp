// SPDX-License-Identifier: Apache-2.0
#include "edge/seen.h"

#include "cache/cache_control.h"
#include "edge/number.h"
#include "wire/http/cookie.h"

namespace sealane::edge {
namespace {

using wire::http::find;

bool may_be_shared(wire::http::Method method, std::span<const wire::http::Field> answer_fields) {
  const cache::CacheControl said = cache::parse_cache_control(answer_fields);
  if (said.is_private || said.no_store || said.no_cache) return false;
  return wire::http::is_safe(method) || said.is_public || said.s_maxage || said.max_age;
}

}  // namespace

Seen seen_in(std::span<const wire::http::Field> request_fields, std::string_view cookie_name) {
  Seen seen;
  if (const auto token = find(request_fields, kSessionField)) {
    seen.token = *token;
    seen.by_field = true;
  }
  if (const auto session = find(request_fields, kMcpSessionField)) seen.session = *session;
  if (!cookie_name.empty() && !seen.by_field) {
    if (const auto cookie = wire::http::find_cookie(request_fields, cookie_name)) {
      const size_t dot = std::min(cookie->find('.'), cookie->size());
      seen.token = cookie->substr(0, dot);
      if (dot < cookie->size() && seen.session.empty()) seen.session = cookie->substr(dot + 1);
      seen.by_cookie = true;
    }
  }
  if (const auto stale = find(request_fields, kStaleField)) seen.refuses_stale = *stale == "refuse";
  return seen;
}

Telling telling(const Seen& seen, wire::http::Method method,
                std::span<const wire::http::Field> answer_fields, bool cookies_on) {
  if (seen.empty() && wire::http::is_safe(method)) return Telling::nothing;
  if (may_be_shared(method, answer_fields)) return Telling::nothing;
  const bool is_mcp =
      !seen.by_cookie && (!seen.session.empty() || find(answer_fields, kMcpSessionField));
  return seen.by_field || is_mcp || !cookies_on ? Telling::field : Telling::cookie;
}

void append_told(std::string& out, Telling telling, const Told& told) {
  if (telling == Telling::nothing) return;
  out.append(kSessionField).append(": ").append(told.token).append("\r\n");
  if (telling != Telling::cookie) return;
  out.append("Set-Cookie: ").append(told.cookie_name).append("=").append(told.token);
  if (!told.session.empty()) out.append(".").append(told.session);
  out.append("; Path=/; Max-Age=");
  append_number(out, kCookieAgeS);
  out.append(told.secure ? "; HttpOnly; SameSite=Lax; Secure\r\n" : "; HttpOnly; SameSite=Lax\r\n");
}

}  // namespace sealane::edge
