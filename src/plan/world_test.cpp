// SPDX-License-Identifier: Apache-2.0
#include "plan/world.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "plan/plan_text.h"

namespace sealane::plan {
namespace {

std::string file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Result<std::string> beside_examples(std::string_view name) {
  const auto path = std::filesystem::path("examples") / name;
  if (!std::filesystem::exists(path)) return fail(Code::not_found, "no such file");
  return file(path);
}

class World : public testing::Test {
 protected:
  Plan compiled(std::string_view yaml) {
    auto plan = compile(yaml, "w.yaml", beside_examples, data_);
    EXPECT_TRUE(plan) << plan.error().what;
    return plan ? std::move(*plan) : Plan();
  }
  // Three regions with one agent each, and more keys.
  Plan three(std::string_view more) {
    return compiled(std::string("domain: agent.example.test\nregions:\n"
                                "  us-east-1: { agents: ['http://127.1.0.1:9001'] }\n"
                                "  eu-west-1: { agents: ['http://127.2.0.1:9001'] }\n"
                                "  ap-southeast-1: { agents: ['http://127.3.0.1:9001'] }\n") +
                    std::string(more));
  }
  // "latency(us-east-1: failover(r0, r1), ...)" with r<k> for the nodes of region k.
  static std::string tree(const Plan& plan, GroupId id) {
    static constexpr const char* kNames[] = {"simple", "weighted", "latency", "failover",
                                             "multivalue"};
    const Group& group = plan.group(id);
    for (const Region& region : plan.regions) {
      if (region.node_group == id) return fmt::format("r{}", &region - plan.regions.data());
    }
    std::string out = fmt::format("{}(", kNames[int(group.policy)]);
    for (const Member& m : group.members) {
      if (&m != group.members.data()) out += ", ";
      if (group.policy == Policy::weighted) out += fmt::format("{}*", m.weight);
      if (group.policy == Policy::latency) out += fmt::format("@{} ", index(m.region));
      out += m.kind == Member::Kind::group ? tree(plan, m.group()) : fmt::format("e{}", m.target);
    }
    return out + ")";
  }
  static std::string tree(const Plan& plan) { return tree(plan, plan.public_group); }

