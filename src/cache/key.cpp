// SPDX-License-Identifier: Apache-2.0
#include "cache/key.h"

#include <algorithm>
#include <array>
#include <vector>

namespace sealane::cache {
namespace {

using wire::http::equal_fold;
using wire::http::Field;
using wire::http::lower;

constexpr int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986 2.3: never has a meaning of its own, encoded or not.
constexpr bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }
std::string_view trim(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
  return text;
}

// Calls f(element) for each element of a comma-separated list.
template <typename F>
void for_each_element(std::string_view list, F f) {
  while (!list.empty()) {
    const size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = trim(list.substr(0, comma));
    if (!element.empty()) f(element);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

// "gzip;q=0" and "gzip; q=0.000" refuse a coding (RFC 9110 12.4.2).
bool is_refused(std::string_view parameters) {
  const size_t q = parameters.find_first_of("qQ");
  if (q == std::string_view::npos) return false;
  const std::string_view weight = trim(parameters.substr(q + 1));
  return weight.starts_with('=') &&
         trim(weight.substr(1)).find_first_not_of("0.") == std::string_view::npos;
}

constexpr std::array<std::string_view, 3> kCodings = {"br", "gzip", "zstd"};

void append_codings(std::string& out, std::span<const Field> fields) {
  std::array<bool, kCodings.size()> wanted{};
  for (const Field& field : fields) {
    if (!equal_fold(field.name, "accept-encoding")) continue;
    for_each_element(field.value, [&](std::string_view element) {
      const size_t semicolon = std::min(element.find(';'), element.size());
      const std::string_view coding = trim(element.substr(0, semicolon));
      if (is_refused(element.substr(semicolon))) return;
      for (size_t i = 0; i < kCodings.size(); ++i) {
        if (equal_fold(coding, kCodings[i])) wanted[i] = true;
      }
      if (equal_fold(coding, "x-gzip")) wanted[1] = true;  // RFC 9110 8.4.1.3
    });
  }
  bool first = true;
  for (size_t i = 0; i < kCodings.size(); ++i) {
    if (!wanted[i]) continue;
    if (!first) out.append(", ");
    out.append(kCodings[i]);
    first = false;
  }
}

}  // namespace

void append_target(std::string& out, std::string_view target) {
  const size_t begin = out.size();
  size_t at = 0;
  while (at < target.size()) {
    const size_t percent = std::min(target.find('%', at), target.size());
    out.append(target.substr(at, percent - at));
    if (percent == target.size()) return;
    const int high = percent + 2 < target.size() ? hex(target[percent + 1]) : -1;
    const int low = high >= 0 ? hex(target[percent + 2]) : -1;
    if (low < 0) {  // a '%' that encodes nothing: who knows what the origin makes of it
      out.resize(begin);
      out.append(target);
      return;
    }
    const char byte = char(high * 16 + low);
    if (is_unreserved(byte)) {
      out.push_back(byte);
    } else {
      out.push_back('%');
      out.push_back("0123456789ABCDEF"[high]);
      out.push_back("0123456789ABCDEF"[low]);
    }
    at = percent + 3;
  }
}

Key make_key(std::string& buffer, SipKey secret, std::string_view service,
             std::string_view target) {
  buffer.clear();
  buffer.append(service);
  buffer.push_back('\n');
  append_target(buffer, target);
  return {buffer, siphash(secret, buffer)};
}

void append_normalised(std::string& out, std::string_view name, std::span<const Field> fields) {
  if (equal_fold(name, "accept-encoding")) return append_codings(out, fields);
  bool first = true;
  for (const Field& field : fields) {
    if (!equal_fold(field.name, name)) continue;
    for_each_element(field.value, [&](std::string_view element) {
      if (!first) out.append(", ");
      out.append(element);
      first = false;
    });
  }
}

Vary make_vary(std::span<const Field> response, std::span<const Field> request) {
  Vary out;
  std::vector<std::string> names;
  for (const Field& field : response) {
    if (!equal_fold(field.name, "vary")) continue;
    for_each_element(field.value, [&](std::string_view element) {
      if (element == "*") out.any = true;
      std::string name(element);
      std::transform(name.begin(), name.end(), name.begin(), lower);
      names.push_back(std::move(name));
    });
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  if (names.size() > kVaryNamesMax) out.any = true;
  if (out.any) return out;
  for (const std::string& name : names) {
    out.names.append(name).push_back('\n');
    append_normalised(out.values, name, request);
    out.values.push_back('\n');
  }
  return out;
}

void append_values(std::string& out, const Vary& vary, std::span<const Field> request) {
  std::string_view names = vary.names;
  while (!names.empty()) {
    const size_t end = names.find('\n');
    append_normalised(out, names.substr(0, end), request);
    out.push_back('\n');
    names.remove_prefix(end + 1);
  }
}

bool selects(const Vary& vary, std::span<const Field> request) {
  if (vary.any) return false;
  if (vary.names.empty()) return true;
  std::string values;  // short: most answers vary on one name, and it stays in the small buffer
  append_values(values, vary, request);
  return values == vary.values;
}

}  // namespace sealane::cache
