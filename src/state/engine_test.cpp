// SPDX-License-Identifier: Apache-2.0
#include "state/engine.h"

#include <chrono>

#include "state/engine_bench_test.h"
#include "table/size.h"

namespace sealane::state {
namespace {

using table::Item;
using table::Record;
using table::Value;

struct EngineTest : testing::Test {
  sim::World world{{}};
  Bench a{world, "a", 1}, b{world, "b", 2};
  int64_t now_s() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               a.node.lane().clock.wall().time_since_epoch())
        .count();
  }
};

TEST_F(EngineTest, what_was_committed_is_there_after_a_restart) {
  const Table& table = a.make(a.sessions());
  const auto at = a.put(table, "k", item({{"n", number(1)}}));
  ASSERT_TRUE(at);
  const Source self = a.engine->self();
  a.open();
  EXPECT_EQ(a.engine->self(), self);
  EXPECT_EQ(a.engine->applied().position(self), at->position);
  EXPECT_EQ(a.get(*a.engine->find_table("sessions"), "k"), R"({"id":{"S":"k"},"n":{"N":"1"}})");
  const auto next = a.put(*a.engine->find_table("sessions"), "l");
  EXPECT_EQ(next->position, at->position + 1);
}

TEST_F(EngineTest, entries_make_the_other_replica_equal) {
  const Table& table = a.make(a.sessions());
  a.put(table, "k", item({{"n", number(1)}}));
  a.update(table, "k", "n", number(2));
  a.put(table, "l");
  a.erase(table, "l");
  a.ship_to(b);
  const Table* copy = b.engine->find_table("sessions");
  ASSERT_NE(copy, nullptr);
  EXPECT_EQ(b.get(*copy, "k"), R"({"id":{"S":"k"},"n":{"N":"2"}})");
  EXPECT_EQ(b.get(*copy, "l"), "{}");
  EXPECT_EQ(b.engine->applied(), a.engine->applied());
}

// Random writes: those of `a` take the short way where they may, what comes to `b` is joined.
TEST_F(EngineTest, the_short_way_of_whole_items_leads_to_the_same_bytes) {
  const Table& table = a.make(a.sessions());
  a.ship_to(b);
  const Table& copy = *b.engine->find_table("sessions");
  const uint64_t seed = 20260302;
  Dice dice(seed);
  for (int round = 0; round < 2000; ++round) {
    Bench& here = dice.chance(0.7) ? a : b;
    const Table& own = &here == &a ? table : copy;
    const std::string id = std::to_string(dice.below(20));
    switch (dice.below(4)) {
      case 0: ASSERT_TRUE(here.erase(own, id)); break;
      case 1: ASSERT_TRUE(here.update(own, id, "n", number(round))); break;
      default:
        ASSERT_TRUE(here.put(
            own, id, item({{"n", number(round)}, {"s", text(std::string(dice.below(99), 'x'))}})));
    }
    if (dice.chance(0.05)) world.run_for(1ms);
    if (dice.chance(0.3)) a.ship_to(b), b.ship_to(a);
  }
  a.ship_to(b);
  b.ship_to(a);
  std::map<std::string, std::string> of_a, of_b;
  const auto all = [](Engine& engine, TableId id, std::map<std::string, std::string>& out) {
    ASSERT_TRUE(engine.walk_records(id, {}, [&](std::string_view key, std::string_view record) {
      out.emplace(key, record);
      return true;
    }));
  };
  all(*a.engine, table.id, of_a);
  all(*b.engine, table.id, of_b);
  EXPECT_EQ(of_a.size(), 20u);
  EXPECT_EQ(of_a, of_b) << "seed " << seed;
  for (Bench* each : {&a, &b}) {
    uint64_t count = 0, bytes = 0;
    for (const auto& [key, packed] : of_a) {
      std::string_view view = packed;
      const Item item = table::item_of(*table::take_packed_record(view));
      count += item.empty() ? 0 : 1;
      bytes += table::size_bytes(item);
    }
    EXPECT_EQ(each->engine->count(table).item_count, count);
    EXPECT_EQ(each->engine->count(table).bytes, bytes);
  }
}

