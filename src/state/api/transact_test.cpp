// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "state/api/bench_test.h"
#include "state/recent_transactions.h"

namespace sealane::state::api {
namespace {

std::string put(std::string_view id, std::string_view more = "", std::string_view condition = "") {
  return R"({"Put":{"TableName":"sessions","Item":{"id":{"S":")" + std::string(id) + R"("})" +
         std::string(more) + "}" +
         (condition.empty() ? "" : R"(,"ConditionExpression":")" + std::string(condition) + "\"") +
         "}}";
}
std::string items(std::initializer_list<std::string> parts) {
  std::string out = R"({"TransactItems":[)";
  for (const std::string& part : parts) out += (out.back() == '[' ? "" : ",") + part;
  return out + "]";
}

TEST(Transactions, all_of_it_or_nothing) {
  Bench bench;
  bench.make_sessions();
  bench.put(R"("id":{"S":"b"},"n":{"N":"1"})");
  EXPECT_EQ(
      bench.run("TransactWriteItems",
                items({put("a"), put("b", "", "attribute_not_exists(id)")}) + "}"),
      "TransactionCanceledException: Transaction cancelled, please refer cancellation reasons for "
      "specific reasons [None, "
      R"(ConditionalCheckFailed],"CancellationReasons":[{"Code":"None"},{"Code":"ConditionalCheckFailed",)"
      R"("Message":"The conditional request failed"}])");
  EXPECT_EQ(bench.get("a"), "{}");
  const std::string check = R"({"ConditionCheck":{"TableName":"sessions","Key":{"id":{"S":"b"}},
    "ConditionExpression":"n = :n","ExpressionAttributeValues":{":n":{"N":"1"}}}})";
  const std::string update =
      R"({"Update":{"TableName":"sessions","Key":{"id":{"S":"c"}},"UpdateExpression":"SET x = :n",
    "ExpressionAttributeValues":{":n":{"N":"1"}}}})";
  EXPECT_EQ(bench.run("TransactWriteItems", items({put("a"), check, update}) + "}"), "{}");
  EXPECT_EQ(bench.get("a"), R"({"Item":{"id":{"S":"a"}}})");
  EXPECT_EQ(bench.get("c"), R"({"Item":{"id":{"S":"c"},"x":{"N":"1"}}})");
}

TEST(Transactions, the_old_item_comes_with_the_reason_when_asked_for) {
  Bench bench;
  bench.make_sessions();
  bench.put(R"("id":{"S":"b"},"n":{"N":"1"})");
  const std::string remove =
      R"j({"Delete":{"TableName":"sessions","Key":{"id":{"S":"b"}},"ConditionExpression":
    "attribute_not_exists(n)","ReturnValuesOnConditionCheckFailure":"ALL_OLD"}})j";
  EXPECT_EQ(
      bench.run("TransactWriteItems", items({remove}) + "}"),
      "TransactionCanceledException: Transaction cancelled, please refer cancellation reasons for "
      "specific reasons "
      R"([ConditionalCheckFailed],"CancellationReasons":[{"Code":"ConditionalCheckFailed","Message":)"
      R"("The conditional request failed","Item":{"id":{"S":"b"},"n":{"N":"1"}}}])");
}

TEST(Transactions, a_part_that_does_not_fit_its_table_is_a_reason) {
  Bench bench;
  bench.make_sessions();
  const std::string wrong = R"({"Put":{"TableName":"sessions","Item":{"id":{"N":"1"}}}})";
  EXPECT_EQ(
      bench.run("TransactWriteItems", items({put("a"), wrong}) + "}"),
      "TransactionCanceledException: Transaction cancelled, please refer cancellation reasons for "
      "specific reasons [None, "
      R"(ValidationError],"CancellationReasons":[{"Code":"None"},{"Code":"ValidationError","Message":)"
      R"("One or more parameter values were invalid: Type mismatch for key id expected: S actual: N"}])");
  const std::string nowhere = R"({"Put":{"TableName":"nowhere","Item":{"id":{"S":"1"}}}})";
  EXPECT_EQ(bench.run("TransactWriteItems", items({put("a"), nowhere}) + "}"),
            "ResourceNotFoundException: Requested resource not found");
  EXPECT_EQ(
      bench.run("TransactWriteItems", items({put("a"), put("a")}) + "}"),
      "ValidationException: Transaction request cannot include multiple operations on one item");
  EXPECT_EQ(bench.get("a"), "{}");
}

