// SPDX-License-Identifier: Apache-2.0
// IP addresses, prefixes and socket addresses as plain values, IPv4 and IPv6.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sealane {

enum class Family : uint8_t { v4, v6 };

// 16 bytes in network order; an IPv4 address sits in the first four, the rest is zero.
class IpAddress {
 public:
  constexpr IpAddress() = default;  // 0.0.0.0
  static constexpr IpAddress v4(uint32_t host_order) {
    IpAddress ip;
    for (unsigned i = 0; i < 4; ++i) ip.bytes_[i] = uint8_t(host_order >> (24 - 8 * i));
    return ip;
  }
  static constexpr IpAddress v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d) {
    return v4(uint32_t{a} << 24 | uint32_t{b} << 16 | uint32_t{c} << 8 | d);
  }
  static IpAddress v6(std::span<const uint8_t, 16> network_order);
  // "192.0.2.1" or "2001:db8::1"; an IPv4-mapped IPv6 address (::ffff:a.b.c.d) becomes IPv4.
  static Result<IpAddress> parse(std::string_view text);

  constexpr Family family() const { return family_; }
  constexpr bool is_v4() const { return family_ == Family::v4; }
  constexpr unsigned bits() const { return is_v4() ? 32 : 128; }
  constexpr size_t size() const { return is_v4() ? 4 : 16; }
  constexpr std::span<const uint8_t> bytes() const { return {bytes_.data(), size()}; }
  constexpr uint32_t v4_bits() const {  // host order
    return uint32_t{bytes_[0]} << 24 | uint32_t{bytes_[1]} << 16 | uint32_t{bytes_[2]} << 8 |
           bytes_[3];
  }
  // The first and the second half of an IPv6 address, host order.
  constexpr uint64_t high() const { return half(0); }
  constexpr uint64_t low() const { return half(8); }
  constexpr bool is_unspecified() const { return high() == 0 && low() == 0; }
  bool is_loopback() const;
  // This address with every bit after the first `bits` cleared.
  IpAddress masked(unsigned bits) const;
  std::string to_string() const;
  void append_to(std::string& out) const;  // to_string() without a string of its own

  friend constexpr bool operator==(const IpAddress&, const IpAddress&) = default;
  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;

 private:
  constexpr uint64_t half(size_t from) const {
    uint64_t value = 0;
    for (size_t i = 0; i < 8; ++i) value = value << 8 | bytes_[from + i];
    return value;
  }
  Family family_ = Family::v4;
  std::array<uint8_t, 16> bytes_{};
};

// A block of addresses: every address whose first `length` bits are those of `base`.
struct Prefix {
  IpAddress base;      // bits past `length` are zero
  uint8_t length = 0;  // bits

  static Prefix of(IpAddress ip, unsigned length) { return {ip.masked(length), uint8_t(length)}; }
  // "10.0.0.0/8", "2001:db8::/32", or a lone address (full length). Host bits set are an error.
  static Result<Prefix> parse(std::string_view text);
  bool contains(const IpAddress& ip) const {
    return ip.family() == base.family() && ip.masked(length) == base;
  }
  std::string to_string() const;
  friend bool operator==(const Prefix&, const Prefix&) = default;
};

struct SocketAddress {
  IpAddress ip;
  uint16_t port = 0;  // host order

  // "192.0.2.1:53" or "[2001:db8::1]:53".
  static Result<SocketAddress> parse(std::string_view text);
  std::string to_string() const;
  friend constexpr bool operator==(const SocketAddress&, const SocketAddress&) = default;
  friend constexpr auto operator<=>(const SocketAddress&, const SocketAddress&) = default;
};

}  // namespace sealane
