// SPDX-License-Identifier: Apache-2.0
#include "wire/http/head.h"

#include <llhttp.h>

#include <charconv>
#include <cstring>

namespace sealane::wire::http {
namespace {

struct Parsed {
  std::string_view target, method, reason;
  std::vector<Field>* fields = nullptr;
  uint16_t fields_max = 0;
  bool too_many = false;
};

Parsed& of(llhttp_t* parser) { return *static_cast<Parsed*>(parser->data); }

// The head is one contiguous piece, so every call-back gets its element whole.
const llhttp_settings_t kSettings = [] {
  llhttp_settings_t s;
  llhttp_settings_init(&s);
  s.on_url = [](llhttp_t* p, const char* at, size_t n) { of(p).target = {at, n}; return 0; };
  s.on_method = [](llhttp_t* p, const char* at, size_t n) { of(p).method = {at, n}; return 0; };
  s.on_status = [](llhttp_t* p, const char* at, size_t n) { of(p).reason = {at, n}; return 0; };
  s.on_header_field = [](llhttp_t* p, const char* at, size_t n) {
    Parsed& parsed = of(p);
    if (parsed.fields->size() == parsed.fields_max) {
      parsed.too_many = true;
      return -1;
    }
    parsed.fields->push_back({{at, n}, {}});
    return 0;
  };
  s.on_header_value = [](llhttp_t* p, const char* at, size_t n) {
    of(p).fields->back().value = {at, n};
    return 0;
  };
  s.on_headers_complete = [](llhttp_t*) { return int(HPE_PAUSED); };
  return s;
}();

Refusal refusal_of(llhttp_errno_t error, const Parsed& parsed) {
  if (parsed.too_many) return {431, "too many header fields"};
  switch (error) {
    case HPE_INVALID_METHOD: return {501, "unknown method"};
    case HPE_INVALID_VERSION: return {505, "HTTP version not supported"};
    case HPE_INVALID_URL: return {400, "bad request target"};
    case HPE_INVALID_HEADER_TOKEN: return {400, "bad byte in a header field"};
    case HPE_INVALID_CONTENT_LENGTH:
    case HPE_UNEXPECTED_CONTENT_LENGTH: return {400, "bad Content-Length"};
    case HPE_INVALID_TRANSFER_ENCODING: return {400, "bad Transfer-Encoding"};
    default: return {400, "malformed message"};
  }
}

// Runs llhttp over the head; the parser is left with the start line's numbers.
std::expected<void, Refusal> run(llhttp_t& parser, llhttp_type_t type, std::string_view head,
                                 Parsed& parsed) {
  llhttp_init(&parser, type, &kSettings);
  parser.data = &parsed;
  const llhttp_errno_t error = llhttp_execute(&parser, head.data(), head.size());
  if (error != HPE_PAUSED) return std::unexpected(refusal_of(error, parsed));
  for (Field& field : *parsed.fields) field.value = trim(field.value);
  return {};
}

// What the fields say about the connection and the body, both kinds of message.
struct Common {
  std::optional<uint64_t> content_length;
  bool transfer_encoding = false, chunked = false;
  bool close = false, keep_alive = false, upgrade_option = false, websocket = false;
  unsigned host_count = 0;
  std::string_view host;
  bool expect_continue = false, expect_other = false;
  bool event_stream = false;
};

std::expected<Common, Refusal> survey(std::span<const Field> fields) {
  Common c;
  for (const Field& field : fields) {
    const std::string_view name = field.name, value = field.value;
    if (name.empty()) return std::unexpected(Refusal{400, "a header field without a name"});
    switch (name.size()) {
      case 4:
        if (equal_fold(name, "host")) ++c.host_count, c.host = value;
        break;
      case 6:
        if (equal_fold(name, "expect")) {
          (equal_fold(value, "100-continue") ? c.expect_continue : c.expect_other) = true;
        }
        break;
      case 7:
        if (equal_fold(name, "upgrade")) c.websocket = equal_fold(value, "websocket");
        break;
      case 10:
        if (equal_fold(name, "connection")) {
          c.close |= has_element(value, "close");
          c.keep_alive |= has_element(value, "keep-alive");
          c.upgrade_option |= has_element(value, "upgrade");
        }
        break;
      case 12:
        if (equal_fold(name, "content-type")) {
          constexpr std::string_view kType = "text/event-stream";
          c.event_stream =
              value.size() >= kType.size() && equal_fold(value.substr(0, kType.size()), kType);
        }
        break;
      case 14:
        if (equal_fold(name, "content-length")) {
          uint64_t n = 0;
          const auto [end, ec] = std::from_chars(value.data(), value.data() + value.size(), n);
          // RFC 9112 6.3: anything but one plain number may be read in two ways. Repeats are
          // refused too.
          if (c.content_length || value.empty() || ec != std::errc{} ||
              end != value.data() + value.size()) {
            return std::unexpected(Refusal{400, "bad Content-Length"});
          }
          c.content_length = n;
        }
        break;
      case 17:
        if (equal_fold(name, "transfer-encoding")) {
          if (c.transfer_encoding) return std::unexpected(Refusal{400, "Transfer-Encoding twice"});
          c.transfer_encoding = true;
          c.chunked = equal_fold(value, "chunked");
        }
        break;
      default: break;
    }
  }
  // RFC 9112 6.1: both together is how requests are smuggled.
  if (c.transfer_encoding && c.content_length) {
    return std::unexpected(Refusal{400, "Content-Length together with Transfer-Encoding"});
  }
  return c;
}

bool valid_host(std::string_view host) {
  return std::ranges::all_of(host, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_' || c == ':' || c == '[' || c == ']' || c == '~';
  });
}

// RFC 9112 3.2: origin-form, "*" for OPTIONS, absolute-form (its authority then counts instead of
// Host).
std::expected<void, Refusal> split_target(RequestHead& head) {
  std::string_view target = head.target;
  // RFC 9112 3.2 has no fragment; who passes one on and who drops it would not mean the same page.
  if (target.contains('#'))
    return std::unexpected(Refusal{400, "a fragment in the request target"});
  if (target.starts_with('/') || (target == "*" && head.method_id == Method::options)) return {};
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (target.size() < scheme.size() || !equal_fold(target.substr(0, scheme.size()), scheme))
      continue;
    target.remove_prefix(scheme.size());
    const size_t slash = std::min(target.find_first_of("/?"), target.size());
    head.host = target.substr(0, slash);
    head.target = target.substr(slash);
    if (head.target.empty()) head.target = "/";
    if (head.host.empty() || head.target.front() != '/') break;
    return {};
  }
  return std::unexpected(Refusal{400, "bad request target"});
}

}  // namespace

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_token(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != '\0' && std::strchr("!#$%&'*+-.^_`|~", c) != nullptr);
  });
}

