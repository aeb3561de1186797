// SPDX-License-Identifier: Apache-2.0
#include "base/ip.h"

#include <arpa/inet.h>  // inet_pton, inet_ntop: pure text conversion, no system call

#include <algorithm>
#include <charconv>
#include <cstring>

namespace sealane {
namespace {

template <typename T>
Result<T> parse_number(std::string_view text, T max, std::string_view what) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.empty() || value > max) {
    return fail(Code::invalid, "'" + std::string(text) + "' is not a " + std::string(what) +
                                   " (0 to " + std::to_string(max) + ")");
  }
  return T(value);
}

}  // namespace

IpAddress IpAddress::v6(std::span<const uint8_t, 16> network_order) {
  IpAddress ip;
  ip.family_ = Family::v6;
  std::ranges::copy(network_order, ip.bytes_.begin());
  return ip;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  char buffer[INET6_ADDRSTRLEN] = {};
  if (text.size() < sizeof buffer) {
    std::memcpy(buffer, text.data(), text.size());
    std::array<uint8_t, 16> raw{};
    if (inet_pton(AF_INET, buffer, raw.data()) == 1) return v4(raw[0], raw[1], raw[2], raw[3]);
    if (inet_pton(AF_INET6, buffer, raw.data()) == 1) {
      constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
      if (std::equal(kMapped.begin(), kMapped.end(), raw.begin())) {
        return v4(raw[12], raw[13], raw[14], raw[15]);
      }
      return v6(raw);
    }
  }
  return fail(Code::invalid, "'" + std::string(text) + "' is not an IPv4 or IPv6 address");
}

bool IpAddress::is_loopback() const {
  return is_v4() ? bytes_[0] == 127 : high() == 0 && low() == 1;
}

IpAddress IpAddress::masked(unsigned bits) const {
  IpAddress out = *this;
  for (unsigned i = 0; i < 16; ++i) {
    const unsigned kept = bits > 8 * i ? std::min(8u, bits - 8 * i) : 0;
    out.bytes_[i] = uint8_t(out.bytes_[i] & (0xff00u >> kept));
  }
  return out;
}

std::string IpAddress::to_string() const {
  std::string out;
  append_to(out);
  return out;
}

void IpAddress::append_to(std::string& out) const {
  char buffer[INET6_ADDRSTRLEN];
  if (!is_v4()) {
    out += inet_ntop(AF_INET6, bytes_.data(), buffer, sizeof buffer);
    return;
  }
  // Written for every forwarded request; inet_ntop goes through printf.
  char* end = buffer;
  for (unsigned i = 0; i < 4; ++i) {
    if (i > 0) *end++ = '.';
    end = std::to_chars(end, std::end(buffer), unsigned{bytes_[i]}).ptr;
  }
  out.append(buffer, end);
}

Result<Prefix> Prefix::parse(std::string_view text) {
  const size_t slash = text.find('/');
  SL_TRY(const IpAddress ip, IpAddress::parse(text.substr(0, slash)));
  unsigned length = ip.bits();
  if (slash != text.npos) {
    SL_TRY(length, parse_number<unsigned>(text.substr(slash + 1), ip.bits(), "prefix length"));
  }
  if (ip.masked(length) != ip) {
    return fail(Code::invalid, "'" + std::string(text) + "' has bits set after its length; write " +
                                   of(ip, length).to_string());
  }
  return of(ip, length);
}

std::string Prefix::to_string() const { return base.to_string() + "/" + std::to_string(length); }

Result<SocketAddress> SocketAddress::parse(std::string_view text) {
  const size_t colon = text.rfind(':');
  if (colon == text.npos) {
    return fail(Code::invalid, "'" + std::string(text) + "' lacks a port; write ADDRESS:PORT");
  }
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != host.npos) {
    return fail(Code::invalid, "'" + std::string(text) + "': write IPv6 as [ADDRESS]:PORT");
  }
  SL_TRY(const IpAddress ip, IpAddress::parse(host));
  SL_TRY(const uint16_t port, parse_number<uint16_t>(text.substr(colon + 1), 65535, "port"));
  return SocketAddress{ip, port};
}

std::string SocketAddress::to_string() const {
  return (ip.is_v4() ? ip.to_string() : "[" + ip.to_string() + "]") + ":" + std::to_string(port);
}

}  // namespace sealane