TEST(Transactions, a_token_is_done_once_for_ten_minutes) {
  Bench bench;
  bench.make_sessions();
  const std::string add =
      R"({"Update":{"TableName":"sessions","Key":{"id":{"S":"a"}},"UpdateExpression":"ADD n :n",
    "ExpressionAttributeValues":{":n":{"N":"1"}}}})";
  const std::string once = items({add}) + R"(,"ClientRequestToken":"t1"})";
  EXPECT_EQ(bench.run("TransactWriteItems", once), "{}");
  const Position written = bench.last.written;
  EXPECT_EQ(bench.run("TransactWriteItems", once), "{}");
  EXPECT_EQ(bench.last.written, written);
  EXPECT_EQ(bench.get("a"), R"({"Item":{"id":{"S":"a"},"n":{"N":"1"}}})");
  EXPECT_EQ(bench.run("TransactWriteItems", items({put("b")}) + R"(,"ClientRequestToken":"t1"})"),
            "IdempotentParameterMismatchException: Cannot reuse an idempotent token with different "
            "parameters within the "
            "idempotency window");
  bench.later_ms = RecentTransactions::kKeptMs;
  EXPECT_EQ(bench.run("TransactWriteItems", once), "{}");
  EXPECT_EQ(bench.get("a"), R"({"Item":{"id":{"S":"a"},"n":{"N":"2"}}})");
}

std::string add_one(std::string_view token) {
  return items(
             {R"({"Update":{"TableName":"sessions","Key":{"id":{"S":"a"}},)"
              R"("UpdateExpression":"ADD n :n","ExpressionAttributeValues":{":n":{"N":"1"}}}})"}) +
         R"(,"ClientRequestToken":")" + std::string(token) + R"("})";
}

TEST(Transactions, a_token_is_done_once_though_the_node_restarts) {
  Bench bench;
  bench.make_sessions();
  EXPECT_EQ(bench.run("TransactWriteItems", add_one("t1")), "{}");
  const Position written = bench.last.written;
  bench.open();
  EXPECT_EQ(bench.run("TransactWriteItems", add_one("t1")), "{}");
  EXPECT_EQ(bench.last.written, written);
  EXPECT_EQ(bench.get("a"), R"({"Item":{"id":{"S":"a"},"n":{"N":"1"}}})");
  EXPECT_TRUE(bench.run("TransactWriteItems", items({put("b")}) + R"(,"ClientRequestToken":"t1"})")
                  .starts_with("IdempotentParameterMismatchException"));
}

// Its conditions held when it was done; they need not when it is asked for again.
TEST(Transactions, so_is_the_token_of_one_that_wrote_nothing) {
  Bench bench;
  bench.make_sessions();
  const std::string check =
      items({R"j({"ConditionCheck":{"TableName":"sessions","Key":{"id":{"S":"a"}},)j"
             R"j("ConditionExpression":"attribute_not_exists(id)"}})j"}) +
      R"(,"ClientRequestToken":"t1"})";
  EXPECT_EQ(bench.run("TransactWriteItems", check), "{}");
  EXPECT_EQ(bench.last.written, Position{});
  bench.put(R"("id":{"S":"a"})");
  EXPECT_EQ(bench.run("TransactWriteItems", check), "{}");
  bench.open();
  EXPECT_EQ(bench.run("TransactWriteItems", check), "{}");
}

TEST(Transactions, tokens_are_forgotten_by_the_sweep_in_the_store_too) {
  Bench bench;
  bench.make_sessions();
  for (int i = 0; i < 3; ++i) bench.run("TransactWriteItems", add_one(std::to_string(i)));
  ASSERT_TRUE(bench.engine->sweep(0));
  EXPECT_EQ(bench.engine->recent_transactions().size(), 3u);
  bench.world.run_for(std::chrono::milliseconds(RecentTransactions::kKeptMs));
  ASSERT_TRUE(bench.engine->sweep(0));
  EXPECT_EQ(bench.engine->recent_transactions().size(), 0u);
  bench.open();
  EXPECT_EQ(bench.engine->recent_transactions().size(), 0u);
}

