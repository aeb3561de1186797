// SPDX-License-Identifier: Apache-2.0
// Judges the answer to an HTTP probe as its bytes come in: status 200 to 399 is good, and the
// search string (if any) must occur wholly in the first 5,120 bytes of the body (Route 53's rule).
// Sans I/O, no allocation, and strict: what is not an HTTP/1.x answer (RFC 9112) is
// Outcome::bad_answer, whatever it is.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "view/view.h"

namespace sealane::health {

// A search string with its Knuth-Morris-Pratt table, so that it is found across any cut of the
// bytes.
class Needle {
 public:
  explicit Needle(std::string text);
  size_t size() const { return text_.size(); }
  // How many bytes of the needle match after `c`, when `matched` (below size()) did before it.
  size_t step(size_t matched, char c) const {
    while (matched > 0 && text_[matched] != c) matched = back_[matched - 1];
    return text_[matched] == c ? matched + 1 : 0;
  }

 private:
  std::string text_;
  std::vector<uint16_t> back_;  // the longest proper border of each prefix
};

class ProbeAnswer {
 public:
  static constexpr size_t kHeadBytesMax =
      16'384;  // of all heads together, interim answers included
  static constexpr size_t kSearchBytesMax =
      5'120;  // of the body, after any transfer coding is taken off
  static constexpr size_t kLineBytesMax =
      256;  // of what is looked at in a line; longer values are skipped

  // `needle` must outlive this; empty: the head decides.
  explicit ProbeAnswer(const Needle& needle) : needle_(&needle) {}
  void restart() { *this = ProbeAnswer(*needle_); }

  // Takes the next bytes. The verdict, as soon as there is one; what comes after it is ignored.
  std::optional<view::Outcome> take(std::string_view bytes);
  // The peer sent its last byte: the verdict.
  view::Outcome end();
  uint16_t status() const { return status_; }  // 0: not seen yet

 private:
  enum class State : uint8_t {
    status_line,
    field_line,
    chunk_size,
    chunk_end,
    chunk_data,
    sized,
    to_the_end
  };

  void take_head_byte(char c);
  void status_line();
  void field_line();
  void head_done();
  void chunk_size_line();
  void body(std::string_view bytes);
  void body_done() { verdict_ = view::Outcome::no_match; }
  void bad() { verdict_ = view::Outcome::bad_answer; }
  std::string_view line() const { return {line_.data(), line_size_}; }

  const Needle* needle_;
  State state_ = State::status_line;
  std::optional<view::Outcome> verdict_;
  uint16_t status_ = 0;
  bool chunked_ = false;
  bool line_cut_ = false;           // the line was longer than line_
  std::optional<uint64_t> length_;  // Content-Length
  uint64_t left_ = 0;               // of the chunk or the sized body
  size_t head_bytes_ = 0, body_bytes_ = 0, matched_ = 0;
  size_t line_size_ = 0;
  std::array<char, kLineBytesMax> line_{};
};

}  // namespace sealane::health
