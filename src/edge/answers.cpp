// SPDX-License-Identifier: Apache-2.0
#include "edge/answers.h"

#include <fmt/format.h>

#include <iterator>

#include "wire/http/status.h"

namespace sealane::edge {

void append_json_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (uint8_t(c) < 0x20) {
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", uint8_t(c));
    } else {
      out += c;
    }
  }
}

std::string problem_json(const Problem& problem) {
  std::string out = R"({"type":"about:blank","title":")";
  append_json_escaped(out, wire::http::reason_of(problem.status));
  out += fmt::format(R"(","status":{},"detail":")", problem.status);
  append_json_escaped(out, problem.detail);
  out += R"(","region":")";
  append_json_escaped(out, problem.region);
  out += R"(","reason":")";
  append_json_escaped(out, problem.reason);
  out += "\"}\n";
  return out;
}

std::string terminal_event(const Problem& problem, bool in_line, uint32_t retry_ms) {
  std::string json = problem_json(problem);
  json.pop_back();  // its line end
  return fmt::format("{}retry: {}\nevent: error\ndata: {}\n\n", in_line ? "\n" : "", retry_ms, json);
}

}  // namespace sealane::edge
