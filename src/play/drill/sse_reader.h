// SPDX-License-Identifier: Apache-2.0
// Parses a text/event-stream as it comes in (WHATWG HTML 9.2.6): events with their name, id and
// data. Bounded: of longer data only the beginning is kept.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sealane::play::drill {

struct SseEvent {
  std::string type = "message";
  std::string id;       // of this event itself; empty: it had none
  std::string data;     // lines joined by LF
  bool is_cut = false;  // data went past kDataBytesMax
};

class SseReader {
 public:
  static constexpr size_t kLineBytesMax = 64 << 10;  // what goes past is dropped
  static constexpr size_t kDataBytesMax = 256 << 10;

  // Takes the next bytes and calls on_event(const SseEvent&) for each event that they complete.
  template <typename F>
  void feed(std::string_view bytes, F&& on_event) {
    for (const char c : bytes) {
      if (take(c)) {
        on_event(static_cast<const SseEvent&>(event_));
        event_ = {};
        has_data_ = false;
      }
    }
  }
  // Bytes of an event have come that is not complete.
  bool in_event() const { return has_data_ || !line_.empty() || event_.type != "message"; }

 private:
  bool take(char c);  // true: event_ is complete
  bool end_line();

  SseEvent event_;
  std::string line_;
  bool has_data_ = false;
  bool after_cr_ = false;  // a LF belongs to the CR before it
  bool line_cut_ = false;
};

}  // namespace sealane::play::drill
