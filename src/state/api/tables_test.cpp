// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <regex>

#include "state/api/bench_test.h"
#include "state/api/table_parameters.h"

namespace sealane::state::api {
namespace {

bool has(const std::string& json, std::string_view part) { return json.find(part) != json.npos; }

std::string describe(Bench& bench, std::string_view table = "sessions") {
  return bench.run("DescribeTable", R"({"TableName":")" + std::string(table) + "\"}");
}

TEST(Tables, a_new_table_is_creating_in_its_answer_and_active_after_it) {
  Bench bench;
  const std::string made =
      bench.run("CreateTable", R"({"TableName":"sessions","BillingMode":"PAY_PER_REQUEST",
    "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]})");
  EXPECT_TRUE(has(made, R"("TableStatus":"CREATING")")) << made;
  const std::string json = describe(bench);
  EXPECT_TRUE(has(json, R"("TableStatus":"ACTIVE")"));
  EXPECT_TRUE(has(json, R"("TableArn":"arn:aws:dynamodb:eu-west-1:000000000000:table/sessions")"));
  EXPECT_TRUE(has(json, R"("BillingModeSummary":{"BillingMode":"PAY_PER_REQUEST")"));
  EXPECT_FALSE(has(json, "Replicas"));
  bench.open();
  EXPECT_EQ(describe(bench), json);
  EXPECT_EQ(bench.run("ListTables", "{}"), R"({"TableNames":["sessions"]})");
  EXPECT_EQ(bench.run("CreateTable", R"({"TableName":"sessions","BillingMode":"PAY_PER_REQUEST",
    "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]})"),
            "ResourceInUseException: Table already exists: sessions");
}

TEST(Tables, a_deleted_table_is_gone_and_can_be_made_again_empty) {
  Bench bench;
  bench.make_sessions();
  const std::string before = describe(bench);
  bench.put(R"("id":{"S":"a"})");
  EXPECT_TRUE(
      has(bench.run("DeleteTable", R"({"TableName":"sessions"})"), R"("TableStatus":"DELETING")"));
  EXPECT_EQ(describe(bench),
            "ResourceNotFoundException: Requested resource not found: Table: sessions not found");
  EXPECT_EQ(bench.get("a"), "ResourceNotFoundException: Requested resource not found");
  EXPECT_EQ(bench.run("ListTables", "{}"), R"({"TableNames":[]})");
  bench.make_sessions();
  EXPECT_EQ(bench.get("a"), "{}");
  static const std::regex kId(R"re("TableId":"([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")re");
  std::smatch old_id, new_id;
  const std::string after = describe(bench);
  ASSERT_TRUE(std::regex_search(before, old_id, kId) && std::regex_search(after, new_id, kId));
  EXPECT_NE(old_id[1], new_id[1]);
}

TEST(Tables, a_protected_table_is_not_deleted) {
  Bench bench;
  bench.make_sessions(R"(,"DeletionProtectionEnabled":true)");
  EXPECT_TRUE(bench.run("DeleteTable", R"({"TableName":"sessions"})")
                  .starts_with("ValidationException: Resource cannot be deleted as it is currently "
                               "protected against deletion."));
  bench.run("UpdateTable", R"({"TableName":"sessions","DeletionProtectionEnabled":false})");
  EXPECT_TRUE(bench.run("DeleteTable", R"({"TableName":"sessions"})").starts_with("{"));
}

TEST(Tables, replicas_come_and_go_and_bring_a_stream) {
  Bench bench;
  bench.make_sessions();
  const std::string made = bench.run(
      "UpdateTable",
      R"({"TableName":"sessions","ReplicaUpdates":[{"Create":{"RegionName":"us-east-1"}}]})");
  EXPECT_TRUE(has(made, R"("Replicas":[{"RegionName":"eu-west-1","ReplicaStatus":"ACTIVE"},)"
                        R"({"RegionName":"us-east-1","ReplicaStatus":"CREATING"}])")) << made;
  const std::string json = describe(bench);
  EXPECT_TRUE(has(json, R"("GlobalTableVersion":"2019.11.21")"));
  EXPECT_TRUE(has(json, R"({"RegionName":"us-east-1","ReplicaStatus":"ACTIVE"})"));
  EXPECT_TRUE(has(json, R"("StreamViewType":"NEW_AND_OLD_IMAGES")"));
  EXPECT_TRUE(has(json, "LatestStreamArn"));
  bench.run("UpdateTable",
            R"({"TableName":"sessions","ReplicaUpdates":[{"Delete":{"RegionName":"us-east-1"}}]})");
  EXPECT_FALSE(has(describe(bench), "Replicas"));
  EXPECT_TRUE(
      bench
          .run(
              "UpdateTable",
              R"({"TableName":"sessions","ReplicaUpdates":[{"Delete":{"RegionName":"us-east-1"}}]})")
          .starts_with("ReplicaNotFoundException"));
}

TEST(Tables, a_replica_is_refused_where_no_tables_are_kept) {
  Bench bench;
  bench.make_sessions();
  EXPECT_EQ(
      bench.run(
          "UpdateTable",
          R"({"TableName":"sessions","ReplicaUpdates":[{"Create":{"RegionName":"mars-1"}}]})"),
      "ValidationException: One or more parameter values were invalid: Region mars-1 is none of "
      "those that keep tables in this world: eu-west-1, us-east-1, us-west-2");
  EXPECT_FALSE(has(describe(bench), "Replicas"));
}

TEST(Tables, a_hundred_attributes_are_projected_and_no_more) {
  Bench bench;
  const auto index = [](std::string_view name, int count) {
    std::string out = R"({"IndexName":")" + std::string(name) +
                      R"(","KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],)"
                      R"("Projection":{"ProjectionType":"INCLUDE","NonKeyAttributes":[)";
    for (int i = 0; i < count; ++i) out += (i ? ",\"a" : "\"a") + std::to_string(i) + "\"";
    return out + "]}}";
  };
  const auto make = [&](std::string_view name, int first, int second) {
    return bench.run("CreateTable",
                     R"({"TableName":")" + std::string(name) +
                         R"(","BillingMode":"PAY_PER_REQUEST",)"
                         R"("AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],)"
                         R"("KeySchema":[{"AttributeName":"id","KeyType":"HASH"}],)"
                         R"("GlobalSecondaryIndexes":[)" +
                         index("one", first) + "," + index("two", second) + "]}");
  };
  const std::string_view refused =
      "ValidationException: One or more parameter values were invalid: Number of NonKeyAttributes "
      "of all secondary indexes exceeds per-table limit of 100: 101";
  EXPECT_EQ(make("more", 50, 51), refused) << "the same name twice counts twice";
  EXPECT_TRUE(make("most", 50, 50).starts_with("{"));
  EXPECT_EQ(
      bench.run("UpdateTable", R"({"TableName":"most","GlobalSecondaryIndexUpdates":[{"Create":)" +
                                   index("three", 1) + "}]}"),
      refused);
}