TEST(Transactions, the_order_of_members_and_of_sets_makes_no_other_request) {
  Bench bench;
  bench.make_sessions();
  const auto ask = [&](std::string_view item) {
    return bench.run("TransactWriteItems", items({R"({"Put":{"TableName":"sessions","Item":{)" +
                                                  std::string(item) + "}}}"}) +
                                               R"(,"ClientRequestToken":"t1"})");
  };
  EXPECT_EQ(ask(R"("id":{"S":"a"},"s":{"SS":["x","y"]},"l":{"L":[{"S":"x"},{"S":"y"}]})"), "{}");
  EXPECT_EQ(ask(R"("l":{"L":[{"S":"x"},{"S":"y"}]},"s":{"SS":["y","x"]},"id":{"S":"a"})"), "{}");
  for (const std::string_view other :
       {R"("id":{"S":"a"},"s":{"SS":["x","y"]},"l":{"L":[{"S":"y"},{"S":"x"}]})",
        R"("id":{"S":"a"},"s":{"SS":["x","z"]},"l":{"L":[{"S":"x"},{"S":"y"}]})",
        R"("id":{"S":"a"},"l":{"SS":["x","y"]},"s":{"L":[{"S":"x"},{"S":"y"}]})",
        R"("id":{"S":"a"},"s":{"SS":["x","y"]})"}) {
    EXPECT_TRUE(ask(other).starts_with("IdempotentParameterMismatchException")) << other;
  }
}

TEST(RecentTransactions, the_oldest_are_forgotten_first) {
  RecentTransactions recent;
  const auto done = [](uint64_t token, uint64_t ms) {
    return RecentTransactions::Done{.once = {.token = token}, .hlc = table::hlc_of_ms(ms)};
  };
  recent.add(done(1, 1));
  recent.add(done(2, 2));
  recent.add(done(1, 3));
  EXPECT_FALSE(recent.is_oldest_over(RecentTransactions::kKeptMs));
  EXPECT_TRUE(recent.is_oldest_over(1 + RecentTransactions::kKeptMs));
  recent.forget_oldest();
  ASSERT_NE(recent.find(1, 4), nullptr) << "it has come again";
  EXPECT_EQ(recent.find(1, 4)->hlc, table::hlc_of_ms(3));
  recent.forget_oldest();
  EXPECT_EQ(recent.find(2, 4), nullptr);
  recent.forget_oldest();
  EXPECT_EQ(recent.find(1, 4), nullptr);
  EXPECT_EQ(recent.size(), 0u);
}

TEST(Transactions, gets_answer_in_the_order_asked) {
  Bench bench;
  bench.make_sessions();
  bench.put(R"("id":{"S":"a"},"n":{"N":"1"},"m":{"N":"2"})");
  const auto get = [](std::string_view id, std::string_view more = "") {
    return R"({"Get":{"TableName":"sessions","Key":{"id":{"S":")" + std::string(id) + R"("}})" +
           std::string(more) + "}}";
  };
  EXPECT_EQ(bench.run("TransactGetItems",
                      items({get("none"), get("a", R"(,"ProjectionExpression":"n")")}) + "}"),
            R"({"Responses":[{},{"Item":{"n":{"N":"1"}}}]})");
  EXPECT_EQ(
      bench.run("TransactGetItems", items({get("a")}) + R"(,"ReturnConsumedCapacity":"TOTAL"})"),
      R"({"Responses":[{"Item":{"id":{"S":"a"},"m":{"N":"2"},"n":{"N":"1"}}}],)"
      R"("ConsumedCapacity":[{"TableName":"sessions","CapacityUnits":2.0}]})");
}

