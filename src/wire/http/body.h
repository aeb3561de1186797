// SPDX-License-Identifier: Apache-2.0
// Takes the framing off an HTTP/1.1 body as it streams by (RFC 9112 6 and 7.1): spans of the
// caller's bytes come out, nothing is copied or kept. llhttp cannot stop in the middle of a body,
// and back-pressure has to.
#pragma once

#include <cstdint>
#include <string_view>

#include "wire/http/head.h"

namespace sealane::wire::http {

class BodyReader {
 public:
  static constexpr uint32_t kChunkLineMax = 256;      // a size with its extensions
  static constexpr uint32_t kTrailerBytesMax = 8192;  // trailers are dropped, but not without end

  enum class Step : uint8_t {
    more,     // every byte of `in` is taken
    bytes,    // `out` holds body bytes
    end,      // the body is complete; what is left in `in` belongs to the next message
    refused,  // see what()
  };

  void start(Framing framing, uint64_t content_length);
  // Takes bytes off the front of `in`. Call again until it says `more` or `end`.
  Step next(std::string_view& in, std::string_view& out);
  // The peer has closed. True when that is a proper end of this body.
  bool closed_cleanly() const { return state_ == State::done || state_ == State::until_close; }
  bool done() const { return state_ == State::done; }
  const char* what() const { return what_; }

 private:
  enum class State : uint8_t {
    done, counted, until_close,
    size_first, size, extension, size_lf, data, data_cr, data_lf,
    trailer_first, trailer, trailer_lf, last_lf,
    broken,
  };
  Step refuse(const char* what) {
    state_ = State::broken;
    what_ = what;
    return Step::refused;
  }
  bool frame_byte(char c);  // false: refused

  uint64_t left_ = 0;        // of the counted body or of this chunk
  uint32_t line_bytes_ = 0;  // of the chunk line, or of all trailers
  State state_ = State::done;
  const char* what_ = "";
};

}  // namespace sealane::wire::http
