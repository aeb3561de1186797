// SPDX-License-Identifier: Apache-2.0
#include "health/probe_answer.h"

#include <algorithm>
#include <charconv>

#include "wire/http/fields.h"

namespace sealane::health {
namespace {

using view::Outcome;
using wire::http::equal_fold;

// RFC 9110 5.6.2.
bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    const char l = wire::http::lower(c);
    return (l >= 'a' && l <= 'z') || (c >= '0' && c <= '9') || kMarks.contains(c);
  });
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// All of `text` as a number, or nothing.
std::optional<uint64_t> number(std::string_view text, int base) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

Needle::Needle(std::string text) : text_(std::move(text)), back_(text_.size()) {
  for (size_t i = 1, border = 0; i < text_.size(); ++i) {
    border = step(border, text_[i]);
    back_[i] = uint16_t(border);
  }
}

std::optional<Outcome> ProbeAnswer::take(std::string_view bytes) {
  while (!bytes.empty() && !verdict_) {
    switch (state_) {
      case State::status_line:
      case State::field_line:
      case State::chunk_size:
      case State::chunk_end:
        take_head_byte(bytes.front());
        bytes.remove_prefix(1);
        break;
      case State::chunk_data:
      case State::sized: {
        const std::string_view part =
            bytes.substr(0, size_t(std::min<uint64_t>(left_, bytes.size())));
        body(part);
        bytes.remove_prefix(part.size());
        left_ -= part.size();
        if (left_ > 0 || verdict_) break;
        if (state_ == State::sized) body_done();
        state_ = State::chunk_end;
        break;
      }
      case State::to_the_end:
        body(bytes);
        bytes = {};
        break;
    }
  }
  return verdict_;
}

Outcome ProbeAnswer::end() {
  if (verdict_) return *verdict_;
  if (state_ == State::to_the_end) {
    body_done();
  } else {
    bad();  // cut off in the middle (RFC 9112 8)
  }
  return *verdict_;
}

// A line ends in CRLF or, as RFC 9112 2.2 allows, a bare LF. A CR elsewhere and other control
// characters are refused: no server of ours sends them, and a wrong kind of server often does.
void ProbeAnswer::take_head_byte(char c) {
  constexpr std::string_view kStart = "HTTP/1.";
  if (++head_bytes_ > kHeadBytesMax) return bad();
  if (c != '\n') {
    const bool control = uint8_t(c) < 0x20 || c == 0x7f;
    const bool after_cr = line_size_ > 0 && !line_cut_ && line_[line_size_ - 1] == '\r';
    if ((control && c != '\t' && c != '\r') || after_cr) return bad();
    if (state_ == State::status_line && line_size_ < kStart.size() && c != kStart[line_size_])
      return bad();
    if (line_size_ < kLineBytesMax) {
      line_[line_size_++] = c;
    } else {
      line_cut_ = true;
    }
    return;
  }
  if (line_size_ > 0 && line_[line_size_ - 1] == '\r' && !line_cut_) --line_size_;
  switch (state_) {
    case State::status_line:
      status_line();
      break;
    case State::field_line:
      field_line();
      break;
    case State::chunk_size:
      chunk_size_line();
      break;
    default:  // chunk_end: the line end behind the data of a chunk
      if (line_size_ > 0) return bad();
      state_ = State::chunk_size;
  }
  line_size_ = 0;
  line_cut_ = false;
}

// RFC 9112 4: HTTP-version SP 3DIGIT SP [reason], with the second SP forgiven.
void ProbeAnswer::status_line() {
  const std::string_view text = line();
  if (text.size() < 12 || (text[7] != '0' && text[7] != '1') || text[8] != ' ') return bad();
  if (text.size() > 12 && text[12] != ' ') return bad();
  const auto status = number(text.substr(9, 3), 10);
  if (!status || *status < 100 || *status > 599) return bad();
  status_ = uint16_t(*status);
  state_ = State::field_line;
  // 101 switches to a protocol that nobody asked for; other 1xx announce the real answer.
  if (status_ == 101 || status_ >= 400) verdict_ = Outcome::bad_status;
}

void ProbeAnswer::field_line() {
  const std::string_view text = line();
  if (text.empty()) return head_done();
  const size_t colon = text.find(':');
  if (colon == text.npos || !is_token(text.substr(0, colon))) return bad();
  const std::string_view name = text.substr(0, colon), value = trimmed(text.substr(colon + 1));
  if (equal_fold(name, "content-length")) {
    const auto length = number(value, 10);
    if (!length || line_cut_ || (length_ && length_ != length)) return bad();
    length_ = length;
  } else if (equal_fold(name, "transfer-encoding")) {
    if (!equal_fold(value, "chunked") || line_cut_ || chunked_)
      return bad();  // nothing else was asked for
    chunked_ = true;
  }
}

void ProbeAnswer::head_done() {
  if (status_ < 200) {
    state_ = State::status_line;
    chunked_ = false;
    length_.reset();
    return;
  }
  if (needle_->size() == 0) {
    verdict_ = Outcome::ok;
  } else if (status_ == 204 || status_ == 304) {  // never a body (RFC 9112 6.3)
    body_done();
  } else if (chunked_) {  // wins over Content-Length (RFC 9112 6.3)
    state_ = State::chunk_size;
  } else if (length_) {
    state_ = State::sized;
    left_ = *length_;
    if (left_ == 0) body_done();
  } else {
    state_ = State::to_the_end;
  }
}

// RFC 9112 7.1: chunk-size [chunk-ext]. The trailers do not matter.
void ProbeAnswer::chunk_size_line() {
  const std::string_view text = line();
  const auto size = number(trimmed(text.substr(0, text.find(';'))), 16);
  if (!size || line_cut_) return bad();
  left_ = *size;
  if (left_ == 0) return body_done();
  state_ = State::chunk_data;
}

void ProbeAnswer::body(std::string_view bytes) {
  for (const char c : bytes) {
    matched_ = needle_->step(matched_, c);
    if (matched_ == needle_->size()) {
      verdict_ = Outcome::ok;
      return;
    }
    if (++body_bytes_ == kSearchBytesMax) return body_done();
  }
}

}  // namespace sealane::health
