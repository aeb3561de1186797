// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/rdata.h"

#include <algorithm>
#include <charconv>

#include "wire/dns/base64.h"
#include "wire/dns/name.h"
#include "wire/dns/svcb.h"
#include "wire/dns/types.h"

namespace sealane::wire::dns {
namespace {

// What record data is made of, one letter a field:
//   n name   4 IPv4   6 IPv6   B u8   H u16   L u32   T u32, text may have TTL units
//   s <character-string>   S one or more of them to the end   q a quoted string to the end, without
//   a length t letters and digits with a length byte   x hex to the end   v SVCB parameters to the
//   end
struct Layout {
  uint16_t type;
  std::string_view fields;
};
constexpr Layout kLayouts[] = {
    {Type::a, "4"},       {Type::aaaa, "6"},    {Type::ns, "n"},      {Type::cname, "n"},
    {Type::ptr, "n"},     {Type::mx, "Hn"},     {Type::txt, "S"},     {Type::soa, "nnLTTTT"},
    {Type::srv, "HHHn"},  {Type::caa, "Btq"},   {Type::hinfo, "ss"},  {Type::naptr, "HHsssn"},
    {Type::ds, "HBBx"},   {Type::sshfp, "BBx"}, {Type::tlsa, "BBBx"}, {Type::svcb, "Hnv"},
    {Type::https, "Hnv"},
};
constexpr size_t kRdataBytesMax = 65535;

std::string_view layout_of(uint16_t type) {
  for (const Layout& layout : kLayouts) {
    if (layout.type == type) return layout.fields;
  }
  return "";
}

Error bad(uint16_t type, std::string what) {
  return {Code::invalid, type_name(type) + ": " + std::move(what)};
}

Result<uint32_t> number(uint16_t type, std::string_view text, uint32_t max) {
  uint32_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || stop != text.data() + text.size() || value > max) {
    return std::unexpected(
        bad(type, "'" + std::string(text) + "' is not a number from 0 to " + std::to_string(max)));
  }
  return value;
}

Status append_string(uint16_t type, const Token& word, std::string& out) {
  SL_TRY(const std::string bytes, unescape(word.text));
  if (bytes.size() > 255)
    return std::unexpected(bad(type, "a string is longer than 255 bytes; split it in two"));
  out.push_back(char(bytes.size()));
  out += bytes;
  return {};
}

Status append_address(uint16_t type, Family family, std::string_view text, std::string& out) {
  const Result<IpAddress> ip = IpAddress::parse(text);
  if (!ip || ip->family() != family) {
    return std::unexpected(bad(type, "'" + std::string(text) + "' is not an IPv" +
                                         (family == Family::v4 ? "4" : "6") + " address"));
  }
  out += address_rdata(*ip);
  return {};
}

// A field that takes one word.
Status append_field(uint16_t type, char field, const Token& word, std::string_view origin,
                    std::string& out) {
  switch (field) {
    case 'n': {
      SL_TRY(const std::string name, name_to_wire(word.text, origin));
      out += name;
      return {};
    }
    case '4':
      return append_address(type, Family::v4, word.text, out);
    case '6':
      return append_address(type, Family::v6, word.text, out);
    case 'B': {
      SL_TRY(const uint32_t value, number(type, word.text, 255));
      out.push_back(char(value));
      return {};
    }
    case 'H': {
      SL_TRY(const uint32_t value, number(type, word.text, 65535));
      append16(out, uint16_t(value));
      return {};
    }
    case 'L': {
      SL_TRY(const uint32_t value, number(type, word.text, UINT32_MAX));
      append32(out, value);
      return {};
    }
    case 'T': {
      const std::optional<uint32_t> seconds = parse_ttl(word.text);
      if (!seconds)
        return std::unexpected(bad(type, "'" + word.text + "' is not a time such as 300 or 1h30m"));
      append32(out, *seconds);
      return {};
    }
    case 't':
      if (word.text.empty() || !std::ranges::all_of(word.text, [](char c) {
            return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
          })) {
        return std::unexpected(bad(type, "tag '" + word.text + "' is not letters and digits"));
      }
      return append_string(type, word, out);
    default:
      return append_string(type, word, out);
  }
}

// A field that takes every word that is left.
Status append_rest(uint16_t type, char field, std::span<const Token> words, std::string& out) {
  if (field == 'v') {
    SL_TRY(const std::string params, svc_params_from_text(words));
    out += params;
    return {};
  }
  if (words.empty()) return std::unexpected(bad(type, "has too few fields"));
  if (field == 'q') {
    if (words.size() > 1)
      return std::unexpected(bad(type, "has too many fields; put the value in quotes"));
    SL_TRY(const std::string bytes, unescape(words[0].text));
    out += bytes;
    return {};
  }
  std::string hex;
  for (const Token& word : words) {
    if (field == 'S') SL_CHECK(append_string(type, word, out));
    hex += word.text;
  }
  if (field != 'x') return {};
  SL_TRY(const std::string bytes, hex_decode(hex));
  out += bytes;
  return {};
}

bool takes_rest(char field) { return field == 'S' || field == 'q' || field == 'x' || field == 'v'; }

// RFC 3597 5: \# LENGTH HEX...
Result<std::string> generic_from_text(uint16_t type, std::span<const Token> words) {
  if (words.size() < 2) return std::unexpected(bad(type, "write \\# LENGTH HEX"));
  SL_TRY(const uint32_t bytes, number(type, words[1].text, kRdataBytesMax));
  std::string hex;
  for (const Token& word : words.subspan(2)) hex += word.text;
  SL_TRY(const std::string data, hex_decode(hex));
  if (data.size() != bytes) {
    return std::unexpected(bad(
        type, "says " + std::to_string(bytes) + " bytes and has " + std::to_string(data.size())));
  }
  return rdata_from_message(type, {bytes_of(data), data.size()}, 0, data.size());
}

std::string generic_to_text(std::string_view rdata) {
  std::string text = "\\# " + std::to_string(rdata.size());
  if (!rdata.empty()) text += " " + hex_encode(rdata);
  return text;
}

std::string quoted(std::string_view bytes) {
  std::string text = "\"";
  for (const char c : bytes) append_escaped(text, uint8_t(c), "\"\\");
  return text + '"';
}

// Takes the fixed-size or self-delimiting field at the front of `rest` and returns its size; 0: it
// is cut off.
size_t field_bytes(char field, std::string_view rest) {
  size_t bytes = 0;
  switch (field) {
    case 'n':
      return wire_name_bytes({bytes_of(rest), rest.size()});
    case '4':
    case 'L':
    case 'T':
      bytes = 4;
      break;
    case '6':
      bytes = 16;
      break;
    case 'B':
      bytes = 1;
      break;
    case 'H':
      bytes = 2;
      break;
    case 's':
    case 't':
      bytes = rest.empty() ? 1 : size_t(uint8_t(rest[0])) + 1;
      break;
    default:
      return rest.size();
  }
  return bytes <= rest.size() ? bytes : 0;
}

bool is_string_list(std::string_view rest) {
  if (rest.empty()) return false;
  while (!rest.empty()) {
    const size_t bytes = size_t(uint8_t(rest[0])) + 1;
    if (bytes > rest.size()) return false;
    rest.remove_prefix(bytes);
  }
  return true;
}

std::string field_to_text(char field, std::string_view value) {
  std::array<uint8_t, 16> ip{};
  switch (field) {
    case 'n':
      return name_to_text(value) + ".";
    case '4':
      return IpAddress::v4(load32(bytes_of(value))).to_string();
    case '6':
      std::copy_n(bytes_of(value), 16, ip.begin());
      return IpAddress::v6(ip).to_string();
    case 'B':
      return std::to_string(uint8_t(value[0]));
    case 'H':
      return std::to_string(load16(bytes_of(value)));
    case 'L':
    case 'T':
      return std::to_string(load32(bytes_of(value)));
    case 's':
      return quoted(value.substr(1));
    case 't':
      return std::string(value.substr(1));
    case 'q':
      return quoted(value);
    case 'x':
      return hex_encode(value);
    case 'v':
      return svc_params_to_text(value);
    default:
      break;
  }
  std::string text;  // 'S'
  while (!value.empty()) {
    const size_t bytes = size_t(uint8_t(value[0])) + 1;
    text += (text.empty() ? "" : " ") + quoted(value.substr(1, bytes - 1));
    value.remove_prefix(bytes);
  }
  return text;
}

Status check_rest(uint16_t type, char field, std::string_view rest) {
  if (field == 'S' && !is_string_list(rest))
    return std::unexpected(bad(type, "its strings do not fill its data"));
  if (field == 'v') return check_svc_params(rest);
  return {};
}

}  // namespace

