// SPDX-License-Identifier: Apache-2.0
// Transactions that are done once: what a node knows of those that others have done, and how much
// of it is kept.
#include <gtest/gtest.h>

#include "state/engine_bench_test.h"
#include "state/keyspace.h"

namespace sealane::state {
namespace {

constexpr table::Once kOnce{.token = 7, .request = 8};

Result<Position> put_once(Bench& bench, const Table& table, std::string_view id,
                          const table::Once& once = kOnce) {
  ItemWrite write{.table = &table,
                  .key = bench.key(id),
                  .delta = put_delta(item({{"id", text(id)}}), bench.engine->next_stamp())};
  return bench.engine->commit(std::span(&write, 1), nullptr, &once);
}

const RecentTransactions::Done* find(const Bench& bench, uint64_t token) {
  return bench.engine->recent_transactions().find(token, table::ms_of(bench.engine->hlc_now()));
}

TEST(Once, who_has_the_entry_knows_what_was_done_and_keeps_it) {
  sim::World world{{}};
  Bench a(world, "a", 1), b(world, "b", 2);
  const Table& table = a.make(a.sessions());
  const auto at = put_once(a, table, "x");
  ASSERT_TRUE(at);
  a.ship_to(b);
  b.open();
  const auto* done = find(b, kOnce.token);
  ASSERT_NE(done, nullptr);
  EXPECT_EQ(done->once, kOnce);
  EXPECT_EQ((Position{done->source, done->position}), *at);
  EXPECT_EQ(find(b, 9), nullptr);
}

TEST(Once, also_who_keeps_no_copy_of_its_table_passes_it_on) {
  sim::World world{{}};
  Bench a(world, "a", 1), b(world, "b", 2), c(world, "c", 3);
  const Table& table = a.make(a.sessions({"a", "c"}));
  ASSERT_TRUE(put_once(a, table, "x"));
  a.ship_to(b);
  std::string blank;
  ASSERT_TRUE(
      b.engine->read_log(a.engine->self(), 2, 1 << 20, [&](uint64_t, std::string_view entry) {
        blank = entry;
        return true;
      }));
  std::string_view bytes = blank;
  const auto entry = table::take_packed_entry(bytes);
  ASSERT_TRUE(entry);
  EXPECT_TRUE(entry->writes.at(0).is_blank);
  EXPECT_EQ(entry->once, kOnce);
}

TEST(Once, what_is_long_over_is_not_kept_by_who_catches_up) {
  sim::World world{{}};
  Bench a(world, "a", 1), b(world, "b", 2);
  ASSERT_TRUE(put_once(a, a.make(a.sessions()), "x"));
  world.run_for(std::chrono::milliseconds(RecentTransactions::kKeptMs));
  a.ship_to(b);
  EXPECT_EQ(b.engine->recent_transactions().size(), 0u);
  EXPECT_EQ(b.count_keys(port::Keyspace::expiry), 0u);
}

TEST(Once, only_so_many_are_kept) {
  sim::World world{{}};
  Bench a(world, "a", 1);
  const Table table = a.make(a.sessions());
  const uint64_t now_ms = table::ms_of(a.engine->hlc_now());
  const auto batch = a.store->batch();
  for (size_t i = 0; i < RecentTransactions::kMax; ++i)
    batch->put(port::Keyspace::expiry, keyspace::done(table::hlc_of_ms(now_ms) + i, 100 + i),
               std::string(20, '\0'));
  ASSERT_TRUE(a.store->write(*batch));
  a.open();
  EXPECT_NE(find(a, 100), nullptr);
  ASSERT_TRUE(put_once(a, table, "x"));
  EXPECT_EQ(find(a, 100), nullptr);
  EXPECT_NE(find(a, 101), nullptr);
  EXPECT_NE(find(a, kOnce.token), nullptr);
  EXPECT_EQ(a.engine->recent_transactions().size(), RecentTransactions::kMax);
  EXPECT_EQ(a.count_keys(port::Keyspace::expiry), RecentTransactions::kMax);
}

// A transaction that was not written must be done when it is asked for again.
TEST(Once, what_the_disk_refused_was_not_done) {
  sim::World world{{}};
  Bench a(world, "a", 1);
  const Table& table = a.make(a.sessions());
  a.node.disk().set_full(true);
  EXPECT_FALSE(put_once(a, table, "x"));
  EXPECT_EQ(find(a, kOnce.token), nullptr);
}

}  // namespace
}  // namespace sealane::state
