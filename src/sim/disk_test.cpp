// SPDX-License-Identifier: Apache-2.0
// The contract of port::Store on the simulated disk, and what only it can do: crashes on purpose.
#include "sim/disk.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>

#include "port/store_contract.h"
#include "sim/world.h"

namespace sealane::port::contract {

struct SimStoreBench {
  sim::World world{sim::WorldOptions{.seed = 7}};
  sim::Node& node = world.add_node({.name = "n", .addresses = {IpAddress::v4(10, 0, 0, 1)}});
  std::unique_ptr<Store> opened = node.disk().open().value();
  Store& store() { return *opened; }
  bool run(const std::function<bool()>& done, Duration max) {
    return world.run_until(done, world.now() + max);
  }
  void close() { opened.reset(); }
  void reopen() {
    close();
    opened = node.disk().open().value();
  }
  void restore(const std::string& where) {
    close();
    ASSERT_TRUE(node.disk().restore(where));
    opened = node.disk().open().value();
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sim, StoreContract, SimStoreBench);

}  // namespace sealane::port::contract

namespace sealane::sim {
namespace {

using port::Keyspace;

struct OneNode {
  World world;
  Node& node = world.add_node({.name = "n", .addresses = {IpAddress::v4(10, 0, 0, 1)}});
  std::unique_ptr<port::Store> store = node.disk().open().value();
  explicit OneNode(uint64_t seed) : world({.seed = seed}) {}
  Status write(uint64_t n) {
    const auto batch = store->batch();
    batch->put(Keyspace::items, std::to_string(n), "x");
    batch->put(Keyspace::meta, "last", std::to_string(n));
    if (n > 3) batch->erase(Keyspace::items, std::to_string(n - 3));
    return store->write(*batch);
  }
  void reopen() {
    world.start(node);
    store = node.disk().open().value();
  }
  // The last batch; each is whole or absent.
  uint64_t last() {
    std::string text;
    if (!*store->get(Keyspace::meta, "last", text)) return 0;
    const uint64_t last = std::stoull(text);
    for (uint64_t n = 1; n <= last + 5; ++n) {
      const bool there = n <= last && n + 3 > last;
      EXPECT_EQ(*store->get(Keyspace::items, std::to_string(n), text), there) << n << " " << last;
    }
    return last;
  }
};

TEST(Disk, a_kill_takes_a_suffix_and_never_what_was_flushed) {
  std::set<uint64_t> kept;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    OneNode one(seed);
    for (uint64_t n = 1; n <= 10; ++n) ASSERT_TRUE(one.write(n));
    ASSERT_TRUE(one.store->flush());
    for (uint64_t n = 11; n <= 20; ++n) ASSERT_TRUE(one.write(n));
    one.world.kill(one.node);
    EXPECT_FALSE(one.write(21)) << "a dead process writes nothing";
    EXPECT_FALSE(one.store->flush());
    one.reopen();
    const uint64_t last = one.last();
    EXPECT_GE(last, 10u) << "seed " << seed;
    EXPECT_EQ(one.node.disk().lost_count(), 20 - last);
    kept.insert(last);
    one.world.kill(one.node);
    one.reopen();
    EXPECT_EQ(one.last(), last) << "what was read after a kill is with the operating system";
  }
  EXPECT_GT(kept.size(), 5u) << "more than one outcome is tried";
}

TEST(Disk, what_is_closed_is_flushed) {
  OneNode one(1);
  for (uint64_t n = 1; n <= 20; ++n) ASSERT_TRUE(one.write(n));
  one.store.reset();
  one.world.kill(one.node);
  one.reopen();
  EXPECT_EQ(one.last(), 20u);
}

TEST(Disk, a_power_cut_takes_a_suffix_and_never_what_was_synced) {
  std::set<uint64_t> kept;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    OneNode one(seed);
    for (uint64_t n = 1; n <= 10; ++n) ASSERT_TRUE(one.write(n));
    bool synced = false;
    one.store->sync([&](const Status& status) { synced = status.has_value(); });
    for (uint64_t n = 11; n <= 20; ++n) ASSERT_TRUE(one.write(n));
    ASSERT_TRUE(one.world.run_until([&] { return synced; }, one.world.now() + 1s));
    EXPECT_EQ(one.node.disk().unsynced_count(), 10u);
    one.world.power_off(one.node);
    one.reopen();
    const uint64_t last = one.last();
    EXPECT_GE(last, 10u) << "seed " << seed;
    EXPECT_EQ(one.node.disk().lost_count(), 20 - last);
    kept.insert(last);
    one.world.power_off(one.node);
    one.reopen();
    EXPECT_EQ(one.last(), last) << "what was read after a power cut is on the disk";
  }
  EXPECT_GT(kept.size(), 5u) << "more than one outcome is tried";
}

TEST(Disk, a_power_cut_in_the_middle_of_a_sync_answers_nobody) {
  OneNode one(1);
  ASSERT_TRUE(one.write(1));
  int answered_count = 0;
  one.store->sync([&](const Status&) { ++answered_count; });
  one.world.power_off(one.node);
  one.reopen();
  one.world.run_for(1s);
  EXPECT_EQ(answered_count, 0);
  EXPECT_LE(one.last(), 1u);
}

TEST(Disk, a_full_disk_refuses_and_reads_go_on) {
  OneNode one(1);
  ASSERT_TRUE(one.write(1));
  one.node.disk().set_full(true);
  const Status status = one.write(2);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, Code::unavailable);
  EXPECT_EQ(one.last(), 1u);
  one.node.disk().set_full(false);
  EXPECT_TRUE(one.write(2));
}

TEST(Disk, a_failed_sync_is_remembered_until_it_is_opened_again) {
  OneNode one(1);
  ASSERT_TRUE(one.write(1));
  one.node.disk().fail_next_sync();
  std::vector<bool> outcomes;
  const auto sync = [&] {
    one.store->sync([&](const Status& status) { outcomes.push_back(status.has_value()); });
    one.world.run_for(100ms);
  };
  sync();
  sync();
  EXPECT_EQ(outcomes, (std::vector<bool>{false, false}));
  EXPECT_FALSE(one.write(2));
  one.store.reset();
  one.store = one.node.disk().open().value();
  EXPECT_TRUE(one.write(2));
  sync();
  EXPECT_TRUE(outcomes.back());
}

TEST(Disk, one_at_a_time_has_it_open) {
  OneNode one(1);
  const auto second = one.node.disk().open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
}

TEST(Disk, a_frozen_process_hears_of_its_sync_when_it_is_thawed) {
  OneNode one(1);
  ASSERT_TRUE(one.write(1));
  int answered_count = 0;
  one.store->sync([&](const Status&) { ++answered_count; });
  one.world.freeze(one.node);
  one.world.run_for(1s);
  EXPECT_EQ(answered_count, 0);
  EXPECT_EQ(one.node.disk().unsynced_count(), 0u) << "the kernel goes on";
  one.world.thaw(one.node);
  one.world.run_for(1s);
  EXPECT_EQ(answered_count, 1);
}

}  // namespace
}  // namespace sealane::sim