TEST_F(EngineTest, who_is_alone_keeps_no_log_and_begins_one_when_others_come) {
  a.make(a.sessions({"a"}));
  a.put(*a.engine->find_table("sessions"), "before");
  const Source self = a.engine->self();
  EXPECT_EQ(a.engine->first_kept(self), 1u);
  a.is_alone = true;
  a.open();
  EXPECT_EQ(a.engine->first_kept(self), 0u)
      << "nor what was there: a log with a hole would be read up to the hole";
  const auto at = a.put(*a.engine->find_table("sessions"), "alone");
  EXPECT_EQ(a.count_keys(port::Keyspace::log), 0u);
  EXPECT_EQ(a.engine->applied().position(self), at->position)
      << "positions go on: sessions know them";
  a.is_alone = false;
  a.open();
  EXPECT_EQ(a.engine->self(), self);
  const auto next = a.put(*a.engine->find_table("sessions"), "after");
  EXPECT_EQ(next->position, at->position + 1);
  EXPECT_EQ(a.engine->first_kept(self), next->position)
      << "who is further behind is given a snapshot";
  EXPECT_EQ(a.get(*a.engine->find_table("sessions"), "alone"), R"({"id":{"S":"alone"}})");
}

TEST_F(EngineTest, entries_come_in_order_or_not_at_all) {
  const Table& table = a.make(a.sessions());
  a.put(table, "k");
  const auto [at, entry] = a.shipped[1];
  EXPECT_EQ(b.engine->apply(at.source, at.position, entry).error().code, Code::not_found);
  a.ship_to(b);
  EXPECT_TRUE(b.engine->apply(at.source, at.position, entry)) << "what came already is no error";
}

TEST_F(EngineTest, a_stamp_from_the_future_waits) {
  const Table& table = a.make(a.sessions());
  a.ship_to(b);
  world.jump_wall(a.node, 10s);
  a.put(table, "k");
  const auto [at, entry] = a.shipped[0];
  EXPECT_EQ(b.engine->apply(at.source, at.position, entry).error().code, Code::conflict);
  EXPECT_EQ(b.get(*b.engine->find_table("sessions"), "k"), "{}");
  world.run_for(10s);
  a.ship_to(b);
  EXPECT_EQ(b.get(*b.engine->find_table("sessions"), "k"), R"({"id":{"S":"k"}})");
}

TEST_F(EngineTest, a_clock_that_jumps_back_is_not_followed) {
  const Table& table = a.make(a.sessions());
  a.update(table, "k", "n", number(1));
  a.ship_to(b);
  world.jump_wall(a.node, -3600s);
  a.update(table, "k", "n", number(2));
  a.open();  // nor after a restart
  a.update(*a.engine->find_table("sessions"), "k", "n", number(3));
  a.ship_to(b);
  for (Bench* bench : {&a, &b}) {
    EXPECT_EQ(bench->get(*bench->engine->find_table("sessions"), "k"),
              R"({"id":{"S":"k"},"n":{"N":"3"}})");
  }
}

TEST_F(EngineTest, what_came_with_a_snapshot_is_written_on_top_of) {
  a.make(a.sessions());
  world.jump_wall(b.node, -300ms);  // a is ahead, as far as is allowed
  const Table& table = *a.engine->find_table("sessions");
  a.update(table, "k", "n", number(1));
  std::vector<std::pair<std::string, std::string>> records;
  const auto collect = [&](std::string_view key, std::string_view record) {
    records.emplace_back(key, record);
    return true;
  };
  b.make(b.sessions());
  ASSERT_TRUE(a.engine->walk_records(table.id, {}, collect));
  ASSERT_TRUE(b.engine->reconcile({.table = table.id, .after = {}, .last = {}, .records = records},
                                  a.engine->applied(), a.engine->shown()));
  ASSERT_TRUE(b.engine->reach(a.engine->applied()));
  b.update(*b.engine->find_table("sessions"), "k", "n", number(2));
  EXPECT_EQ(b.get(*b.engine->find_table("sessions"), "k"), R"({"id":{"S":"k"},"n":{"N":"2"}})");
}

