// SPDX-License-Identifier: Apache-2.0
// What is done in the background: expiry of what was there before, indexes that come later, streams
// that are kept for a day.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "port/no_fabric.h"
#include "state/engine_bench_test.h"
#include "state/keyspace.h"
#include "state/replica/replicator.h"
#include "state/state.h"
#include "table/key.h"
#include "wire/aws_credentials.h"

namespace sealane::state {
namespace {

struct Sweep : testing::Test {
  sim::World world{{}};
  Bench a{world, "a", 1}, b{world, "b", 2};

  int64_t now_s() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               a.node.lane().clock.wall().time_since_epoch())
        .count();
  }
  static Table with_ttl(Table table) {
    table.ttl_attribute = "expires";
    return table;
  }
  // Until nothing is left to do.
  static void sweep(Bench& bench) {
    for (int turns = 0; *bench.engine->sweep(bench.engine->hlc_now()); ++turns) {
      ASSERT_LT(turns, 100);
    }
  }
  // All replicas hear of what has changed, and pass the second in which it was noted here.
  void sweep_for_a_while(Bench& bench) {
    sweep(bench);
    world.run_for(2s);
    sweep(bench);
  }
  std::string story(Bench& bench, TableId id) {
    std::string told;
    EXPECT_TRUE(bench.engine->read_stream(id, 0, Stream::kOpen, [&](const StreamRecord& record) {
      constexpr const char* kNames[] = {"insert ", "modify ", "remove "};
      told += record.is_expiry ? "expiry " : kNames[size_t(record.kind)];
      return true;
    }));
    return told;
  }
};

// ── changes of the catalog ──

