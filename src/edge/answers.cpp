// SPDX-License-Identifier: Apache-2.0
#include "edge/answers.h"

#include <fmt/format.h>

#include "base/escape.h"
#include "wire/http/status.h"

namespace sealane::edge {

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
  return fmt::format("{}retry: {}\nevent: error\ndata: {}\n\n", in_line ? "\n" : "", retry_ms,
                     json);
}

}  // namespace sealane::edge
