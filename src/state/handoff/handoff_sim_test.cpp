// SPDX-License-Identifier: Apache-2.0
// Handing on over a network in virtual time, to a real server with DynamoDB's API: another node's
// own tables. Whatever breaks, each request is answered in bounded time, and what was acknowledged
// is there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "port/no_fabric.h"
#include "sim/disk.h"
#include "sim/world.h"
#include "state/handoff/handoff.h"
#include "state/state.h"

namespace sealane::state {
namespace {

const IpAddress kServer = IpAddress::v4(10, 0, 0, 1),
                kNodes[] = {IpAddress::v4(10, 0, 0, 2), IpAddress::v4(10, 0, 0, 3)},
                kUsers = IpAddress::v4(10, 0, 0, 9);
constexpr Duration kLong = 60s;

std::shared_ptr<const wire::AwsKeyring> keys(const std::string& name) {
  return std::make_shared<const wire::AwsKeyring>(*wire::AwsKeyring::parse(fmt::format(
      "[default]\naws_access_key_id=AKID{}\naws_secret_access_key=secret-{}\n", name, name)));
}
wire::AwsKey key(const std::string& name) { return keys(name)->keys()[0]; }

struct NoNames final : port::Names {
  void resolve(const std::string&, Done) override { SL_ASSERT(false); }
};

// The server that keeps the tables.
struct Keeper final : sim::Process {
  explicit Keeper(sim::Node& node) : store(std::move(*node.disk().open())), fabric(node.lane()) {
    auto opened =
        State::open(node.lane(), *store, fabric,
                    {.engine = {.region = "there", .node = "there"},
                     .replication = {.node = "there", .region = "there", .nodes = {"there"}},
                     .service = {.region = "there", .regions = {"here"}, .keys = keys("OUT")},
                     .limits = {}});
    SL_ASSERT(opened);
    state = std::move(*opened);
    SL_ASSERT(state->listen({kServer, 8000}));
  }
  std::unique_ptr<port::Store> store;
  port::NoFabric fabric;
  std::unique_ptr<State> state;
};

table::Table sessions() {
  table::Table table{.name = "sessions"};
  table.key.hash = {"id", table::Type::S};
  table.ttl_attribute = "until";
  table.stream = table::StreamView::new_and_old_images;
  return table;
}

struct Node final : sim::Process {
  explicit Node(sim::Node& node)
      : handoff(node.lane(), names,
                {.region = "here",
                 .regions = {},
                 .keys = keys("IN"),
                 .caller = {.endpoint = *endpoint_of("http://10.0.0.1:8000", "", "here"),
                            .load_key = [] { return Result<wire::AwsKey>(key("OUT")); },
                            .limits = {.connections_max = 8}},
                 .limits = {}}) {
    SL_ASSERT(handoff.listen({node.address(), 8000}));
    handoff.declarer().declare({sessions()});
  }
  NoNames names;
  Handoff handoff;
};

// The tests' own client is the one that the nodes hand on with.
struct Users {
  Users(sim::Node& node, const IpAddress& of)
      : caller(node.lane(), names,
               {.endpoint = *endpoint_of(fmt::format("http://{}:8000", of.to_string()), "", "here"),
                .load_key = [] { return Result<wire::AwsKey>(key("IN")); },
                // more patient than a node is
                .limits = {.connect_timeout = 20s, .call_timeout = 30s}}) {}
  struct Answer {
    std::string body;  // of the request, which must stay
    int status = 0;    // 0: not answered; -1: the connection failed
    std::string text, crc;
  };
  std::shared_ptr<Answer> ask(const std::string& operation, std::string body) {
    const auto answer = std::make_shared<Answer>(Answer{.body = std::move(body)});
    const Caller::Ask ask{.operation = operation, .body = answer->body};
    const Status sent = caller.call(ask, [answer](const Result<Reply>& reply) {
      answer->status = reply ? reply->status : -1;
      answer->text = reply ? std::string(reply->body) : reply.error().what;
      if (reply) answer->crc = wire::http::find(reply->fields, "x-amz-crc32").value_or("");
    });
    if (!sent) answer->status = -1;
    return answer;
  }
  std::shared_ptr<Answer> put(unsigned n) {
    return ask("PutItem",
               fmt::format(R"({{"TableName":"sessions","Item":{{"id":{{"S":"{}"}}}}}})", n));
  }
  NoNames names;
  Caller caller;
};

class HandoffSim : public testing::Test {
 protected:
  explicit HandoffSim(uint64_t seed = 1) : world({.seed = seed}) {}
  Keeper& there() { return *static_cast<Keeper*>(server.process()); }
  Handoff& at(size_t i) { return static_cast<Node*>(nodes[i]->process())->handoff; }
  bool declared(size_t i) { return at(i).declarer().report()[0].is_done; }
  void wait_for_tables() {
    ASSERT_TRUE(world.run_until([&] { return declared(0) && declared(1); }, world.now() + kLong));
  }
  std::shared_ptr<Users::Answer> asked(size_t node, const std::string& operation,
                                       const std::string& body) {
    const auto answer = users[node]->ask(operation, body);
    EXPECT_TRUE(world.run_until([&] { return answer->status != 0; }, world.now() + kLong));
    return answer;
  }

