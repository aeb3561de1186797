// SPDX-License-Identifier: Apache-2.0
// A table's streams one after the other, and how much one call works.
#include <gtest/gtest.h>

#include <regex>
#include <string>

#include "state/api/bench_test.h"
#include "state/keyspace.h"

namespace sealane::state::api {
namespace {

struct StreamsOverTime : testing::Test {
  Bench bench;

  static std::string value_of(const std::string& json, const std::string& name) {
    std::smatch found;
    return std::regex_search(json, found, std::regex("\"" + name + "\":\"([^\"]*)\""))
               ? found[1].str()
               : "";
  }
  static size_t count(const std::string& json, std::string_view what) {
    size_t n = 0;
    for (size_t at = json.find(what); at != json.npos; at = json.find(what, at + 1)) ++n;
    return n;
  }
  static bool has(const std::string& json, std::string_view what) { return count(json, what) > 0; }

  void turn_on(std::string_view view) {
    const std::string json = bench.run(
        "UpdateTable", R"({"TableName":"sessions","StreamSpecification":{"StreamEnabled":true,)"
                       R"("StreamViewType":")" +
                           std::string(view) + R"("}})");
    ASSERT_TRUE(json.starts_with("{")) << json;
  }
  void turn_off() {
    const std::string json = bench.run(
        "UpdateTable", R"({"TableName":"sessions","StreamSpecification":{"StreamEnabled":false}})");
    ASSERT_TRUE(json.starts_with("{")) << json;
  }
  // The one that the table's description names.
  std::string latest() {
    return value_of(bench.run("DescribeTable", R"({"TableName":"sessions"})"), "LatestStreamArn");
  }
  std::string describe(const std::string& arn) {
    return bench.run("DescribeStream", R"({"StreamArn":")" + arn + "\"}");
  }
  std::string iterator(const std::string& arn, const std::string& type = "TRIM_HORIZON") {
    return value_of(bench.run("GetShardIterator", R"({"StreamArn":")" + arn + R"(","ShardId":")" +
                                                      value_of(describe(arn), "ShardId") +
                                                      R"(","ShardIteratorType":")" + type + "\"}"),
                    "ShardIterator");
  }
  std::string records(const std::string& at) {
    return bench.run("GetRecords", R"({"ShardIterator":")" + at + "\"}");
  }
};

TEST_F(StreamsOverTime, a_new_one_begins_behind_the_old_one_which_can_be_read_for_a_day) {
  bench.make_sessions();
  turn_on("KEYS_ONLY");
  bench.put(R"("id":{"S":"a"},"n":{"N":"1"})");
  const std::string old = latest(), from_old = iterator(old);
  turn_off();
  EXPECT_TRUE(has(describe(old), R"("StreamViewType":"KEYS_ONLY")")) << describe(old);
  bench.put(R"("id":{"S":"unseen"})");
  turn_on("NEW_AND_OLD_IMAGES");
  bench.put(R"("id":{"S":"b"})");
  const std::string now = latest();
  ASSERT_NE(now, old);

  std::string json = records(iterator(now));
  EXPECT_EQ(count(json, "eventID"), 1u) << json;
  EXPECT_TRUE(has(json, R"("NewImage":{"id":{"S":"b"}})")) << json;
  bench.open();
  for (const std::string& at : {iterator(old), from_old}) {
    json = records(at);
    EXPECT_EQ(count(json, "eventID"), 1u) << json;
    EXPECT_TRUE(has(json, R"("Keys":{"id":{"S":"a"}})")) << json;
    EXPECT_TRUE(has(json, R"("StreamViewType":"KEYS_ONLY")")) << json;
    EXPECT_FALSE(has(json, "NewImage")) << json;
    EXPECT_FALSE(has(json, "NextShardIterator")) << json;
  }
  EXPECT_TRUE(has(describe(old), R"("StreamStatus":"DISABLED")"));
  EXPECT_TRUE(has(describe(old), "EndingSequenceNumber"));
  EXPECT_TRUE(has(describe(now), R"("StreamStatus":"ENABLED")"));
  EXPECT_FALSE(has(describe(now), "EndingSequenceNumber"));

  const std::string page = bench.run("ListStreams", R"({"TableName":"sessions","Limit":1})");
  EXPECT_EQ(value_of(page, "StreamArn"), old) << page;
  EXPECT_EQ(value_of(page, "LastEvaluatedStreamArn"), old) << page;
  const std::string rest = bench.run(
      "ListStreams", R"({"TableName":"sessions","ExclusiveStartStreamArn":")" + old + "\"}");
  EXPECT_EQ(count(rest, "StreamArn"), 1u) << rest;
  EXPECT_EQ(value_of(rest, "StreamArn"), now) << rest;

  bench.world.run_for(25h);
  while (*bench.engine->sweep(0)) {
  }
  EXPECT_TRUE(describe(old).starts_with("ResourceNotFoundException")) << describe(old);
  EXPECT_TRUE(has(describe(now), R"("StreamStatus":"ENABLED")"));
}

TEST_F(StreamsOverTime, who_reads_misses_nothing_over_a_restart_and_a_deleted_table) {
  bench.make_sessions();
  turn_on("KEYS_ONLY");
  bench.make_turns();
  bench.run("UpdateTable", R"({"TableName":"turns","StreamSpecification":{"StreamEnabled":true,)"
                           R"("StreamViewType":"KEYS_ONLY"}})");
  for (int i = 0; i < 5; ++i) bench.put_turn(i);
  const std::string next = value_of(records(iterator(latest())), "NextShardIterator");
  bench.run("DeleteTable", R"({"TableName":"turns"})");
  bench.open();
  for (const char* id : {"a", "b", "c"}) bench.put(R"("id":{"S":")" + std::string(id) + "\"}");
  EXPECT_EQ(count(records(next), "eventID"), 3u);
}

TEST_F(StreamsOverTime, a_page_that_is_full_ends_the_reading) {
  bench.make_sessions();
  turn_on("NEW_AND_OLD_IMAGES");
  const std::string big(300 << 10, 'x');
  for (int i = 0; i < 8; ++i)
    bench.put(R"("id":{"S":")" + std::to_string(i) + R"("},"big":{"S":")" + big + "\"}");
  // What lies behind the first page is not looked at: it would not read back.
  const Table& table = *bench.engine->find_table("sessions");
  const auto batch = bench.store->batch();
  batch->put(port::Keyspace::stream, keyspace::stream(table.id, 6), "damaged");
  ASSERT_TRUE(bench.store->write(*batch));
  const std::string json = records(iterator(latest()));
  EXPECT_EQ(count(json, "eventID"), 4u) << json.substr(0, 300);
  EXPECT_TRUE(has(json, "NextShardIterator"));
}

}  // namespace
}  // namespace sealane::state::api
