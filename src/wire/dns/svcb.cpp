// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/svcb.h"

#include <algorithm>
#include <charconv>

#include "wire/dns/base64.h"
#include "wire/dns/name.h"
#include "wire/dns/types.h"

namespace sealane::wire::dns {
namespace {

constexpr std::string_view kKeyNames[] = {"mandatory", "alpn", "no-default-alpn", "port",
                                          "ipv4hint",  "ech",  "ipv6hint"};
constexpr uint16_t kKeyInvalid = 65535;  // RFC 9460 14.3.2

Error bad(std::string what) { return {Code::invalid, "SVCB parameter " + std::move(what)}; }

template <typename Int>
bool parse_number(std::string_view text, Int& value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && stop == text.data() + text.size();
}

Result<uint16_t> key_by_name(std::string_view name) {
  for (size_t i = 0; i < std::size(kKeyNames); ++i) {
    if (kKeyNames[i] == name) return uint16_t(i);
  }
  uint16_t key = 0;
  if (name.starts_with("key") && parse_number(name.substr(3), key) && key != kKeyInvalid)
    return key;
  return std::unexpected(bad("'" + std::string(name) + "' is not known; write it as keyNNNNN"));
}

std::string key_name(uint16_t key) {
  return key < std::size(kKeyNames) ? std::string(kKeyNames[key]) : "key" + std::to_string(key);
}

// RFC 9460 A.1: a comma-separated list whose items may hold "\," and "\\" after the outer
// unescaping.
std::vector<std::string> split_list(std::string_view value) {
  std::vector<std::string> items(1);
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i] == ',') {
      items.emplace_back();
    } else {
      if (value[i] == '\\' && i + 1 < value.size()) ++i;
      items.back().push_back(value[i]);
    }
  }
  return items;
}

Result<std::string> address_list(std::string_view value, Family family) {
  std::string wire;
  for (const std::string& item : split_list(value)) {
    SL_TRY(const IpAddress ip, IpAddress::parse(item));
    if (ip.family() != family)
      return std::unexpected(bad("hint '" + item + "' is of the other family"));
    wire += address_rdata(ip);
  }
  return wire;
}

Result<std::string> value_from_text(uint16_t key, std::string_view value) {
  std::string wire;
  switch (key) {
    case SvcKey::mandatory: {
      std::vector<uint16_t> keys;
      for (const std::string& item : split_list(value)) {
        SL_TRY(const uint16_t one, key_by_name(item));
        keys.push_back(one);
      }
      std::ranges::sort(keys);
      for (const uint16_t one : keys) append16(wire, one);
      return wire;
    }
    case SvcKey::alpn:
      for (const std::string& item : split_list(value)) {
        if (item.empty() || item.size() > 255)
          return std::unexpected(bad("alpn has an empty or overlong id"));
        wire.push_back(char(item.size()));
        wire += item;
      }
      return wire;
    case SvcKey::port: {
      uint16_t port = 0;
      if (!parse_number(value, port))
        return std::unexpected(bad("port is not a number from 0 to 65535"));
      append16(wire, port);
      return wire;
    }
    case SvcKey::ipv4hint:
      return address_list(value, Family::v4);
    case SvcKey::ipv6hint:
      return address_list(value, Family::v6);
    case SvcKey::ech:
      return base64_decode(value);
    default:
      return std::string(value);
  }
}

Status check_mandatory(std::string_view value, std::span<const uint16_t> keys) {
  if (value.empty() || value.size() % 2 != 0) return std::unexpected(bad("mandatory is cut off"));
  int last = -1;
  for (size_t i = 0; i < value.size(); i += 2) {
    const uint16_t key = load16(bytes_of(value) + i);
    // RFC 9460 8: ascending, each once, not itself, and every one present.
    if (int{key} <= last || key == SvcKey::mandatory)
      return std::unexpected(bad("mandatory is out of order"));
    if (std::ranges::find(keys, key) == keys.end()) {
      return std::unexpected(bad(key_name(key) + " is mandatory and missing"));
    }
    last = key;
  }
  return {};
}

bool has_shape(uint16_t key, std::string_view value) {
  switch (key) {
    case SvcKey::alpn:
      if (value.empty()) return false;
      while (!value.empty()) {
        const size_t length = uint8_t(value[0]);
        if (length == 0 || length + 1 > value.size()) return false;
        value.remove_prefix(length + 1);
      }
      return true;
    case SvcKey::no_default_alpn:
      return value.empty();
    case SvcKey::port:
      return value.size() == 2;
    case SvcKey::ipv4hint:
      return !value.empty() && value.size() % 4 == 0;
    case SvcKey::ipv6hint:
      return !value.empty() && value.size() % 16 == 0;
    case SvcKey::ech:
      return !value.empty();
    default:
      return true;
  }
}

std::string quoted(std::string_view value) {
  std::string text = "\"";
  for (const char c : value) append_escaped(text, uint8_t(c), "\"\\");
  return text + '"';
}

