// SPDX-License-Identifier: Apache-2.0
// The whole drill on the simulator: the real roles on two regions, the drill's own users and
// watchers, and the same judgement as on a live world. The only thing made for the test is the page
// /status, which on a live node belongs to main/.
#include "play/drill/drill.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>

#include "plan/world.h"
#include "play/agent.h"
#include "play/drill/report.h"
#include "play/stage.h"

namespace sealane::play::drill {
namespace {

plan::Plan compile(std::string_view routing, std::string_view more) {
  static const plan::Data data = plan::built_in_data(false);
  const std::string yaml = fmt::format(
      "domain: agent.example.test\n"
      "regions:\n"
      "  us-east-1: {{ nodes: [127.1.0.1], agents: ['http://127.1.0.2:9001'] }}\n"
      "  eu-west-1: {{ nodes: [127.2.0.1], agents: ['http://127.2.0.2:9001'] }}\n"
      "routing: {}\n"
      "edge: {{ viewer_protocol: allow-all }}\n{}\n",
      routing, more);
  auto made = plan::compile(
      yaml, "test.yaml", [](std::string_view) { return fail(Code::not_found, ""); }, data);
  SL_ASSERT(made.has_value());
  return std::move(*made);
}

// GET anything -> the node's view, as main/status.cpp writes it, as far as the drill reads it.
class StatusPage {
 public:
  StatusPage(port::Lane& lane, const SocketAddress& at, const plan::Plan& plan,
             const Published<view::View>& view)
      : lane_(lane), plan_(plan), view_(view) {
    listener_ = lane.net
                    .listen(at, {},
                            [this](std::unique_ptr<port::Stream> stream) {
                              connections_.push_back(
                                  std::make_unique<Connection>(*this, std::move(stream)));
                            })
                    .value();
  }

 private:
  struct Connection final : port::StreamHandler {
    Connection(StatusPage& page_, std::unique_ptr<port::Stream> s)
        : page(page_), stream(std::move(s)) {
      stream->set_handler(*this);
    }
    void on_data(std::span<const char> bytes) override {
      in.append(bytes.data(), bytes.size());
      for (size_t end; (end = in.find("\r\n\r\n")) != in.npos; in.erase(0, end + 4)) {
        const std::string body = page.json();
        stream->write(
            fmt::format("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{}", body.size(), body));
      }
    }
    void on_end() override { stream.reset(); }
    void on_error(const Error&) override { stream.reset(); }
    StatusPage& page;
    std::unique_ptr<port::Stream> stream;
    std::string in;
  };
  std::string json() const {
    const auto view = view_.get();
    std::string list;
    for (size_t i = 0; i < view->endpoints.size(); ++i) {
      const view::EndpointView& e = view->endpoints[i];
      list += fmt::format(R"({}{{"id":{},"healthy":{},"known":{},"last":"{}","since_ms":{}}})",
                          i == 0 ? "" : ",", i, e.healthy, e.known, view::name(e.last),
                          double((lane_.clock.now() - e.since).count()) / 1e6);
    }
    return fmt::format(R"({{"ready":true,"plan":"{:016x}","endpoints":[{}]}})", plan_.version,
                       list);
  }
  port::Lane& lane_;
  const plan::Plan& plan_;
  const Published<view::View>& view_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::unique_ptr<port::Listener> listener_;
};

struct WatchedNode final : sim::Process {
  WatchedNode(sim::Node& node, std::shared_ptr<const plan::Plan> plan, plan::EndpointId self)
      : roles(node, plan, self, 7),
        page(node.lane(), {node.address(), plan->ports.metrics}, *plan, roles.view()) {}
  NodeProcess roles;
  StatusPage page;
};

// Two regions, their users on one host, and the faults that a drill orders.
class DrillOnSim {
 public:
  explicit DrillOnSim(std::string_view routing, uint64_t seed = 1, std::string_view more = "")
      : plan(std::make_shared<const plan::Plan>(compile(routing, more))),
        world({.seed = seed,
               .round_trip = [](const IpAddress&, const IpAddress&) { return Duration(200us); }}) {
    for (size_t i = 0; i < plan->endpoints.size(); ++i) {
      const plan::Endpoint& e = plan->endpoints[i];
      if (e.kind == plan::EndpointKind::agent) {
        moods.push_back(std::make_unique<AgentMood>(AgentMood{.region = plan->region(e.region).name,
                                                              .at = e.address,
                                                              .conversations = &conversations}));
        hosts[e.region].push_back(
            &world.add_node({.name = e.name,
                             .addresses = {e.address.ip},
                             .boot = [mood = moods.back().get()](sim::Node& node) {
                               return std::make_unique<Agent>(node.lane(), *mood);
                             }}));
      } else {
        hosts[e.region].push_back(&world.add_node(
            {.name = e.name, .addresses = {e.address.ip}, .boot = [this, i](sim::Node& node) {
               return std::make_unique<WatchedNode>(node, plan, plan::EndpointId(uint16_t(i)));
             }}));
      }
    }
    std::vector<IpAddress> addresses;
    for (uint8_t region = 1; region <= 2; ++region) {
      for (uint8_t user = 100; user < 120; ++user)
        addresses.push_back(IpAddress::v4(127, region, 0, user));
    }
    users = &world.add_node({.name = "users", .addresses = addresses});
  }

