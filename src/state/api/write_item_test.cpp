// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "state/api/bench_test.h"

namespace sealane::state::api {
namespace {

TEST(WriteItem, what_was_put_is_got) {
  Bench bench;
  bench.make_sessions();
  EXPECT_EQ(
      bench.put(R"("id":{"S":"a"},"n":{"N":"01.50"},"l":{"L":[{"BOOL":true},{"NULL":true}]})"),
      "{}");
  EXPECT_NE(bench.last.written.position, 0u);
  EXPECT_EQ(bench.get("a"),
            R"({"Item":{"id":{"S":"a"},"l":{"L":[{"BOOL":true},{"NULL":true}]},"n":{"N":"1.5"}}})");
  EXPECT_EQ(bench.get("b"), "{}");
  bench.open();
  EXPECT_EQ(bench.get("a"),
            R"({"Item":{"id":{"S":"a"},"l":{"L":[{"BOOL":true},{"NULL":true}]},"n":{"N":"1.5"}}})");
}

TEST(WriteItem, a_get_with_a_projection_gives_only_that) {
  Bench bench;
  bench.make_sessions();
  bench.put(R"("id":{"S":"a"},"m":{"M":{"x":{"N":"1"},"y":{"N":"2"}}},"z":{"N":"3"})");
  EXPECT_EQ(
      bench.run("GetItem",
                R"({"TableName":"sessions","Key":{"id":{"S":"a"}},"ProjectionExpression":"#m.y",
                                     "ExpressionAttributeNames":{"#m":"m"}})"),
      R"({"Item":{"m":{"M":{"y":{"N":"2"}}}}})");
  EXPECT_EQ(bench.run("GetItem",
                      R"({"TableName":"sessions","Key":{"id":{"S":"a"}},"AttributesToGet":["z"]})"),
            R"({"Item":{"z":{"N":"3"}}})");
}

TEST(WriteItem, values_are_returned_as_asked) {
  Bench bench;
  bench.make_sessions();
  const auto update = [&](std::string_view expression, std::string_view returns) {
    return bench.run("UpdateItem",
                     R"({"TableName":"sessions","Key":{"id":{"S":"a"}},"UpdateExpression":")" +
                         std::string(expression) +
                         R"(","ExpressionAttributeValues":{":v":{"N":"1"}},)" +
                         R"("ReturnValues":")" + std::string(returns) + "\"}");
  };
  EXPECT_EQ(update("SET x = :v", "ALL_OLD"), "{}");
  EXPECT_EQ(update("ADD x :v SET y = :v", "UPDATED_NEW"),
            R"({"Attributes":{"x":{"N":"2"},"y":{"N":"1"}}})");
  EXPECT_EQ(update("ADD x :v", "UPDATED_OLD"), R"({"Attributes":{"x":{"N":"2"}}})");
  EXPECT_EQ(update("ADD x :v", "ALL_NEW"),
            R"({"Attributes":{"id":{"S":"a"},"x":{"N":"4"},"y":{"N":"1"}}})");
  EXPECT_EQ(update("ADD x :v REMOVE y", "ALL_OLD"),
            R"({"Attributes":{"id":{"S":"a"},"x":{"N":"4"},"y":{"N":"1"}}})");
  EXPECT_EQ(
      bench.run("DeleteItem",
                R"({"TableName":"sessions","Key":{"id":{"S":"a"}},"ReturnValues":"ALL_OLD"})"),
      R"({"Attributes":{"id":{"S":"a"},"x":{"N":"5"}}})");
  EXPECT_EQ(bench.get("a"), "{}");
}

TEST(WriteItem, an_update_that_only_removes_makes_no_item) {
  Bench bench;
  bench.make_sessions();
  EXPECT_EQ(
      bench.run("UpdateItem",
                R"({"TableName":"sessions","Key":{"id":{"S":"a"}},"UpdateExpression":"REMOVE x"})"),
      "{}");
  EXPECT_EQ(bench.get("a"), "{}");
  EXPECT_EQ(bench.run("UpdateItem", R"({"TableName":"sessions","Key":{"id":{"S":"a"}}})"), "{}");
  EXPECT_EQ(bench.get("a"), R"({"Item":{"id":{"S":"a"}}})");
}

