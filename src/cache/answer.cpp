// SPDX-License-Identifier: Apache-2.0
#include "cache/answer.h"

#include <algorithm>
#include <charconv>

#include "wire/http/date.h"

namespace sealane::cache {
namespace {

using wire::http::equal_fold;
using wire::http::Field;
using wire::http::parse_http_date;

constexpr std::string_view kPartial = "HTTP/1.1 206 Partial Content\r\n";
constexpr std::string_view kNotSatisfiable = "HTTP/1.1 416 Range Not Satisfiable\r\n";

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

// The conditions of a request, picked out in one walk over its fields.
struct Conditions {
  bool has_if_none_match = false;  // one line or several: any match counts
  const Field* if_modified_since = nullptr;
  const Field* range = nullptr;
  const Field* if_range = nullptr;
  int range_count = 0;
};

Conditions conditions(std::span<const Field> fields) {
  Conditions out;
  for (const Field& field : fields) {
    switch (field.name.size()) {
      case 5:
        if (equal_fold(field.name, "range")) {
          out.range = &field;
          ++out.range_count;
        }
        break;
      case 8:
        if (equal_fold(field.name, "if-range")) out.if_range = &field;
        break;
      case 13:
        if (equal_fold(field.name, "if-none-match")) out.has_if_none_match = true;
        break;
      case 17:
        if (equal_fold(field.name, "if-modified-since")) out.if_modified_since = &field;
        break;
      default:
        break;
    }
  }
  return out;
}

constexpr std::string_view opaque(std::string_view tag) {
  return tag.starts_with("W/") ? tag.substr(2) : tag;
}

// RFC 9110 8.8.3.2, weak: W/"1" matches "1". A list is walked by its quotes, since a tag may hold a
// comma.
bool lists_tag(std::string_view list, std::string_view etag) {
  while (!list.empty()) {
    if (list.front() == '*') return true;
    const size_t open = list.find('"');
    if (open == std::string_view::npos) return false;
    const size_t close = list.find('"', open + 1);
    if (close == std::string_view::npos) return false;
    if (list.substr(open, close + 1 - open) == opaque(etag)) return true;
    list.remove_prefix(close + 1);
    while (!list.empty() && (is_blank(list.front()) || list.front() == ',')) list.remove_prefix(1);
  }
  return false;
}

//   If-None-Match  If-Modified-Since     ->
//   matches        -                     304
//   does not       -                     200 (If-Modified-Since is ignored, RFC 9110 13.1.3)
//   absent         not before stored     304
//   absent         else, or unreadable   200
bool is_not_modified(const Head& head, std::span<const Field> fields, const Conditions& c,
                     WallTime now) {
  if (c.has_if_none_match) {
    const auto etag = head.etag();
    for (const Field& field : fields) {
      if (!equal_fold(field.name, "if-none-match")) continue;
      if (field.value == "*" || (etag && lists_tag(field.value, *etag))) return true;
    }
    return false;
  }
  if (!c.if_modified_since) return false;
  const auto since = parse_http_date(c.if_modified_since->value, now);
  const auto modified = head.last_modified() ? head.last_modified() : head.date();
  return since && modified && *modified <= *since;
}

// RFC 9110 13.1.5: If-Range compares strongly; a date must be exactly Last-Modified, and that must
// be strong itself: a second before Date at least (8.8.2.2).
bool if_range_holds(const Head& head, const Field* if_range, WallTime now) {
  if (!if_range) return true;
  const std::string_view value = if_range->value;
  if (value.starts_with("W/")) return false;
  if (value.starts_with('"')) return head.etag() == value;
  const auto date = parse_http_date(value, now);
  const bool strong = head.last_modified() && head.date() &&
                      *head.last_modified() + std::chrono::seconds(1) <= *head.date();
  return date && strong && *date == *head.last_modified();
}

struct Slice {
  enum class Kind : uint8_t { ignored, unsatisfiable, part } kind = Kind::ignored;
  uint64_t first = 0, last = 0;
};

bool number(std::string_view text, uint64_t& out) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error == std::errc::result_out_of_range) {
    out = UINT64_MAX;
    return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
  }
  return error == std::errc() && end == text.data() + text.size();
}