Method method_of(std::string_view name) {
  switch (name.size()) {
    case 3: return name == "GET" ? Method::get : name == "PUT" ? Method::put : Method::other;
    case 4: return name == "HEAD" ? Method::head : name == "POST" ? Method::post : Method::other;
    case 5: return name == "PATCH" ? Method::patch : Method::other;
    case 6: return name == "DELETE" ? Method::del : Method::other;
    case 7: return name == "OPTIONS" ? Method::options : Method::other;
    default: return Method::other;
  }
}

std::expected<size_t, Refusal> HeadEnd::find(std::string_view bytes, const Limits& limits) {
  // Past the limit nothing is looked at, so that pieces and whole are judged alike.
  const bool is_full = bytes.size() >= limits.head_bytes_max;
  bytes = bytes.substr(0, limits.head_bytes_max);
  // scanned_ is always the start of a line.
  while (scanned_ < bytes.size()) {
    const char* start = bytes.data() + scanned_;
    const size_t left = bytes.size() - scanned_;
    const auto* lf = static_cast<const char*>(std::memchr(start, '\n', left));
    if (lf == nullptr) break;
    const size_t line = size_t(lf - start);  // without the LF
    if (line == 0 || lf[-1] != '\r')
      return std::unexpected(Refusal{400, "a line does not end in CRLF"});
    if (scanned_ > 0 && (*start == ' ' || *start == '\t')) {
      return std::unexpected(Refusal{400, "folded header line"});  // RFC 9112 5.2
    }
    scanned_ += line + 1;
    if (line == 1) return scanned_;
  }
  if (!is_full) return 0;
  // Too long. A first line without an end is a request target that is too long.
  if (scanned_ == 0) return std::unexpected(Refusal{414, "request target too long"});
  return std::unexpected(Refusal{431, "header fields too large"});
}

