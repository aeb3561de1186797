// SPDX-License-Identifier: Apache-2.0
// The answers that a node writes itself: problems (RFC 9457), redirects, the reserved paths. Pure
// text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sealane::edge {

// What went wrong, for people and programs.
struct Problem {
  uint16_t status = 500;
  std::string_view detail;  // a sentence
  std::string_view reason;  // a few fixed words
  std::string_view region;  // the region whose node or agent failed, or this one
  // no agent has seen the request: it may be sent elsewhere, whatever its method
  bool unprocessed = false;
};

// {"type":"about:blank","title":"Bad Gateway","status":502,"detail":...,"region":...,"reason":...}
std::string problem_json(const Problem& problem);

// The last event of a stream whose origin died. In the middle of an event it joins it, so that what
// was torn arrives as part of an `error` event and not as a message; `in_line`: a line is
// unfinished too.
std::string terminal_event(const Problem& problem, bool in_line, uint32_t retry_ms);

}  // namespace sealane::edge
