// SPDX-License-Identifier: Apache-2.0
// Copies of a store: who opens one is somebody else, and knows all that the store knew.
#include "state/engine_bench_test.h"

namespace sealane::state {
namespace {

struct Copies : testing::Test {
  sim::World world{{}};
  Bench a{world, "a", 1}, b{world, "b", 2};

  const Table& table(Bench& bench) { return *bench.engine->find_table("sessions"); }
  Result<std::string> copy(Bench& bench, std::string_view name) {
    std::optional<Result<std::string>> where;
    bench.engine->copy(name, [&](Result<std::string> answer) { where = std::move(answer); });
    EXPECT_TRUE(world.run_until([&] { return where.has_value(); }, world.now() + 5s));
    return where ? *where : fail(Code::timeout, "no answer");
  }
  void restore(Bench& bench, const std::string& where) {
    bench.engine.reset();
    bench.store.reset();
    ASSERT_TRUE(bench.node.disk().restore(where));
    bench.shipped.clear();
    bench.open();
  }
};

TEST_F(Copies, who_opens_one_begins_a_log_of_its_own) {
  a.make(a.sessions());
  a.put(table(a), "k");
  const Source before = a.engine->self();
  const auto where = copy(a, "one");
  ASSERT_TRUE(where) << where.error().what;
  a.put(table(a), "later");
  const uint64_t gone_on = a.engine->applied().position(before);
  restore(a, *where);
  EXPECT_NE(a.engine->self(), before);
  EXPECT_EQ(a.engine->applied().position(before), gone_on - 1)
      << "of its old log it has what was copied";
  EXPECT_EQ(a.get(table(a), "k"), R"({"id":{"S":"k"}})");
  EXPECT_EQ(a.get(table(a), "later"), "{}");
  const auto at = a.put(table(a), "anew");
  ASSERT_TRUE(at);
  EXPECT_EQ(*at, (Position{a.engine->self(), 1}));
  const Source second = a.engine->self();
  a.open();
  EXPECT_EQ(a.engine->self(), second) << "only once";
  EXPECT_EQ(a.engine->owner_of(before)->node, "a");
}

TEST_F(Copies, the_store_that_was_copied_stays_what_it_is) {
  a.make(a.sessions());
  const Source before = a.engine->self();
  ASSERT_TRUE(copy(a, "one"));
  EXPECT_EQ(copy(a, "one").error().code, Code::conflict);
  EXPECT_EQ(copy(a, "No Name").error().code, Code::invalid);
  a.open();
  EXPECT_EQ(a.engine->self(), before);
}

TEST_F(Copies, a_death_in_the_middle_costs_a_log_and_nothing_else) {
  a.make(a.sessions());
  a.put(table(a), "k");
  const Source before = a.engine->self();
  a.engine->copy("one", [](const Result<std::string>&) {});
  a.open();
  EXPECT_NE(a.engine->self(), before);
  EXPECT_EQ(a.get(table(a), "k"), R"({"id":{"S":"k"}})");
}

TEST_F(Copies, one_can_be_used_twice_by_two_nodes) {
  a.make(a.sessions());
  a.put(table(a), "k");
  const auto where = copy(a, "one");
  restore(a, *where);
  const Source first = a.engine->self();
  restore(a, *where);
  EXPECT_NE(a.engine->self(), first);
}

TEST_F(Copies, the_old_log_is_told_to_who_has_not_read_it) {
  a.make(a.sessions());
  a.put(table(a), "k");
  const Source before = a.engine->self();
  const auto where = copy(a, "one");
  restore(a, *where);
  uint64_t read_count = 0;
  ASSERT_TRUE(
      a.engine->read_log(before, 1, 1 << 20, [&](uint64_t position, std::string_view entry) {
        EXPECT_TRUE(b.engine->apply(before, position, entry));
        ++read_count;
        return true;
      }));
  EXPECT_EQ(read_count, 2u);
  EXPECT_EQ(b.get(table(b), "k"), R"({"id":{"S":"k"}})");
}

// A piece of a snapshot, as one node gives it to another.
struct Given {
  std::vector<std::pair<std::string, std::string>> records;
  explicit Given(Bench& bench) {
    EXPECT_TRUE(bench.engine->walk_records(bench.sessions().id, {},
                                           [&](std::string_view key, std::string_view record) {
                                             records.emplace_back(key, record);
                                             return true;
                                           }));
  }
};

TEST_F(Copies, what_the_others_have_removed_and_forgotten_does_not_come_back) {
  a.make(a.sessions());
  for (int i = 0; i < 3000; ++i) a.put(table(a), std::to_string(i), item({{"n", number(i)}}));
  a.ship_to(b);
  const auto where = copy(b, "one");
  for (int i = 0; i < 3000; i += 2) a.erase(table(a), std::to_string(i));
  a.put(table(a), "new");
  a.ship_to(b);
  world.run_for(1s);
  for (int i = 0; i < 20; ++i)
    ASSERT_TRUE(a.engine->sweep(a.engine->hlc_now()));  // all have passed them
  restore(b, *where);
  b.put(table(b), "of b", item({{"n", number(1)}}));

  const Given given(a);
  std::string after;
  int steps = 0;
  while (true) {
    const auto stopped_at = b.engine->reconcile(
        {.table = a.sessions().id, .after = after, .last = {}, .records = given.records},
        a.engine->applied());
    ASSERT_TRUE(stopped_at) << stopped_at.error().what;
    ASSERT_LT(++steps, 10);
    if (!*stopped_at) break;
    after = **stopped_at;
  }
  EXPECT_GE(steps, 3) << "bit by bit";
  ASSERT_TRUE(b.engine->reach(a.engine->applied()));
  for (int i = 0; i < 3000; ++i) {
    ASSERT_EQ(b.get(table(b), std::to_string(i)), a.get(table(a), std::to_string(i))) << i;
  }
  EXPECT_EQ(b.get(table(b), "new"), R"({"id":{"S":"new"}})");
  EXPECT_EQ(b.get(table(b), "of b"), R"({"id":{"S":"of b"},"n":{"N":"1"}})")
      << "what nobody else has seen";
  EXPECT_EQ(b.engine->applied().position(a.engine->self()),
            a.engine->applied().position(a.engine->self()));
  for (int i = 0; b.engine->is_counting(table(b)); ++i) {
    ASSERT_LT(i, 20);
    ASSERT_TRUE(b.engine->sweep(0));
  }
  EXPECT_EQ(b.engine->count(table(b)).item_count, 1502u);
}

}  // namespace
}  // namespace sealane::state
