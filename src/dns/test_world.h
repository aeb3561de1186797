// SPDX-License-Identifier: Apache-2.0
// The world that the tests of this room ask: two regions and one IPv6-only node, a steered name
// inside a zone and one outside of all zones, and a zone with everything that RFC 1034 4.3.2 can
// meet.
#pragma once

#include <string>

#include "dns/name_server.h"
#include "wire/dns/zone_file.h"

namespace sealane::dns {

inline constexpr std::string_view kTestZone = R"(
$TTL 300
@        SOA ns1 hostmaster 7 3600 600 86400 120
         NS  ns1
         NS  ns2.elsewhere.test.
         MX  10 mail
         CAA 0 issue "ca.example.test"
ns1      A   192.0.2.53
mail     A   192.0.2.25
         AAAA 2001:db8::25
www      CNAME host
host     A   192.0.2.80
         TXT "one" "two"
out      CNAME www.elsewhere.test.
gone     CNAME nobody
loop1    CNAME loop2
loop2    CNAME loop1
to-agent CNAME agent
to-wild  CNAME x.wild
to-sub   CNAME www.sub
*.wild   A   192.0.2.99
         MX  5 mail
alias.wild CNAME host
*.cwild  CNAME host
a.b.deep A   192.0.2.7
sub      NS  ns.sub
         NS  ns1
         DS  1 8 2 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
ns.sub   A   192.0.2.54
www.sub  A   192.0.2.66
agent    A   203.0.113.1
         TXT "steered, but not this"
)";

// Some 40 texts of 255 bytes: more than any UDP answer holds.
inline std::string big_text_records() {
  std::string text;
  for (int i = 10; i < 50; ++i)
    text += "big TXT \"" + std::to_string(i) + std::string(200, 'x') + "\"\n";
  return text;
}

struct TestWorld {
  plan::Plan plan;
  view::View view;

  TestWorld() {
    plan.version = 1;
    plan.domain = "agent.example.test";
    add_region("us-east-1", IpAddress::v4(127, 1, 0, 1));
    add_region("eu-west-1", IpAddress::v4(127, 2, 0, 1));
    add_region("ap-south-1", IpAddress::parse("2001:db8::3").value());
    plan::Group nearest{.name = "agent", .policy = plan::Policy::latency};
    for (uint16_t i = 0; i < 2; ++i)
      nearest.members.push_back({.target = i, .region = plan::RegionId{i}});
    nearest.when_all_down = plan::WhenAllDown::closed;
    plan.groups.push_back(nearest);  // 0
    plan.groups.push_back(
        {.name = "all", .policy = plan::Policy::multivalue, .members = nearest.members});  // 1
    plan.groups[1].members.push_back({.target = 2, .region = plan::RegionId{2}});
    plan::Group v6{.name = "v6", .members = {{.target = 2}}};
    plan.groups.push_back(v6);  // 2
    plan.names = {{"agent.example.test", plan::GroupId{0}},
                  {"all.example.test", plan::GroupId{1}},
                  {"six.example.test", plan::GroupId{2}},
                  {"agent.lone.test", plan::GroupId{0}}};
    plan.zones.push_back(
        {"example.test", wire::dns::load_zone(std::string(kTestZone) + big_text_records(),
                                              "example.test.zone", "example.test")
                             .value()});
    // 10.1.0.0/16 is near region 0, 10.2.0.0/16 near region 1.
    plan.geography.places = {{.name = "unknown", .to_region = rtts(5, 6, 9)},
                             {.name = "one", .to_region = rtts(1, 9, 9)},
                             {.name = "two", .to_region = rtts(9, 1, 9)}};
    PrefixTable::Builder table;
    table.add(Prefix::parse("10.1.0.0/16").value(), 1);
    table.add(Prefix::parse("10.2.0.0/16").value(), 2);
    table.add(Prefix::parse("2001:db8:2::/48").value(), 2);
    plan.geography.table = table.build(0);
    plan.dns.responses_per_second_max = 0;
    view = view::View::unknown(plan, Instant{});
  }

 private:
  void add_region(std::string name, const IpAddress& ip) {
    const plan::RegionId region{uint16_t(plan.regions.size())};
    const plan::EndpointId endpoint{uint16_t(plan.endpoints.size())};
    plan.endpoints.push_back(
        {.kind = plan::EndpointKind::node, .region = region, .address = {ip, 8080}});
    plan.regions.push_back({.name = std::move(name), .nodes = {endpoint}});
  }
  static std::vector<plan::Estimate> rtts(uint32_t a, uint32_t b, uint32_t c) {
    const auto table = plan::LatencySource::region_table;
    return {{a * 1000, table}, {b * 1000, table}, {c * 1000, table}};
  }
};

}  // namespace sealane::dns
