// SPDX-License-Identifier: Apache-2.0
// The heads of HTTP/1.1 messages (RFC 9112): one whole head in, a struct of views into it out.
// Strict: what two implementations could read in two ways (request smuggling) is refused, never
// repaired.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <vector>

#include "wire/http/fields.h"

namespace sealane::wire::http {

struct Limits {
  uint32_t head_bytes_max = 32u << 10;  // 431
  uint32_t target_bytes_max = 8192;     // 414
  uint16_t fields_max = 128;            // 431
};

// Why a message is refused: the status to answer with (a response that does not parse has 502) and
// words.
struct Refusal {
  uint16_t status = 400;
  const char* what = "";
};

enum class Method : uint8_t { get, head, options, post, put, patch, del, other };

// How the body after a head is delimited (RFC 9112 6.3).
enum class Framing : uint8_t { none, length, chunked, until_close };

// Views into the bytes that were parsed and into `fields` of the caller.
struct RequestHead {
  std::string_view method;
  Method method_id = Method::other;
  std::string_view
      target;  // origin-form ("/a?b") or "*"; an absolute-form target is cut down to it
  // authority without userinfo: from the absolute-form target, else Host; may be empty for 1.0
  std::string_view host;
  std::span<const Field> fields;
  uint64_t content_length = 0;
  Framing framing = Framing::none;
  uint8_t minor = 1;           // HTTP/1.<minor>
  bool keep_alive = true;
  bool expect_continue = false;
  // asks for a WebSocket; h2c and others would hide requests from us in a tunnel
  bool upgrade = false;
};

struct ResponseHead {
  uint16_t status = 0;
  std::string_view reason;
  std::span<const Field> fields;
  uint64_t content_length = 0;
  Framing framing = Framing::none;
  uint8_t minor = 1;
  bool keep_alive = true;
  bool event_stream = false;   // Content-Type: text/event-stream
};

// Looks for the end of a head in bytes that may come in pieces, without reading any byte twice.
// Refuses line ends that are not CRLF and folded lines, so that a slow or broken head is answered
// at once.
class HeadEnd {
 public:
  // `bytes`: all bytes so far from the start of the head. The length of the head with its empty
  // line, 0 when more must come.
  std::expected<size_t, Refusal> find(std::string_view bytes, const Limits& limits);
  void restart() { scanned_ = 0; }

 private:
  size_t scanned_ = 0;  // up to here every line is looked at
};

// `head`: exactly one head, as HeadEnd found it. `fields` is cleared and holds what the result
// points to.
std::expected<RequestHead, Refusal> parse_request_head(std::string_view head, const Limits& limits,
                                                       std::vector<Field>& fields);
// `to_head`: the answer to a HEAD request, which has no body whatever its fields say.
std::expected<ResponseHead, Refusal> parse_response_head(std::string_view head,
                                                         const Limits& limits, bool to_head,
                                                         std::vector<Field>& fields);

Method method_of(std::string_view name);
// RFC 9110 9.2.2 plus our own rule that DELETE and PUT are not repeated by an intermediary.
constexpr bool is_safe(Method m) {
  return m == Method::get || m == Method::head || m == Method::options;
}
// A header field name or a method (RFC 9110 5.6.2).
bool is_token(std::string_view text);
std::string_view trim(std::string_view text);  // of SP and HT

// Calls f(element) for each element of a comma list (RFC 9110 5.6.1), trimmed, empty ones left out.
template <typename F>
constexpr void each_element(std::string_view list, F&& f) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    std::string_view element = list.substr(0, comma);
    while (!element.empty() && (element.front() == ' ' || element.front() == '\t'))
      element.remove_prefix(1);
    while (!element.empty() && (element.back() == ' ' || element.back() == '\t'))
      element.remove_suffix(1);
    if (!element.empty()) f(element);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}
constexpr bool has_element(std::string_view list, std::string_view element) {
  bool found = false;
  each_element(list, [&](std::string_view e) { found = found || equal_fold(e, element); });
  return found;
}

}  // namespace sealane::wire::http