TEST(Tables, replicas_tell_how_far_behind_this_node_is) {
  Bench bench;
  bench.make_sessions();
  bench.run("UpdateTable",
            R"({"TableName":"sessions","ReplicaUpdates":[{"Create":{"RegionName":"us-east-1"}},)"
            R"({"Create":{"RegionName":"us-west-2"}}]})");
  bench.lags = [] {
    return std::vector<Lag>{
        {.node = "10.0.0.2",
         .region = "us-east-1",
         .source = 0xab,
         .applied = 7,
         .announced = 9,
         .bytes = 1024,
         .last_applied_ms = 1'700'000'000'123,
         .behind_ms = 2345,
         .silent_ms = 61},
        {.node = "10.0.0.3", .region = "us-east-1", .source = 0xcd, .silent_ms = 4000}};
  };
  const std::string json = describe(bench);
  EXPECT_TRUE(has(
      json,
      R"({"RegionName":"us-east-1","ReplicaStatus":"ACTIVE","SealaneLag":{"Sources":[)"
      R"({"Node":"10.0.0.2","SourceId":"000000ab","LastAppliedDateTime":1700000000.123,)"
      R"("SecondsBehind":2.345,"BytesBehind":1024,"EntriesBehind":2,"SecondsSinceHeard":0.061},)"
      R"({"Node":"10.0.0.3","SourceId":"000000cd","SecondsBehind":0.000,"BytesBehind":0,)"
      R"("EntriesBehind":0,"SecondsSinceHeard":4.000}]}})"))
      << json;
  EXPECT_TRUE(has(
      json,
      R"({"RegionName":"us-west-2","ReplicaStatus":"ACTIVE","ReplicaStatusDescription":)"
      R"("none of its nodes has been heard of since this one started","SealaneLag":{"Sources":[]}})"))
      << json;
  bench.lags = [] {
    return std::vector<Lag>{
        {.node = "10.0.0.2", .region = "us-east-1", .source = 0xab, .silent_ms = 12'999}};
  };
  EXPECT_TRUE(has(describe(bench), R"("ReplicaStatusDescription":"not heard of for 12 s")"));
  EXPECT_FALSE(has(describe(bench), "COUNTING"));
  bench.open();  // as after kill -9
  EXPECT_TRUE(has(describe(bench), R"("SealaneItemCountStatus":"COUNTING")"));
}

TEST(Tables, deleting_a_table_with_replicas_takes_only_this_regions_away) {
  Bench bench;
  bench.make_sessions();
  bench.run("UpdateTable",
            R"({"TableName":"sessions","ReplicaUpdates":[{"Create":{"RegionName":"us-east-1"}}]})");
  EXPECT_TRUE(bench.run("DeleteTable", R"({"TableName":"sessions"})").starts_with("{"));
  EXPECT_EQ(bench.engine->find_table("sessions"), nullptr);
  const Table* elsewhere = bench.engine->find_anywhere("sessions");
  ASSERT_NE(elsewhere, nullptr);
  EXPECT_FALSE(elsewhere->is_deleted);
  EXPECT_EQ(elsewhere->replicas, std::vector<std::string>{"us-east-1"});
}

TEST(Tables, a_new_index_is_filled_before_it_can_be_asked) {
  Bench bench;
  bench.make_sessions();
  bench.put(R"("id":{"S":"a"},"who":{"S":"me"})");
  bench.put(R"("id":{"S":"b"},"who":{"N":"1"})");
  const std::string create =
      R"({"TableName":"sessions","AttributeDefinitions":[{"AttributeName":"who","AttributeType":"S"}],
    "GlobalSecondaryIndexUpdates":[{"Create":{"IndexName":"by_who","Projection":{"ProjectionType":"ALL"},
    "KeySchema":[{"AttributeName":"who","KeyType":"HASH"}]}}]})";
  EXPECT_TRUE(has(bench.run("UpdateTable", create), R"("IndexStatus":"CREATING")"));
  const std::string query =
      R"({"TableName":"sessions","IndexName":"by_who","KeyConditionExpression":"who = :w",
    "ExpressionAttributeValues":{":w":{"S":"me"}}})";
  EXPECT_EQ(bench.run("Query", query),
            "ValidationException: Cannot read from backfilling global secondary index: by_who");
  EXPECT_TRUE(has(describe(bench), R"("IndexStatus":"CREATING","Backfilling":true)"));
  for (int i = 0; i < 10; ++i) ASSERT_TRUE(bench.engine->sweep(0));
  EXPECT_TRUE(has(describe(bench), R"("IndexStatus":"ACTIVE")"));
  EXPECT_TRUE(has(bench.run("Query", query), R"("Count":1)"));
  EXPECT_EQ(
      bench.run("UpdateItem",
                R"({"TableName":"sessions","Key":{"id":{"S":"b"}},"UpdateExpression":"SET x = :x",
    "ExpressionAttributeValues":{":x":{"N":"1"}}})"),
      "{}")
      << "an attribute of another type, older than the index, is in nobody's way";
  bench.run(
      "UpdateTable",
      R"({"TableName":"sessions","GlobalSecondaryIndexUpdates":[{"Delete":{"IndexName":"by_who"}}]})");
  EXPECT_EQ(bench.run("Query", query),
            "ValidationException: The table does not have the specified index: by_who");
  EXPECT_FALSE(has(describe(bench), R"("AttributeName":"who")"));
}

