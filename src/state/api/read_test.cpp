// SPDX-License-Identifier: Apache-2.0
#include "state/api/read.h"

#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "state/api/bench_test.h"

namespace sealane::state::api {
namespace {

// The sort keys of an answer's items, in their order: "1 2 3".
std::string numbers(const std::string& json) {
  static const std::regex kNumber(R"re("n":\{"N":"(-?[0-9.]+)"\})re");
  const std::string items = json.substr(0, json.find("\"Count\""));
  std::string out;
  for (std::sregex_iterator it(items.begin(), items.end(), kNumber), end; it != end; ++it) {
    out += (out.empty() ? "" : " ") + (*it)[1].str();
  }
  return out;
}

std::string last_key(const std::string& json) {
  const size_t at = json.find("\"LastEvaluatedKey\":");
  if (at == json.npos) return "";
  const size_t begin = at + 19;
  return json.substr(begin, json.size() - begin - 1);
}

std::string query(Bench& bench, std::string_view condition, std::string_view values,
                  std::string_view more = "") {
  return bench.run("Query", R"({"TableName":"turns","KeyConditionExpression":")" +
                                std::string(condition) +
                                R"(","ExpressionAttributeValues":{":t":{"S":"t"})" +
                                std::string(values) + "}" + std::string(more) + "}");
}

struct Turns : Bench {
  Turns() {
    make_turns();
    for (const int n : {-3, 1, 2, 5, 10, 200}) {
      put_turn(n, n % 2 == 0 ? R"(,"who":{"S":"me"},"length":{"N":"7"},"text":{"S":"even"})"
                             : R"(,"who":{"S":"you"})");
    }
    run("PutItem",
        R"({"TableName":"turns","Item":{"thread":{"S":"t2"},"n":{"N":"4"},"who":{"S":"me"}}})");
  }
};

TEST(Query, key_conditions_pick_their_range) {
  Turns bench;
  const struct { const char* condition; const char* values; const char* numbers; } kRows[] = {
      {"thread = :t", "", "-3 1 2 5 10 200"},
      {"thread = :t AND n = :a", R"(,":a":{"N":"5"})", "5"},
      {"thread = :t AND n = :a", R"(,":a":{"N":"6"})", ""},
      {"thread = :t AND n < :a", R"(,":a":{"N":"5"})", "-3 1 2"},
      {"thread = :t AND n <= :a", R"(,":a":{"N":"5"})", "-3 1 2 5"},
      {"thread = :t AND n > :a", R"(,":a":{"N":"5"})", "10 200"},
      {"thread = :t AND n >= :a", R"(,":a":{"N":"5"})", "5 10 200"},
      {"n BETWEEN :a AND :b AND thread = :t", R"(,":a":{"N":"-1"},":b":{"N":"10"})", "1 2 5 10"},
  };
  for (const auto& row : kRows) {
    EXPECT_EQ(numbers(query(bench, row.condition, row.values)), row.numbers)
        << row.condition << row.values;
    std::string backwards =
        numbers(query(bench, row.condition, row.values, R"(,"ScanIndexForward":false)"));
    std::istringstream words(backwards);
    std::string reversed;
    for (std::string word; words >> word;)
      reversed = word + (reversed.empty() ? "" : " ") + reversed;
    EXPECT_EQ(reversed, row.numbers) << row.condition << " backwards";
  }
}

TEST(Query, begins_with_takes_the_strings_that_do) {
  Bench bench;
  bench.run("CreateTable", R"({"TableName":"notes","BillingMode":"PAY_PER_REQUEST",
    "AttributeDefinitions":[{"AttributeName":"p","AttributeType":"S"},{"AttributeName":"s","AttributeType":"S"}],
    "KeySchema":[{"AttributeName":"p","KeyType":"HASH"},{"AttributeName":"s","KeyType":"RANGE"}]})");
  for (const char* s : {"a", "ab", "ab\\u0000", "abc", "ac", "b"}) {
    bench.run("PutItem", R"({"TableName":"notes","Item":{"p":{"S":"1"},"s":{"S":")" +
                             std::string(s) + "\"}}}");
  }
  const auto count = [&](std::string_view start) {
    const std::string json =
        bench.run("Query", R"j({"TableName":"notes","Select":"COUNT","KeyConditionExpression":
      "p = :p AND begins_with(s, :s)","ExpressionAttributeValues":{":p":{"S":"1"},":s":{"S":")j" +
                               std::string(start) + "\"}}}");
    return json;
  };
  EXPECT_EQ(count("a"), R"({"Count":5,"ScannedCount":5})");
  EXPECT_EQ(count("ab"), R"({"Count":3,"ScannedCount":3})");
  EXPECT_EQ(count("ab\\u0000"), R"({"Count":1,"ScannedCount":1})");
  EXPECT_EQ(count("c"), R"({"Count":0,"ScannedCount":0})");
}

TEST(Query, pages_of_every_size_give_every_item_once) {
  Turns bench;
  for (const char* direction : {"true", "false"}) {
    for (int limit = 1; limit <= 7; ++limit) {
      std::string all, start;
      for (int page = 0; page < 20; ++page) {
        const std::string json =
            query(bench, "thread = :t", "",
                  R"(,"Limit":)" + std::to_string(limit) + R"(,"ScanIndexForward":)" + direction +
                      (start.empty() ? "" : ",\"ExclusiveStartKey\":" + start));
        const std::string found = numbers(json);
        if (!found.empty()) all += (all.empty() ? "" : " ") + found;
        start = last_key(json);
        if (start.empty()) break;
      }
      EXPECT_EQ(all, std::string_view(direction) == "true" ? "-3 1 2 5 10 200" : "200 10 5 2 1 -3")
          << limit;
    }
  }
}

TEST(Query, a_global_index_pages_by_both_keys) {
  Turns bench;
  const std::string request =
      R"({"TableName":"turns","IndexName":"by_who","Limit":1,"KeyConditionExpression":"who = :w",
                                  "ExpressionAttributeValues":{":w":{"S":"me"}})";
  std::string all, start;
  for (int page = 0; page < 20; ++page) {
    const std::string json = bench.run(
        "Query", request + (start.empty() ? "" : ",\"ExclusiveStartKey\":" + start) + "}");
    all += numbers(json) + "|";
    start = last_key(json);
    if (start.empty()) break;
    EXPECT_NE(start.find("thread"), std::string::npos);
    EXPECT_NE(start.find("who"), std::string::npos);
  }
  EXPECT_EQ(all, "2|4|10|200||");
}

