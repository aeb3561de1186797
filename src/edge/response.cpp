// SPDX-License-Identifier: Apache-2.0
#include "edge/response.h"

#include <fmt/format.h>

#include <iterator>

#include "edge/number.h"
#include "edge/request.h"
#include "wire/http/date.h"
#include "wire/http/hop_by_hop.h"
#include "wire/http/status.h"

namespace sealane::edge {

using wire::http::equal_fold;
using wire::http::Framing;

bool is_nodes_own_field(std::string_view name) {
  switch (name.size()) {
    case 7: return equal_fold(name, "x-cache");
    case 13: return equal_fold(name, "server-timing");
    case 14: return equal_fold(name, "sealane-region");
    case 19: return equal_fold(name, kUnprocessedField);
    default: return false;
  }
}

std::string_view connection_line(const Viewer& viewer, bool keep_alive) {
  if (!keep_alive) return "Connection: close\r\n";
  return viewer.minor == 0 ? "Connection: keep-alive\r\n" : "";
}

void append_timing_line(std::string& out, std::string_view x_cache, Duration connect,
                        Duration first_byte) {
  out.append("Server-Timing: cache;desc=").append(x_cache).append(", connect;dur=");
  append_ms(out, connect);
  out.append(", origin;dur=");
  append_ms(out, first_byte);
  out.append("\r\n");
}

Framing compose_response(std::string& out, const wire::http::ResponseHead& head,
                         const Viewer& viewer, const Served& served) {
  const wire::http::HopByHop hops(head.fields);
  out.append("HTTP/1.1 ");
  append_number(out, head.status);
  out.append(" ").append(head.reason).append("\r\n");
  bool has_date = false;
  for (const wire::http::Field& field : head.fields) {
    if (hops.drops(field.name) || is_nodes_own_field(field.name)) continue;
    has_date = has_date || (field.name.size() == 4 && equal_fold(field.name, "date"));
    if (field.name.size() == 14 && equal_fold(field.name, "content-length")) {
      // It stays where it tells the truth: RFC 9110 8.6.
      if (head.framing != Framing::length && head.content_length != 0 && !viewer.to_head) continue;
      if (head.status == 204 || head.status < 200) continue;
    }
    out.append(field.name).append(": ").append(field.value).append("\r\n");
  }
  if (!has_date) {  // RFC 9110 6.6.1
    const auto date = wire::http::format_http_date(served.now);
    out.append("Date: ").append(wire::http::view(date)).append("\r\n");
  }
  out.append("Via: 1.1 sealane\r\nX-Cache: ").append(served.x_cache).append(" from sealane\r\n");
  out.append("Sealane-Region: ").append(served.region).append("\r\n");
  if (served.connect.count() > 0 || served.first_byte.count() > 0) {
    append_timing_line(out, served.x_cache, served.connect, served.first_byte);
  }
  out.append(served.lines);
  if (head.status == 101) {
    out.append("Connection: Upgrade\r\n");
    if (const auto upgrade = wire::http::find(head.fields, "upgrade")) {
      out.append("Upgrade: ").append(*upgrade).append("\r\n");
    }
    out.append("\r\n");
    return Framing::none;
  }
  Framing framing = head.framing;
  if (framing == Framing::chunked || framing == Framing::until_close) {
    framing = viewer.minor >= 1 ? Framing::chunked : Framing::until_close;
  }
  if (framing == Framing::chunked) out.append("Transfer-Encoding: chunked\r\n");
  out.append(connection_line(viewer, viewer.keep_alive && framing != Framing::until_close));
  out.append("\r\n");
  return framing;
}

void compose_own(std::string& out, const OwnAnswer& answer, const Viewer& viewer, bool keep_alive,
                 std::string_view region, WallTime now) {
  const auto date = wire::http::format_http_date(now);
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\nDate: {}\r\n", answer.status,
                 wire::http::reason_of(answer.status), wire::http::view(date));
  out.append(answer.lines);
  if (!answer.content_type.empty()) {
    out.append("Content-Type: ").append(answer.content_type).append("\r\n");
  }
  if (answer.status != 204) {
    out.append("Content-Length: ");
    append_number(out, answer.body.size());
    out.append("\r\n");
  }
  out.append("Via: 1.1 sealane\r\nSealane-Region: ").append(region).append("\r\n");
  out.append(connection_line(viewer, keep_alive)).append("\r\n");
  if (!viewer.to_head) out.append(answer.body);
}

void compose_problem(std::string& out, const Problem& problem, const Viewer& viewer,
                     bool keep_alive, std::string_view region, WallTime now) {
  const std::string body = problem_json(problem);
  std::string lines = "Cache-Control: no-store\r\nX-Cache: Error from sealane\r\n";
  if (problem.status == 503) lines += "Retry-After: 1\r\n";
  if (problem.unprocessed) lines.append(kUnprocessedField).append(": 1\r\n");
  compose_own(out,
              {.status = problem.status,
               .lines = lines,
               .content_type = "application/problem+json",
               .body = body},
              viewer, keep_alive, region, now);
}

}  // namespace sealane::edge