TEST(Tables, tags_of_ours_are_options_of_the_table) {
  Bench bench;
  bench.make_sessions(
      R"(,"Tags":[{"Key":"sealane:merge","Value":"conversation"},{"Key":"team","Value":"agents"}])");
  EXPECT_EQ(bench.engine->find_table("sessions")->merge, table::Merge::conversation);
  const std::string arn =
      R"({"ResourceArn":"arn:aws:dynamodb:eu-west-1:000000000000:table/sessions")";
  EXPECT_EQ(
      bench.run("ListTagsOfResource", arn + "}"),
      R"({"Tags":[{"Key":"sealane:merge","Value":"conversation"},{"Key":"team","Value":"agents"}]})");
  bench.run("TagResource", arn + R"(,"Tags":[{"Key":"sealane:ack","Value":"remote"}]})");
  EXPECT_EQ(bench.engine->find_table("sessions")->ack, table::Ack::remote);
  bench.put(R"("id":{"S":"a"})");
  EXPECT_EQ(bench.last.ack, table::Ack::remote);
  bench.run("UntagResource", arn + R"(,"TagKeys":["sealane:ack","sealane:merge"]})");
  EXPECT_EQ(bench.engine->find_table("sessions")->ack, table::Ack::local);
  EXPECT_EQ(bench.engine->find_table("sessions")->merge, table::Merge::attribute);
  EXPECT_EQ(bench.run("TagResource", arn + R"(,"Tags":[{"Key":"sealane:merge","Value":"all"}]})"),
            "ValidationException: One or more parameter values were invalid: sealane:merge is "
            "item, attribute or conversation, "
            "not 'all'");
  EXPECT_EQ(bench.run("ListTagsOfResource",
                      R"({"ResourceArn":"arn:aws:dynamodb:eu-west-1:000000000000:table/none"})"),
            "ResourceNotFoundException: Requested resource not found: ResourcArn: "
            "arn:aws:dynamodb:eu-west-1:000000000000:table/none not found");
}