  Data data_ = built_in_data(false);
};

using Examples = World;

TEST_F(Examples, all_compile) {
  size_t count = 0;
  for (const auto& entry : std::filesystem::directory_iterator("examples")) {
    if (entry.path().extension() != ".yaml") continue;
    ++count;
    const auto plan =
        compile(file(entry.path()), entry.path().filename().string(), beside_examples, data_);
    EXPECT_TRUE(plan) << plan.error().what;
  }
  EXPECT_GE(count, 5u);
}

TEST_F(Examples, all_name_the_schema_in_their_first_line) {
  for (const auto& entry : std::filesystem::directory_iterator("examples")) {
    if (entry.path().extension() != ".yaml") continue;
    EXPECT_TRUE(file(entry.path())
                    .starts_with("# yaml-language-server: $schema=../docs/sealane.schema.json\n"))
        << entry.path();
  }
}

TEST_F(Examples, two_regions_becomes_what_it_says) {
  const Plan plan = compiled(file("examples/two-regions.yaml"));
  EXPECT_EQ(plan.domain, "agent.example.test");
  ASSERT_EQ(plan.regions.size(), 2u);
  ASSERT_EQ(plan.endpoints.size(), 6u);
  EXPECT_EQ(plan.regions[1].name, "eu-west-1");
  EXPECT_NEAR(plan.regions[1].at.lat, 53.35, 0.01);
  EXPECT_EQ(plan.regions[1].clients, std::vector{*Prefix::parse("127.2.0.0/16")});
  const Endpoint& node = plan.endpoint(plan.regions[1].nodes.at(0));
  EXPECT_EQ(node.name, "eu-west-1 node 127.2.0.1");
  EXPECT_EQ(node.address.to_string(), "127.2.0.1:8080");
  EXPECT_EQ(node.check.kind, CheckKind::http);
  EXPECT_EQ(node.check.timeout, 100ms);
  const Endpoint& agent = plan.endpoint(plan.regions[1].agents.at(1));
  EXPECT_EQ(agent.name, "eu-west-1 agent http://127.2.0.1:9002");
  EXPECT_EQ(agent.host, "127.2.0.1:9002");
  EXPECT_EQ(agent.address.to_string(), "127.2.0.1:9002");
  EXPECT_EQ(plan.agents.at(3).run,
            (std::vector<std::string>{"sealane-demo-agent", "--listen", "127.2.0.1:9002"}));
  EXPECT_EQ(tree(plan), "latency(@0 failover(r0, r1), @1 failover(r1, r0))");
  ASSERT_EQ(plan.names.size(), 3u);
  EXPECT_EQ(plan.names[0].name, plan.domain);
  EXPECT_EQ(plan.names[2].name, "agent-eu-west-1.example.test");
  EXPECT_EQ(tree(plan, plan.names[2].group), "failover(r1, " + tree(plan) + ")");
  ASSERT_EQ(plan.edge.cache.size(), 4u);
  EXPECT_EQ(plan.edge.viewer_protocol, ViewerProtocol::redirect_to_https);
  EXPECT_EQ(plan.edge.cache[0].pattern, "/docs/*");
  EXPECT_EQ(plan.edge.cache[0].mode, CacheRule::Mode::clamp);
  EXPECT_EQ(plan.edge.cache[0].ttl_default, 300s);
  EXPECT_EQ(plan.edge.cache[3].mode, CacheRule::Mode::rfc9111);
  ASSERT_EQ(plan.zones.size(), 1u);
  EXPECT_EQ(plan.zones[0].origin, "example.test");
  EXPECT_EQ(plan.zones[0].records.size(), 8u);
}

TEST_F(World, the_same_text_has_the_same_version_and_another_text_another) {
  EXPECT_EQ(three("").version, three("").version);
  EXPECT_NE(three("").version, three("lanes: 2").version);
  EXPECT_NE(three("").version, 0u);
}

TEST_F(World, regions_without_nodes_live_on_the_loopback_of_their_position) {
  const Plan plan = three("");
  EXPECT_EQ(plan.endpoint(plan.regions[2].nodes[0]).address.to_string(), "127.3.0.1:8080");
  EXPECT_EQ(plan.find_node(*IpAddress::parse("127.3.0.1")), plan.regions[2].nodes[0]);
}

TEST_F(World, policies_become_groups) {
  struct Case {
    std::string_view routing, tree;
  };
  const Case cases[] = {
      {"", "latency(@0 r0, @1 r1, @2 r2)"},
      {"routing: { policy: simple }", "simple(e0, e2, e4)"},
      {"routing: { policy: multivalue }", "multivalue(e0, e2, e4)"},
      {"routing: { policy: failover }", "failover(r0, r1, r2)"},
      {"routing: { policy: failover, failover: [eu-west-1, us-east-1] }", "failover(r1, r0)"},
      {"routing: { policy: weighted }", "weighted(1*r0, 1*r1, 1*r2)"},
      {"routing: { policy: weighted, weights: { eu-west-1: 255, us-east-1: 0, ap-southeast-1: 7 } "
       "}",
       "weighted(0*r0, 255*r1, 7*r2)"},
      // Listed regions come first: that is the order for clients of whom nothing is known.
      {"routing: { failover: [ap-southeast-1, us-east-1] }",
       "latency(@2 failover(r2, r0), @0 failover(r0, r2), @1 failover(r1, r2, r0))"},
      {"routing: { policy: failover, members: [ { policy: weighted, members: [ { region: "
       "us-east-1, weight: 9 }, "
       "{ region: eu-west-1 } ] }, { region: ap-southeast-1 } ] }",
       "failover(weighted(9*r0, 1*r1), r2)"},
      {"routing: { policy: latency, members: [ { region: us-east-1, policy: multivalue, members: [ "
       "{ region: "
       "us-east-1 }, { region: eu-west-1 } ] }, { region: ap-southeast-1 } ] }",
       "latency(@0 multivalue(e0, e2), @2 r2)"},
  };
  for (const Case& c : cases) EXPECT_EQ(tree(three(c.routing)), c.tree) << c.routing;
}

TEST_F(World, branches_nest_as_deep_as_steering_walks_and_no_deeper) {
  for (const size_t depth : {kGroupDepthMax - 2, kGroupDepthMax - 1}) {
    std::string members = "[ { region: us-east-1 } ]";
    for (size_t i = 1; i < depth; ++i)
      members = "[ { policy: failover, members: " + members + " } ]";
    const std::string yaml =
        "domain: a.test\nregions: { us-east-1: { agents: ['http://127.1.0.1:9001'] } }\n"
        "routing: { policy: failover, members: " +
        members + " }\n";
    const auto plan = compile(yaml, "w.yaml", beside_examples, data_);
    EXPECT_EQ(plan.has_value(), depth == kGroupDepthMax - 2) << depth;
    if (!plan)
      EXPECT_NE(plan.error().what.find("branches more than 6 deep"), std::string::npos)
          << plan.error().what;
  }
}

TEST_F(World, edge_locations_answer_but_are_no_standby) {
  const Plan plan = compiled(file("examples/edge-locations.yaml"));
  EXPECT_EQ(tree(plan), "latency(@0 r0, @1 r1, @2 r2, @3 r3)");
  EXPECT_TRUE(plan.regions[1].agents.empty());
  EXPECT_EQ(plan.regions[3].clients.size(), 2u);
  const Plan failover = compiled(
      "domain: a.test\nregions: { us-east-1: , eu-west-1: { agents: ['http://127.2.0.1:9001'] } }\n"
      "routing: { policy: failover }");
  EXPECT_EQ(tree(failover), "failover(r1)");
}

TEST_F(World, when_all_down_holds_for_every_name_that_can_be_asked_for) {
  const Plan closed = three("health: { when_all_down: closed }");
  const Plan resorts = three("routing: { when_all_down: [192.0.2.9, eu-west-1, 127.1.0.1] }");
  for (const SteeredName& name : closed.names) {
    EXPECT_EQ(closed.group(name.group).when_all_down, WhenAllDown::closed);
    const Group& group = resorts.group(resorts.names[0].group);
    EXPECT_EQ(group.when_all_down, WhenAllDown::last_resorts);
    ASSERT_EQ(group.last_resorts.size(), 3u);
    const Endpoint& fixed = resorts.endpoint(group.last_resorts[0]);
    EXPECT_EQ(fixed.kind, EndpointKind::fixed);
    EXPECT_EQ(fixed.address.to_string(), "192.0.2.9:8080");
    EXPECT_EQ(fixed.check.kind, CheckKind::none);
    EXPECT_EQ(group.last_resorts[1], resorts.regions[1].nodes[0]);
    EXPECT_EQ(group.last_resorts[2], resorts.regions[0].nodes[0]);
  }
}

TEST_F(World, health_of_the_agent_overrides_the_regions_and_that_the_worlds) {
  const Plan plan = compiled(R"(
domain: a.test
health: { interval: 1s, timeout: 900ms, failures: 2, path: /world, search: fine }
regions:
  us-east-1:
    nodes: [192.0.2.1]
    health: { path: /region, failures: 4 }
    agents:
      - { url: "https://agent.example:8443/base/", health: { path: /agent, successes: 1 } }
      - { url: "http://127.1.0.1:9001", health: { type: tcp } }
  eu-west-1: { agents: ["http://[::1]:9001/a/b"], health: { inverted: true, disabled: true } }
)");
  ASSERT_EQ(plan.endpoints.size(), 5u);
  const Check& node = plan.endpoints[0].check;
  EXPECT_EQ(node.path, "/region");
  EXPECT_EQ(node.failures, 4);
  EXPECT_EQ(node.successes, 4);
  EXPECT_EQ(node.interval, 1s);
  EXPECT_EQ(node.timeout, 900ms);
  EXPECT_EQ(node.kind, CheckKind::http);
  EXPECT_EQ(node.search, "fine");
  const Endpoint& tls = plan.endpoints[1];
  EXPECT_TRUE(tls.tls);
  EXPECT_EQ(tls.host, "agent.example:8443");
  EXPECT_EQ(tls.base_path, "/base");
  EXPECT_TRUE(tls.address.ip.is_unspecified());
  EXPECT_EQ(tls.address.port, 8443);
  EXPECT_EQ(tls.check.kind, CheckKind::https);
  EXPECT_EQ(tls.check.path, "/agent");
  EXPECT_EQ(tls.check.failures, 4);
  EXPECT_EQ(tls.check.successes, 1);
  EXPECT_EQ(plan.endpoints[2].check.kind, CheckKind::tcp);
  EXPECT_TRUE(plan.endpoints[3].check.inverted && plan.endpoints[3].check.disabled);
  EXPECT_EQ(plan.endpoints[4].host, "[::1]:9001");
  EXPECT_EQ(plan.endpoints[4].base_path, "/a/b");
}

// A probe from Virginia to Singapore takes two round trips of 236 ms; 100 ms would never be enough.
TEST_F(World, distance_alone_takes_no_region_down) {
  const std::string regions =
      "regions: { us-east-1: { nodes: [192.0.2.1], agents: ['http://127.1.0.1:9001'] }, "
      "ap-southeast-1: { nodes: [192.0.2.2] } }\ndomain: a.test\n";
  const Plan plan = compiled(regions);
  EXPECT_EQ(plan.endpoints[0].check.timeout, 710ms);
  EXPECT_EQ(plan.endpoints[1].check.timeout, 100ms);  // the agent is close to its own node
  EXPECT_EQ(compiled(regions + "health: { timeout: 150ms }").endpoints[0].check.timeout, 150ms);
  EXPECT_EQ(three("").endpoints[0].check.timeout, 100ms);  // loopback
}

TEST_F(World, clients_default_to_the_loopback_block_or_the_node) {
  const Plan plan = compiled(
      "domain: a.test\nedge: { enabled: false }\nregions:\n"
      "  us-east-1: { nodes: [127.1.0.1, 127.1.0.2] }\n"
      "  us-east-2: { nodes: [127.2.0.1] }\n"
      "  eu-west-1: { nodes: [127.2.0.2] }\n"
      "  eu-west-2: { nodes: [192.0.2.1, '2001:db8::1'] }\n"
      "  eu-west-3: { nodes: [127.6.0.1], clients: [] }\n");
  auto clients = [&](size_t region) {
    std::string out;
    for (const Prefix& p : plan.regions[region].clients) out += p.to_string() + " ";
    return out;
  };
  EXPECT_EQ(clients(0), "127.1.0.0/16 ");
  EXPECT_EQ(clients(1), "127.2.0.1/32 ");  // the block is shared with another region
  EXPECT_EQ(clients(2), "127.2.0.2/32 ");
  EXPECT_EQ(clients(3), "192.0.2.1/32 2001:db8::1/128 ");
  EXPECT_EQ(clients(4), "");
}

TEST_F(World, tables_may_be_handed_to_a_server_of_each_region) {
  const Plan one =
      three("state: { engine: dynamodb, endpoint: 'https://dynamodb.{region}.amazonaws.com' }\n");
  EXPECT_TRUE(one.state.enabled && one.state.is_handed());
  EXPECT_EQ(one.state.endpoints,
            (std::vector<std::string>{"https://dynamodb.us-east-1.amazonaws.com",
                                      "https://dynamodb.eu-west-1.amazonaws.com",
                                      "https://dynamodb.ap-southeast-1.amazonaws.com"}));
  EXPECT_EQ(one.state.endpoint_profile, "default");
  EXPECT_EQ(one.state_nodes().size(), 3u) << "each serves them";
  EXPECT_FALSE(one.is_replicated()) << "but they have nothing to tell each other";
  const Plan each = three(
      "state:\n  engine: dynamodb\n  endpoint: { us-east-1: 'http://192.0.2.1', eu-west-1: "
      "'http://192.0.2.2', "
      "ap-southeast-1: 'http://192.0.2.1' }\n  endpoint_profile: outer\n");
  EXPECT_EQ(each.state.endpoints,
            (std::vector<std::string>{"http://192.0.2.1", "http://192.0.2.2", "http://192.0.2.1"}));
  EXPECT_EQ(each.state.endpoint_profile, "outer");
  EXPECT_FALSE(three("").state.is_handed());
  EXPECT_TRUE(three("state: { tables: [ { name: one, key: { id: S } } ] }\n").is_replicated());
}

TEST_F(World, a_hundred_thousand_client_prefixes_are_fine) {
  std::string yaml =
      "domain: a.test\nregions:\n  us-east-1:\n    agents: ['http://127.1.0.1:9001']\n    "
      "clients:\n";
  for (unsigned i = 0; i < 100'000; ++i) {
    yaml += fmt::format("      - {}.{}.{}.0/24\n", 20 + i / 65536, i / 256 % 256, i % 256);
  }
  const Plan plan = compiled(yaml);
  ASSERT_EQ(plan.regions.at(0).clients.size(), 100'000u);
  EXPECT_EQ(plan.geography.table.find(*IpAddress::parse("20.255.7.9")).value, 1u);
  EXPECT_EQ(plan.geography.table.find(*IpAddress::parse("22.0.0.1")).value, 0u);
}

}  // namespace
}  // namespace sealane::plan