TEST_F(EngineTest, writes_to_a_table_that_is_not_known_yet_wait_for_it) {
  sim::World more{{}};
  Bench c(world, "c", 3);
  const Table& table = a.make(a.sessions({"a", "b", "c"}));
  const auto table_entry = a.shipped[0];
  a.ship_to(b);
  b.put(*b.engine->find_table("sessions"), "k");
  const auto [at, entry] = b.shipped[0];
  EXPECT_EQ(c.engine->apply(at.source, at.position, entry).error().code, Code::unavailable);
  ASSERT_TRUE(
      c.engine->apply(table_entry.first.source, table_entry.first.position, table_entry.second));
  b.ship_to(c);
  EXPECT_EQ(c.get(table, "k"), R"({"id":{"S":"k"}})");
}

TEST_F(EngineTest, entries_of_tables_of_other_regions_are_kept_blank) {
  const Table& table = a.make(a.sessions({"a"}));
  a.put(table, "k", item({{"secret", text("stays in a")}}));
  a.ship_to(b);
  EXPECT_EQ(b.engine->find_table("sessions"), nullptr);
  EXPECT_NE(b.engine->find_anywhere("sessions"), nullptr);
  std::string all;
  const auto collect = [&](uint64_t, std::string_view packed) {
    all += packed;
    return true;
  };
  ASSERT_TRUE(b.engine->read_log(a.engine->self(), 1, 1 << 20, collect));
  EXPECT_EQ(all.find("stays in a"), all.npos);
  EXPECT_EQ(b.engine->applied(), a.engine->applied());
}

TEST_F(EngineTest, a_region_that_begins_to_keep_a_table_asks_for_its_items) {
  Table wanted = a.sessions({"a"});
  const Table& table = a.make(wanted);
  a.put(table, "k");
  a.ship_to(b);
  wanted.replicas = {"a", "b"};
  a.make(wanted);
  a.ship_to(b);
  EXPECT_EQ(b.engine->tables_to_seed(), std::set<TableId>{wanted.id});
  b.open();
  EXPECT_EQ(b.engine->tables_to_seed(), std::set<TableId>{wanted.id}) << "and does not forget to";
  ASSERT_TRUE(b.engine->apply_snapshot(wanted.id, a.records(wanted.id), a.engine->applied()));
  ASSERT_TRUE(b.engine->seeded(wanted.id, a.engine->applied()));
  EXPECT_TRUE(b.engine->tables_to_seed().empty());
  EXPECT_EQ(b.get(*b.engine->find_table("sessions"), "k"), R"({"id":{"S":"k"}})");
}

TEST_F(EngineTest, a_write_wins_against_what_a_snapshot_brought) {
  const Table& table = a.make(a.sessions());
  a.ship_to(b);
  world.jump_wall(a.node, 400ms);
  a.update(table, "k", "name", text("of a"));
  ASSERT_TRUE(b.engine->apply_snapshot(table.id, a.records(table.id), a.engine->applied()));
  b.update(*b.engine->find_table("sessions"), "k", "name", text("of b"));
  EXPECT_EQ(b.get(*b.engine->find_table("sessions"), "k"),
            R"({"id":{"S":"k"},"name":{"S":"of b"}})");

  a.update(table, "l", "name", text("of a"));
  ASSERT_TRUE(b.engine->apply_snapshot(table.id, a.records(table.id), a.engine->applied()));
  b.open();
  b.update(*b.engine->find_table("sessions"), "l", "name", text("after a restart"));
  EXPECT_EQ(b.get(*b.engine->find_table("sessions"), "l"),
            R"({"id":{"S":"l"},"name":{"S":"after a restart"}})");

  world.jump_wall(a.node, 1s);
  a.update(table, "k", "name", text("from the future"));
  const Status status =
      b.engine->apply_snapshot(table.id, a.records(table.id), a.engine->applied());
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::conflict) << "it waits, as entries of the log do";
}