TEST(Query, an_index_follows_its_items) {
  Turns bench;
  const auto who = [&](std::string_view name) {
    return numbers(bench.run(
        "Query", R"({"TableName":"turns","IndexName":"by_who","KeyConditionExpression":"who = :w",
      "ExpressionAttributeValues":{":w":{"S":")" +
                     std::string(name) + "\"}}}"));
  };
  EXPECT_EQ(who("you"), "-3 1 5");
  bench.run(
      "UpdateItem",
      R"({"TableName":"turns","Key":{"thread":{"S":"t"},"n":{"N":"1"}},"UpdateExpression":"SET who = :w",
                              "ExpressionAttributeValues":{":w":{"S":"them"}}})");
  bench.run(
      "UpdateItem",
      R"({"TableName":"turns","Key":{"thread":{"S":"t"},"n":{"N":"5"}},"UpdateExpression":"REMOVE who"})");
  EXPECT_EQ(who("you"), "-3");
  EXPECT_EQ(who("them"), "1");
  bench.run("DeleteItem", R"({"TableName":"turns","Key":{"thread":{"S":"t"},"n":{"N":"-3"}}})");
  EXPECT_EQ(who("you"), "");
}

TEST(Query, a_filter_counts_what_it_looked_at) {
  Turns bench;
  const std::string json =
      query(bench, "thread = :t", R"(,":e":{"S":"even"})",
            R"(,"FilterExpression":"#t = :e","ExpressionAttributeNames":{"#t":"text"},"Limit":4)");
  EXPECT_EQ(numbers(json), "2") << json;
  EXPECT_NE(json.find(R"("Count":1,"ScannedCount":4)"), std::string::npos) << json;
  EXPECT_EQ(last_key(json), R"({"n":{"N":"5"},"thread":{"S":"t"}})");
}

TEST(Query, a_local_index_fetches_what_it_does_not_hold_and_a_global_one_does_not) {
  Turns bench;
  const std::string local =
      R"({"TableName":"turns","IndexName":"by_length","KeyConditionExpression":"thread = :t",
                                "ExpressionAttributeValues":{":t":{"S":"t"}})";
  EXPECT_EQ(bench.run("Query", local + R"(,"Limit":1})").substr(0, 76),
            R"({"Items":[{"length":{"N":"7"},"n":{"N":"2"},"thread":{"S":"t"}}],"Count":1,")");
  EXPECT_NE(bench.run("Query", local + R"(,"Select":"ALL_ATTRIBUTES"})").find("even"),
            std::string::npos);
  EXPECT_NE(
      bench
          .run("Query",
               local + R"(,"ProjectionExpression":"#t","ExpressionAttributeNames":{"#t":"text"}})")
          .find("even"),
      std::string::npos);
  const std::string global =
      R"({"TableName":"turns","IndexName":"who_keys","KeyConditionExpression":"who = :w",
                                 "ExpressionAttributeValues":{":w":{"S":"me"}})";
  EXPECT_EQ(bench.run("Query", global + R"(,"Select":"ALL_ATTRIBUTES"})"),
            "ValidationException: One or more parameter values were invalid: Select type "
            "ALL_ATTRIBUTES is not supported for "
            "global secondary index who_keys because its projection type is not ALL");
  EXPECT_EQ(bench.run("Query", global + R"(,"ProjectionExpression":"mood"})"),
            "ValidationException: One or more parameter values were invalid: Global secondary "
            "index who_keys does not project "
            "[mood]");
}

TEST(Query, what_is_wrong_is_told_in_the_words_of_aws) {
  Turns bench;
  const std::string by_who =
      R"({"TableName":"turns","IndexName":"by_who","KeyConditionExpression":"who = :w",
                                 "ExpressionAttributeValues":{":w":{"S":"me"}})";
  const struct { std::string json; const char* answer;
  } kRows[] = {
      {R"({"TableName":"turns","IndexName":"other","KeyConditionExpression":"a = :a","ExpressionAttributeValues":{":a":{"S":"b"}}})",
       "ValidationException: The table does not have the specified index: other"},
      {by_who + R"(,"ConsistentRead":true})",
       "ValidationException: Consistent reads are not supported on global secondary indexes"},
      {R"({"TableName":"turns"})",
       "ValidationException: Either the KeyConditions or KeyConditionExpression parameter must be "
       "specified in the request."},
      {R"({"TableName":"turns","KeyConditionExpression":"thread < :a","ExpressionAttributeValues":{":a":{"S":"b"}}})",
       "ValidationException: Query key condition not supported"},
      {R"({"TableName":"turns","KeyConditionExpression":"n = :a","ExpressionAttributeValues":{":a":{"N":"1"}}})",
       "ValidationException: Query condition missed key schema element: thread"},
      {R"({"TableName":"turns","KeyConditionExpression":"thread = :a","FilterExpression":"n = :b",
           "ExpressionAttributeValues":{":a":{"S":"t"},":b":{"N":"1"}}})",
       "ValidationException: Filter Expression can only contain non-primary key attributes: "
       "Primary key attribute: n"},
      {R"({"TableName":"turns","KeyConditionExpression":"thread = :a","ExpressionAttributeValues":{":a":{"S":"t"}},
           "ExclusiveStartKey":{"thread":{"S":"u"},"n":{"N":"1"}}})",
       "ValidationException: The provided starting key is outside query boundaries based on "
       "provided conditions"},
      {by_who + R"(,"ExclusiveStartKey":{"thread":{"S":"t"},"n":{"N":"1"}}})",
       "ValidationException: The provided starting key is invalid"},
      {by_who + R"(,"Limit":0})",
       "ValidationException: 1 validation error detected: Value '0' at 'limit' failed to satisfy "
       "constraint: Member must have "
       "value greater than or equal to 1"},
  };
  for (const auto& row : kRows) EXPECT_EQ(bench.run("Query", row.json), row.answer) << row.json;
}

