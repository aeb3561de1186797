// SPDX-License-Identifier: Apache-2.0
#include "main/fault_line.h"

#include <gtest/gtest.h>

namespace sealane::main {
namespace {

TEST(UpFile, says_where_faults_are_ordered) {
  const auto up = parse_up_file(
      R"({"port":40123,"token":"00ff","pid":7,"world":"/w/two.yaml","regions":{"us-east-1":{"pgid":9}}})");
  ASSERT_TRUE(up) << up.error().what;
  EXPECT_EQ(up->port, 40123);
  EXPECT_EQ(up->token, "00ff");
  EXPECT_EQ(up->world, "/w/two.yaml");
}

TEST(UpFile, what_lacks_a_port_token_or_world_is_refused) {
  for (const char* bad : {"", "[]", R"({"port":0,"token":"t","world":"w"})",
                          R"({"port":65536,"token":"t","world":"w"})", R"({"port":1,"world":"w"})",
                          R"({"port":1,"token":"t"})", R"({"port":-1,"token":"t","world":"w"})"}) {
    EXPECT_FALSE(parse_up_file(bad)) << bad;
  }
}

TEST(UpFile, a_directory_without_a_world_is_unavailable) {
  const auto up = read_up_file("/nonexistent/sealane");
  ASSERT_FALSE(up);
  EXPECT_EQ(up.error().code, Code::unavailable);
  EXPECT_NE(up.error().what.find("sealane up"), std::string::npos) << up.error().what;
}

}  // namespace
}  // namespace sealane::main