std::string address_rdata(const IpAddress& ip) { return {ip.bytes().begin(), ip.bytes().end()}; }

std::optional<size_t> target_offset(uint16_t type) {
  switch (type) {
    case Type::cname:
    case Type::ns:
    case Type::ptr:
      return 0;
    case Type::mx:
      return 2;
    case Type::srv:
      return 6;
    default:
      return std::nullopt;
  }
}

std::optional<uint32_t> parse_ttl(std::string_view text) {
  constexpr uint64_t kTtlMax = 0x7fffffff;  // RFC 2181 8
  uint64_t total = 0, value = 0;
  bool has_digit = false;
  for (const char c : text) {
    if (c >= '0' && c <= '9') {
      value = value * 10 + uint64_t(c - '0');
      has_digit = true;
    } else {
      uint64_t unit = 0;
      switch (lower(uint8_t(c))) {
        case 's':
          unit = 1;
          break;
        case 'm':
          unit = 60;
          break;
        case 'h':
          unit = 3600;
          break;
        case 'd':
          unit = 86400;
          break;
        case 'w':
          unit = 604800;
          break;
        default:
          return std::nullopt;
      }
      if (!has_digit) return std::nullopt;
      total += value * unit;
      value = 0, has_digit = false;
    }
    if (total > kTtlMax || value > kTtlMax) return std::nullopt;
  }
  if (text.empty() || total + value > kTtlMax) return std::nullopt;
  return uint32_t(total + value);
}