TEST_F(EngineTest, what_a_piece_of_a_snapshot_shows_is_in_tokens_before_it_is_applied) {
  const Table& table = a.make(a.sessions());
  a.ship_to(b);
  a.put(table, "k");
  const Source source = a.engine->self();
  const uint64_t written = a.engine->applied().position(source);
  const auto reconcile = [&] {
    const auto records = a.records(table.id);
    return b.engine->reconcile({.table = table.id, .after = {}, .last = {}, .records = records},
                               a.engine->applied(), a.engine->shown());
  };
  ASSERT_TRUE(reconcile());
  for (int life = 0; life < 2; ++life) {
    EXPECT_EQ(b.engine->applied().position(source), written - 1) << life;
    EXPECT_EQ(b.engine->progress().applied().position(source), written - 1) << life;
    EXPECT_EQ(b.engine->shown().position(source), written) << life;
    EXPECT_EQ(b.engine->progress().shown().position(source), written) << life;
    b.open();
  }
  world.jump_wall(a.node, 400ms);
  a.update(table, "k", "name", text("of a"));
  ASSERT_TRUE(reconcile());
  b.update(*b.engine->find_table("sessions"), "k", "name", text("of b"));
  EXPECT_EQ(b.get(*b.engine->find_table("sessions"), "k"),
            R"({"id":{"S":"k"},"name":{"S":"of b"}})")
      << "a write wins";

  world.jump_wall(a.node, 1s);
  a.update(table, "k", "name", text("from the future"));
  const auto held = reconcile();
  ASSERT_FALSE(held);
  EXPECT_EQ(held.error().code, Code::conflict);
  EXPECT_EQ(b.get(*b.engine->find_table("sessions"), "k"),
            R"({"id":{"S":"k"},"name":{"S":"of b"}})");
  ASSERT_TRUE(b.engine->reach(a.engine->applied()));
  EXPECT_EQ(b.engine->shown(), b.engine->applied());
}

TEST_F(EngineTest, snapshots_that_break_off_are_counted_over_restarts_too) {
  const Source self = b.engine->self();
  ASSERT_TRUE(b.engine->begin_snapshot());
  EXPECT_EQ(b.engine->broken_off().position(self), 0u) << "it may end well yet";
  b.open();
  EXPECT_EQ(b.engine->broken_off().position(self), 1u) << "its process ended before it";
  ASSERT_TRUE(b.engine->begin_snapshot());
  b.engine->break_off_snapshot();
  EXPECT_EQ(b.engine->broken_off().position(self), 2u);
  table::Vector there;
  there.raise({7, 3, 0});
  ASSERT_TRUE(b.engine->begin_snapshot());
  ASSERT_TRUE(b.engine->reach(a.engine->applied(), {}, there));
  b.open();
  EXPECT_EQ(b.engine->broken_off().position(self), 2u) << "one that ended well is not counted";
  EXPECT_EQ(b.engine->broken_off().position(7), 3u) << "and brings what had come to its giver";
}

TEST_F(EngineTest, a_lost_value_is_in_the_journal_of_both_sides) {
  const Table& table = a.make(a.sessions());
  a.put(table, "k");
  a.ship_to(b);
  world.run_for(1s);
  a.update(table, "k", "name", text("of a"));
  world.run_for(10ms);
  b.update(*b.engine->find_table("sessions"), "k", "name", text("of b"));
  a.ship_to(b);
  b.ship_to(a);
  for (Bench* bench : {&a, &b}) {
    EXPECT_EQ(bench->get(*bench->engine->find_table("sessions"), "k"),
              R"({"id":{"S":"k"},"name":{"S":"of b"}})");
    std::vector<Lost> lost;
    const auto collect = [&](const Lost& each) {
      lost.push_back(each);
      return true;
    };
    ASSERT_TRUE(bench->engine->read_journal(0, collect));
    ASSERT_EQ(lost.size(), 1u) << bench->region_;
    EXPECT_EQ(lost[0].what.value, text("of a"));
    EXPECT_EQ(lost[0].what.kept, text("of b"));
    EXPECT_EQ(lost[0].what.lost.source, a.engine->self());
    EXPECT_EQ(lost[0].what.won.source, b.engine->self());
    EXPECT_EQ(lost[0].table_name, "sessions");
    EXPECT_EQ(json(lost[0].key), R"({"id":{"S":"k"}})");
  }
}