// What else changes with a table's document is in further batches; the disk takes only so many.
TEST_F(Sweep, a_change_of_a_table_that_was_broken_off_is_followed_up) {
  for (const bool restarts : {true, false}) {
    for (uint64_t batches = 0; batches < 8; ++batches) {
      SCOPED_TRACE(testing::Message() << batches << " batches, restart: " << restarts);
      sim::World other{{}};
      Bench bench{other, "a", 1};
      const auto go_on = [&] {
        bench.node.disk().set_full(false);
        if (restarts) bench.open();
        sweep(bench);
      };
      const Table& table = bench.make(bench.sessions());
      for (int i = 0; i < 5; ++i) {
        Item item;
        item.set("user", text("u"));
        item.set("expires", number(4'000'000'000));
        bench.put(table, "k" + std::to_string(i), std::move(item));
      }
      Table wanted = with_ttl(table);
      wanted.stream = table::StreamView::keys_only;
      wanted.stream_started_ms = 1;
      wanted.indexes = {{.name = "by_user", .key = {{"user", table::Type::S}, {}}}};
      bench.node.disk().fill_after(batches);
      EXPECT_EQ(bench.engine->write_table(wanted).has_value(), batches > 0);
      go_on();
      const Table& changed = *bench.engine->find_table("sessions");
      ASSERT_EQ(changed.indexes.size(), size_t{batches > 0});
      if (batches == 0) continue;
      size_t found = 0;
      ASSERT_TRUE(bench.engine->walk_index(changed, changed.indexes[0], {}, {}, false,
                                           [&](std::string_view, std::string_view) {
                                             ++found;
                                             return true;
                                           }));
      EXPECT_EQ(found, 5u);
      EXPECT_EQ(bench.engine->streams(changed.id).size(), 1u);

      const TableId id = changed.id;
      Table gone = changed;
      gone.is_deleted = true;
      bench.node.disk().fill_after(batches);
      EXPECT_TRUE(bench.engine->write_table(gone));
      go_on();
      EXPECT_EQ(bench.engine->find_table("sessions"), nullptr);
      const std::string prefix = keyspace::u64(id);
      for (const auto space : {port::Keyspace::items, port::Keyspace::index}) {
        const auto cursor = bench.store->walk(space, prefix, table::after_prefix(prefix));
        cursor->seek(prefix);
        EXPECT_FALSE(cursor->valid());
      }
      const std::string noted(keyspace::kAdoptPrefix);
      const auto marks =
          bench.store->walk(port::Keyspace::meta, noted, table::after_prefix(noted));
      marks->seek(noted);
      EXPECT_FALSE(marks->valid());
    }
  }
}

TEST_F(Sweep, a_damaged_record_keeps_no_other_from_going) {
  const Table& table = a.make(with_ttl(a.sessions()));
  Item item;
  item.set("expires", number(now_s() + 1));
  for (const char* id : {"damaged", "other"}) a.put(table, id, item);
  const auto batch = a.store->batch();
  batch->put(port::Keyspace::items, keyspace::item(table.id, a.key("damaged")), "?");
  ASSERT_TRUE(a.store->write(*batch));
  world.run_for(3s);
  sweep(a);
  EXPECT_EQ(*a.engine->load_raw(table, a.key("other")), "");
  EXPECT_EQ(*a.engine->load_raw(table, a.key("damaged")), "?") << "whoever mends it finds it";
}

// ── expiry ──

TEST_F(Sweep, what_was_past_already_goes_when_a_table_gets_a_ttl) {
  Table wanted = a.sessions({"a"});
  wanted.stream = table::StreamView::keys_only;
  const Table& table = a.make(wanted);
  a.put(table, "k", item({{"expires", number(now_s() - 100)}}));
  a.put(table, "stays", item({{"expires", number(now_s() + 100)}}));
  a.make(with_ttl(wanted));
  sweep_for_a_while(a);
  EXPECT_EQ(a.engine->count(table).item_count, 1u);
  EXPECT_EQ(story(a, table.id), "insert insert expiry ");
  world.run_for(100s);
  sweep(a);
  EXPECT_EQ(a.engine->count(table).item_count, 0u);
  EXPECT_EQ(a.count_keys(port::Keyspace::expiry), 0u);
}

TEST_F(Sweep, what_passed_while_the_ttl_was_off_goes_when_it_is_on_again) {
  const Table wanted = a.sessions({"a"});
  const Table& table = a.make(with_ttl(wanted));
  a.put(table, "k", item({{"expires", number(now_s() + 10)}}));
  a.make(wanted);
  world.run_for(20s);
  sweep(a);
  EXPECT_EQ(a.engine->count(table).item_count, 1u);
  a.make(with_ttl(wanted));
  sweep_for_a_while(a);
  EXPECT_EQ(a.engine->count(table).item_count, 0u);
}

// The other node may write to what is not past by what it knows.
TEST_F(Sweep, nothing_goes_before_every_replica_knows_of_the_ttl) {
  const Table wanted = a.sessions();
  const Table& table = a.make(wanted);
  a.put(table, "k", item({{"expires", number(now_s() - 100)}}));
  a.ship_to(b);
  world.run_for(5s);
  const table::Hlc before = a.engine->hlc_now();
  a.make(with_ttl(wanted));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(a.engine->sweep(before));
  EXPECT_EQ(a.records(table.id).size(), 1u);
  b.update(*b.engine->find_table("sessions"), "k", "n", number(1));
  a.ship_to(b);
  b.ship_to(a);
  sweep_for_a_while(a);
  sweep_for_a_while(b);
  EXPECT_TRUE(a.records(table.id).empty());
  EXPECT_TRUE(b.records(table.id).empty());
}

TEST_F(Sweep, an_index_that_comes_later_has_what_was_past_and_is_renewed) {
  Table wanted = with_ttl(a.sessions());
  const Table& table = a.make(wanted);
  for (const char* id : {"put", "renewed"}) {
    a.put(table, id, item({{"expires", number(now_s() + 10)}, {"user", text("u")}}));
  }
  a.ship_to(b);
  b.update(*b.engine->find_table("sessions"), "renewed", "expires", number(now_s() + 500));
  world.run_for(11s);
  wanted.indexes = {{.name = "by_user", .key = {{"user", table::Type::S}, {}}}};
  const Table& changed = a.make(wanted);
  // No replica has told that it has passed that second.
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(a.engine->sweep(0));
  a.put(changed, "put", item({{"expires", number(now_s() + 500)}, {"user", text("u")}}));
  b.ship_to(a);
  std::string found;
  ASSERT_TRUE(a.engine->walk_index(changed, changed.indexes[0], {}, {}, false,
                                   [&](std::string_view, std::string_view key) {
                                     found += json(*table::take_key(key, changed.key));
                                     return true;
                                   }));
  EXPECT_EQ(found, R"({"id":{"S":"renewed"}}{"id":{"S":"put"}})");
}

// ── streams ──

TEST_F(Sweep, inserts_and_removals_of_an_item_take_turns_in_a_stream) {
  Table wanted = with_ttl(a.sessions());
  wanted.stream = table::StreamView::new_and_old_images;
  const Table& table = a.make(wanted);
  for (const char* id : {"put", "deleted", "left"})
    a.put(table, id, item({{"expires", number(now_s() + 10)}}));
  world.run_for(11s);
  a.put(table, "put", item({{"expires", number(now_s() + 10)}}));
  EXPECT_EQ(story(a, table.id), "insert insert insert expiry insert ");
  a.erase(table, "deleted");
  sweep(a);
  EXPECT_EQ(story(a, table.id), "insert insert insert expiry insert expiry expiry ");
  a.update(table, "put", "expires", number(now_s() - 10));
  a.put(table, "born past", item({{"expires", number(now_s() - 10)}}));
  sweep(a);
  EXPECT_EQ(story(a, table.id),
            "insert insert insert expiry insert expiry expiry modify insert expiry expiry ");
  a.ship_to(b);
  sweep(b);
  std::string told = story(b, table.id);
  EXPECT_EQ(std::ranges::count(told, 'x'), 5) << told << ": as many as at the other node";
}

TEST_F(Sweep, a_stream_keeps_a_day_however_much_is_written) {
  Table wanted = a.sessions();
  wanted.stream = table::StreamView::keys_only;
  const Table& table = a.make(wanted);
  const auto kept = [&] { return a.count_keys(port::Keyspace::stream); };
  for (int i = 0; i < 3500; ++i) a.put(table, "old" + std::to_string(i));
  world.run_for(23h);
  for (int i = 0; i < 20; ++i) a.put(table, "young" + std::to_string(i));
  sweep(a);
  EXPECT_EQ(kept(), 3520u);
  world.run_for(61min);
  EXPECT_TRUE(*a.engine->sweep(a.engine->hlc_now())) << "a piece at a time";
  EXPECT_GT(kept(), 1000u);
  sweep(a);
  EXPECT_EQ(kept(), 20u);
  EXPECT_EQ(story(a, table.id).substr(0, 7), "insert ");
  world.run_for(23h);
  sweep(a);
  EXPECT_EQ(kept(), 0u);
}

TEST_F(Sweep, a_number_of_a_stream_is_given_once) {
  Table first = a.sessions(), second = a.sessions();
  second.name = "others";
  second.id = table::table_id(second.name, 0, second.key);
  first.stream = second.stream = table::StreamView::keys_only;
  a.make(first);
  a.make(second);
  const auto put = [&](const char* name, const std::string& id) {
    ASSERT_TRUE(a.put(*a.engine->find_table(name), id));
  };
  for (int i = 0; i < 5; ++i) put("sessions", std::to_string(i));
  for (int i = 0; i < 5; ++i) put("others", std::to_string(i));
  const uint64_t next = a.engine->next_stream_sequence();
  EXPECT_EQ(next, 11u);
  second.is_deleted = true;
  ASSERT_TRUE(a.engine->write_table(second));
  a.open();
  EXPECT_EQ(a.engine->next_stream_sequence(), next) << "those of a deleted table";
  put("sessions", "after");
  world.run_for(25h);
  sweep(a);
  EXPECT_EQ(a.count_keys(port::Keyspace::stream), 0u);
  a.open();
  EXPECT_EQ(a.engine->next_stream_sequence(), next + 1) << "those that were trimmed";
}

TEST_F(Sweep, a_stream_that_was_turned_off_goes_with_its_last_record) {
  Table table = a.sessions();
  const auto turn = [&](table::StreamView view) {
    table.stream = view;
    if (view != table::StreamView::off) ++table.stream_started_ms;
    ASSERT_TRUE(a.engine->write_table(table));
  };
  const auto put = [&](const std::string& id) {
    ASSERT_TRUE(a.put(*a.engine->find_table("sessions"), id));
  };
  turn(table::StreamView::keys_only);
  put("k");
  turn(table::StreamView::off);
  put("nobody looks");
  turn(table::StreamView::new_image);
  put("l");
  a.open();
  ASSERT_EQ(a.engine->streams(table.id).size(), 2u);
  const Stream old = a.engine->streams(table.id)[0], now = a.engine->streams(table.id)[1];
  EXPECT_EQ(old.view, table::StreamView::keys_only);
  EXPECT_FALSE(old.is_open());
  EXPECT_EQ(now.first, old.end);
  EXPECT_TRUE(now.is_open());
  world.run_for(25h);
  put("m");
  sweep(a);
  ASSERT_EQ(a.engine->streams(table.id).size(), 1u);
  EXPECT_EQ(a.engine->streams(table.id)[0].started_ms, now.started_ms);
  EXPECT_EQ(a.count_keys(port::Keyspace::stream), 1u);
  for (size_t i = 0; i < 2 * Engine::kStreamsPerTableMax; ++i) {
    turn(table::StreamView::off);
    turn(table::StreamView::keys_only);
    put("n" + std::to_string(i));
  }
  EXPECT_EQ(a.engine->streams(table.id).size(), Engine::kStreamsPerTableMax);
  EXPECT_EQ(a.count_keys(port::Keyspace::stream), Engine::kStreamsPerTableMax);
}

TEST_F(Sweep, a_stream_of_the_plan_has_a_name_of_its_own) {
  port::NoFabric fabric(a.node.lane());
  a.engine.reset();
  auto opened =
      State::open(a.node.lane(), *a.store, fabric,
                  {.engine = {.region = "a", .node = "a"},
                   .replication = {.node = "a", .region = "a", .nodes = {"a"}},
                   .service = {.region = "a", .keys = std::make_shared<const wire::AwsKeyring>()},
                   .limits = {}});
  ASSERT_TRUE(opened) << opened.error().what;
  State& state = **opened;
  Table plan = a.sessions({"a"});
  const auto declare = [&](table::StreamView view, uint64_t now_ms) {
    plan.stream = view;
    plan.stream_started_ms = view == table::StreamView::off ? 0 : now_ms;
    ASSERT_TRUE(state.declare({plan}));
  };
  const auto kept = [&] { return state.engine().streams(plan.id); };
  declare(table::StreamView::off, 1000);
  EXPECT_TRUE(kept().empty());
  declare(table::StreamView::keys_only, 2000);
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_EQ(kept()[0].started_ms, 2000u);
  declare(table::StreamView::keys_only, 3000);
  ASSERT_EQ(kept().size(), 1u) << "the same after a restart";
  EXPECT_EQ(kept()[0].started_ms, 2000u);
  declare(table::StreamView::new_image, 4000);
  ASSERT_EQ(kept().size(), 2u);
  EXPECT_EQ(kept()[0].view, table::StreamView::keys_only);
  EXPECT_FALSE(kept()[0].is_open());
  EXPECT_EQ(kept()[1].started_ms, 4000u);
}

// ── how much of it ──

// As many as come in a second of heavy use are gone within a second.
TEST_F(Sweep, keeps_up_with_what_expires_and_what_is_deleted) {
  port::NoFabric fabric(a.node.lane());
  Replicator replicator(a.node.lane(), *a.store, fabric, *a.engine,
                        {.node = "a", .region = "a", .nodes = {"a"}});
  a.engine->on_commit = nullptr;
  const Table& table = a.make(with_ttl(a.sessions({"a"})));
  constexpr int kCount = 10'000;
  const size_t marks = a.count_keys(port::Keyspace::expiry);
  for (int i = 0; i < kCount; ++i) {
    a.put(table, "e" + std::to_string(i), item({{"expires", number(now_s() + 1)}}));
    a.put(table, "d" + std::to_string(i));
    a.erase(table, "d" + std::to_string(i));
  }
  EXPECT_GT(a.count_keys(port::Keyspace::expiry), marks + 2 * kCount - 1);
  world.run_for(3s);
  EXPECT_EQ(a.count_keys(port::Keyspace::expiry), 0u);
  EXPECT_TRUE(a.records(table.id).empty());
}

}  // namespace
}  // namespace sealane::state