TEST(WriteItem, a_condition_that_fails_writes_nothing) {
  Bench bench;
  bench.make_sessions();
  bench.put(R"("id":{"S":"a"},"n":{"N":"1"})");
  const std::string put = R"({"TableName":"sessions","Item":{"id":{"S":"a"},"n":{"N":"2"}},)"
                          R"j("ConditionExpression":"attribute_not_exists(id)")j";
  EXPECT_EQ(bench.run("PutItem", put + "}"),
            "ConditionalCheckFailedException: The conditional request failed");
  EXPECT_EQ(
      bench.run("PutItem", put + R"(,"ReturnValuesOnConditionCheckFailure":"ALL_OLD"})"),
      R"(ConditionalCheckFailedException: The conditional request failed,"Item":{"id":{"S":"a"},"n":{"N":"1"}})");
  EXPECT_EQ(bench.get("a"), R"({"Item":{"id":{"S":"a"},"n":{"N":"1"}}})");
  EXPECT_EQ(bench.run("PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"a"},"n":{"N":"2"}},
                                     "Expected":{"n":{"Value":{"N":"1"}}}})"), "{}");
  EXPECT_EQ(
      bench.run(
          "DeleteItem",
          R"({"TableName":"sessions","Key":{"id":{"S":"a"}},"Expected":{"n":{"Exists":false}}})"),
      "ConditionalCheckFailedException: The conditional request failed");
}

TEST(WriteItem, an_expired_item_is_as_if_it_were_not_there) {
  Bench bench;
  bench.make_sessions();
  bench.run(
      "UpdateTimeToLive",
      R"({"TableName":"sessions","TimeToLiveSpecification":{"Enabled":true,"AttributeName":"ttl"}})");
  const std::string past = std::to_string(bench.now_ms() / 1000 - 10),
                    future = std::to_string(bench.now_ms() / 1000 + 10);
  bench.put(R"("id":{"S":"old"},"ttl":{"N":")" + past + "\"}");
  bench.put(R"("id":{"S":"new"},"ttl":{"N":")" + future + "\"}");
  EXPECT_EQ(bench.get("old"), "{}");
  EXPECT_NE(bench.get("new"), "{}");
  EXPECT_NE(bench.run("Scan", R"({"TableName":"sessions"})").find(R"("Count":1)"),
            std::string::npos);
  EXPECT_EQ(bench.run("PutItem", R"j({"TableName":"sessions","Item":{"id":{"S":"old"}},
                                     "ConditionExpression":"attribute_not_exists(id)","ReturnValues":"ALL_OLD"})j"),
            "{}");
}

// Operation, request, what is answered.
struct Refusal {
  const char* operation;
  const char* json;
  const char* answer;
};

TEST(WriteItem, what_is_wrong_is_told_in_the_words_of_aws) {
  Bench bench;
  bench.make_sessions();
  bench.make_turns();
  const Refusal kRows[] = {
      {"PutItem", R"({"TableName":"x","Item":{}})",
       "ValidationException: 1 validation error detected: Value 'x' at 'tableName' failed to "
       "satisfy constraint: Member must "
       "have length greater than or equal to 3"},
      {"PutItem", R"({})",
       "ValidationException: 2 validation errors detected: Value null at 'tableName' failed to "
       "satisfy constraint: Member must "
       "not be null; Value null at 'item' failed to satisfy constraint: Member must not be null"},
      {"PutItem", R"({"TableName":5})",
       "SerializationException: NUMBER_VALUE cannot be converted to String"},
      {"PutItem", R"({"TableName":["a"]})",
       "SerializationException: Unrecognized collection type class java.lang.String"},
      {"PutItem", R"({"TableName":"sessions","Item":"a"})",
       "SerializationException: Unexpected field type"},
      {"PutItem", R"({"TableName":"nowhere","Item":{"id":{"S":"a"}}})",
       "ResourceNotFoundException: Requested resource not found"},
      {"PutItem", R"({"TableName":"sessions","Item":{"x":{"S":"a"}}})",
       "ValidationException: One or more parameter values were invalid: Missing the key id in the "
       "item"},
      {"PutItem", R"({"TableName":"sessions","Item":{"id":{"N":"1"}}})",
       "ValidationException: One or more parameter values were invalid: Type mismatch for key id "
       "expected: S actual: N"},
      {"PutItem", R"({"TableName":"sessions","Item":{"id":{"S":""}}})",
       "ValidationException: One or more parameter values are not valid. The AttributeValue for a "
       "key attribute cannot contain "
       "an empty string value. Key: id"},
      {"PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"a"}},"ReturnValues":"ALL_NEW"})",
       "ValidationException: ReturnValues can only be ALL_OLD or NONE"},
      {"PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"a"}},"ReturnValues":"SOME"})",
       "ValidationException: 1 validation error detected: Value 'SOME' at 'returnValues' failed to "
       "satisfy constraint: Member "
       "must satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]"},
      {"PutItem",
       R"({"TableName":"sessions","Item":{"id":{"S":"a"}},"ConditionExpression":"a = :v","Expected":{}})",
       "ValidationException: Can not use both expression and non-expression parameters in the same "
       "request: Non-expression "
       "parameters: {Expected} Expression parameters: {ConditionExpression}"},
      {"PutItem",
       R"({"TableName":"sessions","Item":{"id":{"S":"a"}},"ExpressionAttributeNames":{"#a":"a"}})",
       "ValidationException: ExpressionAttributeNames can only be specified when using "
       "expressions"},
      {"PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"a"}},"ConditionExpression":""})",
       "ValidationException: Invalid ConditionExpression: The expression can not be empty;"},
      {"PutItem",
       R"({"TableName":"turns","Item":{"thread":{"S":"t"},"n":{"N":"1"},"who":{"N":"1"}}})",
       "ValidationException: One or more parameter values were invalid: Type mismatch for Index "
       "Key who Expected: S Actual: N "
       "IndexName: by_who"},
      {"GetItem", R"({"TableName":"sessions","Key":{"id":{"S":"a"},"x":{"S":"a"}}})",
       "ValidationException: The provided key element does not match the schema"},
      {"UpdateItem",
       R"({"TableName":"sessions","Key":{"id":{"S":"a"}},"UpdateExpression":"SET id = :v",
                         "ExpressionAttributeValues":{":v":{"S":"b"}}})",
       "ValidationException: One or more parameter values were invalid: Cannot update attribute "
       "id. This attribute is part of "
       "the key"},
      {"UpdateItem", R"j({"TableName":"turns","Key":{"thread":{"S":"t"},"n":{"N":"1"}},
                         "UpdateExpression":"SET who = if_not_exists(x, :v)","ExpressionAttributeValues":{":v":{"N":"1"}}})j",
       "ValidationException: The update expression attempted to update the secondary index key to "
       "unsupported type"},
      {"UpdateItem",
       R"({"TableName":"sessions","Key":{"id":{"S":"a"}},"UpdateExpression":"SET x = y"})",
       "ValidationException: The provided expression refers to an attribute that does not exist in "
       "the item"},
  };
  for (const Refusal& row : kRows)
    EXPECT_EQ(bench.run(row.operation, row.json), row.answer) << row.operation << row.json;
}

