// SPDX-License-Identifier: Apache-2.0
#include "host/group_sync.h"

#include <gtest/gtest.h>

#include <atomic>
#include <semaphore>

#include "host/test_lane.h"

namespace sealane::host {
namespace {

// A disk that syncs when the test lets it.
struct SlowDisk {
  std::counting_semaphore<64> begun{0}, may_end{0};
  std::atomic<bool> fails{false};
  std::atomic<int> count{0};
  Status sync() {
    ++count;
    begun.release();
    may_end.acquire();
    if (fails) return fail(Code::unavailable, "broken");
    return {};
  }
};

TEST(GroupSync, who_comes_during_a_sync_shares_the_next_one) {
  TestLane lane;
  SlowDisk disk;
  GroupSync sync([&] { return disk.sync(); }, lane.lane());
  std::string order;
  const auto add = [&](char name) {
    sync.add([&order, name](const Status& status) {
      EXPECT_TRUE(status);
      order += name;
    });
  };
  add('a');
  disk.begun.acquire();
  for (const char name : {'b', 'c', 'd'}) add(name);
  disk.may_end.release();
  ASSERT_TRUE(lane.run([&] { return order == "a"; }, 5s));
  disk.begun.acquire();
  add('e');
  disk.may_end.release();
  ASSERT_TRUE(lane.run([&] { return order == "abcd"; }, 5s));
  disk.may_end.release();
  ASSERT_TRUE(lane.run([&] { return order == "abcde"; }, 5s));
  EXPECT_EQ(disk.count, 3);
  EXPECT_EQ(lane.registry.sum("sealane_store_syncs_total"), 3u);
  EXPECT_EQ(lane.registry.sum("sealane_store_sync_callers_total"), 5u);
}

TEST(GroupSync, after_a_failure_nobody_is_told_that_all_is_well) {
  TestLane lane;
  SlowDisk disk;
  GroupSync sync([&] { return disk.sync(); }, lane.lane());
  int failed_count = 0;
  const auto add = [&] { sync.add([&](const Status& status) { failed_count += !status; }); };
  EXPECT_TRUE(sync.health());
  disk.fails = true;
  disk.may_end.release();
  add();
  ASSERT_TRUE(lane.run([&] { return failed_count == 1; }, 5s));
  EXPECT_FALSE(sync.health());
  disk.fails = false;
  add();
  ASSERT_TRUE(lane.run([&] { return failed_count == 2; }, 5s));
  EXPECT_EQ(disk.count, 1) << "the disk is not asked again";
}

TEST(GroupSync, a_full_inbox_delays_the_answer_and_loses_none) {
  TestLane lane;
  SlowDisk disk;
  int answered_count = 0;
  GroupSync sync([&] { return disk.sync(); }, lane.lane());
  size_t posted_count = 0;
  while (lane.lane().inbox.post([] {})) ++posted_count;
  EXPECT_EQ(posted_count, port::Inbox::kMax);
  sync.add([&](const Status&) { ++answered_count; });
  disk.begun.acquire();
  disk.may_end.release();
  ASSERT_TRUE(lane.run([&] { return answered_count == 1; }, 5s));
}

}  // namespace
}  // namespace sealane::host
