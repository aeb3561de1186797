// SPDX-License-Identifier: Apache-2.0
// Two regions on the simulator, one of which comes back from the past.
#include <gtest/gtest.h>

#include "sim/disk.h"
#include "sim/fabric.h"
#include "sim/world.h"
#include "state/engine.h"
#include "state/replica/replicator.h"

namespace sealane::state {
namespace {

using table::Item;
using table::Value;

const std::vector<std::string> kNodes = {"a", "b"};

struct NodeTables final : sim::Process {
  NodeTables(sim::Node& node, const IpAddress& broker) {
    store = std::move(*node.disk().open());
    fabric = node.world().messaging().open(node, broker);
    engine = std::move(*Engine::open(*store, node.lane().clock, node.lane().dice,
                                     {.region = node.name(), .node = node.name()}));
    replicator = std::make_unique<Replicator>(
        node.lane(), *store, *fabric, *engine,
        Replicator::Options{
            .node = node.name(), .region = node.name(), .nodes = kNodes, .log_bytes_max = 1 << 20});
    Table table{.name = "t"};
    table.key.hash = {"id", table::Type::S};
    table.attribute_definitions = {table.key.hash};
    table.replicas = kNodes;
    table.id = table::table_id(table.name, 0, table.key);
    (void)engine->write_table(table);
  }
  const Table& table() { return *engine->find_table("t"); }
  static std::string key(const std::string& id) { return table::encode_key(Value(id), nullptr); }
  Status put(const std::string& id) {
    Item item;
    item.set("id", Value(id));
    return write(id, table::put_delta(item, engine->next_stamp()));
  }
  Status erase(const std::string& id) {
    return write(id, table::delete_delta(engine->next_stamp()));
  }
  Status write(const std::string& id, table::Record delta) {
    SL_TRY(table::Record before, engine->load(table(), key(id)));
    ItemWrite write{
        .table = &table(), .key = key(id), .before = std::move(before), .delta = std::move(delta)};
    SL_TRY(const Position at, engine->commit(std::span(&write, 1)));
    replicator->when_acknowledged(at, table::Ack::local, 5s, [](const Result<table::Ack>&) {});
    return {};
  }
  bool has(const std::string& id) {
    const auto record = engine->load(table(), key(id));
    return record && record->exists();
  }

  std::unique_ptr<port::Store> store;
  std::unique_ptr<port::Fabric> fabric;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<Replicator> replicator;
};

struct Restore : testing::Test {
  sim::World world{{.seed = 20261123}};
  sim::Node* nodes[2];

  Restore() {
    for (uint8_t r = 0; r < 2; ++r) {
      const IpAddress broker = IpAddress::v4(10, 0, r, 9);
      world.messaging().add_broker(kNodes[r] + "-broker", broker);
      nodes[r] = &world.add_node({.name = kNodes[r],
                                  .addresses = {IpAddress::v4(10, 0, r, 1)},
                                  .boot = [broker](sim::Node& node) {
                                    return std::make_unique<NodeTables>(node, broker);
                                  }});
    }
    EXPECT_TRUE(run(
        [&] { return !at(0).replicator->peers().empty() && !at(1).replicator->peers().empty(); }));
  }
  NodeTables& at(int r) { return *dynamic_cast<NodeTables*>(nodes[r]->process()); }
  bool run(const std::function<bool()>& done) { return world.run_until(done, world.now() + 30s); }
  bool are_level() {
    return run([&] {
      for (int r : {0, 1}) {
        if (!at(r).engine->applied().reaches(at(1 - r).engine->applied())) return false;
      }
      return true;
    });
  }
  std::string copy(int r, std::string_view name) {
    std::optional<Result<std::string>> where;
    at(r).engine->copy(name, [&](Result<std::string> answer) { where = std::move(answer); });
    EXPECT_TRUE(run([&] { return where.has_value(); }));
    return where && *where ? **where : "";
  }
  void set_back(int r, const std::string& where) {
    world.kill(*nodes[r]);
    EXPECT_TRUE(nodes[r]->disk().restore(where));
    world.start(*nodes[r]);
    EXPECT_TRUE(run([&] { return nodes[r]->process() != nullptr; }));
  }
};

TEST_F(Restore, a_node_gets_what_it_missed_and_what_was_removed_stays_removed) {
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(at(i % 2).put(std::to_string(i)));
  ASSERT_TRUE(are_level());
  const std::string where = copy(1, "one");
  const Source before = at(1).engine->self();
  for (int i = 0; i < 25; ++i) ASSERT_TRUE(at(0).erase(std::to_string(i)));
  for (int i = 50; i < 60; ++i) ASSERT_TRUE(at(1).put(std::to_string(i)));
  ASSERT_TRUE(are_level());
  // Logs are trimmed and traces of the removals purged: nothing but the items themselves tells of
  // them any more.
  ASSERT_TRUE(run([&] {
    return at(0).engine->first_kept(before) == 0 &&
           at(0).engine->first_kept(at(0).engine->self()) == 0;
  }));
  world.run_for(5s);
  set_back(1, where);
  EXPECT_NE(at(1).engine->self(), before);
  EXPECT_TRUE(at(1).has("3")) << "as it was";
  ASSERT_TRUE(are_level());
  for (int r : {0, 1}) {
    for (int i = 0; i < 60; ++i) EXPECT_EQ(at(r).has(std::to_string(i)), i >= 25) << r << " " << i;
  }
}

TEST_F(Restore, what_only_the_snapshot_has_comes_to_the_others) {
  ASSERT_TRUE(are_level());
  (void)world.cut(sim::World::hosts(*nodes[0]), {Prefix::of(IpAddress::v4(10, 0, 0, 9), 32)});
  ASSERT_TRUE(at(0).put("only here"));
  const std::string where = copy(0, "one");
  set_back(0, where);
  world.links().heal_all();
  ASSERT_TRUE(run([&] { return at(1).has("only here"); }));
  EXPECT_TRUE(are_level());
}

TEST_F(Restore, a_store_that_was_set_back_behind_our_back_takes_no_writes) {
  // An image of the disk, not a snapshot: it holds no mark.
  std::optional<Result<std::string>> where;
  at(1).store->copy("image", [&](Result<std::string> answer) { where = std::move(answer); });
  ASSERT_TRUE(run([&] { return where.has_value(); }));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(at(1).put(std::to_string(i)));
  ASSERT_TRUE(are_level());
  const Source before = at(1).engine->self();
  set_back(1, **where);
  EXPECT_EQ(at(1).engine->self(), before);
  ASSERT_TRUE(run([&] { return at(1).engine->is_refusing_writes(); }));
  EXPECT_EQ(at(1).put("x").error().code, Code::unavailable);
  EXPECT_TRUE(at(0).put("y")) << "the others go on";
}

}  // namespace
}  // namespace sealane::state
