// SPDX-License-Identifier: Apache-2.0
#include "host/names.h"

#include <gtest/gtest.h>

#include <optional>

#include "host/test_lane.h"

namespace sealane::host {
namespace {

using Found = std::optional<Result<std::vector<IpAddress>>>;

TEST(HostNames, an_address_is_its_own_name) {
  TestLane lane;
  HostNames names(lane.lane());
  Found found;
  names.resolve("192.0.2.7", [&](auto all) { found = std::move(all); });
  EXPECT_FALSE(found) << "never from inside";
  ASSERT_TRUE(lane.run([&] { return found.has_value(); }, 30s));
  EXPECT_EQ(found->value(), std::vector{IpAddress::v4(192, 0, 2, 7)});
}

TEST(HostNames, what_cannot_be_a_name_is_not_found) {
  TestLane lane;
  HostNames names(lane.lane());
  Found found;
  names.resolve("no such name", [&](auto all) { found = std::move(all); });
  ASSERT_TRUE(lane.run([&] { return found.has_value(); }, 30s));
  EXPECT_EQ(found->error().code, Code::not_found);
}

TEST(HostNames, one_more_than_may_be_under_way_is_refused) {
  TestLane lane;
  HostNames names(lane.lane());
  size_t limit_count = 0, answer_count = 0;
  for (size_t i = 0; i <= port::Names::kUnderWayMax; ++i) {
    names.resolve("192.0.2.7", [&](const auto& all) {
      ++answer_count;
      limit_count += !all && all.error().code == Code::limit;
    });
  }
  ASSERT_TRUE(lane.run([&] { return answer_count == port::Names::kUnderWayMax + 1; }, 30s));
  EXPECT_EQ(limit_count, 1u);
  names.resolve("192.0.2.7", [&](const auto& all) { answer_count += all ? 1 : 100; });
  ASSERT_TRUE(lane.run([&] { return answer_count == port::Names::kUnderWayMax + 2; }, 30s));
}

TEST(HostNames, what_is_not_answered_is_forgotten_at_the_end) {
  TestLane lane;
  {
    HostNames names(lane.lane());
    names.resolve("192.0.2.7", [](const auto&) { FAIL() << "it is gone"; });
  }
  bool later = false;
  ASSERT_TRUE(lane.lane().inbox.post([&] { later = true; }));
  EXPECT_TRUE(lane.run([&] { return later; }, 30s));
}

}  // namespace
}  // namespace sealane::host
