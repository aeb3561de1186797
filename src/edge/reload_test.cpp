// SPDX-License-Identifier: Apache-2.0
// A new plan while requests are under way, wherever they are: none is lost, and nothing of the old
// plan is taken for something of the new one.
#include <fmt/format.h>

#include "edge/bench.h"
#include "edge/fetch.h"

namespace sealane::edge {
namespace {

// What the requests under way were sent to, or are being: the second agent, so that the ids of
// those after it move.
void only_agent_2(plan::Plan& plan) {
  plan.regions[0].agents = {plan::EndpointId{Bench::us_agent_2}};
}

void drop(plan::Plan& plan, uint16_t endpoint) {
  plan.endpoints.erase(plan.endpoints.begin() + endpoint);
  for (plan::Region& region : plan.regions) {
    std::erase(region.agents, plan::EndpointId{endpoint});
    for (plan::EndpointId& id : region.agents) {
      if (plan::index(id) > endpoint) id = plan::EndpointId(plan::index(id) - 1);
    }
  }
}

// The agent is gone, and everything that a request could hold of it is out of range; another has
// come.
void another_agent(plan::Plan& plan) {
  drop(plan, Bench::eu_agent);
  drop(plan, Bench::us_agent_2);
  plan.regions[0].agents = {plan::EndpointId{Bench::us_agent_1}};
  plan.regions[1].agents.clear();
}

// The same agents under other ids.
void other_ids(plan::Plan& plan) {
  drop(plan, Bench::us_agent_1);
  plan.regions[0].agents = {plan::EndpointId{Bench::us_agent_1}};  // now agent 2
}

// Only the public name is left, and its group has come to the front.
void fewer_groups(plan::Plan& plan) {
  plan.groups.resize(4);
  std::swap(plan.groups[3], plan.groups[2]);
  plan.public_group = plan::GroupId{2};
  plan.names = {{plan.domain, plan.public_group}};
  for (plan::Region& region : plan.regions) region.node_group = plan::GroupId{0};
}

// The names stay, their groups have other ids.
void other_groups(plan::Plan& plan) {
  std::swap(plan.groups[4], plan.groups[5]);
  std::swap(plan.names[1].group, plan.names[2].group);
}

// What a watcher does when nothing else happens on the lane.
void notice(Bench& b) { b.lane.advance(Context::kWatchInterval); }

std::string post(const std::string& body) {
  return request("POST /x", "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

TEST(Reload, what_is_connecting_to_an_agent_that_is_gone_goes_to_another) {
  Bench b([](plan::Plan& plan) {
    only_agent_2(plan);
    plan.edge.attempts_max = 1;  // it was not the request that failed
  });
  auto client = b.client();
  client->send(post("hi"));
  auto gone = b.lane.next_connect();
  ASSERT_TRUE(gone);
  b.reload(another_agent);
  notice(b);
  EXPECT_TRUE(gone->closed);
  auto agent = b.origin();
  ASSERT_TRUE(agent);
  EXPECT_EQ(body(agent->read()), "hi");
  agent->send(answer("done"));
  EXPECT_EQ(body(client->read()), "done");
  EXPECT_TRUE(b.suspected.empty());
}

// The lane hears of the connection before it looks at the plan.
TEST(Reload, what_was_sent_at_that_moment_is_answered_by_whom_it_was_sent_to) {
  Bench b(only_agent_2);
  auto client = b.client();
  client->send(post("hi"));
  auto gone = b.lane.next_connect();
  b.reload(another_agent);
  gone->open_up();
  notice(b);
  EXPECT_EQ(body(gone->read()), "hi");
  gone->send(answer("done"));
  EXPECT_EQ(body(client->read()), "done");
  EXPECT_FALSE(b.lane.next_connect());
}

TEST(Reload, what_is_connecting_when_no_agent_is_left_is_answered) {
  Bench b([](plan::Plan& plan) {
    only_agent_2(plan);
    plan.groups[plan::index(plan.public_group)].members.resize(1);
  });
  auto client = b.client();
  client->send(post("hi"));
  auto gone = b.lane.next_connect();
  b.reload([](plan::Plan& plan) {
    another_agent(plan);
    plan.regions[0].agents.clear();
  });
  notice(b);
  EXPECT_FALSE(b.lane.next_connect());
  const std::string got = client->read();
  EXPECT_EQ(status(got), 503);
  EXPECT_TRUE(has(got, R"("reason":"the endpoint left the world")")) << got;
  EXPECT_TRUE(has(got, "Sealane-Unprocessed: 1\r\n"));
}

// It is not the request's fault: no attempt is counted.
TEST(Reload, many_reloads_in_a_row_find_an_agent_in_the_end) {
  Bench b(only_agent_2);
  auto client = b.client();
  client->send(post("hi"));
  auto connecting = b.lane.next_connect();
  for (uint16_t i = 0; i < 3 * kAttemptsMax; ++i) {
    b.reload([i](plan::Plan& plan) {
      plan.endpoints[Bench::us_agent_2].address.port = uint16_t(9100 + i);
    });
    notice(b);
    EXPECT_TRUE(connecting->closed);
    connecting = b.lane.next_connect();
    ASSERT_TRUE(connecting);
    EXPECT_EQ(connecting->far.port, 9100 + i);
  }
  connecting->open_up();
  EXPECT_EQ(body(connecting->read()), "hi");
}

// Plain bytes would go to a TLS port, or the path under another one.
TEST(Reload, the_same_address_with_another_way_to_speak_is_another_agent) {
  const std::function<void(plan::Endpoint&)> changes[] = {
      [](plan::Endpoint& e) { e.tls = true; }, [](plan::Endpoint& e) { e.base_path = "/v2"; },
      [](plan::Endpoint& e) { e.host = "v2.example"; }};
  for (const auto& change : changes) {
    Bench b(only_agent_2);
    auto client = b.client();
    client->send(request("GET /x"));
    auto before = b.lane.next_connect();
    b.reload([&](plan::Plan& plan) { change(plan.endpoints[Bench::us_agent_2]); });
    notice(b);
    EXPECT_TRUE(before->closed);
    const auto agent = b.origin();
    ASSERT_TRUE(agent);
    const plan::Endpoint& now = b.plan_.endpoints[Bench::us_agent_2];
    EXPECT_EQ(agent->options.tls, now.tls);
    EXPECT_TRUE(agent->read().starts_with("GET " + now.base_path +
                                          "/x HTTP/1.1\r\nHost: " + now.host + "\r\n"));
  }
}

TEST(Reload, what_is_connecting_to_an_agent_that_stays_is_sent_to_it) {
  Bench b(only_agent_2);
  auto client = b.client();
  client->send(post("hi"));
  auto agent = b.lane.next_connect();
  b.reload(other_ids);
  notice(b);
  EXPECT_FALSE(agent->closed);
  agent->open_up();
  const std::string asked = agent->read();
  EXPECT_TRUE(has(asked, "Host: 127.1.0.1:9002\r\n")) << asked;
  EXPECT_EQ(body(asked), "hi");
  agent->send(answer("done"));
  EXPECT_EQ(body(client->read()), "done");
  EXPECT_FALSE(b.lane.next_connect());
}

TEST(Reload, the_load_of_agents_is_counted_on) {
  Bench b;
  auto one = b.client(), two = b.client(), three = b.client();
  one->send(request("GET /1"));
  auto first = b.origin();
  b.reload([](plan::Plan& plan) { plan.names.push_back({"new.test", plan.public_group}); });
  two->send(request("GET /2"));
  auto second = b.origin();
  EXPECT_NE(first->far.port, second->far.port) << "the first agent has one already";
  second->send(answer("2"));
  b.reload([](plan::Plan& plan) { plan.names.pop_back(); });
  three->send(request("GET /3"));
  auto third = b.origin();
  EXPECT_EQ(third->far.port, second->far.port);
  first->send(answer("1"));
  third->send(answer("3"));
  EXPECT_EQ(body(one->read()) + body(two->read()) + body(three->read()), "123");
}

TEST(Reload, what_waits_for_an_answer_gets_it_from_an_agent_that_is_gone) {
  for (const char* line : {"GET /x", "POST /x"}) {
    Bench b(only_agent_2);
    auto client = b.client();
    client->send(request(line));
    auto gone = b.origin();
    b.reload(another_agent);
    notice(b);
    EXPECT_FALSE(gone->closed);
    EXPECT_FALSE(b.lane.next_connect()) << "it may be at work on it";
    gone->send(answer("done"));
    EXPECT_EQ(body(client->read()), "done");
    // Its connection is not used again.
    EXPECT_TRUE(gone->closed);
    client->send(request(line));
    auto agent = b.origin();
    ASSERT_TRUE(agent);
    EXPECT_EQ(agent->far.port, 9001);
  }
}

TEST(Reload, when_an_agent_that_is_gone_breaks_off_the_new_plan_is_asked) {
  for (const bool repeatable : {true, false}) {
    Bench b(only_agent_2);
    auto client = b.client();
    client->send(request(repeatable ? "GET /x" : "POST /x"));
    auto gone = b.origin();
    b.reload(another_agent);
    notice(b);
    gone->break_off();
    auto agent = b.origin();
    EXPECT_EQ(agent != nullptr, repeatable);
    EXPECT_TRUE(b.suspected.empty()) << "health does not know it any more";
    if (!agent) {
      EXPECT_EQ(status(client->read()), 502);
      continue;
    }
    EXPECT_EQ(agent->far.port, 9001);
    agent->send(answer("done"));
    EXPECT_EQ(body(client->read()), "done");
  }
}

TEST(Reload, a_request_body_flows_on_to_an_agent_that_is_gone) {
  Bench b(only_agent_2);
  auto client = b.client();
  client->send(request("POST /x", "Content-Length: 6\r\n", "abc"));
  auto gone = b.origin();
  EXPECT_EQ(body(gone->read()), "abc");
  b.reload(another_agent);
  client->send("def");
  EXPECT_EQ(gone->read(), "def");
  gone->send(answer("done"));
  EXPECT_EQ(body(client->read()), "done");
}

TEST(Reload, a_body_under_way_is_finished) {
  Bench b(only_agent_2);
  auto client = b.client();
  client->send(request("GET /x"));
  auto gone = b.origin();
  client->window = 0;
  const std::string block(100'000, 'x');
  gone->send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + block);
  b.reload(another_agent);
  notice(b);
  size_t sent = block.size();
  while (!gone->paused && sent < 1'000'000) gone->send(block), sent += block.size();
  EXPECT_TRUE(gone->paused);
  client->drain();
  b.lane.turn();
  EXPECT_FALSE(gone->paused);
  while (sent < 1'000'000) gone->send(block), sent += block.size();
  EXPECT_EQ(body(client->read()).size(), 1'000'000u);
  EXPECT_FALSE(client->gone());
}

TEST(Reload, a_fill_under_way_is_finished_for_all_who_wait) {
  Bench b(only_agent_2);
  auto one = b.client(), two = b.client();
  one->send(request("GET /docs/a"));
  auto gone = b.origin();
  b.reload(another_agent);
  two->send(request("GET /docs/a"));
  gone->send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
  b.reload([](plan::Plan& plan) { plan.names.push_back({"new.test", plan.public_group}); });
  notice(b);
  gone->send("def");
  EXPECT_EQ(body(one->read()), "abcdef");
  EXPECT_EQ(body(two->read()), "abcdef");
  one->send(request("GET /docs/a"));
  EXPECT_TRUE(has(one->read(), "X-Cache: Hit"));
}

TEST(Reload, a_fill_that_is_connecting_goes_to_another_agent) {
  Bench b(only_agent_2);
  auto one = b.client(), two = b.client();
  one->send(request("GET /docs/a"));
  two->send(request("GET /docs/a"));
  auto gone = b.lane.next_connect();
  b.reload(another_agent);
  notice(b);
  EXPECT_TRUE(gone->closed);
  auto agent = b.origin();
  ASSERT_TRUE(agent);
  agent->send(answer("text"));
  EXPECT_EQ(body(one->read()) + body(two->read()), "texttext");
}

TEST(Reload, a_tunnel_lives_on) {
  Bench b(only_agent_2);
  auto client = b.client();
  client->send(request("GET /ws", "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  auto gone = b.origin();
  gone->read();
  gone->send("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n");
  client->read();
  b.reload(another_agent);
  notice(b);
  client->send("ping");
  EXPECT_EQ(gone->read(), "ping");
  gone->send("pong");
  EXPECT_EQ(client->read(), "pong");
  gone->end();
  EXPECT_TRUE(client->closed);
}

TEST(Reload, a_probe_keeps_the_timeout_it_was_begun_with) {
  Bench b([](plan::Plan& plan) {
    only_agent_2(plan);
    plan.endpoints[Bench::us_agent_2].check.timeout = 3s;
  });
  auto prober = b.client("127.2.0.1");
  prober->send(request("GET /health", "Sealane-Probe: 1\r\n"));
  auto gone = b.origin();
  b.reload(another_agent);
  notice(b);
  gone->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
  EXPECT_EQ(status(prober->read()), 200);
  b.lane.advance(2990ms);
  EXPECT_FALSE(prober->reset);
  b.lane.advance(20ms);
  EXPECT_TRUE(prober->reset);
}

TEST(Reload, a_retry_asks_in_the_name_that_the_user_asked_for) {
  struct Case {
    void (*change)(plan::Plan&);
    const char* next;  // who is asked after the one that broke
  };
  const Case cases[] = {{other_groups, "127.2.0.1"}, {fewer_groups, "127.1.0.1"}};
  for (const Case& c : cases) {
    Bench b;
    b.set_health(Bench::eu_node, false);
    auto client = b.client();
    client->send(request("GET /x", "", "", "agent-eu.example.test"));
    auto first = b.origin();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->far.ip, Bench::ip("127.1.0.1")) << "eu is down";
    b.reload(c.change);  // and eu is well again
    notice(b);
    first->break_off();
    auto second = b.lane.next_connect();
    ASSERT_TRUE(second);
    EXPECT_EQ(second->far.ip, Bench::ip(c.next));
  }
}

TEST(Reload, a_write_that_succeeds_after_it_still_makes_the_stored_answer_invalid) {
  for (const auto change : {fewer_groups, other_groups}) {
    Bench b(only_agent_2);
    auto reader = b.client(), writer = b.client();
    reader->send(request("GET /api/a"));
    auto agent = b.origin();
    agent->send(answer("old", "Cache-Control: max-age=100\r\n"));
    EXPECT_EQ(body(reader->read()), "old");
    agent->read();
    writer->send(request("PUT /api/a", "Content-Length: 1\r\n", "x"));
    b.reload(change);
    notice(b);
    agent->send(answer("done"));
    EXPECT_EQ(status(writer->read()), 200);
    reader->send(request("GET /api/a"));
    EXPECT_EQ(reader->read(), "");
  }
}

TEST(Reload, who_waited_for_an_answer_that_is_not_kept_goes_its_own_way_by_the_new_plan) {
  for (const auto change : {fewer_groups, other_groups}) {
    Bench b(only_agent_2);
    auto one = b.client(), two = b.client();
    for (auto& user : {one, two}) {
      user->send(request("GET /docs/a", "", "", "agent-us.example.test"));
    }
    auto agent = b.origin();
    b.reload(change);
    notice(b);
    agent->send(answer("mine", "Cache-Control: private\r\n"));
    EXPECT_EQ(body(one->read()), "mine");
    auto own = b.origin();
    ASSERT_TRUE(own);
    EXPECT_EQ(own->far.to_string(), "127.1.0.1:9002");
    own->send(answer("yours", "Cache-Control: private\r\n"));
    EXPECT_EQ(body(two->read()), "yours");
  }
}

std::string chunked(size_t bytes) {
  return fmt::format("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{:x}\r\n{}\r\n0\r\n\r\n",
                     bytes, std::string(bytes, 'x'));
}

TEST(Reload, a_larger_object_bytes_max_counts_for_what_is_asked_from_now_on) {
  struct Case {
    uint64_t before, after;
    bool begun_before;  // the fill, by the old plan
    bool stored;
  };
  const Case cases[] = {{1000, 100'000, false, true},
                        {1000, 100'000, true, false},
                        {100'000, 1000, false, false},
                        {100'000, 1000, true, true}};
  for (const Case& c : cases) {
    for (const std::string& big : {answer(std::string(5000, 'x')), chunked(5000)}) {
      Bench b([&](plan::Plan& plan) {
        only_agent_2(plan);
        plan.edge.object_bytes_max = c.before;
      });
      const auto reload = [&] {
        b.reload([&](plan::Plan& plan) { plan.edge.object_bytes_max = c.after; });
        notice(b);
      };
      if (!c.begun_before) reload();
      auto client = b.client();
      client->send(request("GET /docs/a"));
      auto agent = b.origin();
      if (c.begun_before) reload();
      agent->send(big);
      EXPECT_GE(body(client->read()).size(), 5000u);
      client->send(request("GET /docs/a"));
      EXPECT_EQ(has(client->read(), "X-Cache: Hit"), c.stored) << c.before << " " << c.begun_before;
    }
  }
}

TEST(Reload, who_is_a_node_is_known_by_the_new_plan) {
  Bench b(only_agent_2);
  auto node = b.client("127.3.0.1"), later = b.client("127.9.0.1");
  const std::string forwarded = request("GET /x", "X-Forwarded-For: 198.51.100.7\r\n");
  const auto believed = [&](const std::shared_ptr<fake::Peer>& from) {
    from->send(forwarded);
    auto agent = b.origin();
    const bool heard = has(agent->read(), "198.51.100.7");
    agent->send(answer("ok", "Connection: close\r\n"));
    return heard;
  };
  EXPECT_TRUE(believed(node));
  EXPECT_FALSE(believed(later));
  b.reload(
      [](plan::Plan& plan) { plan.endpoints[Bench::ap_node].address.ip = Bench::ip("127.9.0.1"); });
  EXPECT_FALSE(believed(node));
  EXPECT_TRUE(believed(later));
}

}  // namespace
}  // namespace sealane::edge
