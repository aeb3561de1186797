// SPDX-License-Identifier: Apache-2.0
#include "wire/sse.h"

namespace sealane::wire::sse {

void Scanner::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    if (state_ == State::after_cr) {
      state_ = State::line_start;
      if (bytes.front() == '\n') {
        bytes.remove_prefix(1);
        continue;
      }
    }
    const size_t end = bytes.find_first_of("\r\n");
    const size_t n = end == std::string_view::npos ? bytes.size() : end;
    if (n > 0) {
      if (line_bytes_ == 0) comment_ = bytes.front() == ':';
      line_bytes_ += n;
      state_ = State::in_line;
      bytes.remove_prefix(n);
      if (end == std::string_view::npos) return;
    }
    line_ended();
    state_ = bytes.front() == '\r' ? State::after_cr : State::line_start;
    bytes.remove_prefix(1);
  }
}

}  // namespace sealane::wire::sse
