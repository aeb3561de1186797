// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/zone_file.h"

#include <gtest/gtest.h>

#include "wire/dns/rdata.h"
#include "wire/dns/types.h"

namespace sealane::wire::dns {
namespace {

std::string show(const std::vector<Record>& records) {
  std::string all;
  for (const Record& r : records) {
    all += (r.owner.empty() ? "." : r.owner) + " " + std::to_string(r.ttl_s) + " " +
           type_name(r.type) + " " + rdata_to_text(r.type, r.rdata) + "\n";
  }
  return all;
}
std::string show(std::string_view text) {
  const Result<std::vector<Record>> records = parse_zone_file(text, "z", "example.test");
  return records ? show(*records) : "error: " + records.error().what;
}
std::string error(std::string_view text) {
  const Result<std::vector<Record>> records = load_zone(text, "z", "example.test");
  return records ? "none" : records.error().what;
}

TEST(ZoneFile, reads_what_rfc_1035_writes) {
  EXPECT_EQ(
      show("$TTL 1h ; a comment\n"
           "@   IN SOA ns1 hostmaster ( 2024 ; serial\n"
           "        1h 10m\n"
           "        2w 60 )\n"
           "    IN NS ns1\n"
           "\n"
           "NS1 300 IN A 192.0.2.1\n"
           "    IN 60 A 192.0.2.2\n"
           "www.example.test. cname ns1\n"),
      "example.test 3600 SOA ns1.example.test. hostmaster.example.test. 2024 3600 600 1209600 60\n"
      "example.test 3600 NS ns1.example.test.\n"
      "ns1.example.test 300 A 192.0.2.1\n"
      "ns1.example.test 60 A 192.0.2.2\n"
      "www.example.test 3600 CNAME ns1.example.test.\n");
}

TEST(ZoneFile, follows_origin) {
  EXPECT_EQ(show("$TTL 1\n$ORIGIN sub\na A 192.0.2.1\n$ORIGIN other.test.\na A 192.0.2.2\n$ORIGIN "
                 ".\na A 192.0.2.3\n"),
            "a.sub.example.test 1 A 192.0.2.1\na.other.test 1 A 192.0.2.2\na 1 A 192.0.2.3\n");
}

TEST(ZoneFile, keeps_quoted_text_together) {
  EXPECT_EQ(show("a 1 TXT \"semi ; colon\" \"(paren)\" \"a \\\" b\" \"\" plain\n"),
            "a.example.test 1 TXT \"semi ; colon\" \"(paren)\" \"a \\\" b\" \"\" \"plain\"\n");
  EXPECT_EQ(show("a 1 TXT \"one\"\"two\"\n"), "a.example.test 1 TXT \"one\" \"two\"\n");
  EXPECT_EQ(show("a 1 HTTPS 1 . alpn=\"h2,h3\" port=8443\n"),
            "a.example.test 1 HTTPS 1 . alpn=\"h2,h3\" port=8443\n");
}

TEST(ZoneFile, reads_escaped_owners) {
  EXPECT_EQ(
      show("a\\.b 1 A 192.0.2.1\n\\@ 1 A 192.0.2.2\n*.w 1 A 192.0.2.3\na\\;b 1 A 192.0.2.4\n"),
      "a\\.b.example.test 1 A 192.0.2.1\n\\@.example.test 1 A 192.0.2.2\n*.w.example.test 1 A "
      "192.0.2.3\n"
      "a\\;b.example.test 1 A 192.0.2.4\n");
}

TEST(ZoneFile, finds_a_ttl_where_none_is_written) {
  EXPECT_EQ(show("a 7 A 192.0.2.1\nb A 192.0.2.2\n"),
            "a.example.test 7 A 192.0.2.1\nb.example.test 7 A 192.0.2.2\n");
  EXPECT_EQ(show("@ SOA a b 1 2 3 4 5\nb A 192.0.2.2\n"),
            "example.test 5 SOA a.example.test. b.example.test. 1 2 3 4 5\nb.example.test 5 A "
            "192.0.2.2\n");
  EXPECT_EQ(show("$TTL 9\na 7 A 192.0.2.1\nb A 192.0.2.2\n"),
            "a.example.test 7 A 192.0.2.1\nb.example.test 9 A 192.0.2.2\n");
}

TEST(ZoneFile, reads_dos_line_ends_and_a_last_line_without_one) {
  EXPECT_EQ(show("a 1 A 192.0.2.1\r\nb 1 A 192.0.2.2"),
            "a.example.test 1 A 192.0.2.1\nb.example.test 1 A 192.0.2.2\n");
}

TEST(ZoneFile, says_where_and_what_is_wrong) {
  const struct {
    const char *text, *error;
  } cases[] = {
      {"a 1 A 192.0.2.256\n", "z:1:7: A: '192.0.2.256' is not an IPv4 address"},
      {"\n  \na 1 A\n", "z:3:1: A: has too few fields"},
      {"a 1 IN BOGUS x\n", "z:1:8: 'BOGUS' is not a record type"},
      {"a 1x A 192.0.2.1\n", "z:1:3: '1x' is not a TTL such as 300 or 1h30m"},
      {"a A 192.0.2.1\n", "z:1:1: a record has no TTL; put $TTL at the top of the file"},
      {" A 192.0.2.1\n", "z:1:2: the first record has no owner"},
      {"a 1 CH TXT x\n", "z:1:5: only class IN is served"},
      {"a 1\n", "z:1:1: a record has no type"},
      {"a 1 A (192.0.2.1\nb 1 A 192.0.2.2\n", "z:1:7: '(' is never closed"},
      {"a 1 A 192.0.2.1 )\n", "z:1:17: ')' without '('"},
      {"a 1 TXT \"open\nb 1 A 192.0.2.1\n", "z:1:9: a quote is not closed on its line"},
      {"$INCLUDE other\n",
       "z:1:1: $INCLUDE is refused: a zone is one file; paste the other one in"},
      {"$GENERATE 1-9 a A 1\n", "z:1:1: '$GENERATE' is not known; there are $ORIGIN and $TTL"},
      {"$TTL\n", "z:1:1: $ttl takes one word"},
      {"$TTL soon\n", "z:1:6: 'soon' is not a TTL such as 300 or 1h30m"},
      {"$ORIGIN a..b\n", "z:1:9: name 'a..b' has an empty label"},
      {"a..b 1 A 192.0.2.1\n", "z:1:1: name 'a..b' has an empty label"},
      {"a 1 OPT x\n", "z:1:5: OPT cannot stand in a zone"},
      {"a 1 ANY x\n", "z:1:5: ANY cannot stand in a zone"},
  };
  for (const auto& c : cases) EXPECT_EQ(show(c.text), std::string("error: ") + c.error) << c.text;
}

constexpr const char* kHead = "$TTL 1\n@ SOA ns hm 1 2 3 4 5\n@ NS ns\n";

TEST(Zone, needs_a_soa_name_servers_and_owners_inside) {
  EXPECT_EQ(error(kHead), "none");
  EXPECT_EQ(error("$TTL 1\n@ NS ns\n"), "z: the zone 'example.test' has no SOA record");
  EXPECT_EQ(error("$TTL 1\n@ SOA ns hm 1 2 3 4 5\n"),
            "z: the zone 'example.test' has no NS record at its apex");
  EXPECT_EQ(error(std::string(kHead) + "@ SOA ns hm 2 2 3 4 5\n"), "z:4:1: a second SOA");
  EXPECT_EQ(error(std::string(kHead) + "a SOA ns hm 2 2 3 4 5\n"),
            "z:4:1: the SOA stands at 'a.example.test', not at 'example.test'");
  EXPECT_EQ(error(std::string(kHead) + "a.other.test. A 192.0.2.1\n"),
            "z:4:1: 'a.other.test' is not inside the zone 'example.test'");
  EXPECT_EQ(error(std::string(kHead) + "anexample.test. A 192.0.2.1\n"),
            "z:4:1: 'anexample.test' is not inside the zone 'example.test'");
}

TEST(Zone, leaves_a_cname_alone) {
  EXPECT_EQ(error(std::string(kHead) + "a CNAME b\na A 192.0.2.1\n"),
            "z:5:1: 'a.example.test' has a CNAME and other records (RFC 1034 3.6.2)");
  EXPECT_EQ(error(std::string(kHead) + "a A 192.0.2.1\nA CNAME b\n"),
            "z:5:1: 'a.example.test' has a CNAME and other records (RFC 1034 3.6.2)");
  EXPECT_EQ(error(std::string(kHead) + "a CNAME b\na CNAME c\n"),
            "z:5:1: 'a.example.test' has two CNAMEs");
  EXPECT_EQ(error(std::string(kHead) + "a CNAME b\na CNAME b\n"), "none");
}

TEST(Zone, has_no_delegation_by_wildcard) {
  EXPECT_EQ(error(std::string(kHead) + "*.wild NS ns.other.test.\n"),
            "z:4:1: '*.wild.example.test' is a wildcard with an NS, which means nothing certain "
            "(RFC 4592 4.2); delegate each name by itself");
}

TEST(ZoneFile, an_entry_has_at_most_4096_words) {
  std::string text = "a 1 TXT";
  for (int i = 0; i < 4093; ++i) text += " x";
  EXPECT_TRUE(parse_zone_file(text, "z", "test").has_value());
  EXPECT_EQ(parse_zone_file(text + " x", "z", "test").error().what,
            "z:1:8195: an entry of more than 4096 words");
}

}  // namespace
}  // namespace sealane::wire::dns