TEST(Tables, fifty_tags_fit_and_one_more_does_not) {
  Bench bench;
  bench.make_sessions();
  const auto tag = [&](size_t count) {
    std::string tags;
    for (size_t i = 0; i < count; ++i)
      tags += (i > 0 ? "," : "") + (R"({"Key":")" + std::to_string(i) + R"(","Value":""})");
    return bench.run(
        "TagResource",
        R"({"ResourceArn":"arn:aws:dynamodb:eu-west-1:000000000000:table/sessions","Tags":[)" +
            tags + "]}");
  };
  EXPECT_EQ(tag(kTagsMax), "");
  EXPECT_TRUE(tag(kTagsMax + 1).starts_with("ValidationException: Too many tags"));
}

TEST(Tables, time_to_live_is_on_or_off) {
  Bench bench;
  bench.make_sessions();
  const auto set = [&](const char* enabled, const char* attribute) {
    return bench.run("UpdateTimeToLive",
                     R"({"TableName":"sessions","TimeToLiveSpecification":{"Enabled":)" +
                         std::string(enabled) + R"(,"AttributeName":")" + attribute + "\"}}");
  };
  EXPECT_EQ(set("false", "ttl"), "ValidationException: TimeToLive is already disabled");
  EXPECT_EQ(set("true", "ttl"),
            R"({"TimeToLiveSpecification":{"AttributeName":"ttl","Enabled":true}})");
  EXPECT_EQ(bench.run("DescribeTimeToLive", R"({"TableName":"sessions"})"),
            R"({"TimeToLiveDescription":{"TimeToLiveStatus":"ENABLED","AttributeName":"ttl"}})");
  EXPECT_EQ(set("true", "ttl"), "ValidationException: TimeToLive is already enabled");
  EXPECT_TRUE(
      set("true", "other")
          .starts_with("ValidationException: TimeToLive is active on a different AttributeName"));
  EXPECT_TRUE(set("false", "ttl").starts_with("{"));
}

TEST(Tables, lists_come_in_pages) {
  Bench bench;
  for (const char* name : {"aaa", "bbb", "ccc"}) {
    bench.run("CreateTable",
              R"({"TableName":")" + std::string(name) + R"(","BillingMode":"PAY_PER_REQUEST",
      "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],"KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]})");
  }
  EXPECT_EQ(bench.run("ListTables", R"({"Limit":2})"),
            R"({"TableNames":["aaa","bbb"],"LastEvaluatedTableName":"bbb"})");
  EXPECT_EQ(bench.run("ListTables", R"({"Limit":2,"ExclusiveStartTableName":"bbb"})"),
            R"({"TableNames":["ccc"]})");
  EXPECT_EQ(bench.run("ListTables", R"({"Limit":3})"), R"({"TableNames":["aaa","bbb","ccc"]})");
}

// ── streams ──

std::string value_of(const std::string& json, const std::string& name) {
  std::smatch found;
  return std::regex_search(json, found, std::regex("\"" + name + "\":\"([^\"]*)\""))
             ? found[1].str()
             : "";
}

