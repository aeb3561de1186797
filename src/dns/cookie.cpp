// SPDX-License-Identifier: Apache-2.0
#include "dns/cookie.h"

#include <algorithm>

namespace sealane::dns {
namespace {

constexpr uint8_t kVersion = 1;

}  // namespace

ServerCookie make_server_cookie(SipKey secret, const wire::dns::Cookie& cookie,
                                const IpAddress& client, uint32_t unix_s) {
  ServerCookie out{kVersion};  // three reserved bytes, zero
  wire::dns::store32(out.data() + 4, unix_s);
  // 4.4: Client Cookie | Version | Reserved | Timestamp | Client-IP.
  std::array<uint8_t, 8 + 8 + 16> input{};
  uint8_t* end = std::ranges::copy(cookie.client, input.data()).out;
  end = std::copy_n(out.data(), 8, end);
  end = std::ranges::copy(client.bytes(), end).out;
  const uint64_t hash = siphash(secret, std::span<const uint8_t>(input.data(), end));
  for (unsigned i = 0; i < 8; ++i) out[8 + i] = uint8_t(hash >> 8 * i);  // SipHash's own order
  return out;
}

CookieCheck check_cookie(SipKey secret, const wire::dns::Cookie& cookie, const IpAddress& client,
                         uint32_t unix_s) {
  CookieCheck check;
  if (cookie.server_bytes == kServerCookieBytes && cookie.server[0] == kVersion) {
    const uint32_t made = wire::dns::load32(cookie.server.data() + 4);
    const int32_t age = int32_t(unix_s - made);  // serial arithmetic, RFC 1982
    const bool in_time = age <= int32_t(kCookieAgeMax) && age >= -int32_t(kCookieAheadMax);
    const ServerCookie expected = make_server_cookie(secret, cookie, client, made);
    uint8_t difference = 0;  // in constant time
    for (size_t i = 0; i < kServerCookieBytes; ++i)
      difference |= uint8_t(expected[i] ^ cookie.server[i]);
    check.valid = in_time && difference == 0;
    if (check.valid && age <= int32_t(kCookieAgeRenew)) {
      check.reply = expected;
      return check;
    }
  }
  check.reply = make_server_cookie(secret, cookie, client, unix_s);
  return check;
}

}  // namespace sealane::dns
