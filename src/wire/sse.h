// SPDX-License-Identifier: Apache-2.0
// Where events begin and end in a text/event-stream (WHATWG HTML 9.2.5), without parsing them: so
// that a comment can be put between two events and never into one.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace sealane::wire::sse {

class Scanner {
 public:
  // Looks at the next bytes of the stream.
  void feed(std::string_view bytes);
  // The last byte seen ended an event (or the stream has not begun, or only comments stand
  // between): a line written now belongs to no event.
  bool between_events() const { return state_ != State::in_line && lines_ == 0; }
  bool in_line() const { return state_ == State::in_line; }
  uint64_t event_count() const { return events_; }

 private:
  // Lines end in LF, CR LF or CR. After CR a LF may still follow that belongs to it.
  enum class State : uint8_t { line_start, in_line, after_cr };
  void line_ended() {
    if (line_bytes_ > 0) {
      if (!comment_) ++lines_;
    } else if (lines_ > 0) {
      lines_ = 0;
      ++events_;
    }
    line_bytes_ = 0;
    comment_ = false;
  }

  State state_ = State::line_start;
  bool comment_ = false;     // this line began with a colon
  uint64_t line_bytes_ = 0;  // of this line
  uint64_t lines_ = 0;       // of this event, without comments
  uint64_t events_ = 0;
};

}  // namespace sealane::wire::sse
