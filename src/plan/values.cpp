// SPDX-License-Identifier: Apache-2.0
#include "plan/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace sealane::plan {
namespace {

constexpr Duration kDurationMax = std::chrono::hours(24 * 3650);
constexpr uint64_t kBytesMax = uint64_t{1} << 50;
constexpr size_t kUrlBytesMax = 2048;

struct Unit {
  std::string_view name;
  uint64_t size;
};
constexpr std::array<Unit, 5> kDurationUnits{{
    {"d", 86'400'000'000'000},
    {"h", 3'600'000'000'000},
    {"m", 60'000'000'000},
    {"s", 1'000'000'000},
    {"ms", 1'000'000},
}};
constexpr std::array<Unit, 4> kBytesUnits{
    {{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"B", 1}}};

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex_digit(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// number * the unit's size, when that stays within `max`.
template <size_t N>
std::optional<uint64_t> parse_with_unit(std::string_view text, const std::array<Unit, N>& units,
                                        uint64_t max) {
  uint64_t number = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  const std::string_view unit(rest, size_t(text.data() + text.size() - rest));
  const auto found = std::ranges::find(units, unit, &Unit::name);
  if (found == units.end() || number > max / found->size) return std::nullopt;
  return number * found->size;
}

template <size_t N>
std::string text_with_unit(uint64_t value, const std::array<Unit, N>& units) {
  const auto found =
      std::ranges::find_if(units, [&](const Unit& u) { return value > 0 && value % u.size == 0; });
  const Unit& unit = found == units.end() ? units.back() : *found;
  return fmt::format("{}{}", value / unit.size, unit.name);
}

Result<uint16_t> parse_port(std::string_view text) {
  const auto port = parse_integer(text);
  if (!port || *port < 1 || *port > 65535) {
    return fail(Code::invalid, fmt::format("the port is not a number from 1 to 65535"));
  }
  return uint16_t(*port);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
  if (text == "0") return Duration{};
  const auto ns = parse_with_unit(text, kDurationUnits, uint64_t(kDurationMax.count()));
  if (!ns) return std::nullopt;
  return Duration(int64_t(*ns));
}

std::string to_text(Duration duration) {
  if (duration == Duration{}) return "0s";
  if (duration % 1ms != Duration{}) return fmt::format("{}us", to_us(duration));
  // Days are for reading a file; "24h" is what people write back.
  std::array<Unit, 4> units{};
  std::ranges::copy(kDurationUnits.begin() + 1, kDurationUnits.end(), units.begin());
  return text_with_unit(uint64_t(duration.count()), units);
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
  if (!text.empty() && std::ranges::all_of(text, is_digit)) {
    const auto plain = parse_integer(text);
    if (!plain || uint64_t(*plain) > kBytesMax) return std::nullopt;
    return uint64_t(*plain);
  }
  return parse_with_unit(text, kBytesUnits, kBytesMax);
}

std::string bytes_text(uint64_t bytes) { return text_with_unit(bytes, kBytesUnits); }

std::optional<int64_t> parse_integer(std::string_view text) {
  int64_t value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || rest != text.data() + text.size()) return std::nullopt;
  return value;
}

std::optional<double> parse_number(std::string_view text) {
  double value = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || rest != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

Result<std::string> parse_host_name(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return fail(Code::invalid, "a name has 1 to 253 bytes");
  std::string out;
  size_t label_size = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    const char c = i < text.size() ? text[i] : '.';
    if (c == '.') {
      if (label_size == 0) return fail(Code::invalid, "a name has no empty label");
      if (label_size > 63) return fail(Code::invalid, "a label of a name has at most 63 bytes");
      if (text[i - label_size] == '-' || text[i - 1] == '-') {
        return fail(Code::invalid, "a label of a name neither begins nor ends with a hyphen");
      }
      label_size = 0;
    } else if (is_letter(c) || is_digit(c) || c == '-' || c == '_') {
      ++label_size;
    } else {
      return fail(
          Code::invalid,
          "a name is made of letters, digits, hyphens and dots (other scripts: their xn-- form)");
    }
    if (i < text.size()) out += c >= 'A' && c <= 'Z' ? char(c + 32) : c;
  }
  const std::string_view last = std::string_view(out).substr(out.rfind('.') + 1);
  if (std::ranges::all_of(last, is_digit)) return fail(Code::invalid, "an address is not a name");
  return out;
}

bool is_path(std::string_view text) {
  constexpr std::string_view kOther = "-._~!$&'()*+,;=:@/%";
  if (!text.starts_with('/') || text.size() > kUrlBytesMax) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (!is_letter(text[i]) && !is_digit(text[i]) && !kOther.contains(text[i])) return false;
    const auto hex = [&](size_t at) { return at < text.size() && is_hex_digit(text[at]); };
    if (text[i] == '%' && !(hex(i + 1) && hex(i + 2))) return false;
  }
  return true;
}

Result<Url> parse_url(std::string_view text) {
  Url url;
  if (text.size() > kUrlBytesMax) return fail(Code::invalid, "a URL has at most 2048 bytes");
  if (text.starts_with("https://")) {
    url.tls = true, url.port = 443, text.remove_prefix(8);
  } else if (text.starts_with("http://")) {
    text.remove_prefix(7);
  } else {
    return fail(Code::invalid, "a URL begins with http:// or https://");
  }
  if (text.find_first_of("?#") != text.npos)
    return fail(Code::invalid, "a URL here has no ? and no #");
  const size_t slash = std::min(text.find('/'), text.size());
  std::string_view authority = text.substr(0, slash), path = text.substr(slash);
  if (authority.contains('@')) return fail(Code::invalid, "a URL here names no user");
  const uint16_t scheme_port = url.port;
  const size_t colon = authority.rfind(':');
  if (colon != authority.npos &&
      (authority.find(']') == authority.npos || colon > authority.find(']'))) {
    SL_TRY(url.port, parse_port(authority.substr(colon + 1)));
    authority = authority.substr(0, colon);
  }
  if (authority.starts_with('[') && authority.ends_with(']')) {
    auto ip = IpAddress::parse(authority.substr(1, authority.size() - 2));
    if (!ip || ip->is_v4()) return fail(Code::invalid, "between [ and ] stands an IPv6 address");
    url.ip = *ip, url.host = fmt::format("[{}]", ip->to_string());
  } else if (auto ip = IpAddress::parse(authority); ip && ip->is_v4()) {
    url.ip = *ip, url.host = ip->to_string();
  } else {
    SL_TRY(url.host, parse_host_name(authority));
  }
  url.authority = url.port == scheme_port ? url.host : fmt::format("{}:{}", url.host, url.port);
  while (path.ends_with('/')) path.remove_suffix(1);
  if (!path.empty() && !is_path(path))
    return fail(Code::invalid, "the path of the URL has odd bytes");
  url.path = path;
  return url;
}

}  // namespace sealane::plan