TEST_F(EngineTest, the_journal_is_bounded_in_bytes_and_forgets_the_oldest) {
  const Table& table = a.make(a.sessions());
  a.ship_to(b);
  const auto journaled = [&] {
    std::vector<uint64_t> sequences;
    const auto collect = [&](const Lost& each) {
      sequences.push_back(each.sequence);
      return true;
    };
    EXPECT_TRUE(b.engine->read_journal(0, collect));
    return sequences;
  };
  constexpr size_t kValueBytes = 4 << 20, kKept = Engine::kJournalBytesMax / kValueBytes - 1;
  const auto conflict = [&] {
    a.update(table, "k", "name", text(std::string(kValueBytes, 'a')));
    world.run_for(10ms);
    b.update(*b.engine->find_table("sessions"), "k", "name", text("of b"));
    a.ship_to(b);
    b.ship_to(a);
    world.run_for(1s);
  };
  for (size_t n = 0; n < kKept + 3; ++n) conflict();
  EXPECT_EQ(journaled().size(), kKept);
  EXPECT_EQ(journaled().front(), kKept + 3) << "the latest is there";
  b.open();
  conflict();
  EXPECT_EQ(journaled().size(), kKept) << "what was there before the start counts";
  EXPECT_EQ(journaled().back(), 5u);
}

// ── indexes ──

Table with_index(Table table) {
  table.indexes = {{.name = "by_user", .key = {{"user", table::Type::S}, {}}}};
  return table;
}

std::vector<std::string> indexed(Bench& bench) {
  const Table& table = *bench.engine->find_table("sessions");
  std::vector<std::string> found;
  EXPECT_TRUE(bench.engine->walk_index(table, table.indexes[0], {}, {}, false,
                                       [&](std::string_view, std::string_view key) {
                                         const auto keys = table::take_key(key, table.key);
                                         found.push_back(json(*keys));
                                         return true;
                                       }));
  return found;
}

TEST_F(EngineTest, an_index_follows_its_items) {
  const Table& table = a.make(with_index(a.sessions()));
  a.put(table, "k", item({{"user", text("u")}}));
  a.put(table, "without");
  a.put(table, "number", item({{"user", number(1)}}));
  EXPECT_EQ(indexed(a), std::vector<std::string>{R"({"id":{"S":"k"}})"});
  a.ship_to(b);
  EXPECT_EQ(indexed(b), indexed(a));
  a.update(table, "k", "user", text("v"));
  EXPECT_EQ(indexed(a).size(), 1u);
  a.erase(table, "k");
  EXPECT_TRUE(indexed(a).empty());
}

TEST_F(EngineTest, an_index_that_comes_later_is_filled_bit_by_bit) {
  Table wanted = a.sessions();
  const Table& table = a.make(wanted);
  for (int i = 0; i < 2500; ++i) a.put(table, std::to_string(i), item({{"user", text("u")}}));
  const Table& changed = a.make(with_index(wanted));
  EXPECT_TRUE(a.engine->is_filling(changed, changed.indexes[0]));
  EXPECT_TRUE(*a.engine->sweep(0));
  a.open();
  const Table& again = *a.engine->find_table("sessions");
  EXPECT_TRUE(a.engine->is_filling(again, again.indexes[0])) << "a restart goes on where it was";
  for (int turns = 0; *a.engine->sweep(0); ++turns) ASSERT_LT(turns, 10);
  EXPECT_FALSE(a.engine->is_filling(again, again.indexes[0]));
  EXPECT_EQ(indexed(a).size(), 2500u);
}

TEST_F(EngineTest, a_deleted_table_leaves_no_items) {
  Table wanted = with_index(a.sessions());
  a.put(a.make(wanted), "k", item({{"user", text("u")}}));
  a.ship_to(b);
  wanted.is_deleted = true;
  ASSERT_TRUE(a.engine->write_table(wanted));
  a.ship_to(b);
  const std::string prefix = [&] {
    std::string out;
    for (int shift = 56; shift >= 0; shift -= 8) out += char(wanted.id >> shift);
    return out;
  }();
  for (Bench* bench : {&a, &b}) {
    EXPECT_EQ(bench->engine->find_table("sessions"), nullptr);
    EXPECT_EQ(bench->count_keys(port::Keyspace::items, prefix), 0u);
    EXPECT_EQ(bench->count_keys(port::Keyspace::index, prefix), 0u);
  }
}

// ── expiry ──

Table with_ttl(Table table) {
  table.ttl_attribute = "expires";
  return table;
}

