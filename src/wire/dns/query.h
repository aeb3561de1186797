// SPDX-License-Identifier: Apache-2.0
// One pass over a query: header, the one question, EDNS(0) with the options that we answer. Nothing
// is allocated; what is wrong is a verdict, so that the caller knows with what to answer.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "base/ip.h"
#include "wire/dns/name.h"
#include "wire/dns/types.h"

namespace sealane::wire::dns {

constexpr size_t kClientCookieBytes = 8;
constexpr size_t kServerCookieBytesMax = 32;

// RFC 7871 6, as it stood in a query.
struct ClientSubnet {
  IpAddress address;        // bits past source_bits are zero
  uint8_t source_bits = 0;  // 0: the client wants no tailored answer
  uint16_t family = 1;      // as on the wire: 1 IPv4, 2 IPv6
};

// RFC 7873 4: the client's part and what it says to be ours.
struct Cookie {
  std::array<uint8_t, kClientCookieBytes> client{};
  std::array<uint8_t, kServerCookieBytesMax> server{};
  uint8_t server_bytes = 0;  // 0, or 8 to 32
};

struct Query {
  // drop: not a query that may be answered at all (too short, QR set). cookie_only: no question,
  // the client wants a server cookie (RFC 7873 5.4). The others name the rcode.
  enum class Verdict : uint8_t { ok, drop, cookie_only, formerr, notimp, badvers };

  uint16_t id = 0;
  uint16_t flags = 0;
  uint16_t type = 0;
  uint16_t klass = 0;
  uint16_t question_end = 0;  // bytes of header and question; 12 when there is no readable question
  uint16_t udp_bytes_max = kUdpPlainBytesMax;  // what the client says it can take, 512 at least
  uint8_t name_bytes = 0;                      // 0: no readable question
  uint8_t label_count = 0;                     // without the root
  bool edns = false;
  bool dnssec_ok = false;
  bool wants_nsid = false;
  bool wants_keepalive = false;
  std::optional<ClientSubnet> subnet;
  std::optional<Cookie> cookie;
  // Lower case wire form, zero bytes behind it up to the next multiple of 8 (for hash_name).
  alignas(8) std::array<uint8_t, 264> name;

  Query() {}  // leaves `name` as it is: it is filled before it is read
  std::span<const uint8_t> lower_name() const { return {name.data(), name_bytes}; }
};

// Reads `packet` into `query`. After formerr, notimp and badvers the fields up to the error are
// set, so an answer can repeat id, flags, question and the presence of EDNS.
Query::Verdict parse_query(std::span<const uint8_t> packet, Query& query);

// Of a lower-case wire name. Reads 8 bytes at a time: `name` must have up to 7 readable bytes
// behind it, and their value does not matter.
uint64_t hash_name(const uint8_t* name, size_t bytes);

}  // namespace sealane::wire::dns
