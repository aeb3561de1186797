// SPDX-License-Identifier: Apache-2.0
// What happens to requests when agents, nodes and connections die: where they go next, and what the
// client is told when they cannot go anywhere.
#include "edge/bench.h"
#include "edge/fetch.h"

namespace sealane::edge {
namespace {

using view::Outcome;

std::string asked_of(const std::shared_ptr<fake::Peer>& peer) { return peer->far.to_string(); }

TEST(Failover, a_refused_agent_passes_every_method_on_to_the_next) {
  for (const char* method : {"GET", "POST", "DELETE"}) {
    Bench b;
    auto client = b.client();
    client->send(request(std::string(method) + " /x", "Content-Length: 2\r\n", "hi"));
    auto first = b.lane.next_connect();
    first->refuse();
    auto second = b.origin();
    ASSERT_TRUE(second) << method;
    EXPECT_NE(asked_of(first), asked_of(second));
    EXPECT_EQ(body(second->read()), "hi");
    second->send(answer("ok"));
    EXPECT_EQ(body(client->read()), "ok");
    ASSERT_EQ(b.suspected.size(), 1u);
    EXPECT_EQ(b.suspected[0].second, Outcome::refused);
  }
}

TEST(Failover, what_was_sent_is_repeated_only_when_it_may_be) {
  struct Case {
    const char* line;
    const char* fields;
    bool repeated;
  };
  const Case cases[] = {
      {"GET /x", "", true},   {"HEAD /x", "", true}, {"OPTIONS /x", "", true},
      {"POST /x", "", false}, {"PUT /x", "", false}, {"POST /x", "Idempotency-Key: 1\r\n", true},
  };
  for (const Case& c : cases) {
    Bench b;
    auto client = b.client();
    client->send(request(c.line, c.fields));
    auto first = b.origin();
    EXPECT_FALSE(first->read().empty());
    first->break_off();
    auto second = b.origin();
    EXPECT_EQ(second != nullptr, c.repeated) << c.line << c.fields;
    if (second) {
      EXPECT_FALSE(second->read().empty());
      continue;
    }
    const std::string got = client->read();
    EXPECT_EQ(status(got), 502);
    EXPECT_TRUE(has(got, R"("region":"us")")) << got;
    EXPECT_TRUE(has(got, R"("reason":"connection broken")")) << got;
    EXPECT_FALSE(has(got, "Sealane-Unprocessed"));
    EXPECT_FALSE(client->closed) << "an error is no reason to lose the connection";
  }
}

TEST(Failover, a_body_that_is_not_wholly_held_any_more_is_not_repeated) {
  Bench b;
  auto client = b.client();
  const size_t bytes = Fetch::kHeldMax + 1;
  client->send(request("POST /x",
                       "Idempotency-Key: 1\r\nContent-Length: " + std::to_string(bytes) + "\r\n"));
  auto first = b.origin();
  client->send(std::string(bytes, 'x'));
  first->break_off();
  EXPECT_FALSE(b.lane.next_connect());
  EXPECT_EQ(status(client->read()), 502);
}

TEST(Failover, a_body_of_the_largest_held_size_is_repeated) {
  Bench b;
  auto client = b.client();
  const std::string bytes(Fetch::kHeldMax, 'x');
  client->send(request(
      "POST /x", "Idempotency-Key: 1\r\nContent-Length: " + std::to_string(bytes.size()) + "\r\n"));
  auto first = b.origin();
  client->send(bytes);
  first->break_off();
  auto second = b.origin();
  ASSERT_TRUE(second);
  EXPECT_EQ(body(second->read()), bytes);
}

TEST(Failover, when_the_agents_here_are_down_the_next_region_serves) {
  Bench b;
  b.set_health(Bench::us_agent_1, false);
  b.set_health(Bench::us_agent_2, false);
  auto client = b.client();
  client->send(request("GET /x"));
  auto node = b.lane.next_connect();
  ASSERT_TRUE(node);
  EXPECT_EQ(asked_of(node), "127.2.0.1:8080");
  EXPECT_EQ(node->options.from, Bench::ip("127.1.0.1"));
  node->open_up();
  const std::string asked = node->read();
  EXPECT_TRUE(has(asked, "Host: agent.example.test\r\n"));
  EXPECT_TRUE(has(asked, "Sealane-Hop: us\r\n"));
  EXPECT_TRUE(has(asked, "X-Forwarded-For: 192.0.2.9\r\n"));
  node->send(answer("far", "Sealane-Region: eu\r\nX-Cache: Pass from sealane\r\n"));
  const std::string got = client->read();
  EXPECT_TRUE(has(got, "Sealane-Region: eu\r\n"));
  EXPECT_EQ(got.find("X-Cache"), got.rfind("X-Cache"));
}

TEST(Failover, nothing_is_forwarded_to_an_edge_location) {
  for (const bool eu_healthy : {true, false}) {
    Bench b;
    b.set_health(Bench::us_agent_1, false);
    b.set_health(Bench::us_agent_2, false);
    b.set_health(Bench::eu_node, eu_healthy);
    auto client = b.client();
    client->send(request("GET /x"));
    // ap-node is healthy, and the nearest after us-node, but it has no agents.
    for (auto asked = b.lane.next_connect(); asked; asked = b.lane.next_connect()) {
      EXPECT_NE(asked_of(asked), "127.3.0.1:8080");
      asked->refuse();
    }
    EXPECT_GE(status(client->read()), 500);
  }
}

TEST(Failover, a_hop_never_leaves_the_region) {
  Bench b;
  b.set_health(Bench::us_agent_1, false);
  b.set_health(Bench::us_agent_2, false);
  auto client = b.client("127.2.0.1");
  client->send(request("GET /x", "Sealane-Hop: eu\r\nX-Forwarded-For: 198.51.100.7\r\n"));
  auto agent = b.lane.next_connect();
  ASSERT_TRUE(agent);
  EXPECT_EQ(agent->far.ip, Bench::ip("127.1.0.1"))
      << "its own agents, once, although they are believed down";
  agent->refuse();
  EXPECT_FALSE(b.lane.next_connect());
  const std::string got = client->read();
  EXPECT_EQ(status(got), 502);
  EXPECT_TRUE(has(got, "Sealane-Unprocessed: 1\r\n"));
}

TEST(Failover, a_hop_field_of_a_stranger_means_nothing) {
  Bench b;
  b.set_health(Bench::us_agent_1, false);
  b.set_health(Bench::us_agent_2, false);
  auto client = b.client();
  client->send(request("GET /x",
                       "Sealane-Hop: eu\r\nX-Forwarded-For: 198.51.100.7\r\nForwarded: for=x\r\n"));
  auto node = b.origin();
  ASSERT_TRUE(node);
  const std::string asked = node->read();
  EXPECT_TRUE(has(asked, "Sealane-Hop: us\r\n"));
  EXPECT_FALSE(has(asked, "198.51.100.7"));
  EXPECT_FALSE(has(asked, "for=x"));
}

TEST(Failover, a_nodes_word_about_the_client_stands) {
  Bench b;
  auto client = b.client("127.2.0.1");
  client->send(
      request("GET /x",
              "Sealane-Hop: eu\r\nX-Forwarded-For: 198.51.100.7\r\nX-Forwarded-Proto: https\r\n"));
  auto agent = b.origin();
  const std::string asked = agent->read();
  EXPECT_TRUE(has(asked, "X-Forwarded-For: 198.51.100.7, 127.2.0.1\r\n")) << asked;
  EXPECT_TRUE(has(asked, "X-Forwarded-Proto: https\r\n"));
}

TEST(Failover, an_error_of_another_node_is_tried_elsewhere_and_else_passed_on) {
  struct Case {
    const char* line;
    const char* fields;  // of the node's answer
    bool elsewhere;
  };
  const Case cases[] = {
      {"GET /x", "", true},
      {"POST /x", "", false},
      {"POST /x", "Sealane-Unprocessed: 1\r\n", true},
  };
  for (const Case& c : cases) {
    Bench b;
    b.set_health(Bench::us_agent_1, false);
    b.set_health(Bench::us_agent_2, false);
    auto client = b.client();
    client->send(request(c.line));
    auto node = b.origin();
    ASSERT_TRUE(node);
    node->send(answer("{}", c.fields, "503 Service Unavailable"));
    auto next = b.lane.next_connect();
    EXPECT_EQ(next != nullptr, c.elsewhere) << c.line << c.fields;
    if (!next) EXPECT_EQ(status(client->read()), 503);
  }
}

TEST(Failover, a_stale_connection_is_replaced_for_what_may_be_repeated) {
  Bench b([](plan::Plan& plan) { plan.regions[0].agents.resize(1); });
  auto client = b.client();
  client->send(request("GET /1"));
  auto origin = b.origin();
  origin->send(answer("one"));
  client->send(request("GET /2"));
  EXPECT_TRUE(has(origin->read(), "GET /2 "));
  origin->end();
  auto fresh = b.origin();
  ASSERT_TRUE(fresh);
  EXPECT_EQ(asked_of(fresh), asked_of(origin));
  EXPECT_TRUE(has(fresh->read(), "GET /2 "));
  EXPECT_TRUE(b.suspected.empty()) << "a closed keep-alive connection says nothing about health";
}

TEST(Failover, what_may_not_be_repeated_rides_only_on_a_young_connection) {
  Bench b([](plan::Plan& plan) { plan.regions[0].agents.resize(1); });
  auto client = b.client();
  client->send(request("GET /1"));
  auto origin = b.origin();
  origin->send(answer("one"));
  b.lane.advance(OriginPool::kRestMaxUnrepeatable);
  client->send(request("POST /2"));
  EXPECT_FALSE(b.lane.next_connect());
  origin->send(answer("two"));
  b.lane.advance(OriginPool::kRestMaxUnrepeatable + 1ms);
  client->send(request("POST /3"));
  EXPECT_TRUE(b.lane.next_connect());
}

TEST(Failover, resting_connections_are_closed_before_the_origin_does) {
  Bench b;
  auto client = b.client();
  client->send(request("GET /1"));
  auto origin = b.origin();
  origin->send(answer("one"));
  EXPECT_FALSE(origin->closed);
  b.lane.advance(OriginPool::kRestMax);
  EXPECT_TRUE(origin->closed);
}

TEST(Failover, bytes_after_an_answer_never_reach_the_next_request) {
  Bench b([](plan::Plan& plan) { plan.regions[0].agents.resize(1); });
  auto client = b.client();
  client->send(request("GET /1"));
  auto origin = b.origin();
  origin->send(answer("one") + answer("poison"));
  EXPECT_EQ(body(client->read()), "one");
  EXPECT_TRUE(origin->closed);
  client->send(request("GET /2"));
  EXPECT_TRUE(b.lane.next_connect());
}

// A frozen agent neither answers nor refuses: only the view tells.
TEST(Failover, what_waits_on_an_endpoint_that_goes_down_moves_on_at_once) {
  Bench b;
  auto client = b.client();
  client->send(request("GET /x"));
  auto frozen = b.origin();
  const bool first_agent = frozen->far.port == 9001;
  b.set_health(first_agent ? Bench::us_agent_1 : Bench::us_agent_2, false);
  EXPECT_FALSE(b.lane.next_connect());
  b.lane.advance(Context::kWatchInterval);
  auto other = b.origin();
  ASSERT_TRUE(other) << "within " << to_ms(Context::kWatchInterval) << " ms, without any traffic";
  EXPECT_NE(asked_of(other), asked_of(frozen));
  EXPECT_TRUE(frozen->closed);
  other->send(answer("alive"));
  EXPECT_EQ(body(client->read()), "alive");
}

TEST(Failover, what_may_not_be_repeated_is_answered_when_its_endpoint_goes_down) {
  Bench b;
  auto client = b.client();
  client->send(request("POST /agent", "Content-Length: 2\r\n", "hi"));
  auto frozen = b.origin();
  b.set_health(Bench::us_agent_1, false);
  b.set_health(Bench::us_agent_2, false);
  b.lane.advance(Context::kWatchInterval);
  EXPECT_FALSE(b.lane.next_connect());
  const std::string got = client->read();
  EXPECT_EQ(status(got), 504);
  EXPECT_TRUE(has(got, R"("reason":"the endpoint went down")"));
  EXPECT_TRUE(has(got, R"("region":"us")"));
}

TEST(Failover, a_request_that_was_not_sent_yet_moves_on_whatever_it_is) {
  Bench b;
  auto client = b.client();
  client->send(request("POST /agent", "Content-Length: 2\r\n", "hi"));
  auto connecting = b.lane.next_connect();
  b.set_health(connecting->far.port == 9001 ? Bench::us_agent_1 : Bench::us_agent_2, false);
  b.lane.advance(Context::kWatchInterval);
  auto other = b.origin();
  ASSERT_TRUE(other);
  EXPECT_EQ(body(other->read()), "hi");
}

TEST(Failover, an_answer_under_way_from_an_endpoint_that_is_down_may_flow_but_not_stop) {
  Bench b;
  auto client = b.client();
  client->send(request("GET /s"));
  auto origin = b.origin();
  origin->send("HTTP/1.1 200 OK\r\n\r\nabc");
  b.set_health(Bench::us_agent_1, false);
  b.set_health(Bench::us_agent_2, false);
  for (int i = 0; i < 5; ++i) {
    b.lane.advance(Fetch::kUnhealthyGrace - 10ms);
    origin->send("abc");
    EXPECT_FALSE(client->reset);
  }
  b.lane.advance(Fetch::kUnhealthyGrace + 10ms);
  EXPECT_TRUE(client->reset);
}

TEST(Failover, timeouts_of_connect_and_first_byte_are_504_when_nobody_is_left) {
  Bench b([](plan::Plan& plan) {
    plan.regions[0].agents.resize(1);
    plan.groups[size_t(plan.public_group)].members.resize(1);
  });
  auto client = b.client();
  client->send(request("GET /x"));
  b.lane.next_connect()->time_out();
  std::string got = client->read();
  EXPECT_EQ(status(got), 504);
  EXPECT_TRUE(has(got, R"("reason":"connect timeout")")) << got;
  ASSERT_EQ(b.suspected.size(), 1u);
  EXPECT_EQ(b.suspected[0].second, Outcome::timeout);

  client->send(request("POST /x"));
  auto origin = b.origin();
  b.lane.advance(b.plan_.edge.first_byte_timeout + 1ms);
  got = client->read();
  EXPECT_EQ(status(got), 504);
  EXPECT_TRUE(has(got, R"("reason":"no answer in time")")) << got;
}

TEST(Failover, a_silent_last_resort_is_given_up_sooner_than_a_healthy_agent_that_thinks) {
  Bench b([](plan::Plan& plan) {
    plan.regions[0].agents.resize(1);
    plan.groups[size_t(plan.public_group)].members.resize(1);
  });
  b.set_health(Bench::us_agent_1, false);
  auto client = b.client();
  client->send(request("POST /x"));
  auto origin = b.origin();
  ASSERT_TRUE(origin) << "nobody else is left, so it is asked";
  b.lane.advance(Fetch::kLastResortPatience - 1ms);
  EXPECT_EQ(client->read(), "");
  b.lane.advance(2ms);
  EXPECT_EQ(status(client->read()), 504);
}

TEST(Failover, the_last_resort_is_who_was_well_last) {
  for (const uint16_t last : {Bench::eu_node, Bench::us_agent_2}) {
    Bench b;
    for (const uint16_t id :
         {Bench::us_node, Bench::us_agent_1, Bench::us_agent_2, Bench::eu_node, Bench::ap_node}) {
      b.view_.endpoints[id].since = b.lane.lane.clock.now() + (id == last ? 2s : 1s);
      b.set_health(id, false);
    }
    auto client = b.client();
    client->send(request("POST /x"));
    auto asked = b.origin();
    ASSERT_TRUE(asked);
    EXPECT_EQ(asked->far, b.plan_.endpoints[last].address);
  }
}

TEST(Failover, what_waits_on_a_last_resort_goes_to_who_is_well_again) {
  for (const char* line : {"GET /x", "POST /x"}) {
    Bench b;
    for (const uint16_t id :
         {Bench::us_agent_1, Bench::us_agent_2, Bench::eu_node, Bench::ap_node}) {
      b.set_health(id, false);
    }
    auto client = b.client();
    client->send(request(line));
    auto silent = b.origin();
    ASSERT_TRUE(silent);
    EXPECT_FALSE(silent->read().empty());
    b.set_health(Bench::eu_node, true);
    b.lane.advance(Context::kWatchInterval);
    auto well = b.origin();
    // What may have been begun there is not begun twice.
    EXPECT_EQ(well != nullptr, std::string_view(line) == "GET /x") << line;
    if (!well) continue;
    EXPECT_EQ(asked_of(well), "127.2.0.1:8080");
    well->send(answer("far"));
    EXPECT_EQ(body(client->read()), "far");
  }
}

TEST(Failover, attempts_and_connections_end_at_max) {
  Bench b([](plan::Plan& plan) { plan.edge.attempts_max = 2; });
  auto client = b.client();
  client->send(request("GET /x"));
  b.lane.next_connect()->refuse();
  b.lane.next_connect()->refuse();
  EXPECT_FALSE(b.lane.next_connect());
  EXPECT_EQ(status(client->read()), 502);

  Bench few([](plan::Plan& plan) {
    plan.edge.origin_connections_max = 1;
    plan.edge.attempts_max = 1;
  });
  auto one = few.client(), two = few.client(), three = few.client();
  one->send(request("GET /x"));
  two->send(request("GET /x"));
  three->send(request("GET /x"));
  EXPECT_TRUE(few.lane.next_connect());
  EXPECT_TRUE(few.lane.next_connect());
  EXPECT_FALSE(few.lane.next_connect());
  EXPECT_EQ(status(three->read()), 503);
}

TEST(Failover, malformed_answers_are_502) {
  for (const char* bytes :
       {"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n"}) {
    Bench b;
    auto client = b.client();
    client->send(request("POST /x"));
    b.origin()->send(bytes);
    EXPECT_EQ(status(client->read()), 502) << bytes;
  }
}

TEST(Failover, a_regions_own_name_means_that_region_first) {
  Bench b;
  auto client = b.client();
  client->send(request("GET /x", "", "", "agent-eu.example.test"));
  EXPECT_EQ(asked_of(b.lane.next_connect()), "127.2.0.1:8080");
  client = b.client();
  client->send(request("GET /x", "", "", "Agent-US.example.test:8080"));
  EXPECT_EQ(b.lane.next_connect()->far.ip, Bench::ip("127.1.0.1"));
  b.set_health(Bench::eu_node, false);
  client = b.client();
  client->send(request("GET /x", "", "", "agent-eu.example.test"));
  EXPECT_EQ(b.lane.next_connect()->far.ip, Bench::ip("127.1.0.1"))
      << "and the others when it is down";
}

TEST(Failover, load_goes_to_the_agent_with_the_least_under_way) {
  Bench b;
  std::map<std::string, int> count;
  std::vector<std::shared_ptr<fake::Peer>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(b.client());
    clients.back()->send(request("GET /x"));
    ++count[asked_of(b.lane.next_connect())];
  }
  EXPECT_EQ(count["127.1.0.1:9001"], 5);
  EXPECT_EQ(count["127.1.0.1:9002"], 5);
}

TEST(Failover, a_new_plan_takes_over_while_requests_are_under_way) {
  Bench b;
  auto client = b.client(), other = b.client();
  client->send(request("GET /x"));
  auto origin = b.origin();
  plan::Plan next = Bench::sample_plan();
  next.names.push_back({"new.example.test", next.public_group});
  next.endpoints[Bench::us_agent_1].address.port = 9101;
  next.endpoints[Bench::us_agent_2].address.port = 9102;
  b.plans->publish(std::make_shared<const plan::Plan>(next));
  origin->send(answer("old"));
  EXPECT_EQ(body(client->read()), "old");
  other->send(request("GET /x", "", "", "new.example.test"));
  auto fresh = b.lane.next_connect();
  ASSERT_TRUE(fresh);
  EXPECT_GE(fresh->far.port, 9101);
}

}  // namespace
}  // namespace sealane::edge
