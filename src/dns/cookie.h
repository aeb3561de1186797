// SPDX-License-Identifier: Apache-2.0
// DNS server cookies of RFC 9018: version, time and a SipHash over client cookie and address. Every
// node with the same secret takes them, nothing is remembered.
#pragma once

#include <array>
#include <cstdint>

#include "base/hash.h"
#include "base/ip.h"
#include "wire/dns/query.h"

namespace sealane::dns {

constexpr size_t kServerCookieBytes = 16;
using ServerCookie = std::array<uint8_t, kServerCookieBytes>;

// 4.3: an hour back and five minutes ahead is taken, after half an hour a new one is given.
constexpr uint32_t kCookieAgeMax = 3600, kCookieAgeRenew = 1800, kCookieAheadMax = 300;  // seconds

// `unix_s`: wall clock, modulo 2^32.
ServerCookie make_server_cookie(SipKey secret, const wire::dns::Cookie& cookie,
                                const IpAddress& client, uint32_t unix_s);

struct CookieCheck {
  bool valid = false;    // this client has seen an answer of ours at this address lately
  ServerCookie reply{};  // what goes into the answer: the client's own, or a new one
};
CookieCheck check_cookie(SipKey secret, const wire::dns::Cookie& cookie, const IpAddress& client,
                         uint32_t unix_s);

}  // namespace sealane::dns
