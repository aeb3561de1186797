// SPDX-License-Identifier: Apache-2.0
// Three regions on the simulator, and a table that only two of them keep.
#include <gtest/gtest.h>

#include "sim/disk.h"
#include "sim/fabric.h"
#include "sim/world.h"
#include "state/engine.h"
#include "state/replica/replicator.h"

namespace sealane::state {
namespace {

using table::Ack;
using table::Item;
using table::Value;

const std::vector<std::string> kRegions = {"ap", "eu", "us"};
constexpr int kAp = 0, kEu = 1, kUs = 2;

struct NodeTables final : sim::Process {
  NodeTables(sim::Node& node, const IpAddress& broker) {
    store = std::move(*node.disk().open());
    fabric = node.world().messaging().open(node, broker);
    engine = std::move(*Engine::open(*store, node.lane().clock, node.lane().dice,
                                     {.region = node.name(), .node = node.name()}));
    replicator = std::make_unique<Replicator>(
        node.lane(), *store, *fabric, *engine,
        Replicator::Options{.node = node.name(), .region = node.name(), .nodes = kRegions});
    declare("notes", kRegions);
    declare("pair", {"eu", "us"});
    declare("alone", {"us"});
  }
  void declare(const std::string& name, const std::vector<std::string>& regions) {
    Table table{.name = name};
    table.key.hash = {"id", table::Type::S};
    table.attribute_definitions = {table.key.hash};
    table.replicas = regions;
    table.id = table::table_id(table.name, 0, table.key);
    EXPECT_TRUE(engine->write_table(table));
  }
  static std::string key(const std::string& id) { return table::encode_key(Value(id), nullptr); }
  // One entry: an item `id` in each of these tables.
  std::shared_ptr<std::optional<Result<Ack>>> put(const std::vector<std::string>& tables,
                                             const std::string& id, Ack ack = Ack::local) {
    auto answer = std::make_shared<std::optional<Result<Ack>>>();
    std::vector<ItemWrite> writes;
    const table::Stamp stamp = engine->next_stamp();
    for (const std::string& name : tables) {
      const Table* table = engine->find_table(name);
      auto before = engine->load(*table, key(id));
      Item item;
      item.set("id", Value(id));
      writes.push_back({.table = table,
                        .key = key(id),
                        .before = std::move(*before),
                        .delta = table::put_delta(item, stamp)});
    }
    const auto at = engine->commit(writes);
    EXPECT_TRUE(at);
    replicator->when_acknowledged(*at, ack, 5s,
                                  [answer](const Result<Ack>& got) { *answer = got; });
    return answer;
  }
  bool has(const std::string& name, const std::string& id) {
    const auto record = engine->load(*engine->find_table(name), key(id));
    return record && record->exists();
  }

  std::unique_ptr<port::Store> store;
  std::unique_ptr<port::Fabric> fabric;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Replicator> replicator;
};

struct Partial : testing::Test {
  sim::World world{{.seed = 20261123}};
  std::vector<sim::Node*> nodes, brokers;