  sim::World world;
  sim::Node& server =
      world.add_node({.name = "server", .addresses = {kServer}, .boot = [](sim::Node& node) {
                        return std::make_unique<Keeper>(node);
                      }});
  std::vector<sim::Node*> nodes{add(0), add(1)};
  sim::Node& visitors = world.add_node({.name = "users", .addresses = {kUsers}});
  std::unique_ptr<Users> users[2] = {std::make_unique<Users>(visitors, kNodes[0]),
                                     std::make_unique<Users>(visitors, kNodes[1])};

 private:
  sim::Node* add(size_t i) {
    return &world.add_node({.name = fmt::format("node-{}", i), .addresses = {kNodes[i]},
                            .boot = [](sim::Node& node) { return std::make_unique<Node>(node); }});
  }
};

TEST_F(HandoffSim, what_is_written_through_one_node_is_read_through_the_other) {
  wait_for_tables();
  EXPECT_EQ(asked(0, "PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"a"},"n":{"N":"1"}}})")
                ->status,
            200);
  const auto read = asked(1, "GetItem", R"({"TableName":"sessions","Key":{"id":{"S":"a"}}})");
  EXPECT_EQ(read->text, R"({"Item":{"id":{"S":"a"},"n":{"N":"1"}}})");
  EXPECT_NE(read->crc, "") << "the server's own";
  EXPECT_TRUE(asked(1, "GetItem", R"({"TableName":"none","Key":{"id":{"S":"a"}}})")
                  ->text.contains("ResourceNotFound"));
  EXPECT_TRUE(asked(0, "ListStreams", "{}")->text.contains("UnknownOperation") == false);
}

TEST_F(HandoffSim, tables_are_made_once_by_nodes_that_start_together) {
  wait_for_tables();
  const Table* made = there().state->engine().find_table("sessions");
  ASSERT_NE(made, nullptr);
  EXPECT_EQ(made->ttl_attribute, "until");
  EXPECT_EQ(made->stream, table::StreamView::new_and_old_images);
  for (size_t i = 0; i < 2; ++i) EXPECT_EQ(at(i).declarer().report()[0].trouble, "");
  asked(0, "PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"a"}}})");
  world.kill(*nodes[0]);
  world.start(*nodes[0]);
  wait_for_tables();
  EXPECT_TRUE(asked(1, "GetItem", R"({"TableName":"sessions","Key":{"id":{"S":"a"}}})")
                  ->text.contains("Item"))
      << "declaring again changes nothing";
}

TEST_F(HandoffSim, a_table_with_another_key_is_told_and_left_alone) {
  wait_for_tables();
  table::Table other = sessions();
  other.key.hash.type = table::Type::N;
  at(0).declarer().declare({other});
  wait_for_tables();
  EXPECT_TRUE(at(0).declarer().report()[0].trouble.contains(
      "(id S) at the endpoint and (id N) in the world"));
  EXPECT_EQ(there().state->engine().find_table("sessions")->key.hash.type, table::Type::S);
}

TEST_F(HandoffSim, tables_are_made_when_the_server_comes) {
  world.kill(server);
  world.run_for(30s);
  EXPECT_FALSE(declared(0));
  EXPECT_NE(at(0).declarer().report()[0].trouble, "");
  world.start(server);
  wait_for_tables();
}

TEST_F(HandoffSim, a_server_that_was_killed_is_a_500_at_once_and_back_without_a_restart) {
  wait_for_tables();
  world.kill(server);
  const Instant before = world.now();
  EXPECT_TRUE(asked(0, "PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"a"}}})")
                  ->text.contains("InternalServerError"));
  EXPECT_LT(world.now() - before, 100ms);
  EXPECT_FALSE(at(0).caller().health().is_reachable);
  world.start(server);
  world.run_for(1s);
  EXPECT_EQ(asked(0, "PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"a"}}})")->status,
            200);
}

TEST_F(HandoffSim, a_server_that_is_frozen_or_cut_off_is_a_500_in_bounded_time) {
  wait_for_tables();
  world.freeze(server);
  const Instant before = world.now();
  const auto answer = asked(0, "PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"a"}}})");
  EXPECT_EQ(answer->status, 500);
  EXPECT_LE(world.now() - before, PoolLimits{}.call_timeout + 100ms);
  world.thaw(server);
  EXPECT_EQ(asked(0, "PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"b"}}})")->status,
            200);
  world.cut(sim::World::hosts(server), sim::World::hosts(*nodes[0]));
  EXPECT_EQ(asked(0, "PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"c"}}})")->status,
            500);
  world.links().heal_all();
  world.run_for(5s);
  EXPECT_EQ(asked(0, "PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"c"}}})")->status,
            200);
}

TEST_F(HandoffSim, many_requests_share_few_connections) {
  wait_for_tables();
  std::vector<std::shared_ptr<Users::Answer>> answers;
  for (unsigned n = 0; n < 200; ++n) answers.push_back(users[0]->put(n));
  size_t most = 0;
  EXPECT_TRUE(world.run_until(
      [&] {
        most = std::max(most, at(0).caller().connection_count());
        return std::ranges::all_of(answers, [](const auto& a) { return a->status == 200; });
      },
      world.now() + kLong));
  EXPECT_EQ(most, 8u);
  world.run_for(Pool::kRestMax + 1s);
  EXPECT_EQ(at(0).caller().connection_count(), 0u);
}

// Losses, kills and freezes at random: who is told that something was written finds it.
TEST(HandoffFaults, every_request_is_answered_and_nothing_acknowledged_is_lost) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    struct Story : HandoffSim {
      explicit Story(uint64_t s) : HandoffSim(s), dice(s) {}
      void TestBody() override {
        wait_for_tables();
        world.links().impair({.from = {}, .to = {}, .loss = 0.02});
        std::vector<std::shared_ptr<Users::Answer>> answers;
        for (unsigned n = 0; n < 150; ++n) {
          if (dice.chance(0.05)) world.kill(server);
          if (dice.chance(0.05)) world.freeze(server);
          if (dice.chance(0.1)) world.thaw(server);
          if (dice.chance(0.1) && server.state() == sim::NodeState::killed) world.start(server);
          answers.push_back(users[n % 2]->put(n));
          world.run_for(Duration(dice.below(100'000'000)));
        }
        if (server.state() == sim::NodeState::frozen) world.thaw(server);
        if (server.state() == sim::NodeState::killed) world.start(server);
        EXPECT_TRUE(world.run_until(
            [&] {
              return std::ranges::all_of(answers, [](const auto& a) { return a->status != 0; });
            },
            world.now() + kLong));
        world.links().heal_all();
        world.run_for(5s);
        size_t kept_count = 0;
        for (unsigned n = 0; n < answers.size(); ++n) {
          EXPECT_TRUE(answers[n]->status == 200 || answers[n]->status == 500 ||
                      answers[n]->status == 503)
              << answers[n]->text;
          if (answers[n]->status != 200) continue;
          ++kept_count;
          const auto read =
              asked(n % 2, "GetItem",
                    fmt::format(R"({{"TableName":"sessions","Key":{{"id":{{"S":"{}"}}}}}})", n));
          EXPECT_TRUE(read->text.contains("Item")) << n << " " << read->text;
        }
        EXPECT_GT(kept_count, 0u);
        world.run_for(Pool::kRestMax + 1s);
        for (size_t i = 0; i < 2; ++i) {
          EXPECT_EQ(at(i).pending_count(), 0u);
          EXPECT_EQ(at(i).caller().waiting_count(), 0u);
          EXPECT_EQ(at(i).caller().connection_count(), 0u);
        }
      }
      Dice dice;
    };
    Story(seed).TestBody();
  }
}

}  // namespace
}  // namespace sealane::state
