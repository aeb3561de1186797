// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/rdata.h"

#include <gtest/gtest.h>

#include "wire/dns/base64.h"
#include "wire/dns/name.h"
#include "wire/dns/svcb.h"
#include "wire/dns/types.h"
#include "wire/dns/zone_file.h"

namespace sealane::wire::dns {
namespace {

// The data of one record written as in a zone file.
Result<std::string> data(uint16_t type, const std::string& text) {
  SL_TRY(const std::vector<Record> records,
         parse_zone_file("x 1 " + type_name(type) + " " + text, "t", "example.test"));
  return records.at(0).rdata;
}

struct Case {
  uint16_t type;
  std::string text;
  std::string canonical;  // empty: the same
};

TEST(Rdata, of_every_type_goes_to_wire_form_and_back) {
  const Case cases[] = {
      {Type::a, "192.0.2.1", ""},
      {Type::aaaa, "2001:db8::1", ""},
      {Type::ns, "ns1", "ns1.example.test."},
      {Type::cname, "@", "example.test."},
      {Type::ptr, "host.elsewhere.test.", ""},
      {Type::mx, "10 mail", "10 mail.example.test."},
      {Type::txt, "\"one two\" three", "\"one two\" \"three\""},
      {Type::txt, "\"quote \\\" and \\\\ and \\007\"", ""},
      {Type::soa, "ns1 host\\.master 7 1h 10m 2w 1d",
       "ns1.example.test. host\\.master.example.test. 7 3600 600 1209600 86400"},
      {Type::srv, "1 2 8443 srv", "1 2 8443 srv.example.test."},
      {Type::caa, "0 issue \"ca.test; policy=ev\"", ""},
      {Type::caa, "128 iodef mailto:a@b.test", "128 iodef \"mailto:a@b.test\""},
      {Type::hinfo, "\"RFC8482\" \"\"", ""},
      {Type::naptr, "100 10 \"u\" \"sip\" \"!^.*$!sip:a@b!\" .", ""},
      {Type::ds, "1 8 2 0011 2233", "1 8 2 00112233"},
      {Type::sshfp, "4 2 abcd", ""},
      {Type::tlsa, "3 1 1 abcd", ""},
      {Type::https, "0 svc.example.test.", ""},
      {Type::https, "1 .", ""},
      {Type::https, "1 . port=8443 alpn=h2,http/1.1", "1 . alpn=\"h2,http/1.1\" port=8443"},
      {Type::https, "1 . alpn=\"h2\" no-default-alpn", ""},
      {Type::svcb,
       "16 foo mandatory=ipv4hint,alpn alpn=\"f\\\\\\\\oo\\\\,bar,h2\" "
       "ipv4hint=192.0.2.1,192.0.2.2",
       "16 foo.example.test. mandatory=alpn,ipv4hint alpn=\"f\\\\\\\\oo\\\\,bar,h2\" "
       "ipv4hint=192.0.2.1,192.0.2.2"},
      {Type::svcb, "1 . ipv6hint=2001:db8::1,2001:db8::53:1", ""},
      {Type::https, "1 . ech=\"AEX+DQBBpQ==\"", ""},
      {Type::svcb, "1 foo.example.com. key667=\"hello\\210qoo\"", ""},
      {731, "\\# 3 abcdef", ""},
      {731, "\\# 0", ""},
      {Type::a, "\\# 4 c0000201", "192.0.2.1"},
  };
  for (const Case& c : cases) {
    const Result<std::string> wire = data(c.type, c.text);
    ASSERT_TRUE(wire.has_value()) << c.text << ": " << wire.error().what;
    EXPECT_EQ(rdata_to_text(c.type, *wire), c.canonical.empty() ? c.text : c.canonical);
    // Through a message, and its own text again.
    EXPECT_EQ(rdata_from_message(c.type, {bytes_of(*wire), wire->size()}, 0, wire->size()), *wire)
        << c.text;
    EXPECT_EQ(data(c.type, rdata_to_text(c.type, *wire)), *wire) << c.text;
  }
}

TEST(Rdata, that_is_wrong_is_refused) {
  const Case cases[] = {
      {Type::a, "192.0.2", ""},
      {Type::a, "2001:db8::1", ""},
      {Type::a, "192.0.2.1 192.0.2.2", ""},
      {Type::aaaa, "192.0.2.1", ""},
      {Type::aaaa, "::g", ""},
      {Type::mx, "mail", ""},
      {Type::mx, "65536 mail", ""},
      {Type::mx, "ten mail", ""},
      {Type::mx, "10", ""},
      {Type::soa, "ns1 hm 1 2 3 4", ""},
      {Type::soa, "ns1 hm 1 2 3 4 x", ""},
      {Type::srv, "1 2 -3 x", ""},
      {Type::txt, "", ""},
      {Type::txt, std::string(256, 'x'), ""},
      {Type::caa, "256 issue \"x\"", ""},
      {Type::caa, "0 is-sue \"x\"", ""},
      {Type::caa, "0 issue x y", ""},
      {Type::ds, "1 8 2 abc", ""},
      {Type::ds, "1 8 2 zz", ""},
      {Type::ns, "a..b", ""},
      {Type::txt, "\"\\300\"", ""},
      {731, "abcdef", ""},
      {731, "\\# 2 abcdef", ""},
      {731, "\\# x abcdef", ""},
      {Type::a, "\\# 3 c00002", ""},
      {Type::a, "\\# 5 c000020100", ""},
      // RFC 9460 D.3: failure cases, and a few more.
      {Type::svcb, "1 foo.example.com. key123=abc key123=def", ""},
      {Type::svcb, "1 foo.example.com. mandatory", ""},
      {Type::svcb, "1 foo.example.com. alpn", ""},
      {Type::svcb, "1 foo.example.com. port", ""},
      {Type::svcb, "1 foo.example.com. ipv4hint", ""},
      {Type::svcb, "1 foo.example.com. no-default-alpn=abc", ""},
      {Type::svcb, "1 foo.example.com. mandatory=key123", ""},
      {Type::svcb, "1 foo.example.com. mandatory=mandatory", ""},
      {Type::svcb, "1 foo.example.com. mandatory=key123,key123 key123=abc", ""},
      {Type::svcb, "1 . no-default-alpn", ""},
      {Type::svcb, "1 . port=65536", ""},
      {Type::svcb, "1 . alpn=h2,,h3", ""},
      {Type::svcb, "1 . ipv4hint=::1", ""},
      {Type::svcb, "1 . ech=AAA", ""},
      {Type::svcb, "1 . key65535=x", ""},
      {Type::svcb, "1 . colour=red", ""},
  };
  for (const Case& c : cases)
    EXPECT_FALSE(data(c.type, c.text).has_value()) << type_name(c.type) << " " << c.text;
}

// RFC 9460 D.2, in wire form.
TEST(Svcb, test_vectors_of_the_rfc_hold) {
  EXPECT_EQ(data(Type::svcb, "16 foo.example.com. port=53").value(),
            std::string("\0\x10\3foo\7example\3com\0\0\3\0\2\0\x35", 25));
  EXPECT_EQ(data(Type::svcb, "1 foo.example.com. key667=hello").value(),
            std::string("\0\1\3foo\7example\3com\0\2\x9b\0\5hello", 28));
  EXPECT_EQ(
      data(Type::svcb,
           "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1")
          .value(),
      std::string(
          "\0\x10\3foo\7example\3org\0\0\0\0\4\0\1\0\4\0\1\0\x09\2h2\5h3-19\0\4\0\4\xc0\0\2\1",
          48));
  EXPECT_EQ(data(Type::svcb, "16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2").value(),
            std::string("\0\x10\3foo\7example\3org\0\0\1\0\x0c\x08"
                        "f\\oo,bar\2h2",
                        35));
}

TEST(Svcb, out_of_order_or_broken_wire_form_is_refused) {
  const auto param = [](uint16_t key, std::string_view value) {
    return write_svc_params({{key, std::string(value)}});
  };
  const std::string port = param(SvcKey::port, std::string_view("\0\x35", 2)),
                    alpn = param(SvcKey::alpn, "\2h2");
  EXPECT_TRUE(check_svc_params(alpn + port).has_value());
  EXPECT_FALSE(check_svc_params(port + alpn).has_value());
  EXPECT_FALSE(check_svc_params(port + port).has_value());
  EXPECT_FALSE(check_svc_params(port.substr(0, 5)).has_value());
  EXPECT_FALSE(check_svc_params(param(SvcKey::alpn, "\3h2")).has_value());
  EXPECT_FALSE(check_svc_params(param(SvcKey::mandatory, "")).has_value());
}

TEST(Ttl, takes_seconds_and_units) {
  EXPECT_EQ(parse_ttl("0"), 0u);
  EXPECT_EQ(parse_ttl("1h30m"), 5400u);
  EXPECT_EQ(parse_ttl("2W"), 1209600u);
  EXPECT_EQ(parse_ttl("1d1s"), 86401u);
  EXPECT_EQ(parse_ttl("2147483647"), 2147483647u);
  for (const char* bad :
       {"", "h", "1x", "-1", "2147483648", "99999999999999999999", "4000w", "1hh"}) {
    EXPECT_FALSE(parse_ttl(bad).has_value()) << bad;
  }
}

TEST(Base64, goes_there_and_back) {
  for (const std::string_view bytes : {"", "f", "fo", "foo", "foob", "fooba", "foobar"}) {
    EXPECT_EQ(base64_decode(base64_encode(bytes)).value(), bytes);
  }
  EXPECT_EQ(base64_encode("fooba"), "Zm9vYmE=");
  for (const char* bad : {"Zg=", "Zg", "=AAA", "Z===", "Zg==Zg==", "Z g="})
    EXPECT_FALSE(base64_decode(bad)) << bad;
}

TEST(Rdata, with_compressed_names_is_written_out) {
  const std::string message =
      std::string(12, '\0') + std::string("\4test\0", 6) + std::string("\0\x0a\4mail\xc0\x0c", 9);
  EXPECT_EQ(rdata_from_message(Type::mx, {bytes_of(message), message.size()}, 18, 9).value(),
            std::string("\0\x0a\4mail\4test\0", 13));
  EXPECT_FALSE(
      rdata_from_message(Type::mx, {bytes_of(message), message.size()}, 18, 8).has_value());
  EXPECT_FALSE(
      rdata_from_message(Type::mx, {bytes_of(message), message.size()}, 18, 10).has_value());
}

}  // namespace
}  // namespace sealane::wire::dns