std::string hints_to_text(std::string_view value, size_t step) {
  std::string text;
  for (size_t i = 0; i < value.size(); i += step) {
    if (i > 0) text += ',';
    std::array<uint8_t, 16> bytes{};
    std::copy_n(bytes_of(value) + i, step, bytes.begin());
    text +=
        (step == 4 ? IpAddress::v4(bytes[0], bytes[1], bytes[2], bytes[3]) : IpAddress::v6(bytes))
            .to_string();
  }
  return text;
}

std::string alpn_to_text(std::string_view value) {
  std::string list;
  while (!value.empty()) {
    if (!list.empty()) list += ',';
    for (const char c : value.substr(1, uint8_t(value[0]))) {
      if (c == ',' || c == '\\') list += '\\';
      list += c;
    }
    value.remove_prefix(size_t(uint8_t(value[0])) + 1);
  }
  return quoted(list);
}

std::string value_to_text(uint16_t key, std::string_view value) {
  std::string text;
  switch (key) {
    case SvcKey::mandatory:
      for (size_t i = 0; i + 1 < value.size(); i += 2) {
        text += (i > 0 ? "," : "") + key_name(load16(bytes_of(value) + i));
      }
      return text;
    case SvcKey::alpn:
      return alpn_to_text(value);
    case SvcKey::port:
      return std::to_string(load16(bytes_of(value)));
    case SvcKey::ipv4hint:
      return hints_to_text(value, 4);
    case SvcKey::ipv6hint:
      return hints_to_text(value, 16);
    case SvcKey::ech:
      return '"' + base64_encode(value) + '"';
    default:
      return quoted(value);
  }
}

}  // namespace

Result<std::string> svc_params_from_text(std::span<const Token> words) {
  std::vector<SvcParam> params;
  for (const Token& word : words) {
    const size_t equals = word.text.find('=');
    SL_TRY(const uint16_t key, key_by_name(std::string_view(word.text).substr(0, equals)));
    if (std::ranges::find(params, key, &SvcParam::key) != params.end()) {
      return std::unexpected(bad(key_name(key) + " is given twice"));
    }
    std::string_view raw =
        equals == std::string::npos ? "" : std::string_view(word.text).substr(equals + 1);
    if (raw.size() >= 2 && raw.front() == '"' && raw.back() == '"')
      raw = raw.substr(1, raw.size() - 2);
    SL_TRY(const std::string value, unescape(raw));
    SL_TRY(std::string wire, value_from_text(key, value));
    params.push_back({key, std::move(wire)});
  }
  std::string wire = write_svc_params(std::move(params));
  SL_CHECK(check_svc_params(wire));
  return wire;
}

std::string svc_params_to_text(std::string_view wire) {
  std::string text;
  while (wire.size() >= 4) {
    const uint16_t key = load16(bytes_of(wire));
    const std::string_view value = wire.substr(4, load16(bytes_of(wire) + 2));
    if (!text.empty()) text += ' ';
    text += key_name(key);
    if (!value.empty())
      text += "=" + (has_shape(key, value) ? value_to_text(key, value) : quoted(value));
    wire.remove_prefix(4 + value.size());
  }
  return text;
}

Status check_svc_params(std::string_view wire) {
  std::vector<uint16_t> keys;
  std::string_view mandatory;
  while (!wire.empty()) {
    if (wire.size() < 4) return std::unexpected(bad("is cut off"));
    const uint16_t key = load16(bytes_of(wire));
    const size_t bytes = load16(bytes_of(wire) + 2);
    if (wire.size() < 4 + bytes) return std::unexpected(bad(key_name(key) + " is cut off"));
    if (!keys.empty() && key <= keys.back())
      return std::unexpected(bad(key_name(key) + " is out of order"));
    const std::string_view value = wire.substr(4, bytes);
    if (!has_shape(key, value)) return std::unexpected(bad(key_name(key) + " has a bad value"));
    if (key == SvcKey::mandatory && value.empty())
      return std::unexpected(bad("mandatory is empty"));
    if (key == SvcKey::mandatory) mandatory = value;
    keys.push_back(key);
    wire.remove_prefix(4 + bytes);
  }
  const auto has = [&](uint16_t key) { return std::ranges::find(keys, key) != keys.end(); };
  if (has(SvcKey::no_default_alpn) && !has(SvcKey::alpn)) {
    return std::unexpected(bad("no-default-alpn needs alpn"));  // RFC 9460 7.1.1
  }
  if (has(SvcKey::mandatory)) return check_mandatory(mandatory, keys);
  return {};
}

std::string write_svc_params(std::vector<SvcParam> params) {
  std::ranges::sort(params, {}, &SvcParam::key);
  std::string wire;
  for (const SvcParam& param : params) {
    append16(wire, param.key);
    append16(wire, uint16_t(param.value.size()));
    wire += param.value;
  }
  return wire;
}

std::string alpn_value(std::span<const std::string_view> protocols) {
  std::string value;
  for (const std::string_view protocol : protocols) {
    value.push_back(char(protocol.size()));
    value += protocol;
  }
  return value;
}

}  // namespace sealane::wire::dns
