// SPDX-License-Identifier: Apache-2.0
// Health probes: of other nodes, and of anybody who says so.
#include "edge/bench.h"

namespace sealane::edge {
namespace {

TEST(Probes, a_probe_goes_to_an_agent_of_this_region_and_nowhere_else) {
  Bench b;
  auto prober = b.client("127.2.0.1");
  const std::string probe = request("GET /health", "Sealane-Probe: 1\r\n", "", "127.1.0.1");
  prober->send(probe);
  auto agent = b.origin();
  ASSERT_TRUE(agent);
  EXPECT_TRUE(has(agent->read(), "Sealane-Probe: 1\r\n"));
  agent->send(answer("ok"));
  EXPECT_EQ(status(prober->read()), 200);

  b.set_health(Bench::us_agent_1, false);
  b.set_health(Bench::us_agent_2, false);
  prober->send(probe);
  auto down = b.lane.next_connect();
  if (down) {
    EXPECT_EQ(down->far.ip, Bench::ip("127.1.0.1"));
    down->refuse();
  } else {
    agent->break_off();
    b.lane.next_connect()->refuse();
  }
  EXPECT_FALSE(b.lane.next_connect());
  EXPECT_EQ(status(prober->read()) / 100, 5);
}

// It would let anybody past the viewer protocol and the cache, to any Host.
TEST(Probes, a_probe_field_of_a_stranger_means_nothing) {
  Bench b([](plan::Plan& plan) {
    plan.edge.viewer_protocol = plan::ViewerProtocol::https_only;
    plan.regions[0].agents.resize(1);
  });
  struct Case {
    const char* line;
    const char* lines;
    const char* body;
    const char* host;
    bool tls;
    int status;  // 0: relayed
  };
  const Case cases[] = {
      {"POST /x", "Content-Length: 1\r\n", "x", "agent.example.test", false, 403},
      {"GET /x", "", "", "agent.example.test", false, 403},
      {"GET /x", "", "", "evil.example", true, 421},
      {"POST /health", "", "", "agent.example.test", false, 403},
      {"GET /health", "Content-Length: 1\r\n", "x", "agent.example.test", false, 403},
      {"GET /health?x", "", "", "agent.example.test", false, 403},
      {"GET /x", "", "", "agent.example.test", true, 0},
  };
  for (const Case& c : cases) {
    auto client = b.client("192.0.2.9", c.tls);
    client->send(request(c.line, std::string("Sealane-Probe: 1\r\n") + c.lines, c.body, c.host));
    EXPECT_EQ(status(client->read()), c.status) << c.line << " " << c.host;
    auto agent = b.origin();
    EXPECT_EQ(agent != nullptr, c.status == 0) << c.line << " " << c.host;
    if (!agent) continue;
    EXPECT_FALSE(has(agent->read(), "Sealane-Probe"));
    b.lane.advance(b.plan_.endpoints[Bench::us_agent_1].check.timeout);
    EXPECT_EQ(client->read(), "") << "the agent may think";
    agent->break_off();
    // Another node would believe this one.
    auto node = b.origin();
    ASSERT_TRUE(node);
    EXPECT_EQ(node->far.to_string(), "127.2.0.1:8080");
    EXPECT_FALSE(has(node->read(), "Sealane-Probe"));
  }
}

// An operator's load balancer, or a node that another family's address leads to.
TEST(Probes, a_strangers_probe_of_the_health_path_asks_this_region) {
  for (const char* line : {"GET /alive?deep", "HEAD /alive?deep"}) {
    Bench b([](plan::Plan& plan) {
      plan.edge.viewer_protocol = plan::ViewerProtocol::https_only;
      plan.edge.cache.front().pattern = "/*";
      plan.endpoints[Bench::us_node].check.path = "/alive?deep";
    });
    auto prober = b.client();
    for (const bool healthy : {true, false}) {
      b.set_health(Bench::us_agent_1, healthy);
      b.set_health(Bench::us_agent_2, healthy);
      prober->send(request(line, "Sealane-Probe: 1\r\n"));
      auto agent = b.origin();
      ASSERT_TRUE(agent);
      EXPECT_EQ(agent->far.ip, Bench::ip("127.1.0.1"));
      EXPECT_TRUE(has(agent->read(), "Sealane-Probe: 1\r\n"));
      agent->send(
          "HTTP/1.1 204 No Content\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\n");
      EXPECT_EQ(status(prober->read()), 204);
    }
  }
}

TEST(Probes, a_probe_of_a_silent_agent_ends_with_the_checks_timeout) {
  Bench b([](plan::Plan& plan) { plan.regions[0].agents.resize(1); });
  auto prober = b.client("127.2.0.1");
  prober->send(request("GET /health", "Sealane-Probe: 1\r\n"));
  auto agent = b.origin();
  b.lane.advance(100ms);
  EXPECT_EQ(status(prober->read()), 504);
}

TEST(Probes, an_edge_location_answers_probes_for_the_regions_it_can_reach) {
  Bench b([](plan::Plan&) {}, 2);
  auto prober = b.client("127.1.0.1");
  const std::string probe = request("GET /health", "Sealane-Probe: 1\r\n");
  prober->send(probe);
  EXPECT_EQ(status(prober->read()), 200);
  b.set_health(Bench::us_node, false);
  b.set_health(Bench::eu_node, false);
  prober->send(probe);
  EXPECT_EQ(status(prober->read()), 503);
  EXPECT_FALSE(b.lane.next_connect());
}

TEST(Probes, a_node_that_is_about_to_leave_refuses_probes_and_serves_on) {
  Bench b;
  b.edge->refuse_probes();
  auto prober = b.client("127.2.0.1"), client = b.client();
  prober->send(request("GET /health", "Sealane-Probe: 1\r\n"));
  EXPECT_EQ(status(prober->read()), 503);
  client->send(request("GET /x"));
  EXPECT_TRUE(b.lane.next_connect());
}

}  // namespace
}  // namespace sealane::edge
