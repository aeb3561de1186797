// SPDX-License-Identifier: Apache-2.0
// How many items a table has: exact at any time, also after a stop, a kill and a power cut.
#include <optional>

#include "state/engine_bench_test.h"
#include "table/size.h"

namespace sealane::state {
namespace {

struct Counts : testing::Test {
  sim::World world{{}};
  Bench a{world, "a", 1};
  const Table* table() { return a.engine->find_table("sessions"); }
  Engine::Count count() { return a.engine->count(*table()); }
  // What is there, looked at one by one.
  Engine::Count truth() {
    Engine::Count all;
    EXPECT_TRUE(
        a.engine->walk_records(table()->id, {}, [&](std::string_view, std::string_view packed) {
          const auto record = table::take_packed_record(packed);
          all.item_count += uint64_t{record->exists()};
          all.bytes += table::size_bytes(*record);
          return true;
        }));
    return all;
  }
  void count_through() {
    for (int turns = 0; a.engine->is_counting(*table()); ++turns) {
      ASSERT_LT(turns, 100);
      ASSERT_TRUE(a.engine->sweep(0));
    }
  }
  void fill(int from, int to) {
    for (int i = from; i < to; ++i) a.put(*table(), std::to_string(i), item({{"n", number(i)}}));
  }
};

TEST_F(Counts, follow_every_write) {
  a.make(a.sessions());
  EXPECT_EQ(count(), Engine::Count{});
  fill(0, 10);
  a.update(*table(), "3", "more", text("bytes"));
  a.erase(*table(), "4");
  EXPECT_EQ(count().item_count, 9u);
  EXPECT_EQ(count(), truth());
}

TEST_F(Counts, an_orderly_stop_leaves_them_behind) {
  a.make(a.sessions());
  fill(0, 10);
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(a.engine->close());
    a.open();
    EXPECT_FALSE(a.engine->is_counting(*table()));
    EXPECT_EQ(count(), truth());
    if (i == 1) a.erase(*table(), "5");
    EXPECT_EQ(count(), truth());
  }
  EXPECT_EQ(count().item_count, 9u);
}

TEST_F(Counts, those_of_a_stop_are_not_believed_once_something_was_written_after_it) {
  a.make(a.sessions());
  fill(0, 10);
  ASSERT_TRUE(a.engine->close());
  a.open();
  fill(10, 15);
  a.open();  // as after kill -9
  EXPECT_TRUE(a.engine->is_counting(*table()));
  count_through();
  EXPECT_EQ(count().item_count, 15u);
  EXPECT_EQ(count(), truth());
}

TEST_F(Counts, are_exact_again_after_a_kill_whatever_is_written_meanwhile) {
  a.make(a.sessions());
  fill(1000, 6000);
  a.open();
  Dice dice(20261123);
  std::optional<int> turns;
  for (turns = 0; a.engine->is_counting(*table()); ++*turns) {
    ASSERT_LT(*turns, 100);
    for (int i = 0; i < 200; ++i) {
      const std::string id = std::to_string(1000 + dice.below(7000));
      dice.chance(0.4)
          ? (void)a.erase(*table(), id)
          : (void)a.put(*table(), id, item({{"n", number(int64_t(dice.roll() >> 20))}}));
    }
    ASSERT_TRUE(a.engine->sweep(0));
  }
  EXPECT_GT(*turns, 2) << "it is done bit by bit";
  EXPECT_EQ(count(), truth());
}

TEST_F(Counts, large_items_are_counted_a_few_at_a_time) {
  a.make(a.sessions());
  for (int i = 0; i < 8; ++i)
    a.put(*table(), std::to_string(i), item({{"b", text(std::string(300'000, 'x'))}}));
  a.open();
  ASSERT_TRUE(a.engine->sweep(0));
  EXPECT_TRUE(a.engine->is_counting(*table()));
  EXPECT_GT(count().item_count, 0u);
  EXPECT_LT(count().item_count, 8u);
  count_through();
  EXPECT_EQ(count(), truth());
}

TEST_F(Counts, a_table_that_goes_while_it_is_counted_is_not_counted_any_more) {
  Table wanted = a.sessions();
  a.make(wanted);
  fill(0, 5000);
  a.open();
  ASSERT_TRUE(*a.engine->sweep(0));
  wanted.is_deleted = true;
  ASSERT_TRUE(a.engine->write_table(wanted));
  EXPECT_FALSE(*a.engine->sweep(0));
  wanted.is_deleted = false;
  wanted.generation = 1;
  wanted.id = table::table_id(wanted.name, 1, wanted.key);
  a.make(wanted);
  fill(0, 3);
  EXPECT_FALSE(a.engine->is_counting(*table()));
  EXPECT_EQ(count().item_count, 3u);
}

}  // namespace
}  // namespace sealane::state
