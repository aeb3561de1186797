// SPDX-License-Identifier: Apache-2.0
// The numbers of DNS: record types, classes, codes, header bits (IANA "DNS Parameters"), and
// reading and writing them in network order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace sealane::wire::dns {

struct Type {
  enum : uint16_t {
    a = 1,
    ns = 2,
    cname = 5,
    soa = 6,
    ptr = 12,
    hinfo = 13,
    mx = 15,
    txt = 16,
    aaaa = 28,
    srv = 33,
    naptr = 35,
    opt = 41,
    ds = 43,
    sshfp = 44,
    tlsa = 52,
    svcb = 64,
    https = 65,
    ixfr = 251,
    axfr = 252,
    any = 255,
    caa = 257,
  };
};

struct Class {
  enum : uint16_t { in = 1, chaos = 3, any = 255 };
};

enum class Opcode : uint8_t { query = 0, status = 2, notify = 4, update = 5 };

// RFC 1035 4.1.1, RFC 6891 9, RFC 7873 8 (those above 15 travel in two parts: low four bits in the
// header, the rest in OPT).
enum class Rcode : uint16_t {
  noerror = 0,
  formerr = 1,
  servfail = 2,
  nxdomain = 3,
  notimp = 4,
  refused = 5,
  badvers = 16,
  badcookie = 23,
};
const char* name(Rcode rcode);

// Bits of the 16-bit flags word of the header.
struct Flag {
  enum : uint16_t { qr = 0x8000, aa = 0x0400, tc = 0x0200, rd = 0x0100, ra = 0x0080, cd = 0x0010 };
};

struct OptionCode {
  enum : uint16_t { nsid = 3, ecs = 8, cookie = 10, tcp_keepalive = 11, ede = 15 };
};

// RFC 8914 info codes that an authoritative server has a use for.
struct Ede {
  enum : uint16_t { not_authoritative = 20, not_supported = 21, no_reachable_authority = 22 };
};

constexpr size_t kHeaderBytes = 12;
constexpr size_t kOptBytes = 11;            // root owner, type, class, TTL, length
constexpr size_t kUdpPlainBytesMax = 512;   // RFC 1035 2.3.4, without EDNS
constexpr size_t kUdpEdnsBytesMax = 1232;   // DNS flag day 2020: fits an IPv6 packet of 1,280 bytes
constexpr size_t kMessageBytesMax = 65535;  // the TCP length prefix

// "A", "HTTPS", or "TYPE731" (RFC 3597 5) for what has no name here.
std::string type_name(uint16_t type);
// The reverse, any case.
std::optional<uint16_t> type_by_name(std::string_view text);

inline uint16_t load16(const uint8_t* p) { return uint16_t(p[0] << 8 | p[1]); }
inline uint32_t load32(const uint8_t* p) { return uint32_t{load16(p)} << 16 | load16(p + 2); }
inline uint8_t* store16(uint8_t* p, uint16_t v) {
  p[0] = uint8_t(v >> 8), p[1] = uint8_t(v);
  return p + 2;
}
inline uint8_t* store32(uint8_t* p, uint32_t v) {
  return store16(store16(p, uint16_t(v >> 16)), uint16_t(v));
}
inline void append16(std::string& out, uint16_t v) {
  out.push_back(char(v >> 8));
  out.push_back(char(v & 0xff));
}
inline void append32(std::string& out, uint32_t v) {
  append16(out, uint16_t(v >> 16));
  append16(out, uint16_t(v));
}
inline const uint8_t* bytes_of(std::string_view s) {
  return reinterpret_cast<const uint8_t*>(s.data());
}

}  // namespace sealane::wire::dns
