// SPDX-License-Identifier: Apache-2.0
#include "state/session.h"

#include <gtest/gtest.h>

namespace sealane::state {
namespace {

TEST(SessionTokens, come_back_as_they_were) {
  table::Vector seen;
  seen.set({7, 12, 0});
  seen.set({0xfffffff0, 1ull << 40, 0});
  const auto back = from_token(to_token(seen));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, seen);
  EXPECT_TRUE(from_token(to_token({}))->empty());
}

TEST(SessionTokens, streams_have_names_that_say_whose_they_are) {
  const std::string name = stream_session(0xabc, 0x12345678);
  EXPECT_EQ(name, "00000abc12345678");
  EXPECT_EQ(source_of_session(name), table::Source{0xabc});
  for (const std::string_view other : {"", "mcp-1", "0000zabc12345678", "00000abc123456789"})
    EXPECT_FALSE(source_of_session(other)) << other;
}

TEST(SessionTokens, of_strangers_are_refused) {
  for (const std::string_view text : {"", "A", "!", "AQ==", "AgEB", "AYCAgICAgICAgICAgIAB"}) {
    EXPECT_FALSE(from_token(text)) << text;
  }
  EXPECT_FALSE(from_token(std::string(kTokenBytesMax + 1, 'A')));
}

}  // namespace
}  // namespace sealane::state
