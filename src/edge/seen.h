// SPDX-License-Identifier: Apache-2.0
// What a client has seen of the tables, as it says in its requests and is told in answers: so a
// user whose region has died finds in the next one what was written in the first, with an agent
// that knows nothing of it. Pure text.
//
//   cookie              browsers: TOKEN, or TOKEN.ID after an event stream, whose writes come after
//                       its head has gone out
//   x-sealane-session   programs that would rather keep a token themselves (as in the tables' API)
//   Mcp-Session-Id      MCP clients: the nodes remember for them what they have seen
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "wire/http/fields.h"
#include "wire/http/head.h"

namespace sealane::edge {

inline constexpr std::string_view kSessionField = "X-Sealane-Session";
inline constexpr std::string_view kStaleField =
    "X-Sealane-Stale";  // answers: milliseconds; requests: "refuse"
inline constexpr std::string_view kMcpSessionField = "Mcp-Session-Id";

struct Seen {
  std::string_view token;      // empty: nothing
  std::string_view session;    // under this name the nodes may know more; empty: none
  bool by_cookie = false;
  bool by_field = false;       // the client keeps the token itself: no cookie for it
  bool refuses_stale = false;
  bool empty() const { return token.empty() && session.empty(); }
};
// Views into the fields. `cookie_name` empty: cookies are not looked at.
Seen seen_in(std::span<const wire::http::Field> request_fields, std::string_view cookie_name);

// How an answer tells: nothing, the field alone, or the cookie too.
enum class Telling : uint8_t { nothing, field, cookie };
//   an answer that a shared cache may keep and give to others                   nothing
//   to GET, HEAD, OPTIONS, and the client brought nothing                      nothing
//   the client brought the field or an MCP session, or cookies are off         field
//   otherwise                                                                  cookie
// A shared cache may keep what says so; an answer to GET or HEAD also when it says nothing (RFC
// 9111 4.2.2).
Telling telling(const Seen& seen, wire::http::Method method,
                std::span<const wire::http::Field> answer_fields, bool cookies_on);

struct Told {
  std::string_view token;
  std::string_view session;      // goes into the cookie; empty: none
  std::string_view cookie_name;
  bool secure = false;           // over TLS: the cookie stays there
};
// Appends "X-Sealane-Session: ...\r\n" and, for Telling::cookie, "Set-Cookie: ...\r\n".
void append_told(std::string& out, Telling telling, const Told& told);

// How long a browser keeps the cookie after the last answer that set it, in seconds: conversations
// rest for a night.
inline constexpr uint32_t kCookieAgeS = 24 * 60 * 60;

}  // namespace sealane::edge