TEST(Transactions, four_megabytes_fit_and_more_do_not) {
  Bench bench;
  bench.make_sessions();
  constexpr std::string_view kTooLarge =
      "ValidationException: Transaction request cannot exceed 4 MB";
  const std::string text(380 << 10, 'x');
  const auto all = [&](int count, auto part) {
    std::string out = R"({"TransactItems":[)";
    for (int i = 0; i < count; ++i) out += (i > 0 ? "," : "") + part("k" + std::to_string(i));
    return out + "]}";
  };
  const auto put_text = [&](const std::string& id) {
    return put(id, R"(,"x":{"S":")" + text + "\"}");
  };
  const auto set_text = [&](const std::string& id) {
    return R"({"Update":{"TableName":"sessions","Key":{"id":{"S":")" + id +
           R"("}},"UpdateExpression":"SET x = :x","ExpressionAttributeValues":{":x":{"S":")" +
           text + R"("}}}})";
  };
  // An update counts by what comes out of it.
  const auto touch = [](const std::string& id) {
    return R"({"Update":{"TableName":"sessions","Key":{"id":{"S":")" + id +
           R"("}},"UpdateExpression":"SET y = :y","ExpressionAttributeValues":{":y":{"S":"y"}}}})";
  };
  const auto get = [](const std::string& id) {
    return R"({"Get":{"TableName":"sessions","Key":{"id":{"S":")" + id +
           R"("}},"ProjectionExpression":"id"}})";
  };
  EXPECT_EQ(bench.run("TransactWriteItems", all(11, set_text)), kTooLarge);
  EXPECT_EQ(bench.get("k0"), "{}");
  EXPECT_EQ(bench.run("TransactWriteItems", all(11, put_text)), kTooLarge);
  EXPECT_EQ(bench.run("TransactWriteItems", all(10, set_text)), "{}");
  bench.put(R"("id":{"S":"k10"},"x":{"S":")" + text + "\"}");
  EXPECT_TRUE(bench.run("TransactGetItems", all(10, get)).starts_with("{"));
  EXPECT_EQ(bench.run("TransactGetItems", all(11, get)), kTooLarge);
  EXPECT_EQ(bench.run("TransactWriteItems", all(10, touch)), "{}");
  EXPECT_EQ(bench.run("TransactWriteItems", all(11, touch)), kTooLarge);
}

TEST(Transactions, an_item_is_asked_for_once) {
  Bench bench;
  bench.make_sessions();
  const std::string get = R"({"Get":{"TableName":"sessions","Key":{"id":{"S":"a"}}}})";
  EXPECT_EQ(
      bench.run("TransactGetItems", items({get, get}) + "}"),
      "ValidationException: Transaction request cannot include multiple operations on one item");
}

TEST(Transactions, a_hundred_parts_fit_and_one_more_does_not) {
  Bench bench;
  bench.make_sessions();
  const auto many = [](int count) {
    std::string out = R"({"TransactItems":[)";
    for (int i = 0; i < count; ++i) out += (i > 0 ? "," : "") + put(std::to_string(i));
    return out + "]}";
  };
  EXPECT_EQ(bench.run("TransactWriteItems", many(100)), "{}");
  EXPECT_NE(bench.run("TransactWriteItems", many(101))
                .find("Member must have length less than or equal to 100"),
            std::string::npos);
}

// ── batches ──

TEST(Batches, writes_and_reads_of_many_tables) {
  Bench bench;
  bench.make_sessions();
  bench.make_turns();
  EXPECT_EQ(bench.run("BatchWriteItem", R"({"RequestItems":{
              "sessions":[{"PutRequest":{"Item":{"id":{"S":"a"},"x":{"N":"1"}}}},{"DeleteRequest":{"Key":{"id":{"S":"b"}}}}],
              "turns":[{"PutRequest":{"Item":{"thread":{"S":"t"},"n":{"N":"1"}}}}]}})"),
            R"({"UnprocessedItems":{}})");
  EXPECT_EQ(
      bench.run("BatchGetItem", R"({"RequestItems":{
              "sessions":{"Keys":[{"id":{"S":"b"}},{"id":{"S":"a"}}],"ProjectionExpression":"x"},
              "turns":{"Keys":[{"thread":{"S":"t"},"n":{"N":"1.0"}}]}},"ReturnConsumedCapacity":"TOTAL"})"),
      R"({"Responses":{"sessions":[{"x":{"N":"1"}}],"turns":[{"n":{"N":"1"},"thread":{"S":"t"}}]},"UnprocessedKeys":{},)"
      R"("ConsumedCapacity":[{"TableName":"sessions","CapacityUnits":1.0},{"TableName":"turns","CapacityUnits":0.5}]})");
}