std::expected<RequestHead, Refusal> parse_request_head(std::string_view head, const Limits& limits,
                                                       std::vector<Field>& fields) {
  fields.clear();
  Parsed parsed;
  parsed.fields = &fields;
  parsed.fields_max = limits.fields_max;
  llhttp_t parser;
  if (auto ok = run(parser, HTTP_REQUEST, head, parsed); !ok) {
    const bool is_http2 = head.starts_with("PRI * HTTP/2.0");
    return std::unexpected(is_http2 ? Refusal{505, "HTTP/2 is not spoken here"} : ok.error());
  }
  if (parsed.target.size() > limits.target_bytes_max) {
    return std::unexpected(Refusal{414, "request target too long"});
  }
  if (parser.http_major != 1) return std::unexpected(Refusal{505, "HTTP version not supported"});
  // llhttp takes several blanks between the words of the request line; RFC 9112 3 has exactly one.
  constexpr std::string_view kVersion = " HTTP/1.x\r\n";
  if (head.find("\r\n") + 2 != parsed.method.size() + 1 + parsed.target.size() + kVersion.size()) {
    return std::unexpected(Refusal{400, "malformed request line"});
  }
  const auto common = survey(fields);
  if (!common) return std::unexpected(common.error());

  RequestHead out{.method = parsed.method,
                  .method_id = method_of(parsed.method),
                  .target = parsed.target,
                  .host = common->host,
                  .fields = fields,
                  .minor = parser.http_minor};
  if (out.method_id == Method::other && (out.method == "CONNECT" || !is_token(out.method))) {
    return std::unexpected(Refusal{501, "method not implemented"});
  }
  if (common->host_count > 1 || (common->host_count == 0 && out.minor >= 1)) {
    return std::unexpected(Refusal{400, "exactly one Host field is needed"});  // RFC 9112 3.2
  }
  if (auto ok = split_target(out); !ok) return std::unexpected(ok.error());
  if (!valid_host(out.host)) return std::unexpected(Refusal{400, "bad Host"});
  if (common->transfer_encoding) {
    // RFC 9112 6.1: a coding that we do not know is 501; HTTP/1.0 has none at all.
    if (out.minor == 0) return std::unexpected(Refusal{400, "Transfer-Encoding in HTTP/1.0"});
    if (!common->chunked) return std::unexpected(Refusal{501, "unknown transfer coding"});
    out.framing = Framing::chunked;
  } else if (common->content_length.value_or(0) > 0) {
    out.framing = Framing::length;
    out.content_length = *common->content_length;
  }
  if (common->expect_other) return std::unexpected(Refusal{417, "unknown expectation"});
  out.expect_continue = common->expect_continue && out.minor >= 1 && out.framing != Framing::none;
  out.keep_alive = !common->close && (out.minor >= 1 || common->keep_alive);
  out.upgrade = common->upgrade_option && common->websocket && out.minor >= 1;
  return out;
}

std::expected<ResponseHead, Refusal> parse_response_head(std::string_view head,
                                                         const Limits& limits, bool to_head,
                                                         std::vector<Field>& fields) {
  fields.clear();
  Parsed parsed;
  parsed.fields = &fields;
  parsed.fields_max = limits.fields_max;
  llhttp_t parser;
  if (auto ok = run(parser, HTTP_RESPONSE, head, parsed); !ok) {
    return std::unexpected(Refusal{502, ok.error().what});
  }
  if (parser.http_major != 1) return std::unexpected(Refusal{502, "HTTP version not supported"});
  const auto common = survey(fields);
  if (!common) return std::unexpected(Refusal{502, common.error().what});

  ResponseHead out{.status = parser.status_code, .reason = parsed.reason, .fields = fields,
                   .minor = parser.http_minor};
  if (out.status < 100 || out.status > 599) return std::unexpected(Refusal{502, "bad status code"});
  out.event_stream = common->event_stream;
  out.keep_alive = !common->close && (out.minor >= 1 || common->keep_alive);
  // RFC 9112 6.3 in its order.
  const bool bodiless = to_head || out.status < 200 || out.status == 204 || out.status == 304;
  if (common->content_length) out.content_length = *common->content_length;
  if (bodiless) {
    out.framing = Framing::none;
  } else if (common->transfer_encoding) {
    if (!common->chunked) return std::unexpected(Refusal{502, "unknown transfer coding"});
    out.framing = Framing::chunked;
  } else if (common->content_length) {
    out.framing = out.content_length > 0 ? Framing::length : Framing::none;
  } else {
    out.framing = Framing::until_close;
    out.keep_alive = false;
  }
  return out;
}

}  // namespace sealane::wire::http