TEST_F(EngineTest, an_item_whose_time_is_over_is_invisible_and_goes_when_all_have_passed_it) {
  const Table& table = a.make(with_ttl(a.sessions()));
  a.put(table, "k", item({{"expires", number(now_s() + 10)}}));
  EXPECT_NE(a.get(table, "k"), "{}");
  world.run_for(11s);
  EXPECT_EQ(a.get(table, "k"), "{}");
  const size_t before = a.count_keys(port::Keyspace::items);
  a.engine->sweep(table::hlc_of_ms(uint64_t(now_s() - 5) * 1000));
  EXPECT_EQ(a.count_keys(port::Keyspace::items), before)
      << "another region may still have renewed it";
  a.engine->sweep(a.engine->hlc_now());
  EXPECT_EQ(a.count_keys(port::Keyspace::items), before - 1);
  EXPECT_EQ(a.count_keys(port::Keyspace::expiry), 0u);
}

TEST_F(EngineTest, a_write_to_an_expired_item_begins_it_anew) {
  const Table& table = a.make(with_ttl(a.sessions()));
  a.put(table, "k", item({{"expires", number(now_s() + 10)}, {"old", text("x")}}));
  a.ship_to(b);
  world.run_for(11s);
  a.update(table, "k", "new", text("y"));
  a.ship_to(b);
  for (Bench* bench : {&a, &b})
    EXPECT_EQ(bench->get(*bench->engine->find_table("sessions"), "k"),
              R"({"id":{"S":"k"},"new":{"S":"y"}})");
}

TEST_F(EngineTest, a_renewal_on_its_way_from_another_region_wins) {
  const Table& table = a.make(with_ttl(a.sessions()));
  a.put(table, "k", item({{"expires", number(now_s() + 10)}}));
  a.ship_to(b);
  world.run_for(9s);
  b.update(*b.engine->find_table("sessions"), "k", "expires", number(now_s() + 100));
  world.run_for(5s);
  EXPECT_EQ(a.get(table, "k"), "{}") << "not here yet";
  b.ship_to(a);
  EXPECT_NE(a.get(table, "k"), "{}");
  EXPECT_EQ(a.get(table, "k"), b.get(*b.engine->find_table("sessions"), "k"));
}

// ── traces, streams ──

TEST_F(EngineTest, removals_leave_no_trace_once_all_have_passed_them) {
  const Table& table = a.make(a.sessions());
  a.put(table, "k");
  a.erase(table, "k");
  const size_t with_trace = a.count_keys(port::Keyspace::items);
  world.run_for(1s);
  a.engine->sweep(a.engine->hlc_now());
  EXPECT_EQ(a.count_keys(port::Keyspace::items), with_trace - 1);
  EXPECT_EQ(a.count_keys(port::Keyspace::expiry), 0u);
}

TEST_F(EngineTest, a_stream_tells_what_changed_on_every_replica) {
  Table wanted = a.sessions();
  wanted.stream = table::StreamView::new_and_old_images;
  const Table& table = a.make(wanted);
  a.put(table, "k", item({{"n", number(1)}}));
  a.update(table, "k", "n", number(2));
  a.update(table, "k", "n", number(2));  // no change, no record
  a.erase(table, "k");
  a.ship_to(b);
  for (Bench* bench : {&a, &b}) {
    std::string story;
    const auto tell = [&](const StreamRecord& record) {
      constexpr const char* kNames[] = {"insert", "modify", "remove"};
      story += std::string(kNames[size_t(record.kind)]) + json(record.before) + json(record.after) +
               "\n";
      return true;
    };
    ASSERT_TRUE(bench->engine->read_stream(wanted.id, 0, Stream::kOpen, tell));
    EXPECT_EQ(story, "insert{}" R"({"id":{"S":"k"},"n":{"N":"1"}})" "\n"
                     "modify" R"({"id":{"S":"k"},"n":{"N":"1"}}{"id":{"S":"k"},"n":{"N":"2"}})" "\n"
                     "remove" R"({"id":{"S":"k"},"n":{"N":"2"}}{})" "\n");
  }
}

TEST_F(EngineTest, a_full_disk_is_an_error_and_changes_nothing) {
  const Table& table = a.make(a.sessions());
  a.put(table, "k");
  const table::Vector before = a.engine->applied();
  a.node.disk().set_full(true);
  EXPECT_FALSE(a.put(table, "l"));
  EXPECT_EQ(a.engine->applied(), before);
  a.node.disk().set_full(false);
  EXPECT_TRUE(a.put(table, "l"));
}

}  // namespace
}  // namespace sealane::state
