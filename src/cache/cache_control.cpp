// SPDX-License-Identifier: Apache-2.0
#include "cache/cache_control.h"

#include <algorithm>

namespace sealane::cache {
namespace {

using wire::http::equal_fold;

struct Directive {
  std::string_view name;
  std::string_view value;  // without quotes; an escaped character keeps its backslash
  bool has_value = false;
};

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Cuts the next element off `rest`. A comma inside a quoted string does not end it; a quote that is
// never closed takes the rest of the line with it, so that nothing in it passes for a directive.
Directive next_directive(std::string_view& rest) {
  size_t end = 0;
  bool quoted = false;
  while (end < rest.size() && (quoted || rest[end] != ',')) {
    if (quoted && rest[end] == '\\' && end + 1 < rest.size()) {
      ++end;
    } else if (rest[end] == '"') {
      quoted = !quoted;
    }
    ++end;
  }
  const std::string_view element = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));

  Directive out;
  const size_t equals = element.find('=');
  out.name = trim(element.substr(0, equals));
  if (equals == std::string_view::npos) return out;
  out.has_value = true;
  out.value = trim(element.substr(equals + 1));
  if (out.value.size() >= 2 && out.value.front() == '"' && out.value.back() == '"') {
    out.value = out.value.substr(1, out.value.size() - 2);
  }
  return out;
}

// The shorter of two; no number at all is 0 (stale).
void shorten(std::optional<Seconds>& time, std::string_view value) {
  const Seconds said = parse_delta_seconds(value).value_or(Seconds(0));
  time = time ? std::min(*time, said) : said;
}

// The longer of two, for the one directive where more is more careful; no number is the most
// careful.
void lengthen(std::optional<Seconds>& time, std::string_view value) {
  const Seconds said = parse_delta_seconds(value).value_or(kDeltaMax);
  time = time ? std::max(*time, said) : said;
}

struct Flag {
  std::string_view name;
  bool CacheControl::* flag;
};
constexpr Flag kFlags[] = {
    {"no-store", &CacheControl::no_store},
    {"no-cache", &CacheControl::no_cache},
    {"private", &CacheControl::is_private},
    {"public", &CacheControl::is_public},
    {"must-revalidate", &CacheControl::must_revalidate},
    {"proxy-revalidate", &CacheControl::proxy_revalidate},
    {"must-understand", &CacheControl::must_understand},
    {"immutable", &CacheControl::immutable},
    {"no-transform", &CacheControl::no_transform},
    {"only-if-cached", &CacheControl::only_if_cached},
};

struct Time {
  std::string_view name;
  std::optional<Seconds> CacheControl::* time;
};
constexpr Time kTimes[] = {
    {"max-age", &CacheControl::max_age},
    {"s-maxage", &CacheControl::s_maxage},
    {"stale-while-revalidate", &CacheControl::stale_while_revalidate},
    {"stale-if-error", &CacheControl::stale_if_error},
};

}  // namespace

std::optional<Seconds> parse_delta_seconds(std::string_view text) {
  if (text.empty()) return std::nullopt;
  int64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = std::min(value * 10 + (c - '0'), kDeltaMax.count());
  }
  return Seconds(value);
}

void CacheControl::add(std::string_view line) {
  while (!line.empty()) {
    const Directive directive = next_directive(line);
    for (const Flag& flag : kFlags) {
      if (equal_fold(directive.name, flag.name)) this->*flag.flag = true;
    }
    for (const Time& time : kTimes) {
      if (equal_fold(directive.name, time.name)) shorten(this->*time.time, directive.value);
    }
    if (equal_fold(directive.name, "min-fresh")) lengthen(min_fresh, directive.value);
    if (equal_fold(directive.name, "max-stale")) {
      if (directive.has_value) {
        shorten(max_stale, directive.value);
      } else if (!max_stale) {
        max_stale = kDeltaMax;
      }
    }
  }
}

CacheControl parse_cache_control(std::span<const wire::http::Field> fields) {
  CacheControl out;
  for (const wire::http::Field& field : fields) {
    if (equal_fold(field.name, "cache-control")) out.add(field.value);
  }
  return out;
}

}  // namespace sealane::cache
