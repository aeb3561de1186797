// SPDX-License-Identifier: Apache-2.0
#include "base/ip.h"

#include <gtest/gtest.h>

namespace sealane {
namespace {

TEST(IpAddress, text_goes_in_and_comes_out) {
  for (const char* text : {"0.0.0.0", "192.0.2.1", "10.0.20.199", "255.255.255.255",
                           "::", "2001:db8::1", "fe80::1:2"}) {
    EXPECT_EQ(IpAddress::parse(text).value().to_string(), text);
  }
  EXPECT_EQ(IpAddress::parse("::ffff:192.0.2.1").value(), IpAddress::v4(192, 0, 2, 1));
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "256.1.1.1", "host", "1.2.3.4 ", ":::"}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(Prefix, host_bits_are_refused_with_the_right_spelling) {
  EXPECT_EQ(Prefix::parse("10.0.0.0/8").value().to_string(), "10.0.0.0/8");
  EXPECT_EQ(Prefix::parse("10.0.0.1").value().length, 32);
  const auto bad = Prefix::parse("10.1.2.3/8");
  ASSERT_FALSE(bad);
  EXPECT_NE(bad.error().what.find("10.0.0.0/8"), std::string::npos);
  EXPECT_FALSE(Prefix::parse("10.0.0.0/33"));
  EXPECT_FALSE(Prefix::parse("10.0.0.0/"));
}

TEST(SocketAddress, both_families) {
  EXPECT_EQ(SocketAddress::parse("192.0.2.1:53").value().to_string(), "192.0.2.1:53");
  EXPECT_EQ(SocketAddress::parse("[2001:db8::1]:53").value().to_string(), "[2001:db8::1]:53");
  for (const char* text : {"192.0.2.1", "192.0.2.1:", "192.0.2.1:65536", "2001:db8::1:53"}) {
    EXPECT_FALSE(SocketAddress::parse(text)) << text;
  }
}

}  // namespace
}  // namespace sealane