Result<std::string> unescape(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      bytes.push_back(text[i]);
      continue;
    }
    const auto digit = [&](size_t j) {
      return j < text.size() && text[j] >= '0' && text[j] <= '9' ? text[j] - '0' : -1;
    };
    if (digit(i + 1) < 0 && i + 1 < text.size()) {
      bytes.push_back(text[++i]);
      continue;
    }
    const int value = digit(i + 1) * 100 + digit(i + 2) * 10 + digit(i + 3);
    if (digit(i + 1) < 0 || digit(i + 2) < 0 || digit(i + 3) < 0 || value > 255) {
      return fail(Code::invalid, "an escape is neither \\X nor \\DDD up to \\255");
    }
    bytes.push_back(char(value));
    i += 3;
  }
  return bytes;
}

Result<std::string> rdata_from_text(uint16_t type, std::span<const Token> words,
                                    std::string_view origin) {
  if (!words.empty() && !words[0].quoted && words[0].text == "\\#")
    return generic_from_text(type, words);
  const std::string_view fields = layout_of(type);
  if (fields.empty())
    return std::unexpected(bad(type, "is not known here; write its data as \\# LENGTH HEX"));
  std::string out;
  for (const char field : fields) {
    if (takes_rest(field)) {
      SL_CHECK(append_rest(type, field, words, out));
      words = {};
      break;
    }
    if (words.empty()) return std::unexpected(bad(type, "has too few fields"));
    SL_CHECK(append_field(type, field, words[0], origin, out));
    words = words.subspan(1);
  }
  if (!words.empty())
    return std::unexpected(bad(type, "has too many fields, from '" + words[0].text + "'"));
  if (out.size() > kRdataBytesMax) return std::unexpected(bad(type, "is longer than 65535 bytes"));
  return out;
}

std::string rdata_to_text(uint16_t type, std::string_view rdata) {
  const std::string_view fields = layout_of(type);
  if (fields.empty()) return generic_to_text(rdata);
  std::string text;
  std::string_view rest = rdata;
  for (const char field : fields) {
    const size_t bytes = field_bytes(field, rest);
    const std::string_view value = rest.substr(0, bytes);
    if ((bytes == 0 && !takes_rest(field)) || !check_rest(type, field, value))
      return generic_to_text(rdata);
    const std::string one = field_to_text(field, value);
    if (!text.empty() && !one.empty()) text += ' ';
    text += one;
    rest.remove_prefix(bytes);
  }
  return rest.empty() ? text : generic_to_text(rdata);
}

Result<std::string> rdata_from_message(uint16_t type, std::span<const uint8_t> message, size_t at,
                                       size_t bytes) {
  if (at + bytes > message.size())
    return std::unexpected(bad(type, "runs past the end of the message"));
  const std::span<const uint8_t> upto = message.first(at + bytes);
  const auto view = [&](size_t from) {
    return std::string_view(reinterpret_cast<const char*>(upto.data()) + from, upto.size() - from);
  };
  const std::string_view fields = layout_of(type);
  if (fields.empty()) return std::string(view(at));
  std::string out;
  for (const char field : fields) {
    if (field == 'n') {
      SL_TRY(const std::string name, read_name(upto, at));
      out += name;
      continue;
    }
    const std::string_view rest = view(at);
    const size_t size = field_bytes(field, rest);
    if (size == 0 && !takes_rest(field)) return std::unexpected(bad(type, "is cut off"));
    SL_CHECK(check_rest(type, field, rest.substr(0, size)));
    out += rest.substr(0, size);
    at += size;
  }
  if (at != upto.size()) return std::unexpected(bad(type, "has bytes behind its last field"));
  return out;
}

}  // namespace sealane::wire::dns