TEST(Streams, tell_what_changed_in_order) {
  Bench bench;
  bench.make_sessions(
      R"(,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"NEW_AND_OLD_IMAGES"})");
  bench.put(R"("id":{"S":"a"},"n":{"N":"1"})");
  bench.put(R"("id":{"S":"a"},"n":{"N":"2"})");
  bench.put(R"("id":{"S":"a"},"n":{"N":"2"})");
  bench.run("DeleteItem", R"({"TableName":"sessions","Key":{"id":{"S":"a"}}})");
  const std::string arn = value_of(bench.run("ListStreams", "{}"), "StreamArn");
  const std::string shard =
      value_of(bench.run("DescribeStream", R"({"StreamArn":")" + arn + "\"}"), "ShardId");
  EXPECT_EQ(shard.size(), 37u);
  const auto iterator = [&](std::string_view type) {
    return value_of(
        bench.run("GetShardIterator", R"({"StreamArn":")" + arn + R"(","ShardId":")" + shard +
                                          R"(","ShardIteratorType":")" + std::string(type) + "\"}"),
        "ShardIterator");
  };
  const std::string from_start = iterator("TRIM_HORIZON"), from_now = iterator("LATEST");
  const auto records = [&](const std::string& at, std::string_view more = "") {
    return bench.run("GetRecords", R"({"ShardIterator":")" + at + "\"" + std::string(more) + "}");
  };
  bench.open();  // iterators survive a restart
  std::string json = records(from_start, R"(,"Limit":2)");
  EXPECT_TRUE(has(json, R"("eventName":"INSERT")")) << json;
  EXPECT_TRUE(has(json, R"("eventName":"MODIFY")"));
  EXPECT_TRUE(has(
      json,
      R"("NewImage":{"id":{"S":"a"},"n":{"N":"2"}},"OldImage":{"id":{"S":"a"},"n":{"N":"1"}})"));
  EXPECT_FALSE(has(json, R"("eventName":"REMOVE")"));
  json = records(value_of(json, "NextShardIterator"));
  EXPECT_TRUE(has(json, R"("eventName":"REMOVE")")) << json;
  EXPECT_TRUE(records(value_of(json, "NextShardIterator"))
                  .starts_with(R"({"Records":[],"NextShardIterator":)"));
  bench.put(R"("id":{"S":"b"})");
  EXPECT_TRUE(has(records(from_now), R"("Keys":{"id":{"S":"b"}})"));
  bench.later_ms = 15 * 60 * 1000 + 1;
  EXPECT_EQ(records(from_start), "ExpiredIteratorException: Iterator expired");
  EXPECT_EQ(records("nonsense"), "ValidationException: Invalid ShardIterator");
}

TEST(Streams, one_that_is_turned_off_can_be_read_to_its_end) {
  Bench bench;
  bench.make_sessions(
      R"(,"StreamSpecification":{"StreamEnabled":true,"StreamViewType":"KEYS_ONLY"})");
  bench.put(R"("id":{"S":"a"})");
  const std::string arn = value_of(bench.run("ListStreams", "{}"), "StreamArn");
  const std::string shard =
      value_of(bench.run("DescribeStream", R"({"StreamArn":")" + arn + "\"}"), "ShardId");
  bench.run("UpdateTable",
            R"({"TableName":"sessions","StreamSpecification":{"StreamEnabled":false}})");
  bench.put(R"("id":{"S":"b"})");
  EXPECT_TRUE(has(bench.run("DescribeStream", R"({"StreamArn":")" + arn + "\"}"),
                  R"("StreamStatus":"DISABLED")"));
  const std::string at = value_of(
      bench.run("GetShardIterator", R"({"StreamArn":")" + arn + R"(","ShardId":")" + shard +
                                        R"(","ShardIteratorType":"TRIM_HORIZON"})"),
      "ShardIterator");
  const std::string json = bench.run("GetRecords", R"({"ShardIterator":")" + at + "\"}");
  EXPECT_TRUE(has(json, R"("Keys":{"id":{"S":"a"}})"));
  EXPECT_FALSE(has(json, "NewImage"));
  EXPECT_FALSE(has(json, "NextShardIterator"));
  EXPECT_FALSE(has(json, R"({"S":"b"})"));
}

TEST(Service, says_where_it_is_and_that_it_keeps_no_backups) {
  Bench bench;
  bench.make_sessions();
  EXPECT_EQ(bench.run("DescribeEndpoints", "{}"),
            R"({"Endpoints":[{"Address":"db.test:8000","CachePeriodInMinutes":1440}]})");
  EXPECT_TRUE(has(bench.run("DescribeContinuousBackups", R"({"TableName":"sessions"})"),
                  R"("PointInTimeRecoveryStatus":"DISABLED")"));
  EXPECT_TRUE(bench
                  .run("UpdateContinuousBackups", R"({"TableName":"sessions",
    "PointInTimeRecoverySpecification":{"PointInTimeRecoveryEnabled":true}})")
                  .starts_with("ContinuousBackupsUnavailableException"));
}

TEST(Operations, are_sorted_by_name_for_those_who_look_them_up) {
  const auto all = operations();
  EXPECT_TRUE(std::ranges::is_sorted(all, {}, &Operation::name));
  EXPECT_EQ(all.size(), 30u);
}

}  // namespace
}  // namespace sealane::state::api