  DrillReport run(Fault fault, std::string_view region, Drill::Options options = {}) {
    scenario = make_scenario(*plan, fault, region).value();
    drill = Drill::make(
                users->lane(), *plan, scenario, options,
                [this](std::string_view verb, auto done) {
                  const bool posted =
                      users->lane().inbox.post([this, verb = std::string(verb), done] {
                        order(verb);
                        done(refuse_with.empty() ? Status{} : fail(Code::unavailable, refuse_with));
                      });
                  EXPECT_TRUE(posted);
                })
                .value();
    bool over = false;
    drill->start(nullptr, [&] { over = true; });
    EXPECT_TRUE(world.run_until([&] { return over; }, world.now() + 120s));
    return make_report(*plan, scenario, drill->seen(), {.world = "sim", .started = ""});
  }
  void order(const std::string& verb) {
    orders.push_back(verb);
    if (!refuse_with.empty()) return;
    for (sim::Node* host : hosts[scenario.target]) {
      if (verb == "kill") world.kill(*host);
      if (verb == "freeze") world.freeze(*host);
      if (verb == "heal" && host->state() == sim::NodeState::killed) world.start(*host);
      if (verb == "heal" && host->state() == sim::NodeState::frozen) world.thaw(*host);
    }
    if (verb == "cut") {
      const plan::Region& region = plan->region(scenario.target);
      world.cut({Prefix::of(hosts[scenario.target][0]->address(), 16)}, outside(region));
    }
    if (verb == "heal") world.links().heal_all();
  }
  sim::Hosts outside(const plan::Region& inside) const {
    sim::Hosts out;
    for (const plan::Region& region : plan->regions) {
      if (&region != &inside) out.push_back(region.clients.front());
    }
    return out;
  }
  static std::string missed(const DrillReport& report) {
    std::string out;
    for (const Verdict& v : report.verdicts) {
      if (v.met == Met::no) out += fmt::format("{}: {}: {}\n", v.layer, v.what, v.measured);
    }
    return out;
  }

  std::shared_ptr<const plan::Plan> plan;
  sim::World world;
  Conversations conversations;
  std::vector<std::unique_ptr<AgentMood>> moods;
  std::map<plan::RegionId, std::vector<sim::Node*>> hosts;
  sim::Node* users = nullptr;
  Scenario scenario;
  std::string refuse_with;
  std::vector<std::string> orders;
  std::unique_ptr<Drill> drill;
};

constexpr std::string_view kLatency = "{ policy: latency, ttl: 2s }";
constexpr std::string_view kFailover =
    "{ policy: failover, failover: [us-east-1, eu-west-1], ttl: 2s }";

using FaultAndRouting = std::tuple<Fault, std::string_view>;
class EveryFault : public testing::TestWithParam<FaultAndRouting> {};
INSTANTIATE_TEST_SUITE_P(DrillOnSim, EveryFault,
                         testing::Combine(testing::Values(Fault::kill, Fault::freeze, Fault::cut),
                                          testing::Values(kLatency, kFailover)));

TEST_P(EveryFault, is_survived_as_the_plan_promises) {
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    DrillOnSim sim(std::get<1>(GetParam()), seed);
    const DrillReport report = sim.run(std::get<0>(GetParam()), "us-east-1");
    EXPECT_TRUE(report.is_good()) << "seed " << seed << "\n"
                                  << DrillOnSim::missed(report) << to_text(report, false);
    EXPECT_EQ(sim.orders, (std::vector<std::string>{verb(std::get<0>(GetParam())), "heal"}));
    EXPECT_GT(report.users[0].request_count, 200u);
    EXPECT_LE(report.detects[0].down_after.value_or(1h), Duration(400ms))
        << "failures x interval + timeout";
  }
}

constexpr std::string_view kTables =
    "state: { tables: [ { name: sessions, key: { session_id: S }, merge: conversation } ] }";

TEST_P(EveryFault, leaves_every_acknowledged_turn_in_both_regions) {
  DrillOnSim sim(std::get<1>(GetParam()), 4, kTables);
  const DrillReport report = sim.run(std::get<0>(GetParam()), "us-east-1");
  EXPECT_TRUE(report.is_good()) << DrillOnSim::missed(report) << to_text(report, false);
  ASSERT_EQ(report.turns.size(), 4u);
  for (const TurnRow& row : report.turns) {
    EXPECT_EQ(row.read_in.size(), 2u) << row.near;
    EXPECT_EQ(row.lost_count + row.stale_count, 0u) << row.near;
    if (row.is_ten) EXPECT_EQ(row.acknowledged_count, 10u) << row.near;
    if (!row.is_ten) EXPECT_GT(row.acknowledged_count, 20u) << row.near;
  }
  for (const auto& [session, ids] : sim.conversations) {
    EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), ids.size()) << session;
  }
}

