// SPDX-License-Identifier: Apache-2.0
// Reason phrases of the statuses that Sealane writes itself (RFC 9110 15), and chunk framing.
#pragma once

#include <array>
#include <charconv>
#include <cstdint>
#include <string_view>

namespace sealane::wire::http {

constexpr std::string_view reason_of(uint16_t status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "";  // may be empty: RFC 9112 4
  }
}

// "1f4\r\n": what goes before a chunk's bytes; "\r\n" goes after them (RFC 9112 7.1).
class ChunkSize {
 public:
  explicit ChunkSize(size_t bytes) {
    const auto end = std::to_chars(text_.data(), text_.data() + 16, bytes, 16).ptr;
    end[0] = '\r';
    end[1] = '\n';
    size_ = size_t(end - text_.data()) + 2;
  }
  std::string_view view() const { return {text_.data(), size_}; }

 private:
  std::array<char, 18> text_;
  size_t size_;
};
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace sealane::wire::http
