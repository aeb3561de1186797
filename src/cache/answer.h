// SPDX-License-Identifier: Apache-2.0
// What a client gets from a stored answer: the whole, 304, one range (206), or 416
// (RFC 9110 13 and 14), as views that need no allocation.
#pragma once

#include <array>
#include <cstring>
#include <string_view>

#include "cache/stored.h"

namespace sealane::cache {

// A few field lines on the stack. What does not fit is left out whole, and the lines of this
// program do fit.
class Tail {
 public:
  static constexpr size_t kBytesMax = 512;
  bool add(std::string_view name, std::string_view value);
  bool add(std::string_view name, int64_t value);
  bool raw(std::string_view lines);  // as it stands, with its CRLF
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, kBytesMax> bytes_;
  size_t size_ = 0;
};

// Send `head`, `more_head`, the tail, and then `body`. The views live as long as the Stored.
struct Answer {
  uint16_t status = 200;
  std::string_view head;       // status line, and for 200 and 304 all fields
  std::string_view more_head;  // 206: the fields
  std::string_view body;       // empty for HEAD, 304, 416
};

// Conditions in the order of RFC 9110 13.2.2: If-None-Match (weak comparison) before
// If-Modified-Since, then Range with If-Range (strong). One satisfiable range: 206; several, or a
// range in another unit: the whole. Lines that belong to the status (Content-Range, Content-Length
// of a part) go to `tail`; the caller adds its own and the empty line.
Answer answer(const Stored& stored, const Asked& asked, WallTime now, Tail& tail);

// Only the conditions: 200 or 304. For a client whose answer is still on its way.
uint16_t evaluate(const Head& head, const Asked& asked, WallTime now);

}  // namespace sealane::cache