TEST(WriteItem, an_item_may_have_400_kib_and_not_a_byte_more) {
  Bench bench;
  bench.make_sessions();
  const auto put = [&](size_t bytes) {
    return bench.put(R"("id":{"S":"a"},"x":{"S":")" + std::string(bytes - 4, 'x') + "\"}");
  };
  EXPECT_EQ(put(400 * 1024), "{}");
  EXPECT_EQ(put(400 * 1024 + 1),
            "ValidationException: Item size has exceeded the maximum allowed size");
  EXPECT_EQ(
      bench.run("UpdateItem",
                R"({"TableName":"sessions","Key":{"id":{"S":"a"}},"UpdateExpression":"SET y = :v",
                                        "ExpressionAttributeValues":{":v":{"NULL":true}}})"),
      "ValidationException: Item size to update has exceeded the maximum allowed size");
}

TEST(WriteItem, capacity_counts_the_larger_item_and_the_indexes_it_touched) {
  Bench bench;
  bench.make_sessions();
  bench.make_turns();
  const std::string kilo(1500, 'x');
  EXPECT_EQ(bench.run("PutItem", R"({"TableName":"sessions","Item":{"id":{"S":"a"},"x":{"S":")" +
                                     kilo + R"("}},"ReturnConsumedCapacity":"TOTAL"})"),
            R"({"ConsumedCapacity":{"TableName":"sessions","CapacityUnits":2.0}})");
  EXPECT_EQ(
      bench.run(
          "DeleteItem",
          R"({"TableName":"sessions","Key":{"id":{"S":"a"}},"ReturnConsumedCapacity":"TOTAL"})"),
      R"({"ConsumedCapacity":{"TableName":"sessions","CapacityUnits":2.0}})");
  EXPECT_EQ(
      bench.run("PutItem",
                R"({"TableName":"turns","Item":{"thread":{"S":"t"},"n":{"N":"1"},"who":{"S":"me"}},
                                     "ReturnConsumedCapacity":"INDEXES","ReturnItemCollectionMetrics":"SIZE"})"),
      R"({"ConsumedCapacity":{"TableName":"turns","CapacityUnits":3.0,"Table":{"CapacityUnits":1.0},)"
      R"("GlobalSecondaryIndexes":{"by_who":{"CapacityUnits":1.0},"who_keys":{"CapacityUnits":1.0}}},)"
      R"("ItemCollectionMetrics":{"ItemCollectionKey":{"thread":{"S":"t"}},"SizeEstimateRangeGB":[0.0,1.0]}})");
  EXPECT_EQ(
      bench.run(
          "GetItem",
          R"({"TableName":"sessions","Key":{"id":{"S":"a"}},"ReturnConsumedCapacity":"TOTAL"})"),
      R"({"ConsumedCapacity":{"TableName":"sessions","CapacityUnits":0.5}})");
}

}  // namespace
}  // namespace sealane::state::api