TEST(Batches, what_is_wrong_is_told_in_the_words_of_aws) {
  Bench bench;
  bench.make_sessions();
  const auto writes = [](int count) {
    std::string out = R"({"RequestItems":{"sessions":[)";
    for (int i = 0; i < count; ++i) {
      out += (i > 0 ? "," : "") +
             (R"({"PutRequest":{"Item":{"id":{"S":")" + std::to_string(i) + R"("}}}})");
    }
    return out + "]}}";
  };
  const auto gets = [](int count) {
    std::string out = R"({"RequestItems":{"sessions":{"Keys":[)";
    for (int i = 0; i < count; ++i)
      out += (i > 0 ? "," : "") + (R"({"id":{"S":")" + std::to_string(i) + R"("}})");
    return out + "]}}}";
  };
  EXPECT_EQ(bench.run("BatchWriteItem", writes(25)), R"({"UnprocessedItems":{}})");
  EXPECT_NE(bench.run("BatchWriteItem", writes(26))
                .find("Member must have length less than or equal to 25"),
            std::string::npos);
  EXPECT_TRUE(bench.run("BatchGetItem", gets(100)).starts_with("{"));
  EXPECT_NE(bench.run("BatchGetItem", gets(101))
                .find("Member must have length less than or equal to 100"),
            std::string::npos);
  EXPECT_EQ(bench.run("BatchWriteItem",
                      R"({"RequestItems":{"sessions":[{"DeleteRequest":{"Key":{"id":{"S":"a"}}}},
                                            {"PutRequest":{"Item":{"id":{"S":"a"}}}}]}})"),
            "ValidationException: Provided list of item keys contains duplicates");
  EXPECT_EQ(
      bench.run("BatchGetItem",
                R"({"RequestItems":{"sessions":{"Keys":[{"id":{"S":"a"}},{"id":{"S":"a"}}]}}})"),
      "ValidationException: Provided list of item keys contains duplicates");
  EXPECT_EQ(
      bench.run("BatchWriteItem",
                R"({"RequestItems":{"sessions":[{"PutRequest":{"Item":{"id":{"N":"1"}}}}]}})"),
      "ValidationException: The provided key element does not match the schema");
  EXPECT_EQ(bench.run("BatchGetItem", R"({"RequestItems":{}})"),
            "ValidationException: 1 validation error detected: Value '{}' at 'requestItems' failed "
            "to satisfy constraint: Member "
            "must have length greater than or equal to 1");
  EXPECT_EQ(
      bench.run("BatchWriteItem",
                R"({"RequestItems":{"nowhere":[{"DeleteRequest":{"Key":{"id":{"S":"a"}}}}]}})"),
      "ResourceNotFoundException: Requested resource not found");
}

TEST(Batches, what_does_not_fit_into_16_mib_is_left_to_be_asked_again) {
  Bench bench;
  bench.make_sessions();
  const std::string text(399 * 1024, 'x');
  std::string keys;
  for (int i = 0; i < 50; ++i) {
    bench.put(R"("id":{"S":")" + std::to_string(i) + R"("},"x":{"S":")" + text + "\"}");
    keys += (i > 0 ? "," : "") + (R"({"id":{"S":")" + std::to_string(i) + R"("}})");
  }
  const std::string json = bench.run("BatchGetItem", R"({"RequestItems":{"sessions":{"Keys":[)" +
                                                         keys + R"(],"ConsistentRead":true}}})");
  EXPECT_LT(json.size(), 17u << 20);
  EXPECT_EQ(json.substr(json.find("\"UnprocessedKeys\"")).substr(0, 60),
            R"("UnprocessedKeys":{"sessions":{"Keys":[{"id":{"S":"41"}},{"i)");
  EXPECT_NE(json.find(R"("ConsistentRead":true)"), std::string::npos);
}

}  // namespace
}  // namespace sealane::state::api
