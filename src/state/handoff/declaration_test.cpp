// SPDX-License-Identifier: Apache-2.0
// The server's side is held by the test; handoff_sim_test.cpp has it done by a real one.
#include "state/handoff/declaration.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sealane::state {
namespace {

table::Table notes() {
  table::Table table{.name = "notes"};
  table.key.hash = {"id", table::Type::S};
  table.key.range = table::KeyAttribute{"at", table::Type::N};
  return table;
}

std::string description(std::string_view more = R"("TableStatus":"ACTIVE")",
                        std::string_view range_type = "N") {
  return fmt::format(
      R"({{"Table":{{"KeySchema":[{{"AttributeName":"id","KeyType":"HASH"}},{{"AttributeName":"at","KeyType":"RANGE"}}],)"
      R"("AttributeDefinitions":[{{"AttributeName":"at","AttributeType":"{}"}},{{"AttributeName":"id","AttributeType":"S"}}],{}}}}})",
      range_type, more);
}

std::string error(std::string_view type, std::string_view message = "m") {
  return fmt::format(R"({{"__type":"com.amazonaws.dynamodb.v20120810#{}","message":"{}"}})", type,
                     message);
}

TEST(Declarations, a_table_that_is_missing_is_created_and_looked_at) {
  table::Table wanted = notes();
  wanted.stream = table::StreamView::new_and_old_images;
  Declaration one(wanted);
  EXPECT_EQ(one.operation(), "DescribeTable");
  EXPECT_EQ(one.body(), R"({"TableName":"notes"})");
  one.answered(400, error("ResourceNotFoundException"));
  EXPECT_EQ(one.operation(), "CreateTable");
  EXPECT_EQ(
      one.body(),
      R"({"TableName":"notes","AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"},)"
      R"({"AttributeName":"at","AttributeType":"N"}],"KeySchema":[{"AttributeName":"id","KeyType":"HASH"},)"
      R"({"AttributeName":"at","KeyType":"RANGE"}],"BillingMode":"PAY_PER_REQUEST",)"
      R"("StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"}})");
  one.answered(200, "{}");
  EXPECT_EQ(one.operation(), "DescribeTable");
  one.answered(200, description(R"("TableStatus":"CREATING")"));
  EXPECT_TRUE(one.should_wait());
  EXPECT_EQ(one.trouble(), "it is CREATING");
  one.answered(200,
               description(R"("TableStatus":"ACTIVE","StreamSpecification":{"StreamEnabled":true,)"
                           R"("StreamViewType":"NEW_AND_OLD_IMAGES"})"));
  EXPECT_TRUE(one.is_done() && one.was_created());
  EXPECT_TRUE(one.trouble().empty() && one.differences().empty());
}

TEST(Declarations, a_table_that_is_there_is_left_as_it_is) {
  Declaration one(notes());
  one.answered(200, description());
  EXPECT_TRUE(one.is_done());
  EXPECT_FALSE(one.was_created());
  EXPECT_TRUE(one.differences().empty());
}

TEST(Declarations, another_key_is_told_and_never_changed) {
  Declaration one(notes());
  one.answered(200, description(R"("TableStatus":"ACTIVE")", "S"));
  EXPECT_TRUE(one.is_done());
  ASSERT_EQ(one.differences().size(), 1u);
  EXPECT_EQ(one.differences()[0],
            "the table notes has the key (id S, at S) at the endpoint and (id S, at N) in the "
            "world: name another table, or write "
            "the key that is there; what is in it is not touched");
}

TEST(Declarations, a_stream_that_is_off_is_turned_on_and_another_one_is_told) {
  table::Table wanted = notes();
  wanted.stream = table::StreamView::new_image;
  Declaration off(wanted);
  off.answered(200, description());
  EXPECT_EQ(off.operation(), "UpdateTable");
  EXPECT_EQ(
      off.body(),
      R"({"TableName":"notes","StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_IMAGE"}})");
  Declaration other(wanted);
  other.answered(
      200, description(R"("TableStatus":"ACTIVE","StreamSpecification":{"StreamEnabled":true,)"
                       R"("StreamViewType":"KEYS_ONLY"})"));
  EXPECT_TRUE(other.is_done());
  EXPECT_EQ(other.differences().size(), 1u);
}

TEST(Declarations, expiry_is_turned_on_where_it_is_off) {
  table::Table wanted = notes();
  wanted.ttl_attribute = "until";
  Declaration one(wanted);
  one.answered(200, description());
  EXPECT_EQ(one.operation(), "DescribeTimeToLive");
  one.answered(200, R"({"TimeToLiveDescription":{"TimeToLiveStatus":"DISABLED"}})");
  EXPECT_EQ(one.operation(), "UpdateTimeToLive");
  EXPECT_EQ(
      one.body(),
      R"({"TableName":"notes","TimeToLiveSpecification":{"AttributeName":"until","Enabled":true}})");
  Declaration slow = one;
  one.answered(200, "{}");
  EXPECT_TRUE(one.is_done());
  slow.answered(400, error("ValidationException", "TimeToLive is already enabled"));
  EXPECT_TRUE(slow.should_wait()) << "another node was quicker";
  EXPECT_EQ(slow.operation(), "DescribeTimeToLive");
  slow.answered(
      200, R"({"TimeToLiveDescription":{"TimeToLiveStatus":"ENABLED","AttributeName":"until"}})");
  EXPECT_TRUE(slow.is_done() && slow.differences().empty());
}

TEST(Declarations, expiry_by_another_attribute_or_none_at_all_is_told) {
  table::Table wanted = notes();
  wanted.ttl_attribute = "until";
  Declaration other(wanted);
  other.answered(200, description());
  Declaration none = other;
  other.answered(200,
                 R"({"TimeToLiveDescription":{"TimeToLiveStatus":"ENABLED","AttributeName":"x"}})");
  EXPECT_TRUE(other.is_done());
  EXPECT_EQ(other.differences().size(), 1u);
  none.answered(400, error("UnknownOperationException"));
  EXPECT_TRUE(none.is_done());
  ASSERT_EQ(none.differences().size(), 1u);
  EXPECT_EQ(
      none.differences()[0],
      "the server at the endpoint does not expire items: those of the table notes stay when their "
      "until has come");
}

TEST(Declarations, two_nodes_at_a_time_make_one_table) {
  Declaration one(notes());
  one.answered(400, error("ResourceNotFoundException"));
  one.answered(400, error("ResourceInUseException"));
  EXPECT_TRUE(one.should_wait());
  EXPECT_EQ(one.operation(), "DescribeTable");
  one.answered(200, description());
  EXPECT_TRUE(one.is_done());
}

TEST(Declarations, what_may_pass_is_asked_again) {
  Declaration one(notes());
  for (const auto& [status, body] : std::initializer_list<std::pair<uint16_t, std::string>>{
           {500, error("InternalServerError")},
           {400, error("ThrottlingException", "slow down")},
           {503, "<html>"},
           {200, "[]"},
           {200, "{\"Table\":1}"},
           {200, ""},
           {301, ""}}) {
    one.answered(status, body);
    EXPECT_TRUE(one.should_wait()) << body;
    EXPECT_FALSE(one.trouble().empty()) << body;
    EXPECT_EQ(one.operation(), "DescribeTable");
  }
  one.failed("refused");
  EXPECT_EQ(one.trouble(), "refused");
  one.answered(200, description());
  EXPECT_TRUE(one.is_done());
  EXPECT_EQ(one.trouble(), "");
}

}  // namespace
}  // namespace sealane::state