  Partial() {
    for (uint8_t r = 0; r < kRegions.size(); ++r) {
      const IpAddress broker = IpAddress::v4(10, 0, r, 9);
      brokers.push_back(&world.messaging().add_broker(kRegions[r] + "-broker", broker));
      nodes.push_back(&world.add_node({.name = kRegions[r],
                                       .addresses = {IpAddress::v4(10, 0, r, 1)},
                                       .boot = [broker](sim::Node& node) {
                                         return std::make_unique<NodeTables>(node, broker);
                                       }}));
    }
    EXPECT_TRUE(run([&] { return are_level({kAp, kEu, kUs}); }));
  }
  NodeTables& at(int r) { return *dynamic_cast<NodeTables*>(nodes[size_t(r)]->process()); }
  bool run(const std::function<bool()>& done) { return world.run_until(done, world.now() + 30s); }
  bool are_level(const std::vector<int>& regions) {
    for (int r : regions) {
      if (at(r).replicator->peers().size() + 1 < regions.size()) return false;
      for (int other : regions) {
        if (!at(r).engine->applied().reaches(at(other).engine->applied())) return false;
      }
    }
    return true;
  }
  void cut_off(int r) {
    for (int other : {kAp, kEu, kUs}) {
      if (other == r) continue;
      for (const sim::Node* a : {nodes[size_t(r)], brokers[size_t(r)]}) {
        for (const sim::Node* b : {nodes[size_t(other)], brokers[size_t(other)]})
          world.cut(sim::World::hosts(*a), sim::World::hosts(*b));
      }
    }
  }
};

TEST_F(Partial, only_regions_that_keep_a_table_confirm_its_writes) {
  const auto both = at(kUs).put({"pair"}, "a", Ack::remote);
  ASSERT_TRUE(run([&] { return both->has_value(); }));
  EXPECT_TRUE(**both);
  cut_off(kEu);
  const auto pair = at(kUs).put({"pair"}, "b", Ack::remote);
  const auto transaction = at(kUs).put({"notes", "pair"}, "c", Ack::remote);
  const auto notes = at(kUs).put({"notes"}, "d", Ack::remote);
  ASSERT_TRUE(run([&] { return notes->has_value(); }));
  EXPECT_TRUE(**notes) << "others behind it wait alone";
  world.run_for(1s);
  EXPECT_FALSE(pair->has_value()) << "ap has heard of it, and no more";
  EXPECT_FALSE(transaction->has_value());
  world.links().heal_all();
  ASSERT_TRUE(run([&] { return pair->has_value() && transaction->has_value(); }));
  EXPECT_TRUE(**pair);
  EXPECT_TRUE(**transaction);
}

TEST_F(Partial, what_no_other_region_keeps_cannot_be_confirmed_and_is_told_at_once) {
  const auto answer = at(kUs).put({"alone"}, "a", Ack::remote);
  ASSERT_TRUE(answer->has_value());
  ASSERT_FALSE(**answer);
  EXPECT_NE((**answer).error().what.find("no other region keeps the table alone"),
            std::string::npos);
  EXPECT_TRUE(at(kUs).has("alone", "a"));
}

TEST_F(Partial, reachable_is_remote_as_long_as_a_region_that_keeps_the_table_answers) {
  const auto both = at(kUs).put({"pair"}, "a", Ack::reachable);
  ASSERT_FALSE(both->has_value());
  ASSERT_TRUE(run([&] { return both->has_value(); }));
  EXPECT_EQ(**both, Ack::remote);
  EXPECT_TRUE(at(kEu).has("pair", "a"));
  // Nobody else keeps it: nothing to wait for but the disk.
  const auto alone = at(kUs).put({"alone"}, "a", Ack::reachable);
  ASSERT_TRUE(run([&] { return alone->has_value(); }));
  EXPECT_EQ(**alone, Ack::local);
}

TEST_F(Partial, reachable_waits_in_vain_once_and_again_when_the_region_has_come_back) {
  cut_off(kEu);
  const Instant cut_at = world.now();
  const auto first = at(kUs).put({"pair"}, "a", Ack::reachable);
  world.run_for(Replicator::kReachablePatience / 2);
  const auto second = at(kUs).put({"pair"}, "b", Ack::reachable);
  EXPECT_FALSE(first->has_value());
  ASSERT_TRUE(run([&] { return first->has_value() && second->has_value(); }));
  EXPECT_EQ(**first, Ack::local);
  EXPECT_EQ(**second, Ack::local) << "who waited for the same need not wait longer";
  EXPECT_LT(world.now() - cut_at, Replicator::kReachablePatience + 100ms);
  // ap is there, but does not keep the table; eu is known to be overdue.
  const Instant then = world.now();
  const auto third = at(kUs).put({"pair"}, "c", Ack::reachable);
  ASSERT_TRUE(run([&] { return third->has_value(); }));
  EXPECT_EQ(**third, Ack::local);
  EXPECT_LT(world.now() - then, 100ms) << "the disk only";
  const auto strict = at(kUs).put({"pair"}, "d", Ack::remote);
  const auto elsewhere = at(kUs).put({"notes"}, "e", Ack::reachable);
  ASSERT_TRUE(run([&] { return elsewhere->has_value(); }));
  EXPECT_EQ(**elsewhere, Ack::remote) << "ap keeps this one";
  world.run_for(1s);
  EXPECT_FALSE(strict->has_value());
  world.links().heal_all();
  ASSERT_TRUE(run([&] { return strict->has_value() && at(kEu).has("pair", "d"); }));
  EXPECT_EQ(**strict, Ack::remote);
  world.run_for(5s);  // until the brokers have found each other again, both ways
  const auto after = at(kUs).put({"pair"}, "f", Ack::reachable);
  ASSERT_TRUE(run([&] { return after->has_value(); }));
  EXPECT_EQ(**after, Ack::remote);
}

TEST_F(Partial, nobody_is_overdue_because_the_disk_here_is_slow) {
  nodes[kUs]->disk().set_sync_time(2s, 2s);
  const auto write = at(kUs).put({"notes"}, "a", Ack::reachable);
  ASSERT_TRUE(run([&] { return write->has_value(); }));
  EXPECT_EQ(**write, Ack::remote);
}

TEST_F(Partial, reachable_does_not_wait_for_regions_that_are_silent) {
  world.kill(*nodes[kEu]);
  world.kill(*nodes[kAp]);
  world.run_for(Replicator::kHopeFor + 1s);
  const Instant then = world.now();
  const auto alone = at(kUs).put({"notes"}, "a", Ack::reachable);
  ASSERT_TRUE(run([&] { return alone->has_value(); }));
  EXPECT_EQ(**alone, Ack::local);
  EXPECT_LT(world.now() - then, 100ms);
}

TEST_F(Partial, nodes_that_left_the_plan_are_no_lag) {
  world.kill(*nodes[kUs]);
  world.run_for(10s);
  EXPECT_GT(at(kEu).replicator->lag_ms(), 5000u);
  at(kEu).replicator->set_nodes({"ap", "eu"});
  EXPECT_EQ(at(kEu).replicator->lag_ms(), 0u);
  ASSERT_EQ(at(kEu).replicator->lags().size(), 1u);
  EXPECT_EQ(at(kEu).replicator->lags().front().node, "ap");
}

TEST_F(Partial, what_a_hello_promises_holds_when_the_clock_steps_back) {
  world.run_for(2s);
  const table::Hlc promised = at(kAp).replicator->peers().at("us").now;
  world.jump_wall(*nodes[kUs], -10s);
  EXPECT_GT(at(kUs).engine->next_stamp().hlc, promised);
}

TEST_F(Partial, a_clock_that_is_far_ahead_is_believed_up_to_a_bound) {
  world.jump_wall(*nodes[kUs], 1h);
  world.run_for(2s);
  const uint64_t wall = table::ms_of(at(kAp).engine->hlc_now());
  EXPECT_LE(table::ms_of(at(kAp).replicator->peers().at("us").now),
            wall + table::HybridClock::kAheadMaxMs);
}

}  // namespace
}  // namespace sealane::state