TEST(Query, a_selection_that_leaves_no_choice_names_the_parameter_that_makes_one) {
  Turns bench;
  const auto ask = [&](std::string_view more) {
    return bench.run("Query",
                     R"({"TableName":"turns","KeyConditions":{"thread":{"ComparisonOperator":"EQ",)"
                     R"("AttributeValueList":[{"S":"t"}]}},)" +
                         std::string(more) + "}");
  };
  const std::string cannot = "ValidationException: Cannot specify the ";
  const std::string expression = R"("ProjectionExpression":"n")",
                    list = R"("AttributesToGet":["n"])";
  EXPECT_EQ(ask(expression + R"(,"Select":"COUNT")"),
            cannot + "ProjectionExpression when choosing to get only the Count");
  EXPECT_EQ(ask(list + R"(,"Select":"COUNT")"),
            cannot + "AttributesToGet when choosing to get only the Count");
  EXPECT_EQ(ask(expression + R"(,"Select":"ALL_ATTRIBUTES")"),
            cannot + "ProjectionExpression when choosing to get ALL_ATTRIBUTES");
  EXPECT_EQ(ask(expression + R"(,"Select":"ALL_PROJECTED_ATTRIBUTES")"),
            cannot + "ProjectionExpression when choosing to get ALL_PROJECTED_ATTRIBUTES");
  EXPECT_TRUE(ask(expression + R"(,"Select":"SPECIFIC_ATTRIBUTES")").starts_with("{"));
}

