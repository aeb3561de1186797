// SPDX-License-Identifier: Apache-2.0
#include "cache/stored.h"

#include <fmt/format.h>

#include <algorithm>

#include "wire/http/date.h"

namespace sealane::cache {
namespace {

using wire::http::equal_fold;
using wire::http::Field;
using wire::http::parse_http_date;

// Hop-by-hop or about this one exchange (RFC 9110 7.6.1, RFC 9111 3.1); Age and X-Cache are written
// anew for each answer, Content-Length once the body is known.
constexpr std::string_view kNotKept[] = {"connection",
                                         "keep-alive",
                                         "proxy-connection",
                                         "te",
                                         "trailer",
                                         "transfer-encoding",
                                         "upgrade",
                                         "proxy-authenticate",
                                         "age",
                                         "proxy-authorization",
                                         "proxy-authentication-info",
                                         "x-cache",
                                         "content-length"};

// What a 304 carries (RFC 9110 15.4.5), and Last-Modified for clients without ETag.
constexpr std::string_view kInNotModified[] = {"cache-control", "content-location", "date", "etag",
                                               "expires",       "last-modified",    "vary", "via"};

template <size_t N>
bool is_one_of(std::string_view name, const std::string_view (&names)[N]) {
  return std::any_of(std::begin(names), std::end(names),
                     [&](std::string_view other) { return equal_fold(name, other); });
}

// RFC 9110 7.6.1: what Connection names belongs to this hop.
bool is_named_by_connection(std::string_view name, std::span<const Field> fields) {
  for (const Field& field : fields) {
    if (!equal_fold(field.name, "connection")) continue;
    std::string_view list = field.value;
    while (!list.empty()) {
      const size_t comma = std::min(list.find(','), list.size());
      std::string_view option = list.substr(0, comma);
      while (!option.empty() && (option.front() == ' ' || option.front() == '\t'))
        option.remove_prefix(1);
      while (!option.empty() && (option.back() == ' ' || option.back() == '\t'))
        option.remove_suffix(1);
      if (equal_fold(option, name)) return true;
      list.remove_prefix(std::min(comma + 1, list.size()));
    }
  }
  return false;
}

std::string_view reason(uint16_t status) {
  switch (status) {
    case 200:
      return "OK";
    case 203:
      return "Non-Authoritative Information";
    case 204:
      return "No Content";
    case 300:
      return "Multiple Choices";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 410:
      return "Gone";
    case 414:
      return "URI Too Long";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "";  // RFC 9112 4: the phrase may be empty
  }
}

}  // namespace

Head Head::make(const Got& got, std::string_view via) {
  Head out;
  out.status_ = got.status;
  out.image_ = fmt::format("HTTP/1.1 {} {}\r\n", got.status, reason(got.status));
  out.fields_at_ = uint32_t(out.image_.size());
  bool has_date = false;
  std::string vias;
  for (const Field& field : got.fields) {
    if (is_one_of(field.name, kNotKept) || is_named_by_connection(field.name, got.fields)) continue;
    if (!via.empty() && equal_fold(field.name, "via")) {
      vias.append(field.value).append(", ");
      continue;
    }
    has_date = has_date || equal_fold(field.name, "date");
    out.add(field.name, field.value);
  }
  if (!has_date) out.add("Date", wire::http::view(wire::http::format_http_date(got.wall)));
  if (!via.empty()) out.add("Via", vias.append(via));
  out.seal(got.wall);
  return out;
}

Head Head::with_length(uint64_t body_bytes) const {
  Head out = *this;
  out.image_.resize(fields_at_ + fields_bytes_);
  // RFC 9110 8.6: never with 204.
  if (status_ != 204) out.image_ += fmt::format("Content-Length: {}\r\n", body_bytes);
  out.image_.shrink_to_fit();
  return out;
}

void Head::add(std::string_view name, std::string_view value) {
  slices_.push_back({uint32_t(image_.size()), uint32_t(name.size()),
                     uint32_t(image_.size() + name.size() + 2), uint32_t(value.size())});
  image_.append(name).append(": ").append(value).append("\r\n");
}

void Head::seal(WallTime now) {
  fields_bytes_ = uint32_t(image_.size()) - fields_at_;
  not_modified_ = "HTTP/1.1 304 Not Modified\r\n";
  for (size_t i = 0; i < slices_.size(); ++i) {
    const Field f = field(i);
    if (etag_ < 0 && equal_fold(f.name, "etag")) etag_ = int(i);
    if (equal_fold(f.name, "last-modified")) last_modified_ = parse_http_date(f.value, now);
    if (equal_fold(f.name, "date")) date_ = parse_http_date(f.value, now);
    if (is_one_of(f.name, kInNotModified)) {
      not_modified_.append(f.name).append(": ").append(f.value).append("\r\n");
    }
  }
}

Field Head::field(size_t i) const {
  const Slice& s = slices_[i];
  const std::string_view all = image_;
  return {all.substr(s.name_at, s.name_bytes), all.substr(s.value_at, s.value_bytes)};
}

std::vector<Field> Head::fields() const {
  std::vector<Field> out;
  out.reserve(slices_.size());
  for (size_t i = 0; i < slices_.size(); ++i) out.push_back(field(i));
  return out;
}

std::optional<std::string_view> Head::find(std::string_view name) const {
  for (size_t i = 0; i < slices_.size(); ++i) {
    if (const Field f = field(i); equal_fold(f.name, name)) return f.value;
  }
  return std::nullopt;
}

std::optional<std::string_view> Head::etag() const {
  if (etag_ < 0) return std::nullopt;
  return field(size_t(etag_)).value;
}

uint64_t Head::memory_bytes() const {
  return image_.capacity() + not_modified_.capacity() + slices_.capacity() * sizeof(Slice);
}

uint64_t Stored::memory_bytes() const {
  return sizeof(Stored) + head.memory_bytes() + vary.names.capacity() + vary.values.capacity() +
         (body ? sizeof(Body) + body->bytes.capacity() : 0);
}

std::shared_ptr<const Stored> make_stored(std::shared_ptr<Budget> budget, Head head,
                                          std::shared_ptr<const Body> body, Vary vary,
                                          const Freshness& freshness, Instant got_at) {
  auto out = std::make_shared<Stored>();
  const uint64_t body_bytes = body ? body->bytes.size() : 0;
  out->head = head.with_length(body_bytes);
  out->body = std::move(body);
  out->vary = std::move(vary);
  out->freshness = freshness;
  out->got_at = got_at;
  const uint64_t of_body = out->body ? sizeof(Body) + out->body->bytes.capacity() : 0;
  out->charge = Charge(std::move(budget), out->memory_bytes() - of_body);
  return out;
}

}  // namespace sealane::cache
