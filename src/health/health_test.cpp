// SPDX-License-Identifier: Apache-2.0
// What is sent, and what the view says of the answers; plans that come and go.
#include <algorithm>

#include "health/test_world.h"

namespace sealane::health {
namespace {

TEST(Health, an_agent_is_asked_directly_and_a_node_as_a_probe_from_our_own_address) {
  World w;
  const EndpointId agent = w.agent();
  w.endpoint(agent).base_path = "/base";
  const EndpointId node = w.add(EndpointKind::node, 1, {IpAddress::v4(127, 2, 0, 1), 8080});
  w.serve(agent, FakeServer::status(200)), w.serve(node, FakeServer::status(200));
  w.start();
  w.run(50ms);
  EXPECT_EQ(w.seen(agent).last_request,
            "GET /base/health HTTP/1.1\r\nHost: 127.1.0.1:9001\r\nUser-Agent: "
            "sealane-health\r\nAccept: */*\r\n"
            "Connection: close\r\n\r\n");
  EXPECT_TRUE(w.seen(agent).options.from.is_unspecified());
  EXPECT_NE(w.seen(node).last_request.find("\r\nSealane-Probe: 1\r\n"), std::string::npos);
  EXPECT_EQ(w.seen(node).options.from, IpAddress::v4(127, 1, 0, 1));
  EXPECT_TRUE(w.seen(node).options.reset_on_close);
  EXPECT_FALSE(w.fake.seen.contains({IpAddress::v4(127, 1, 0, 1), 8080}))
      << "the own node is derived";
}

TEST(Health, https_sends_the_name_and_verifies_only_when_asked_to) {
  World w;
  const EndpointId a = w.agent(1), b = w.agent(2);
  w.check(a).kind = w.check(b).kind = plan::CheckKind::https;
  w.endpoint(a).host = "agent.example.test:8443";
  w.check(b).tls_verify = true;
  w.serve(a, FakeServer::status(200)), w.serve(b, FakeServer::status(200));
  w.start();
  w.run(50ms);
  EXPECT_TRUE(w.seen(a).options.tls);
  EXPECT_EQ(w.seen(a).options.tls_name, "agent.example.test");
  EXPECT_FALSE(w.seen(a).options.tls_verify);
  EXPECT_EQ(w.seen(b).options.tls_name, "") << "an address is no server name";
  EXPECT_TRUE(w.seen(b).options.tls_verify);
}

TEST(Health, each_way_to_fail_has_its_outcome) {
  struct Row {
    const char* what;
    FakeServer server;
    Outcome outcome;
  };
  FakeServer resets, ends, half, tls, garbage = FakeServer::says("220 smtp ready\r\n");
  resets.answer = [](auto) { return std::vector<Act>{{Act::Kind::reset, 1ms, {}}}; };
  ends.answer = [](auto) { return std::vector<Act>{{Act::Kind::end, 1ms, {}}}; };
  half.answer = [](auto) {
    return std::vector<Act>{{Act::Kind::bytes, 1ms, "HTTP/1.1 200 O"}, {Act::Kind::end, 1ms, {}}};
  };
  tls.tls_fails = true;
  FakeServer huge =
      FakeServer::says("HTTP/1.1 200 OK\r\nA: " + std::string(100'000, 'x') + "\r\n\r\n");
  FakeServer drip;
  drip.answer = [](auto) {
    std::vector<Act> acts;
    for (const char c : std::string_view("HTTP/1.1 200 OK\r\n\r\n")) {
      acts.push_back({Act::Kind::bytes, 10ms, std::string(1, c)});
    }
    return acts;
  };
  const Row rows[] = {
      {"good", FakeServer::status(200), Outcome::ok},
      {"refused", FakeServer::refuses(), Outcome::refused},
      {"cut", FakeServer::silent(), Outcome::timeout},
      {"frozen", FakeServer::frozen(), Outcome::timeout},
      {"503", FakeServer::status(503), Outcome::bad_status},
      {"reset", resets, Outcome::reset},
      {"closed without a word", ends, Outcome::reset},
      {"half an answer", half, Outcome::bad_answer},
      {"garbage", garbage, Outcome::bad_answer},
      {"huge head", huge, Outcome::bad_answer},
      {"slow drip", drip, Outcome::timeout},
      {"tls", tls, Outcome::tls},
  };
  for (const Row& row : rows) {
    World w;
    const EndpointId id = w.agent();
    if (row.outcome == Outcome::tls) w.check(id).kind = plan::CheckKind::https;
    w.serve(id, row.server);
    w.start();
    w.run(1500ms);
    EXPECT_EQ(w.view()->endpoints[plan::index(id)].last, row.outcome) << row.what;
    EXPECT_EQ(w.healthy(id), row.outcome == Outcome::ok) << row.what;
    EXPECT_EQ(w.fake.open_most, 1) << row.what;
  }
}

TEST(Health, the_search_string_is_found_across_chunks) {
  World w;
  const EndpointId id = w.agent();
  w.check(id).search = "all is well";
  FakeServer server;
  server.answer = [](auto) {
    return std::vector<Act>{
        {Act::Kind::bytes, 1ms, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nall i"},
        {Act::Kind::bytes, 1ms, "\r\n7\r\ns w"},
        {Act::Kind::bytes, 1ms, "ell."}};
  };
  w.serve(id, server);
  w.start();
  w.run(50ms);
  EXPECT_EQ(w.view()->endpoints[plan::index(id)].last, Outcome::ok);
}

TEST(Health, tcp_is_healthy_when_the_connection_opens) {
  World w;
  const EndpointId open = w.agent(1), shut = w.agent(2), gone = w.agent(3);
  for (const EndpointId id : {open, shut, gone}) w.check(id).kind = plan::CheckKind::tcp;
  w.serve(open, FakeServer::frozen()), w.serve(gone, FakeServer::silent());
  w.start();
  w.run(500ms);
  EXPECT_TRUE(w.healthy(open));
  EXPECT_FALSE(w.healthy(shut));
  EXPECT_FALSE(w.healthy(gone));
}

TEST(Health, an_endpoint_without_an_address_is_down_and_says_why) {
  World w;
  const EndpointId id = w.add(EndpointKind::agent, 0, {IpAddress{}, 9001});
  w.start();
  w.run(500ms);
  EXPECT_FALSE(w.healthy(id));
  EXPECT_EQ(w.view()->endpoints[plan::index(id)].last, Outcome::unresolved);
}

TEST(Health, flapping_below_the_thresholds_is_not_shown) {
  World w;
  const EndpointId id = w.agent();
  int n = 0;
  FakeServer server;
  server.answer = [&n](auto) {
    return std::vector<Act>{{Act::Kind::bytes, 1ms,
                             ++n % 3 == 0 ? "HTTP/1.1 200 OK\r\n\r\n" : "HTTP/1.1 500 x\r\n\r\n"}};
  };
  n = 2;
  w.serve(id, server);
  w.start();
  w.run(60s);
  EXPECT_TRUE(w.healthy(id));
  EXPECT_TRUE(w.fake.lines.empty());
  EXPECT_EQ(w.view()->endpoints[plan::index(id)].since, w.fake.time() - 60s);
}

TEST(Health, a_flip_is_published_at_once_with_its_reason) {
  World w;
  const EndpointId id = w.agent();
  w.serve(id, FakeServer::status(200));
  w.start();
  w.run(1s);
  w.serve(id, FakeServer::status(503));
  const uint64_t before = w.view()->version;
  w.until(id, false, 1s);
  EXPECT_GT(w.view()->version, before);
  ASSERT_EQ(w.fake.lines.size(), 2u);  // the agent, and our node that has no other
  EXPECT_TRUE(
      w.fake.lines[0].starts_with("endpoint_down endpoint=\"127.1.0.1:9001\" region=us "
                                  "reason=\"bad status\" status=503 was_up_ms="))
      << w.fake.lines[0];
  EXPECT_FALSE(w.healthy(EndpointId{0}));
  EXPECT_EQ(w.fake.metric("sealane_endpoint_healthy{endpoint=\"127.1.0.1:9001\"}"), 0u);
  w.serve(id, FakeServer::status(200));
  EXPECT_LE(w.until(id, true, 1s), 300ms + 1ms);
  EXPECT_TRUE(w.healthy(EndpointId{0}));
}

TEST(Health, the_ttl_sinks_before_the_endpoint_does) {
  World w;
  const EndpointId id = w.agent();
  w.serve(id, FakeServer::status(200));
  w.start();
  w.run(1s);
  w.serve(id, FakeServer::refuses());
  std::vector<Duration> seen;
  w.fake.after_each = [&] {
    const auto in = w.view()->endpoints[plan::index(id)].may_flip_in;
    if (in && (seen.empty() || seen.back() != *in)) seen.push_back(*in);
  };
  w.run(400ms);
  EXPECT_EQ(seen, (std::vector<Duration>{200ms, 100ms}));
}

TEST(Health, latency_samples_reach_the_view_within_two_seconds) {
  World w;
  w.start();
  w.health->record_rtt(*Prefix::parse("203.0.113.0/24"), plan::RegionId{1}, 42'000);
  w.run(2s);
  const auto view = w.view();
  const auto found = view->samples->table.find(*IpAddress::parse("203.0.113.5"));
  ASSERT_EQ(found.value, 1u);
  EXPECT_EQ(view->samples->rows[0][1], 42'000u);
}

TEST(Health, a_reload_keeps_what_stays_without_a_gap) {
  World w;
  const EndpointId a = w.agent(1), b = w.agent(2), c = w.agent(3);
  for (const EndpointId id : {a, b, c})
    w.serve(id, FakeServer::says("HTTP/1.1 200 OK\r\n\r\n", 20ms));
  w.serve(b, FakeServer::refuses());
  w.start();
  w.run(1s);
  ASSERT_FALSE(w.healthy(b));
  for (int i = 0; i < 200; ++i) {  // reloads in every phase of the probes
    auto next = std::make_shared<plan::Plan>(*w.plan);
    next->version = uint64_t(i);
    std::swap(next->endpoints[plan::index(a)], next->endpoints[plan::index(c)]);
    w.plan = next;
    w.plans->publish(next);
    w.health->plan_changed();
    ASSERT_EQ(w.view()->endpoints.size(), next->endpoints.size());
    ASSERT_FALSE(w.healthy(b));
    ASSERT_TRUE(w.healthy(a) && w.healthy(c));
    w.run(7ms);
  }
  for (const EndpointId id : {a, c}) {
    const auto& at = w.seen(id).connects;
    for (size_t i = 2; i < at.size(); ++i) ASSERT_EQ(at[i] - at[i - 1], 100ms) << i;
  }
  EXPECT_EQ(w.seen(a).open_most, 1);
}

TEST(Health, a_reload_drops_what_is_gone_and_probes_what_is_new_at_once) {
  World w;
  const EndpointId a = w.agent(1), b = w.agent(2);
  w.serve(a, FakeServer::status(200)), w.serve(b, FakeServer::frozen());
  w.start();
  w.run(1s);
  const auto gone = w.endpoint(b).address;
  auto next = std::make_shared<plan::Plan>(*w.plan);
  next->endpoints[plan::index(b)].address.port = 9999;
  next->endpoints[plan::index(a)].check.path = "/other";
  w.plan = next;
  w.serve(b, FakeServer::status(200));
  w.plans->publish(next);
  w.health->plan_changed();
  EXPECT_EQ(w.fake.seen[gone].open, 0);
  const size_t asked = w.fake.seen[gone].connects.size();
  w.run(5ms);
  EXPECT_TRUE(w.view()->endpoints[plan::index(b)].known);
  EXPECT_TRUE(w.healthy(b));
  EXPECT_TRUE(w.seen(a).last_request.starts_with("GET /other "));
  w.run(1s);
  EXPECT_EQ(w.fake.seen[gone].connects.size(), asked);
}

TEST(Health, a_published_plan_is_noticed_without_being_told) {
  World w;
  w.agent(1);
  w.start();
  w.run(1s);
  auto next = std::make_shared<plan::Plan>(*w.plan);
  next->endpoints.resize(1), next->regions[0].agents.clear();
  w.plans->publish(next);
  w.run(1s);
  EXPECT_EQ(w.view()->endpoints.size(), 1u);
}

TEST(Health, destroying_it_in_the_middle_of_probes_leaves_nothing_behind) {
  World w;
  for (unsigned i = 1; i < 50; ++i) w.serve(w.agent(i), FakeServer::frozen());
  w.start();
  w.run(50ms);
  EXPECT_GT(w.fake.open_count, 0);
  w.health.reset();
  EXPECT_EQ(w.fake.open_count, 0);
  w.run(10s);
  EXPECT_EQ(w.fake.open_count, 0);
}

}  // namespace
}  // namespace sealane::health
