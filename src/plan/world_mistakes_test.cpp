// SPDX-License-Identifier: Apache-2.0
// Bad worlds and what is said about them, to the letter.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "plan/world.h"
#include "plan/yaml.h"

namespace sealane::plan {
namespace {

Result<std::string> zone_files(std::string_view name) {
  constexpr std::string_view kApex = "@ 60 IN SOA ns a 1 2 3 4 5\n@ 60 IN NS ns.else.test.\n";
  if (name == "good.zone") return std::string(kApex);
  if (name == "alias.zone") return std::string(kApex) + "a 60 IN CNAME b\n";
  if (name == "parent.zone") return std::string(kApex) + "a 60 IN NS ns.a\nb 60 IN NS ns.a\n";
  if (name == "broken.zone") return std::string(kApex) + "www 60 IN A 1.2.3\n";
  return fail(Code::not_found, "no such file");
}

std::string mistakes_in(std::string_view yaml) {
  const Data data = built_in_data(false);
  const auto plan = compile(yaml, "w", zone_files, data);
  return plan ? "none" : plan.error().what;
}

// A world that is right but for what is added.
constexpr std::string_view kGood =
    "domain: a.test\nregions: { us-east-1: { agents: ['http://127.1.0.1:9001'] }, eu-west-1: }\n";

struct Bad {
  std::string_view more;  // from line 3 on
  std::string_view said;
};

void expect_said(std::string_view before, std::span<const Bad> cases) {
  for (const Bad& bad : cases) {
    EXPECT_EQ(mistakes_in(std::string(before) + std::string(bad.more)), bad.said) << bad.more;
  }
}

TEST(Mistakes, of_keys_and_values) {
  expect_said(
      kGood,
      std::array<Bad, 16>{{
          {"", "none"},
          {"helth: {}",
           "w:3:1: unknown key 'helth'; allowed here: domain, regions, routing, health, edge, "
           "zones, dns, ports, lanes, "
           "accelerator, state, control; did you mean 'health'?"},
          {"zzzzzzzz: {}",
           "w:3:1: unknown key 'zzzzzzzz'; allowed here: domain, regions, routing, health, edge, "
           "zones, dns, ports, lanes, "
           "accelerator, state, control"},
          {"accelerator: { listeners: [] }",
           "w:3:1: 'accelerator' is not supported by this version of sealane; take the section "
           "out"},
          {"state: { tables: [{ name: sessions, key: { id: X } }] }",
           "w:3:48: 'X'; allowed: one of S, N, B; did you mean 'S'?"},
          {"state: { engine: dynamodb }",
           "w:3:18: the engine 'dynamodb' wants an endpoint: the URL of its server"},
          {"lanes: two", "w:3:8: 'two'; allowed: a whole number, 1 to 256"},
          {"lanes: 257", "w:3:8: '257'; allowed: a whole number, 1 to 256"},
          {"lanes: '2'", "w:3:8: '2'; allowed: a whole number, 1 to 256"},
          {"health: { interval: 100 }",
           "w:3:21: '100'; allowed: a duration as 100ms, 5s, 1m or 1h, 10ms to 1h; did you mean "
           "'100ms' or '100s'?"},
          {"health: { interval: 9ms }",
           "w:3:21: '9ms'; allowed: a duration as 100ms, 5s, 1m or 1h, 10ms to 1h"},
          {"health: { disabled: yes }",
           "w:3:21: 'yes'; allowed: true or false; did you mean 'true'?"},
          {"edge: { viewer_protocol: https_only }",
           "w:3:26: 'https_only'; allowed: one of allow-all, redirect-to-https, https-only; did "
           "you mean 'https-only'?"},
          {"edge: { body_bytes_max: 5MB }",
           "w:3:25: '5MB'; allowed: a size as 4096, 64KiB or 16MiB, 0B to 1024GiB"},
          {"routing: [latency]", "w:3:10: a list; allowed: a map of the keys of routing"},
          {"edge: { certificate: { cert: a.pem } }",
           "w:3:22: 'key' is missing; it takes a file name"},
      }});
}

TEST(Mistakes, of_regions) {
  const std::array<Bad, 19> cases{{
      {"regions: {}", "w:2:10: 0 regions; allowed: 1 to 64"},
      {"regions:", "w:2:1: 'regions' is empty; allowed: a map of regions"},
      {"regions: { us-esat-1: { agents: ['http://a.test'] } }",
       "w:2:12: 'us-esat-1' is no AWS region, so it needs its place; allowed: at: [lat, lon]; did "
       "you mean 'us-east-1'?"},
      {"regions: { Home: { at: [1, 2], agents: ['http://a.test'] } }",
       "w:2:12: the region 'Home'; allowed: up to 40 lower-case letters, digits and hyphens"},
      {"regions: { home: { at: [91, 2], agents: ['http://a.test'] } }",
       "w:2:25: latitude 91; allowed: -90 to 90, north first, then east"},
      {"regions: { home: { at: [1], agents: ['http://a.test'] } }",
       "w:2:24: 1 two numbers: latitude, longitude; allowed: 2 to 2"},
      {"regions: { us-east-1: }",
       "w:2:10: no region has agents, so nobody would do the work; allowed: `agents` in a region, "
       "or `edge: { enabled: "
       "false }` to steer a name only"},
      {"regions: { us-east-1: { nodes: [127.0.0.1:80], agents: ['http://a.test'] } }",
       "w:2:33: '127.0.0.1:80'; allowed: the IP address of a node, without a port"},
      {"regions: { us-east-1: { nodes: [127.0.0.1], agents: ['http://a.test'] }, us-east-2: { "
       "nodes: [127.0.0.1] } }",
       "w:2:95: the node 127.0.0.1 is given twice, before in region 'us-east-1'"},
      {"regions: { us-east-1: { agents: [127.1.0.1:9001] } }",
       "w:2:34: '127.1.0.1:9001'; a URL begins with http:// or https://"},
      {"regions: { us-east-1: { agents: ['http://a.test:0'] } }",
       "w:2:34: 'http://a.test:0'; the port is not a number from 1 to 65535"},
      {"regions: { us-east-1: { agents: ['http://u@a.test'] } }",
       "w:2:34: 'http://u@a.test'; a URL here names no user"},
      {"regions: { us-east-1: { agents: ['http://a.test', 'http://A.test:80/'] } }",
       "w:2:51: the agent http://a.test is given twice in this region"},
      {"regions: { us-east-1: { agents: ['http://127.1.0.1:8080'] } }",
       "w:2:34: the agent http://127.1.0.1:8080 is a Sealane node's own address; allowed: where "
       "the agent itself listens"},
      {"regions: { us-east-1: { agents: [{ run: [a] }] } }",
       "w:2:34: 'url' is missing; it takes a URL as http://192.0.2.1:9001"},
      {"regions: { us-east-1: { agents: ['http://a.test'], clients: [10.1.2.3/8] } }",
       "w:2:62: '10.1.2.3/8'; allowed: a prefix as 192.0.2.0/24 or 2001:db8::/32; did you mean "
       "'10.0.0.0/8'?"},
      {"regions: { us-east-1: { agents: ['http://a.test'], clients: [10.0.0.0/8] }, us-east-2: { "
       "clients: [10.0.0.0/8] } }",
       "w:2:100: the clients 10.0.0.0/8 are claimed twice, before by region 'us-east-1'"},
      {"regions: { us-east-1: { agents: ['http://a.test'], health: { path: health } } }",
       "w:2:68: 'health'; allowed: a path from '/'"},
      {"regions: { us-east-1: { agents: ['http://a.test'], health: { when_all_down: open } } }",
       "w:2:62: unknown key 'when_all_down'; allowed here: type, path, host, search, interval, "
       "timeout, failures, "
       "successes, inverted, disabled, tls_verify"},
  }};
  expect_said("domain: a.test\n", cases);
}

TEST(Mistakes, of_routing) {
  expect_said(
      kGood,
      std::array<Bad, 17>{{
          {"routing: { policy: lattency }",
           "w:3:20: 'lattency'; allowed: one of simple, weighted, latency, failover, multivalue; "
           "did you mean 'latency'?"},
          {"routing: { failover: [us-east-1, eu-west-2] }",
           "w:3:34: 'eu-west-2' is not a region of this world; allowed: us-east-1, eu-west-1; did "
           "you mean 'eu-west-1'?"},
          {"routing: { failover: [us-east-1, us-east-1] }",
           "w:3:34: the region 'us-east-1' is given twice"},
          {"routing: { policy: simple, failover: [us-east-1] }",
           "w:3:38: 'failover' goes with the policy 'latency' or 'failover'"},
          {"routing: { weights: { us-east-1: 1, eu-west-1: 1 } }",
           "w:3:21: 'weights' goes with the policy 'weighted'"},
          {"routing: { policy: weighted, weights: { us-east-1: 1 } }",
           "w:3:39: no weight for the region 'eu-west-1'; allowed: 0 to 255"},
          {"routing: { policy: weighted, weights: { us-east-1: 1, eu-west-1: 256 } }",
           "w:3:66: '256'; allowed: a whole number, 0 to 255"},
          {"routing: { policy: weighted, weights: { us-east-1: 1, eu-west-1: 1, mars: 1 } }",
           "w:3:69: 'mars' is not a region of this world; allowed: us-east-1, eu-west-1"},
          {"routing: { ttl: 1500ms }", "w:3:17: 1500ms; allowed: whole seconds"},
          {"routing: { ttl: 5s, ttl_min: 6s }", "w:3:30: 6s; allowed: not more than the ttl, 5s"},
          {"routing: { members: [ { region: us-east-1, weight: 2 } ] }",
           "w:3:52: a weight goes with the policy 'weighted'"},
          {"routing: { members: [ { policy: simple, members: [ { region: us-east-1 } ] } ] }",
           "w:3:23: a branch under 'latency' needs `region`, where it stands"},
          {"routing: { policy: failover, members: [ { members: [ { region: us-east-1 } ] } ] }",
           "w:3:41: a branch with members needs its policy"},
          {"routing: { members: [ {} ] }",
           "w:3:23: an empty member; allowed: a region alone, or a policy and its members"},
          {"routing: { members: [ { region: us-east-1, policy: simple } ] }",
           "w:3:52: a policy without members; allowed: a region alone, or a policy and its "
           "members"},
          {"health: { when_all_down: open }\nrouting: { when_all_down: closed }",
           "w:4:27: when_all_down is given under 'health' and under 'routing'; keep one"},
          {"health: { when_all_down: [eu-west-7] }",
           "w:3:27: 'eu-west-7' is not a region of this world; allowed: us-east-1, eu-west-1; did "
           "you mean 'eu-west-1'?"},
      }});
}

TEST(Mistakes, of_edge_ports_and_zones) {
  expect_said(
      kGood,
      std::array<Bad, 16>{{
          {"edge: { cache: [{ path: '*', ttl: { min: 1s } }] }",
           "w:3:25: '*'; allowed: a path from '/', with at most one * and that at its end; did you "
           "mean '/*'?"},
          {"edge: { cache: [{ path: '/a*b' }] }",
           "w:3:25: '/a*b'; allowed: a path from '/', with at most one * and that at its end"},
          {"edge: { cache: [{ path: '/a', mode: clamp }] }",
           "w:3:17: the mode 'clamp' wants a ttl: { min, default, max }"},
          {"edge: { cache: [{ path: '/a', mode: pass, ttl: { max: 1s } }] }",
           "w:3:48: a ttl goes with the mode 'clamp', not with 'pass'"},
          {"edge: { cache: [{ path: '/a', ttl: { min: 9s, max: 1s } }] }",
           "w:3:36: min 9s, default 9s, max 1s; allowed: min <= default <= max"},
          {"edge: { cache: [{ path: '/a', ttl: { default: 2h, max: 1h } }] }",
           "w:3:36: min 0s, default 2h, max 1h; allowed: min <= default <= max"},
          {"edge: { cache: [{ path: '/a', ttl_min_overrides_private: true }] }",
           "w:3:58: ttl_min_overrides_private does nothing without a ttl min above 0s"},
          {"ports: { http: 8443 }",
           "w:3:16: the port 8443 is taken twice, by 'http' and by 'https'"},
          {"ports: { dns: 0 }", "w:3:15: '0'; allowed: a whole number, 1 to 65535"},
          {"zones: [{ name: test, file: no.zone }]",
           "w:3:29: 'no.zone' cannot be read: no such file"},
          {"zones: [{ name: test, file: alias.zone }]",
           "w:3:29: the zone has a CNAME at 'a.test', whose addresses are steered; take it out"},
          {"zones: [{ name: test, file: parent.zone }]",
           "w:3:29: the zone delegates 'a.test' by an NS record, but 'a.test' is steered here; "
           "take it out"},
          {"zones: [{ name: test, file: parent.zone }, { name: a.test, file: good.zone }]", "none"},
          {"zones: [{ name: test, file: good.zone }, { name: Test., file: good.zone }]",
           "w:3:50: the zone 'test' is given twice"},
          {"zones: [{ name: 'a b', file: good.zone }]",
           "w:3:17: 'a b'; a name is made of letters, digits, hyphens and dots (other scripts: "
           "their xn-- form)"},
          {"zones: [{ name: test }]", "w:3:9: 'file' is missing; it takes a file name"},
      }});
  EXPECT_TRUE(mistakes_in(std::string(kGood) + "zones: [{ name: test, file: broken.zone }]")
                  .starts_with("w:3:29: not a zone: broken.zone:3:"));
}

TEST(Mistakes, of_yaml_itself) {
  expect_said(
      "",
      std::array<Bad, 13>{{
          {"",
           "w:1:1: 'domain' is missing; it takes a domain name\nw:1:1: 'regions' is missing; it "
           "takes a map of regions"},
          {"[1, 2]", "w:1:1: a list; allowed: a map of the keys of a world"},
          {"hello", "w:1:1: 'hello'; allowed: a map of the keys of a world"},
          {"domain: a.test\ndomain: b.test\nregions: { us-east-1: { agents: ['http://a.test'] } }",
           "w:2:1: the key 'domain' is given twice"},
          {"domain: &d a.test\nregions: { us-east-1: { agents: ['http://a.test'] } }\nlanes: *d",
           "w:3:8: an alias (*name); aliases are not supported, write the value out"},
          {"domain: !!str a.test\nregions: { us-east-1: { agents: ['http://a.test'] } }",
           "w:1:9: the tag 'tag:yaml.org,2002:str'; tags are not supported"},
          {"domain: a.test\nregions: { us-east-1: { agents: ['http://a.test'] } }\n? [a]\n: 1",
           "w:3:3: a key that is not a word"},
          {"domain: a.test\nregions: { us-east-1: { agents: ['http://a.test'] } }\n---\nlanes: 2",
           "w:3:1: a second document; a world file holds one"},
          {"domain: [a", "w:1:11: not YAML: end of sequence flow not found"},
          {"domain: 'a", "w:1:11: not YAML: illegal EOF in scalar"},
          {"a: 1\n\tb: 2", "w:2:1: not YAML: illegal tab when looking for indentation"},
          {std::string_view("domain: a\0b", 11), "w:1:10: a zero byte; a world file is UTF-8 text"},
          {"domain: a..b\nregions: { us-east-1: { agents: ['http://a.test'] } }",
           "w:1:9: 'a..b'; a name has no empty label"},
      }});
}

TEST(Mistakes, of_tables_that_another_server_keeps) {
  constexpr std::string_view kWhy =
      "goes with tables that the nodes keep; with the engine 'dynamodb' its server decides that";
  const std::string merge = fmt::format("w:3:103: 'merge' {}", kWhy);
  const std::string fsync = fmt::format("w:3:70: 'durability' {}", kWhy);
  expect_said(
      kGood,
      std::array<Bad, 10>{{
          {"state: { engine: dynamodb, endpoint: 'http://192.0.2.1:8000' }", "none"},
          {"state: { engine: dynamodb, endpoint: 'https://dynamodb.{region}.amazonaws.com' }",
           "none"},
          {"state: { engine: dynamodb, endpoint: { us-east-1: 'http://192.0.2.1' } }", "none"},
          {"state: { engine: dynamodb, endpoint: { eu-west-1: 'http://192.0.2.1' } }",
           "w:3:38: no endpoint for the region 'us-east-1'"},
          {"state: { engine: dynamodb, endpoint: { us-east-1: 'http://192.0.2.1', us-west-9: "
           "'http://192.0.2.1' } }",
           "w:3:71: 'us-west-9' is not a region of this world; allowed: us-east-1, eu-west-1; did "
           "you mean 'us-east-1'?"},
          {"state: { engine: dynamodb, endpoint: '192.0.2.1:8000' }",
           "w:3:38: '192.0.2.1:8000': a URL begins with http:// or https://"},
          {"state: { engine: dynamodb, endpoint: 'http://192.0.2.1', endpoint_region: 'US East' }",
           "w:3:75: a region is made of lower-case letters, digits and hyphens"},
          {"state: { engine: dynamodb, endpoint: 'http://192.0.2.1', durability: os }", fsync},
          {"state: { engine: dynamodb, endpoint: 'http://192.0.2.1', tables: [{ name: one, key: { "
           "id: S }, merge: item }] }",
           merge},
          {"state: { endpoint: 'http://192.0.2.1', endpoint_keys: x }",
           "w:3:20: 'endpoint' goes with the engine 'dynamodb'\nw:3:55: 'endpoint_keys' goes with "
           "the engine 'dynamodb'"},
      }});
}

TEST(Mistakes, are_all_told_at_once_in_the_order_of_the_file) {
  EXPECT_EQ(
      mistakes_in(
          "regions:\n  us-east-1: { nods: [127.1.0.1], agents: [nowhere] }\nrouting: { ttl: 5 }\n"
          "domain: bad name\nedge: { cach: [] }\n"),
      "w:2:16: unknown key 'nods'; allowed here: nodes, agents, at, clients, health; did you mean "
      "'nodes'?\n"
      "w:2:44: 'nowhere'; a URL begins with http:// or https://\n"
      "w:3:17: '5'; allowed: a duration as 100ms, 5s, 1m or 1h, 0s to 168h; did you mean '5ms' or "
      "'5s'?\n"
      "w:4:9: 'bad name'; a name is made of letters, digits, hyphens and dots (other scripts: "
      "their xn-- form)\n"
      "w:5:9: unknown key 'cach'; allowed here: enabled, viewer_protocol, certificate, cache, "
      "cache_bytes_max, "
      "object_bytes_max, connect_timeout, first_byte_timeout, idle_timeout, client_header_timeout, "
      "client_idle_timeout, client_write_timeout, header_bytes_max, body_bytes_max, "
      "connections_max, "
      "origin_connections_max, attempts_max, sse_keepalive, session_cookie; did you mean 'cache'?");
}

TEST(Mistakes, beyond_fifty_are_counted) {
  for (const size_t count : {kMistakesMax, kMistakesMax + 1, size_t{20'000}}) {
    std::string yaml(kGood);
    for (size_t i = 0; i < count; ++i) yaml += fmt::format("k{}: 1\n", i);
    const std::string said = mistakes_in(yaml);
    const size_t lines = 1 + size_t(std::ranges::count(said, '\n'));
    EXPECT_EQ(lines, std::min(count, kMistakesMax + 1)) << count;
    const std::string more = fmt::format("\nw: and {} more", count - kMistakesMax);
    EXPECT_EQ(said.ends_with(more), count > kMistakesMax) << said.substr(said.rfind('\n'));
  }
}

TEST(Mistakes, input_is_bounded_in_depth_values_and_bytes) {
  auto nested = [](size_t depth) {
    return "x: " + std::string(depth, '[') + std::string(depth, ']');
  };
  EXPECT_EQ(mistakes_in(nested(kYamlDepthMax - 1)).find("deep"), std::string::npos);
  EXPECT_NE(mistakes_in(nested(kYamlDepthMax)).find("nested more than 32 deep"), std::string::npos);
  EXPECT_NE(mistakes_in(nested(100'000)).find("nested more than 32 deep"), std::string::npos);
  auto values = [](size_t count) {
    std::string yaml = "x: [";
    for (size_t i = 0; i < count; ++i) yaml += "1,";
    return yaml + "]";
  };
  EXPECT_NE(mistakes_in(values(kYamlNodesMax)).find("more than 500000 values"), std::string::npos);
  EXPECT_EQ(mistakes_in(values(kYamlNodesMax - 3)).find("more than 500000 values"),
            std::string::npos);
  const std::string comment(kWorldBytesMax - 2, 'x');
  EXPECT_EQ(mistakes_in("# " + comment).find("bytes; a world file has at most"), std::string::npos);
  EXPECT_EQ(mistakes_in("#  " + comment), "w:1:1: 8388609 bytes; a world file has at most 8388608");
}

TEST(Mistakes, do_not_write_control_bytes_to_the_terminal) {
  EXPECT_NE(mistakes_in("domain: \"\\e[31m\"").find("'\\x1b[31m'"), std::string::npos);
}

}  // namespace
}  // namespace sealane::plan