TEST(DrillOnSimTest, a_turn_that_a_table_forgets_is_found) {
  DrillOnSim sim(kLatency, 1, kTables);
  std::function<void()> forget = [&] {
    for (auto& [session, ids] : sim.conversations) {
      if (sim.drill && sim.drill->seen().heal_at && session.ends_with("us-east-1-turns-1") &&
          !ids.empty())
        ids.erase(ids.begin());
    }
    sim.world.at(sim.world.now() + 50ms, forget);
  };
  sim.world.at(Instant{} + 50ms, forget);
  const DrillReport report = sim.run(Fault::kill, "us-east-1");
  EXPECT_FALSE(report.is_good());
  const std::string missed = DrillOnSim::missed(report);
  EXPECT_TRUE(missed.contains("no acknowledged turn is lost")) << missed;
  EXPECT_TRUE(missed.contains("ten turns near us-east-1")) << missed;
  EXPECT_FALSE(missed.contains("ten turns near eu-west-1")) << missed;
}

TEST(DrillOnSimTest, a_world_without_tables_has_no_turns) {
  EXPECT_TRUE(DrillOnSim(kLatency).run(Fault::kill, "us-east-1").turns.empty());
}

TEST(DrillOnSimTest, a_standby_that_dies_costs_no_user_anything) {
  DrillOnSim sim(kFailover);
  const DrillReport report = sim.run(Fault::kill, "eu-west-1");
  EXPECT_TRUE(report.is_good()) << DrillOnSim::missed(report);
  for (const UserRow& row : report.users)
    EXPECT_EQ(row.first_failed_count, 0u) << row.near << " " << name(row.kind);
}

TEST(DrillOnSimTest, a_health_check_that_is_too_slow_shows) {
  DrillOnSim sim(kLatency);
  const DrillReport honest = sim.run(Fault::kill, "us-east-1");
  ASSERT_TRUE(honest.is_good()) << DrillOnSim::missed(honest);
  sim.scenario.bounds.detect = 100ms;
  const DrillReport strict =
      make_report(*sim.plan, sim.scenario, sim.drill->seen(), {.world = "sim", .started = ""});
  EXPECT_FALSE(strict.is_good());
  EXPECT_NE(DrillOnSim::missed(strict).find("sees us-east-1 down"), std::string::npos);
}

TEST(DrillOnSimTest, a_sick_world_is_not_made_sicker) {
  DrillOnSim sim(kLatency);
  sim.world.kill(*sim.hosts[plan::RegionId(1)][0]);
  const DrillReport report = sim.run(Fault::kill, "us-east-1");
  EXPECT_FALSE(report.is_good());
  EXPECT_TRUE(sim.orders.empty());
  EXPECT_NE(report.stopped_by.find("not healthy to begin with"), std::string::npos)
      << report.stopped_by;
}

TEST(DrillOnSimTest, an_order_that_is_refused_ends_it) {
  DrillOnSim sim(kLatency);
  sim.refuse_with = "error us-east-1 is down already";
  const DrillReport report = sim.run(Fault::kill, "us-east-1");
  EXPECT_FALSE(report.is_good());
  EXPECT_EQ(report.stopped_by, sim.refuse_with);
}

TEST(DrillOnSimTest, interrupted_in_the_middle_it_heals) {
  DrillOnSim sim(kLatency);
  // Long before the fault would be healed by itself.
  std::function<void()> look = [&] {
    if (sim.drill && sim.drill->seen().fault_at) return sim.drill->abort();
    sim.world.at(sim.world.now() + 50ms, look);
  };
  sim.world.at(Instant{} + 50ms, look);
  const DrillReport report = sim.run(Fault::freeze, "us-east-1");
  EXPECT_EQ(sim.orders, (std::vector<std::string>{"freeze", "heal"}));
  EXPECT_EQ(report.stopped_by, "interrupted during the fault");
}

TEST(DrillOnSimTest, the_same_seed_gives_the_same_report) {
  const auto run = [](uint64_t seed) {
    return to_json(DrillOnSim(kLatency, seed).run(Fault::kill, "us-east-1"));
  };
  const std::string once = run(5);
  EXPECT_EQ(run(5), once);
  EXPECT_NE(run(6), once);
}

TEST(DrillOnSimTest, bounds_of_rates_and_streams_are_answered) {
  DrillOnSim sim(kLatency);
  const Scenario scenario = make_scenario(*sim.plan, Fault::kill, "us-east-1").value();
  const auto make = [&](Drill::Options options) {
    return Drill::make(sim.users->lane(), *sim.plan, scenario, options, {}).has_value();
  };
  EXPECT_TRUE(make({.rate = Drill::kRateMax, .stream_count = 0}));
  EXPECT_FALSE(make({.rate = Drill::kRateMax + 1}));
  EXPECT_FALSE(make({.rate = 0}));
  EXPECT_FALSE(make({.stream_count = Drill::kStreamsMax + 1}));
}

}  // namespace
}  // namespace sealane::play::drill