TEST(ConditionalOperator, needs_two_conditions_to_join) {
  Turns bench;
  bench.make_sessions();
  const std::string none =
      "ValidationException: ConditionalOperator cannot be used without Filter or Expected";
  const std::string one =
      "ValidationException: ConditionalOperator can only be used when Filter or Expected has two "
      "or more elements";
  const std::string key = R"("KeyConditions":{"thread":{"ComparisonOperator":"EQ",)"
                          R"("AttributeValueList":[{"S":"t"}]}})",
                    a = R"("a":{"ComparisonOperator":"NULL"})",
                    b = R"("b":{"ComparisonOperator":"NULL"})";
  const struct {
    std::string_view operation, parameter;
    std::string begin;
  } kRows[] = {
      {"PutItem", "Expected", R"({"TableName":"sessions","Item":{"id":{"S":"x"}})"},
      {"UpdateItem", "Expected", R"({"TableName":"sessions","Key":{"id":{"S":"x"}})"},
      {"DeleteItem", "Expected", R"({"TableName":"sessions","Key":{"id":{"S":"x"}})"},
      {"Query", "QueryFilter", R"({"TableName":"turns",)" + key},
      {"Scan", "ScanFilter", R"({"TableName":"turns")"},
  };
  for (const auto& [operation, parameter, begin] : kRows) {
    SCOPED_TRACE(operation);
    const auto ask = [&](const std::string& conditions) {
      return bench.run(operation, begin + R"(,"ConditionalOperator":"OR")" +
                                      (conditions == "none" ? ""
                                                            : ",\"" + std::string(parameter) +
                                                                  "\":{" + conditions + "}") +
                                      "}");
    };
    EXPECT_EQ(ask("none"), none);
    EXPECT_EQ(ask(""), none);
    EXPECT_EQ(ask(a), one);
    EXPECT_TRUE(ask(a + "," + b).starts_with("{"));
  }
  EXPECT_TRUE(bench
                  .run("Scan", R"({"TableName":"turns","FilterExpression":"a = b",)"
                               R"("ConditionalOperator":"OR"})")
                  .starts_with("ValidationException: Can not use both expression"))
      << "comes first";
}

TEST(Query, a_page_ends_at_a_mebibyte_of_items) {
  Bench bench;
  bench.make_turns();
  const std::string text(300 * 1024, 'x');
  for (int n = 0; n < 6; ++n) bench.put_turn(n, R"(,"text":{"S":")" + text + "\"}");
  const std::string json =
      query(bench, "thread = :t", R"(,":no":{"S":"y"})",
            R"(,"FilterExpression":"#t = :no","ExpressionAttributeNames":{"#t":"text"})");
  EXPECT_EQ(
      json,
      R"({"Items":[],"Count":0,"ScannedCount":4,"LastEvaluatedKey":{"n":{"N":"3"},"thread":{"S":"t"}}})");
}

TEST(Scan, segments_are_parts_of_the_whole) {
  Bench bench;
  bench.make_sessions();
  for (int n = 0; n < 50; ++n)
    bench.put(R"("id":{"S":")" + std::to_string(n) + R"("},"n":{"N":")" + std::to_string(n) +
              "\"}");
  for (const int total : {1, 2, 3, 7, 100'000}) {
    std::multiset<std::string> found;
    for (int segment = 0; segment < std::min(total, 7); ++segment) {
      std::istringstream words(numbers(
          bench.run("Scan", R"({"TableName":"sessions","TotalSegments":)" + std::to_string(total) +
                                R"(,"Segment":)" + std::to_string(segment) + "}")));
      for (std::string word; words >> word;) found.insert(word);
    }
    if (total < 100) {
      EXPECT_EQ(found.size(), 50u) << total;
      EXPECT_EQ(std::set<std::string>(found.begin(), found.end()).size(), 50u) << total;
    }
  }
  EXPECT_EQ(bench.run("Scan", R"({"TableName":"sessions","TotalSegments":2,"Segment":2})"),
            "ValidationException: The Segment parameter is zero-based and must be less than "
            "parameter TotalSegments: Segment: 2 "
            "is not less than TotalSegments: 2");
}

TEST(Scan, an_index_has_only_the_items_with_its_key) {
  Turns bench;
  EXPECT_EQ(bench.run("Scan", R"({"TableName":"turns","IndexName":"by_length","Select":"COUNT"})"),
            R"({"Count":3,"ScannedCount":3})");
  EXPECT_EQ(bench.run("Scan", R"({"TableName":"turns","Select":"COUNT"})"),
            R"({"Count":7,"ScannedCount":7})");
}

}  // namespace
}  // namespace sealane::state::api
