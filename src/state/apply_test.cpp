// SPDX-License-Identifier: Apache-2.0
// Entries of another node's log that are applied together, as they come after a cut.

#include "state/engine_bench_test.h"

namespace sealane::state {
namespace {

using Bytes = std::vector<std::pair<std::string, std::string>>;

Table followed(Table table) {
  table.indexes = {{.name = "by_user", .key = {{"user", table::Type::S}, {}}}};
  table.stream = table::StreamView::new_and_old_images;
  table.ttl_attribute = "until";
  return table;
}

Table second() {
  Table table{.name = "second"};
  table.key.hash = {"id", table::Type::S};
  table.attribute_definitions = {table.key.hash};
  table.replicas = {"a", "b"};
  table.id = table::table_id(table.name, 0, table.key);
  return table;
}

struct Apply : testing::TestWithParam<uint64_t> {};

void write_something(Bench& bench, Dice& dice, int round) {
  const Table* own = bench.engine->find_table(dice.chance(0.3) ? "second" : "sessions");
  if (!own) return;
  const Table table = *own;
  const std::string id = std::to_string(dice.below(5));
  const Value user = text(std::string(1, char('u' + dice.below(3))));
  switch (dice.below(5)) {
    case 0: ASSERT_TRUE(bench.erase(table, id)); break;
    case 1: ASSERT_TRUE(bench.update(table, id, "user", user)); break;
    case 2: ASSERT_TRUE(bench.update(table, id, "until", number(4'000'000'000 + round))); break;
    default: ASSERT_TRUE(bench.put(table, id, item({{"n", number(round)}, {"user", user}})));
  }
}

// All that is in the store of `b`, to which what `a` writes comes now and then: in one piece, or
// entry by entry.
void store_of_b(uint64_t seed, bool is_together, Bytes& all) {
  sim::World world{{.seed = seed}};
  Bench a(world, "a", 1), b(world, "b", 2);
  Dice dice(seed);
  a.make(followed(a.sessions()));
  a.ship_to(b);
  for (int round = 0; round < 400; ++round) {
    if (round == 100) a.make(second());
    write_something(dice.chance(0.8) ? a : b, dice, round);
    if (dice.chance(0.1)) world.run_for(1ms);
    if (!dice.chance(0.06)) continue;
    if (is_together && !a.shipped.empty()) {
      std::vector<std::string_view> entries;
      for (const auto& [at, entry] : a.shipped) entries.push_back(entry);
      const Position first = a.shipped.front().first;
      ASSERT_TRUE(b.engine->apply(first.source, first.position, entries));
      a.shipped.clear();
    }
    a.ship_to(b);
    b.ship_to(a);
  }
  EXPECT_GT(b.engine->lost_count(), 0u) << "nothing to see of conflicts";
  for (size_t space = 0; space < port::kKeyspaceCount; ++space) {
    const auto cursor = b.store->walk(port::Keyspace(space), {}, {});
    for (cursor->seek({}); cursor->valid(); cursor->next()) {
      all.emplace_back(std::to_string(space) + ":" + std::string(cursor->key()), cursor->value());
    }
  }
  EXPECT_TRUE(b.engine->close());
}

TEST_P(Apply, entries_that_come_together_make_the_same_bytes_as_one_by_one) {
  Bytes together, one_by_one;
  store_of_b(GetParam(), true, together);
  store_of_b(GetParam(), false, one_by_one);
  EXPECT_EQ(together, one_by_one);
}

INSTANTIATE_TEST_SUITE_P(Seeds, Apply, testing::Range<uint64_t>(1, 9));

struct ApplyTest : testing::Test {
  sim::World world{{}};
  Bench a{world, "a", 1}, b{world, "b", 2};
  std::vector<std::string_view> entries() {
    std::vector<std::string_view> all;
    for (const auto& [at, entry] : a.shipped) all.push_back(entry);
    return all;
  }
};

TEST_F(ApplyTest, what_must_wait_does_not_hold_up_what_comes_before_it) {
  const Table table = a.make(a.sessions());
  a.put(table, "now");
  world.jump_wall(a.node, 10s);
  a.put(table, "ahead");
  const Source source = a.engine->self();
  EXPECT_EQ(b.engine->apply(source, 1, entries()).error().code, Code::conflict);
  EXPECT_EQ(b.engine->applied().position(source), 2u);
  EXPECT_EQ(b.get(table, "now"), R"({"id":{"S":"now"}})");
  world.run_for(10s);
  EXPECT_TRUE(b.engine->apply(source, 1, entries())) << "what came already is no error";
  EXPECT_EQ(b.engine->applied().position(source), 3u);
}

TEST_F(ApplyTest, an_entry_that_does_not_read_back_does_not_hold_up_what_comes_before_it) {
  const Table table = a.make(a.sessions());
  a.put(table, "k");
  std::vector<std::string_view> all = entries();
  all.push_back("not an entry");
  EXPECT_EQ(b.engine->apply(a.engine->self(), 1, all).error().code, Code::corrupt);
  EXPECT_EQ(b.engine->applied().position(a.engine->self()), 2u);
}

TEST_F(ApplyTest, more_than_a_batch_takes_is_applied_whole) {
  const Table table = a.make(a.sessions());
  const std::string big(300'000, 'x');
  for (int n = 0; n < 10; ++n) a.put(table, std::to_string(n), item({{"text", text(big)}}));
  ASSERT_TRUE(b.engine->apply(a.engine->self(), 1, entries()));
  EXPECT_EQ(b.engine->count(table).item_count, 10u);
  EXPECT_EQ(b.engine->applied(), a.engine->applied());
}

TEST_F(ApplyTest, a_full_disk_leaves_nothing_of_them) {
  const Table table = a.make(a.sessions());
  a.put(table, "k");
  b.node.disk().set_full(true);
  EXPECT_EQ(b.engine->apply(a.engine->self(), 1, entries()).error().code, Code::unavailable);
  EXPECT_TRUE(b.engine->applied().empty());
  b.node.disk().set_full(false);
  ASSERT_TRUE(b.engine->apply(a.engine->self(), 1, entries()));
  EXPECT_EQ(b.get(table, "k"), R"({"id":{"S":"k"}})");
}

}  // namespace
}  // namespace sealane::state
