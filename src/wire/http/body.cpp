// SPDX-License-Identifier: Apache-2.0
#include "wire/http/body.h"

#include <algorithm>

namespace sealane::wire::http {
namespace {

constexpr int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

constexpr bool is_control(char c) { return (uint8_t(c) < 0x20 && c != '\t') || c == 0x7f; }

}  // namespace

void BodyReader::start(Framing framing, uint64_t content_length) {
  left_ = content_length;
  line_bytes_ = 0;
  what_ = "";
  switch (framing) {
    case Framing::none: state_ = State::done; break;
    case Framing::length: state_ = content_length > 0 ? State::counted : State::done; break;
    case Framing::chunked: state_ = State::size_first; left_ = 0; break;
    case Framing::until_close: state_ = State::until_close; break;
  }
}

// One byte of chunk framing. The table, RFC 9112 7.1 with CRLF only:
//   size_first HEXDIG -> size         size HEXDIG -> size | ';' SP HT -> extension | CR -> size_lf
//   extension  CR -> size_lf          size_lf LF -> data, or trailer_first when the size was 0
//   data_cr CR -> data_lf LF -> size_first
//   trailer_first CR -> last_lf LF -> done
//                 else -> trailer until CR -> trailer_lf LF -> trailer_first
bool BodyReader::frame_byte(char c) {
  switch (state_) {
    case State::size_first:
    case State::size: {
      if (const int digit = hex(c); digit >= 0) {
        if (left_ >> 56 != 0) return refuse("chunk size too large"), false;
        left_ = left_ << 4 | uint64_t(digit);
        state_ = State::size;
      } else if (state_ == State::size_first) {
        return refuse("bad chunk size"), false;
      } else if (c == '\r') {
        state_ = State::size_lf;
      } else if (c == ';' || c == ' ' || c == '\t') {
        state_ = State::extension;
      } else {
        return refuse("bad chunk size"), false;
      }
      break;
    }
    case State::extension:
      if (c == '\r') state_ = State::size_lf;
      else if (is_control(c)) return refuse("bad chunk extension"), false;
      break;
    case State::size_lf:
      if (c != '\n') return refuse("bad line end in chunked body"), false;
      state_ = left_ > 0 ? State::data : State::trailer_first;
      line_bytes_ = 0;
      return true;
    case State::data_cr:
      if (c != '\r') return refuse("chunk longer than its size"), false;
      state_ = State::data_lf;
      return true;
    case State::data_lf:
      if (c != '\n') return refuse("bad line end in chunked body"), false;
      state_ = State::size_first;
      line_bytes_ = 0;
      return true;
    case State::trailer_first:
    case State::trailer:
      if (c == '\r') state_ = state_ == State::trailer_first ? State::last_lf : State::trailer_lf;
      else if (is_control(c)) return refuse("bad trailer"), false;
      else state_ = State::trailer;
      break;
    case State::trailer_lf:
    case State::last_lf:
      if (c != '\n') return refuse("bad line end in chunked body"), false;
      state_ = state_ == State::last_lf ? State::done : State::trailer_first;
      return true;
    default: return refuse("internal"), false;
  }
  const bool in_trailers = state_ == State::trailer || state_ == State::trailer_lf;
  if (++line_bytes_ > (in_trailers ? kTrailerBytesMax : kChunkLineMax)) {
    return refuse(in_trailers ? "trailers too large" : "chunk line too long"), false;
  }
  return true;
}

BodyReader::Step BodyReader::next(std::string_view& in, std::string_view& out) {
  while (true) {
    switch (state_) {
      case State::done: return Step::end;
      case State::broken: return Step::refused;
      case State::until_close:
        if (in.empty()) return Step::more;
        out = in;
        in = {};
        return Step::bytes;
      case State::counted:
      case State::data: {
        if (in.empty()) return Step::more;
        const size_t n = size_t(std::min<uint64_t>(left_, in.size()));
        out = in.substr(0, n);
        in.remove_prefix(n);
        left_ -= n;
        if (left_ == 0) state_ = state_ == State::counted ? State::done : State::data_cr;
        return Step::bytes;
      }
      default:
        if (in.empty()) return Step::more;
        if (!frame_byte(in.front())) return Step::refused;
        in.remove_prefix(1);
    }
  }
}

}  // namespace sealane::wire::http
