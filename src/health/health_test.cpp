// SPDX-License-Identifier: Apache-2.0
#include "health/health.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "health/fake_lane.h"

namespace sealane::health {
namespace {

using plan::EndpointId;
using plan::EndpointKind;
using view::Outcome;
using view::View;

// A plan of one region "us" (our node 127.1.0.1 and agents) and one "eu" (nodes only, as far as we
// see).
struct World {
  FakeLane fake;
  port::Lane lane = fake.lane();
  std::shared_ptr<plan::Plan> plan = std::make_shared<plan::Plan>();
  std::optional<Published<plan::Plan>> plans;
  std::optional<Published<View>> views;
  std::optional<Health> health;

  explicit World(uint64_t seed = 1) : fake(seed) {
    plan->regions.resize(2);
    plan->regions[0].name = "us", plan->regions[1].name = "eu";
    add(EndpointKind::node, 0, {IpAddress::v4(127, 1, 0, 1), 8080});
  }
  EndpointId add(EndpointKind kind, uint16_t region, SocketAddress address) {
    plan::Endpoint e;
    e.kind = kind, e.region = plan::RegionId{region}, e.address = address;
    e.name = address.to_string();
    e.host = kind == EndpointKind::node ? address.ip.to_string() : address.to_string();
    const EndpointId id{uint16_t(plan->endpoints.size())};
    auto& r = plan->regions[region];
    (kind == EndpointKind::node ? r.nodes : r.agents).push_back(id);
    plan->endpoints.push_back(e);
    return id;
  }
  EndpointId agent(unsigned n = 1) {
    return add(EndpointKind::agent, 0, {IpAddress::v4(127, 1, uint8_t(n >> 8), uint8_t(n)), 9001});
  }
  plan::Endpoint& endpoint(EndpointId id) { return plan->endpoints[plan::index(id)]; }
  plan::Check& check(EndpointId id) { return endpoint(id).check; }
  void serve(EndpointId id, FakeServer server) {
    fake.servers[endpoint(id).address] = std::move(server);
  }
  FakeLane::Seen& seen(EndpointId id) { return fake.seen[endpoint(id).address]; }
  void start() {
    plans.emplace(plan);
    views.emplace(std::make_shared<const View>(View::unknown(*plan, fake.time())));
    health.emplace(lane, *plans, *views, Health::Options{IpAddress::v4(127, 1, 0, 1), "us"});
    health->start();
  }
  void run(Duration d) { fake.run_for(d); }
  std::shared_ptr<const View> view() const { return views->get(); }
  bool healthy(EndpointId id) const { return view()->healthy(id); }
  // How long after now the endpoint's published state becomes `wanted`.
  Duration until(EndpointId id, bool wanted, Duration most) {
    const Instant from = fake.time();
    std::optional<Duration> took;
    fake.after_each = [&] {
      if (!took && healthy(id) == wanted) took = fake.time() - from;
    };
    fake.run_for(most);
    fake.after_each = nullptr;
    EXPECT_TRUE(took.has_value()) << "not within " << to_ms(most) << " ms";
    return took.value_or(most);
  }
};

// ── what is sent
// ─────────────────────────────────────────────────────────────────────────────────────

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

// ── when
// ─────────────────────────────────────────────────────────────────────────────────────────────

struct Bound {
  const char* what;
  Duration interval, timeout;
  uint8_t failures;
  FakeServer fault;
  Duration most;
};

TEST(Health, detection_keeps_its_bound_at_every_phase) {
  const Bound bounds[] = {
      {"refused", 100ms, 100ms, 3, FakeServer::refuses(), 300ms + 1ms},
      {"frozen", 100ms, 100ms, 3, FakeServer::frozen(), 400ms + 1ms},
      {"cut", 100ms, 100ms, 3, FakeServer::silent(), 400ms + 1ms},
      {"503", 100ms, 100ms, 3, FakeServer::status(503), 300ms + 1ms},
      {"refused fast", 20ms, 20ms, 2, FakeServer::refuses(), 40ms + 1ms},
      {"frozen fast", 20ms, 20ms, 2, FakeServer::frozen(), 60ms + 1ms},
      {"frozen, timeout longer than the interval", 100ms, 250ms, 3, FakeServer::frozen(),
       850ms + 1ms},
      {"the floor", 10ms, 10ms, 1, FakeServer::refuses(), 10ms + 1ms},
  };
  for (const Bound& bound : bounds) {
    Duration worst{}, sum{};
    int runs = 0;
    for (Duration phase{}; phase < bound.interval; phase += bound.interval / 37, ++runs) {
      World w(uint64_t(runs) + 1);
      const EndpointId id = w.agent();
      w.check(id).interval = bound.interval, w.check(id).timeout = bound.timeout;
      w.check(id).failures = bound.failures;
      w.serve(id, FakeServer::status(200));
      w.start();
      w.run(1s + phase);
      ASSERT_TRUE(w.healthy(id));
      w.serve(id, bound.fault);
      const Duration took = w.until(id, false, 2s);
      worst = std::max(worst, took), sum += took;
    }
    EXPECT_LE(worst, bound.most) << bound.what;
    std::printf("%-45s worst %5.1f ms, mean %5.1f ms\n", bound.what, double(to_us(worst)) / 1e3,
                double(to_us(sum / runs)) / 1e3);
  }
}

TEST(Health, the_interval_counts_from_start_to_start) {
  World w;
  const EndpointId id = w.agent();
  w.serve(id, FakeServer::says("HTTP/1.1 200 OK\r\n\r\n", 40ms));  // slow, but in time
  w.start();
  w.run(10s);
  const auto& at = w.seen(id).connects;
  ASSERT_GE(at.size(), 100u);
  for (size_t i = 2; i < at.size(); ++i) ASSERT_EQ(at[i] - at[i - 1], 100ms) << i;
}

TEST(Health, a_probe_never_overlaps_the_next_of_its_endpoint) {
  World w;
  const EndpointId id = w.agent();
  w.check(id).interval = 50ms, w.check(id).timeout = 200ms;
  w.serve(id, FakeServer::frozen());
  w.start();
  w.run(10s);
  const auto& at = w.seen(id).connects;
  EXPECT_EQ(w.seen(id).open_most, 1);
  for (size_t i = 2; i < at.size(); ++i)
    ASSERT_EQ(at[i] - at[i - 1], 200ms) << "begins when the last ended";
}

TEST(Health, thousands_of_endpoints_are_spread_over_the_interval) {
  World w(7);
  constexpr unsigned kCount = 5000;
  std::vector<EndpointId> ids;
  for (unsigned i = 0; i < kCount; ++i) {
    ids.push_back(w.agent(i));
    w.check(ids.back()).interval = w.check(ids.back()).timeout = 1s;
    w.serve(ids.back(), FakeServer::status(200));
  }
  w.start();
  bool round = false;
  w.health->on_first_round([&] { round = true; });
  w.run(100ms);
  EXPECT_TRUE(round);
  for (const EndpointId id : ids) ASSERT_TRUE(w.view()->endpoints[plan::index(id)].known);
  w.run(2s);
  // One more second, counted by milliseconds: 5 a millisecond on average, none with a crowd.
  for (const EndpointId id : ids) w.seen(id).connects.clear();
  const Instant from = w.fake.time();
  w.run(1s);
  std::vector<unsigned> by_ms(1001);
  size_t all = 0;
  for (const EndpointId id : ids) {
    ASSERT_GE(w.seen(id).connects.size(), 1u);
    for (const Instant at : w.seen(id).connects) ++by_ms[size_t(to_ms(at - from))], ++all;
  }
  EXPECT_NEAR(double(all), kCount, 2);
  EXPECT_LE(std::ranges::max(by_ms), 20u);
  EXPECT_LE(w.view()->version, 200u) << "views are made for changes, not for probes";
}

TEST(Health, the_first_round_is_over_at_its_bound_even_if_someone_is_frozen) {
  World w;
  const EndpointId good = w.agent(1), frozen = w.agent(2);
  w.check(frozen).timeout = 60s;
  w.serve(good, FakeServer::status(200)), w.serve(frozen, FakeServer::frozen());
  w.start();
  std::vector<Duration> rounds;
  const Instant from = w.fake.time();
  w.health->on_first_round([&] { rounds.push_back(w.fake.time() - from); });
  w.run(100s);
  EXPECT_EQ(rounds, std::vector<Duration>{2s});
}

TEST(Health, the_first_round_comes_even_with_nothing_to_probe) {
  World w;
  w.start();
  bool round = false;
  w.health->on_first_round([&] { round = true; });
  EXPECT_FALSE(round) << "never inside the call";
  w.run(0ms);
  EXPECT_TRUE(round);
}

// ── our own trouble
// ──────────────────────────────────────────────────────────────────────────────────

TEST(Health, a_stall_of_our_own_takes_nobody_down) {
  World w;
  const EndpointId id = w.agent();
  w.check(id).failures = 1;
  w.serve(id, FakeServer::says("HTTP/1.1 200 OK\r\n\r\n", 5ms));
  w.start();
  w.run(1s);
  for (int i = 0; i < 20; ++i) {
    while (w.fake.open_count == 0) w.run(1ms);
    w.fake.stall(500ms);
  }
  w.run(1s);
  EXPECT_TRUE(w.healthy(id));
  EXPECT_EQ(w.fake.metric("sealane_health_flips_total{to=\"down\"}"), 0u);
  EXPECT_GT(w.fake.metric("sealane_health_late_deadlines_total"), 0u);
}

TEST(Health, a_probe_that_we_could_not_make_says_nothing) {
  World w;
  const EndpointId id = w.agent();
  FakeServer server;
  server.connect = FakeServer::Connect::no_descriptor;
  w.serve(id, FakeServer::status(200));
  w.start();
  w.run(1s);
  w.serve(id, server);
  w.run(5s);
  EXPECT_TRUE(w.healthy(id));
  EXPECT_NEAR(double(w.fake.metric("sealane_health_probes_not_made_total")), 50, 1);
}

// ── suspicions
// ───────────────────────────────────────────────────────────────────────────────────────

TEST(Health, a_suspect_that_refuses_falls_at_a_quarter_of_the_interval) {
  Duration worst{};
  for (Duration phase{}; phase < 100ms; phase += 3ms) {
    World w;
    const EndpointId id = w.agent();
    w.serve(id, FakeServer::status(200));
    w.start();
    w.run(1s + phase);
    w.serve(id, FakeServer::refuses());
    w.health->suspect(id, Outcome::refused);
    worst = std::max(worst, w.until(id, false, 1s));
  }
  EXPECT_LE(worst, 75ms + 1ms);
}

TEST(Health, a_suspicion_alone_ejects_nobody) {
  World w;
  const EndpointId id = w.agent();
  w.check(id).failures = 1;
  w.serve(id, FakeServer::status(200));
  w.start();
  w.run(1s);
  for (int i = 0; i < 100; ++i) {
    w.health->suspect(id, Outcome::refused);
    w.run(7ms);
    ASSERT_TRUE(w.healthy(id));
  }
}

TEST(Health, a_storm_of_suspicions_is_a_bounded_number_of_probes) {
  World w;
  const EndpointId id = w.agent();
  w.serve(id, FakeServer::status(200));
  w.start();
  w.run(1s);
  const size_t before = w.seen(id).connects.size();
  for (int i = 0; i < 10'000; ++i) {
    w.health->suspect(id, Outcome::reset);
    w.run(100us);
  }
  EXPECT_LE(w.seen(id).connects.size() - before, 41u);  // 1 s at 25 ms
  EXPECT_EQ(w.seen(id).open_most, 1);
  const auto& at = w.seen(id).connects;
  for (size_t i = before + 1; i < at.size(); ++i) ASSERT_GE(at[i] - at[i - 1], 25ms);
  w.run(1s);
  const size_t after = w.seen(id).connects.size();
  w.run(1s);
  EXPECT_EQ(w.seen(id).connects.size() - after, 10u) << "back to the common pace";
}

TEST(Health, a_suspect_that_freezes_keeps_the_common_pace) {
  World w;
  const EndpointId id = w.agent();
  w.check(id).failures = 10;
  w.serve(id, FakeServer::status(200));
  w.start();
  w.run(1s);
  w.serve(id, FakeServer::frozen());
  const size_t before = w.seen(id).connects.size();
  for (int i = 0; i < 50; ++i) {
    w.health->suspect(id, Outcome::timeout);
    w.run(10ms);
  }
  EXPECT_LE(w.seen(id).connects.size() - before, 6u);
  EXPECT_TRUE(w.healthy(id));
}

TEST(Health, a_suspicion_during_a_probe_asks_again_even_if_that_one_was_good) {
  World w;
  const EndpointId id = w.agent();
  w.serve(id, FakeServer::says("HTTP/1.1 200 OK\r\n\r\n", 10ms));
  w.start();
  w.run(1s);
  while (w.fake.open_count == 0) w.run(1ms);
  w.serve(id, FakeServer::refuses());  // dies after this probe was answered for
  w.health->suspect(id, Outcome::reset);
  EXPECT_LE(w.until(id, false, 1s), 85ms);
}

TEST(Health, suspicions_about_nobody_are_ignored) {
  World w;
  const EndpointId id = w.agent();
  w.serve(id, FakeServer::status(200));
  w.start();
  w.run(1s);
  w.health->suspect(EndpointId{4711}, Outcome::refused);
  w.health->suspect(EndpointId{0}, Outcome::refused);  // our own node
  w.health->suspect(id, Outcome::bad_status);          // an answer, not a broken connection
  EXPECT_EQ(w.fake.metric("sealane_health_suspicions_total"), 0u);
}

// ── the view
// ─────────────────────────────────────────────────────────────────────────────────────────

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

// ── a new plan
// ───────────────────────────────────────────────────────────────────────────────────────

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
