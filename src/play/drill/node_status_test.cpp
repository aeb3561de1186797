// SPDX-License-Identifier: Apache-2.0
#include "play/drill/node_status.h"

#include <gtest/gtest.h>

namespace sealane::play::drill {
namespace {

TEST(NodeStatus, is_read_as_the_admin_port_writes_it) {
  const auto status = parse_status(
      R"({"node":"127.1.0.1","region":"us-east-1","ready":true,"draining":false,"plan":"00ff","view":17,)"
      R"("endpoints":[{"id":3,"name":"x","kind":"node","region":"eu-west-1","healthy":false,"known":true,)"
      R"("last":"refused","status":0,"rtt_us":400,"since_ms":1234.5}]})");
  ASSERT_TRUE(status) << status.error().what;
  EXPECT_TRUE(status->ready);
  EXPECT_EQ(status->plan, "00ff");
  ASSERT_EQ(status->endpoints.size(), 1u);
  EXPECT_EQ(status->endpoints[0].id, 3u);
  EXPECT_FALSE(status->endpoints[0].healthy);
  EXPECT_EQ(status->endpoints[0].last, "refused");
  EXPECT_EQ(status->endpoints[0].since_ms, 1234.5);
}

TEST(NodeStatus, what_is_not_a_status_is_refused) {
  for (const char* bad : {"", "[]", "{", "{}", R"({"endpoints":{}})", R"({"endpoints":[7]})",
                          R"({"endpoints":[{"id":-1}]})", R"({"endpoints":[{"id":65536}]})"}) {
    const auto status = parse_status(bad);
    ASSERT_FALSE(status) << bad;
    EXPECT_EQ(status.error().code, Code::invalid) << bad;
  }
  EXPECT_TRUE(parse_status(R"({"endpoints":[{"id":65535}]})"));
}

}  // namespace
}  // namespace sealane::play::drill
