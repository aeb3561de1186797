// SPDX-License-Identifier: Apache-2.0
#include "dns/cookie.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace sealane::dns {
namespace {

using wire::dns::Cookie;

Cookie cookie_of(std::array<uint8_t, 8> client, const ServerCookie* server = nullptr) {
  Cookie cookie{.client = client};
  if (server != nullptr) {
    std::ranges::copy(*server, cookie.server.begin());
    cookie.server_bytes = kServerCookieBytes;
  }
  return cookie;
}

constexpr SipKey kSecret{0x3fa4b2a6e573e9e5,
                         0xcfbf379e84dce748};  // e5e973e5a6b2a43f48e7dc849e37bfcf
constexpr std::array<uint8_t, 8> kClient = {0x24, 0x64, 0xc4, 0xab, 0xcf, 0x10, 0xc9, 0x57};
constexpr uint32_t kTime = 1559731985;
const IpAddress kAddress = IpAddress::v4(198, 51, 100, 100);

TEST(Cookies, are_those_of_rfc_9018) {
  // Appendix A.1.
  const ServerCookie expected = {1,    0,    0,    0,    0x5c, 0xf7, 0x9f, 0x11,
                                 0x1f, 0x81, 0x30, 0xc3, 0xee, 0xe2, 0x94, 0x80};
  EXPECT_EQ(make_server_cookie(kSecret, cookie_of(kClient), kAddress, kTime), expected);
  // Appendix A.4, over IPv6.
  const ServerCookie six = {1,    0,    0,    0,    0x5c, 0xf7, 0xc6, 0x09,
                            0xa6, 0xbb, 0x79, 0xd1, 0x66, 0x25, 0x50, 0x7a};
  const SipKey secret{0x983251d2bc365544, 0x62c96396375d5a07};  // 445536bcd2513298075a5d379663c962
  EXPECT_EQ(make_server_cookie(secret, cookie_of({0x22, 0x68, 0x1a, 0xb9, 0x7d, 0x52, 0xc2, 0x98}),
                               IpAddress::parse("2001:db8:220:1:59de:d0f4:8769:82b8").value(),
                               0x5cf7c609),
            six);
}

TEST(Cookies, are_taken_for_an_hour_and_renewed_after_half_of_it) {
  const ServerCookie mine = make_server_cookie(kSecret, cookie_of(kClient), kAddress, kTime);
  const struct {
    int after_s;
    bool valid, same;
  } cases[] = {{0, true, true},      {1800, true, true}, {1801, true, false}, {3600, true, false},
               {3601, false, false}, {-300, true, true}, {-301, false, false}};
  for (const auto& c : cases) {
    const CookieCheck check =
        check_cookie(kSecret, cookie_of(kClient, &mine), kAddress, kTime + uint32_t(c.after_s));
    EXPECT_EQ(check.valid, c.valid) << c.after_s;
    EXPECT_EQ(check.reply == mine, c.same) << c.after_s;
  }
}

TEST(Cookies, of_somebody_else_are_not_taken) {
  const ServerCookie mine = make_server_cookie(kSecret, cookie_of(kClient), kAddress, kTime);
  EXPECT_FALSE(
      check_cookie(kSecret, cookie_of(kClient, &mine), IpAddress::v4(198, 51, 100, 101), kTime)
          .valid);
  EXPECT_FALSE(check_cookie(SipKey{1, 2}, cookie_of(kClient, &mine), kAddress, kTime).valid);
  EXPECT_FALSE(check_cookie(kSecret, cookie_of({1}, &mine), kAddress, kTime).valid);
  for (size_t bit = 0; bit < 8 * kServerCookieBytes; ++bit) {
    ServerCookie changed = mine;
    changed[bit / 8] ^= uint8_t(1 << bit % 8);
    EXPECT_FALSE(check_cookie(kSecret, cookie_of(kClient, &changed), kAddress, kTime).valid) << bit;
  }
}

}  // namespace
}  // namespace sealane::dns
