// SPDX-License-Identifier: Apache-2.0
// How answers are written for clients: heads of relayed answers and of our own. Pure text.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "edge/answers.h"
#include "wire/http/head.h"

namespace sealane::edge {

// Whom the answer goes to.
struct Viewer {
  uint8_t minor = 1;
  bool to_head = false;
  bool keep_alive = true;  // as the client asked; an answer may end it
};

struct Served {
  std::string_view x_cache;  // "Miss"
  std::string_view region;
  Duration connect{}, first_byte{};
  WallTime now{};  // for an answer without a Date
  std::string_view lines = {};  // more fields, each with its CRLF
};

// Appends the head for a relayed answer. The framing that the body must then be written with:
// `length` as it stands, `chunked`, or `until_close`, which also ends the connection.
wire::http::Framing compose_response(std::string& out, const wire::http::ResponseHead& head,
                                     const Viewer& viewer, const Served& served);

// "Server-Timing: cache;desc=Miss, connect;dur=0.100, origin;dur=12.345\r\n"
void append_timing_line(std::string& out, std::string_view x_cache, Duration connect,
                        Duration first_byte);

// "Connection: close\r\n" where the client must be told; nothing where HTTP/1.x already means it.
std::string_view connection_line(const Viewer& viewer, bool keep_alive);

// A whole answer of our own. `lines`: more fields, each with its CRLF.
struct OwnAnswer {
  uint16_t status = 200;
  std::string_view lines;
  std::string_view content_type;
  std::string_view body;
};
void compose_own(std::string& out, const OwnAnswer& answer, const Viewer& viewer, bool keep_alive,
                 std::string_view region, WallTime now);
// The whole answer that tells about a problem.
void compose_problem(std::string& out, const Problem& problem, const Viewer& viewer,
                     bool keep_alive, std::string_view region, WallTime now);

// ResponseHead fields of another node that we write ourselves.
bool is_nodes_own_field(std::string_view name);

}  // namespace sealane::edge
