// SPDX-License-Identifier: Apache-2.0
#include "wire/sigv4_canonical.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace sealane::wire::sigv4 {
namespace {

// RFC 3986 2.3.
constexpr std::array<bool, 256> kUnreserved = [] {
  std::array<bool, 256> out{};
  for (unsigned c = 0; c < 256; ++c) {
    out[c] = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '-' || c == '.' || c == '_' || c == '~';
  }
  return out;
}();

void append_encoded(std::string& out, char c) {
  static constexpr char kDigits[] = "0123456789ABCDEF";
  if (kUnreserved[uint8_t(c)]) {
    out += c;
  } else {
    out += '%';
    out += kDigits[uint8_t(c) >> 4];
    out += kDigits[uint8_t(c) & 15];
  }
}

int digit_of(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = http::lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// Decodes what is percent-encoded and encodes the result, so that "%7e", "~" and "%7E" are one.
void append_recoded(std::string& out, std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size()) {
      const int high = digit_of(text[i + 1]), low = digit_of(text[i + 2]);
      if (high >= 0 && low >= 0) {
        append_encoded(out, char(high << 4 | low));
        i += 2;
        continue;
      }
    }
    append_encoded(out, text[i]);
  }
}

constexpr bool is_blank(char c) { return c == ' ' || c == '\t'; }

}  // namespace

void append_path(std::string& out, std::string_view path) {
  const size_t begin = out.size();
  bool open_end = false;  // what was appended last ends in a slash as sent
  while (!path.empty()) {
    const size_t slash = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, slash);
    open_end = slash < path.size();
    path.remove_prefix(std::min(slash + 1, path.size()));
    if (segment.empty() || segment == ".") continue;
    if (segment == "..") {
      if (out.size() > begin) out.resize(out.rfind('/'));
      continue;
    }
    out += '/';
    for (const char c : segment) append_encoded(out, c);
  }
  if (open_end || out.size() == begin) out += '/';
}

void append_value(std::string& out, std::string_view value) {
  while (!value.empty() && is_blank(value.front())) value.remove_prefix(1);
  while (!value.empty() && is_blank(value.back())) value.remove_suffix(1);
  while (!value.empty()) {
    const size_t blank = std::min(value.find_first_of(" \t"), value.size());
    out.append(value.substr(0, blank));
    value.remove_prefix(blank);
    if (value.empty()) break;
    out += ' ';
    while (is_blank(value.front())) value.remove_prefix(1);
  }
}

bool append_values(std::string& out, std::span<const http::Field> fields, std::string_view name) {
  bool found = false;
  for (const http::Field& field : fields) {
    if (!http::equal_fold(field.name, name)) continue;
    if (found) out += ',';
    append_value(out, field.value);
    found = true;
  }
  return found;
}

bool Query::append(std::string& out, std::string_view query, size_t count_max) {
  text_.clear();
  parameters_.clear();
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    if (parameters_.size() == count_max) return false;
    const size_t equals = std::min(pair.find('='), pair.size());
    const size_t name_at = text_.size();
    append_recoded(text_, pair.substr(0, equals));
    const size_t value_at = text_.size();
    append_recoded(text_, pair.substr(std::min(equals + 1, pair.size())));
    parameters_.push_back({name_at, value_at - name_at, text_.size() - value_at});
  }
  const std::string_view text = text_;
  const auto name = [&](const Parameter& p) { return text.substr(p.name_at, p.name_bytes); };
  const auto value = [&](const Parameter& p) {
    return text.substr(p.name_at + p.name_bytes, p.value_bytes);
  };
  std::ranges::sort(parameters_, [&](const Parameter& a, const Parameter& b) {
    const int order = name(a).compare(name(b));
    return order != 0 ? order < 0 : value(a) < value(b);
  });
  for (const Parameter& parameter : parameters_) {
    if (&parameter != parameters_.data()) out += '&';
    out.append(name(parameter));
    out += '=';
    out.append(value(parameter));
  }
  return true;
}

}  // namespace sealane::wire::sigv4
