// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "table/expression/expression.h"
#include "table/expression/reserved_words.h"
#include "table/expression/test_values.h"
#include "table/size.h"

namespace sealane::table {
namespace {

TEST(Placeholders, unused_ones_are_named) {
  Placeholders placeholders =
      test::placeholders(R"({"#a":"a","#b":"b","#c":"c",":v":{"S":"x"},":w":{"S":"y"}})");
  EXPECT_EQ(test::told(placeholders.check_all_used()),
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b, #c}");
  ASSERT_TRUE(parse_projection("#a, #c", placeholders));
  EXPECT_EQ(test::told(placeholders.check_all_used()),
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}");
  ASSERT_TRUE(parse_condition("#b = :v", placeholders, kFilterExpression));
  EXPECT_EQ(test::told(placeholders.check_all_used()),
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}");
  ASSERT_TRUE(parse_update("SET #b = :w", placeholders));
  EXPECT_EQ(test::told(placeholders.check_all_used()), "ok");
}

TEST(Placeholders, are_a_sign_and_a_word) {
  Placeholders placeholders;
  for (std::string_view key : {"a", "#", "", ":a", "#a-b", "#a b", "# a", "#\xC3\xA9"})
    EXPECT_EQ(test::told(placeholders.add_name(key, "x")),
              "ExpressionAttributeNames contains invalid key: Syntax error; key: \"" +
                  std::string(key) + "\"");
  for (std::string_view key : {"v", ":", "#v", ":a.b"})
    EXPECT_EQ(test::told(placeholders.add_value(key, Value())),
              "ExpressionAttributeValues contains invalid key: Syntax error; key: \"" +
                  std::string(key) + "\"");
  for (std::string_view key : {"#a", "#0", "#_", "#A_1"})
    EXPECT_TRUE(placeholders.add_name(key, "x"));
}

TEST(Placeholders, have_at_most_255_bytes_and_stand_for_at_most_65535) {
  Placeholders placeholders;
  std::string longest = "#" + std::string(Placeholders::kPlaceholderBytesMax - 1, 'a');
  EXPECT_TRUE(placeholders.add_name(longest, "x"));
  // The length counts before the syntax.
  EXPECT_EQ(
      test::told(placeholders.add_name(longest + "-", "x")),
      "ExpressionAttributeNames contains invalid key: The expression attribute map contains a "
      "key that is too long; size of key: 256");
  EXPECT_EQ(
      test::told(placeholders.add_value(":" + longest, Value())),
      "ExpressionAttributeValues contains invalid key: The expression attribute map contains a "
      "key that is too long;");
  EXPECT_TRUE(placeholders.add_name("#n", std::string(kAttributeNameBytesMax, 'n')));
  EXPECT_TRUE(test::told(placeholders.add_name("#n", std::string(kAttributeNameBytesMax + 1, 'n')))
                  .contains("Member must have length less than or equal to 65535"));
  EXPECT_EQ(test::told(placeholders.add_name("#n", "")),
            "ExpressionAttributeNames contains invalid value: Empty attribute name for key #n");
}

TEST(ReservedWords, in_any_case) {
  for (std::string_view word : {"ABORT", "abort", "Name", "size", "ZONE", "SQLEXCEPTION", "user"})
    EXPECT_TRUE(is_reserved_word(word)) << word;
  for (std::string_view word : {"", "id", "pk", "names_", "a", "thread_id", "expires", "ABORTS",
                                "[BORT", "a_much_longer_word_than_any_reserved_one"})
    EXPECT_FALSE(is_reserved_word(word)) << word;
}

}  // namespace
}  // namespace sealane::table