// RFC 9110 14.1.2. What cannot be read, several ranges and other units are ignored: the whole
// answer.
Slice parse_range(std::string_view value, uint64_t total) {
  constexpr std::string_view kUnit = "bytes=";
  if (value.size() < kUnit.size() || !equal_fold(value.substr(0, kUnit.size()), kUnit)) return {};
  value.remove_prefix(kUnit.size());
  while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
  const size_t dash = value.find('-');
  if (dash == std::string_view::npos) return {};
  const std::string_view from = value.substr(0, dash), to = value.substr(dash + 1);

  Slice out{.kind = Slice::Kind::part};
  if (from.empty()) {  // the last so many bytes
    uint64_t count = 0;
    if (!number(to, count)) return {};
    if (count == 0 || total == 0) return {.kind = Slice::Kind::unsatisfiable};
    out.first = total - std::min(count, total);
    out.last = total - 1;
    return out;
  }
  out.last = UINT64_MAX;
  if (!number(from, out.first) || (!to.empty() && !number(to, out.last))) return {};
  if (out.last < out.first) return {};
  if (out.first >= total) return {.kind = Slice::Kind::unsatisfiable};
  out.last = std::min(out.last, total - 1);
  return out;
}

void add_content_range(Tail& tail, const Slice& slice, uint64_t total) {
  std::array<char, 80> text;
  char* at = text.data();
  char* const end = text.data() + text.size();
  at = std::string_view("bytes ").copy(at, 6) + at;
  if (slice.kind == Slice::Kind::part) {
    at = std::to_chars(at, end, slice.first).ptr;
    *at++ = '-';
    at = std::to_chars(at, end, slice.last).ptr;
  } else {
    *at++ = '*';
  }
  *at++ = '/';
  at = std::to_chars(at, end, total).ptr;
  tail.add("Content-Range", std::string_view(text.data(), size_t(at - text.data())));
}

}  // namespace

bool Tail::raw(std::string_view lines) {
  if (lines.size() > bytes_.size() - size_) return false;
  lines.copy(bytes_.data() + size_, lines.size());
  size_ += lines.size();
  return true;
}

bool Tail::add(std::string_view name, std::string_view value) {
  if (name.size() + value.size() + 4 > bytes_.size() - size_) return false;
  return raw(name) && raw(": ") && raw(value) && raw("\r\n");
}

bool Tail::add(std::string_view name, int64_t value) {
  std::array<char, 20> text;
  const char* end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return add(name, std::string_view(text.data(), size_t(end - text.data())));
}

//   stored   condition      Range                   ->
//   200      not modified   any                     304
//   200      passes         one, satisfiable        206
//   200      passes         one, not satisfiable    416
//   200      passes         none, several, If-Range 200
//                           does not hold, HEAD
//   other    -              -                       as stored (RFC 9110 13.2.1, 14.2)
Answer answer(const Stored& stored, const Asked& asked, WallTime now, Tail& tail) {
  const Head& head = stored.head;
  const std::string_view body =
      stored.body ? std::string_view(stored.body->bytes) : std::string_view();
  const bool is_head = asked.method == "HEAD";
  Answer out{
      .status = head.status(), .head = head.image(), .more_head = {}, .body = is_head ? "" : body};
  if (head.status() != 200) return out;
  const Conditions c = conditions(asked.fields);
  if (is_not_modified(head, asked.fields, c, now)) {
    return {.status = 304, .head = head.not_modified_image(), .more_head = {}, .body = {}};
  }
  if (is_head || c.range_count != 1 || !if_range_holds(head, c.if_range, now)) return out;
  const Slice slice = parse_range(c.range->value, body.size());
  if (slice.kind == Slice::Kind::ignored) return out;
  add_content_range(tail, slice, body.size());
  if (slice.kind == Slice::Kind::unsatisfiable) {
    tail.add("Content-Length", int64_t{0});
    return {.status = 416, .head = kNotSatisfiable, .more_head = {}, .body = {}};
  }
  out.status = 206;
  out.head = kPartial;
  out.more_head = head.field_lines();
  out.body = body.substr(slice.first, slice.last - slice.first + 1);
  tail.add("Content-Length", int64_t(out.body.size()));
  return out;
}

uint16_t evaluate(const Head& head, const Asked& asked, WallTime now) {
  if (head.status() != 200) return head.status();
  return is_not_modified(head, asked.fields, conditions(asked.fields), now) ? 304 : 200;
}

}  // namespace sealane::cache
