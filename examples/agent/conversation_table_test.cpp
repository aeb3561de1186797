// SPDX-License-Identifier: Apache-2.0
// The table's side of the wire is held by the test: what is asked, in which order, and what becomes
// of each answer.
#include "conversation_table.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "port/fake_net.h"

namespace sealane::agent {
namespace {

using nlohmann::json;
using Peer = port::fake::Peer;

const SocketAddress kNear{IpAddress::v4(127, 1, 0, 1), 8000},
    kOther{IpAddress::v4(127, 1, 0, 2), 8000};

std::string item(const std::vector<std::string>& ids) {
  json turns = json::array(), list = json::array();
  for (const std::string& id : ids) {
    turns.push_back({{"M",
                      {{"id", {{"S", id}}},
                       {"prompt", {{"S", "p" + id}}},
                       {"reply", {{"S", "r" + id}}},
                       {"region", {{"S", "eu-west-1"}}}}}});
    list.push_back({{"S", id}});
  }
  return json{{"Item", {{"turns", {{"L", turns}}}, {"turn_ids", {{"L", list}}}}}}.dump();
}

class TableTest : public testing::Test {
 protected:
  struct Asked {
    std::shared_ptr<Peer> peer;
    std::string operation;
    json body;
  };
  // The next request, on a new connection or on the one that is kept.
  Asked asked() {
    lane_.turn();
    if (auto fresh = lane_.next_connect()) {
      peer_ = fresh;
      peer_->open_up();
    }
    Asked asked{.peer = peer_, .operation = "", .body = {}};
    const std::string text = peer_ ? peer_->read() : "";
    const size_t target = text.find("DynamoDB_20120810."), end = text.find("\r\n\r\n");
    if (target == text.npos || end == text.npos) return asked;
    EXPECT_TRUE(text.contains("Authorization: AWS4-HMAC-SHA256 Credential=AKID/"));
    asked.operation = text.substr(target + 18, text.find("\r\n", target) - target - 18);
    asked.body = json::parse(text.substr(end + 4), nullptr, false);
    return asked;
  }
  void answer(int status, const std::string& body) {
    peer_->send(
        fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n\r\n{}", status, body.size(), body));
  }
  void refuse(int status, const std::string& type, const std::string& message = "") {
    answer(
        status,
        json{{"__type", "com.amazonaws.dynamodb.v20120810#" + type}, {"message", message}}.dump());
  }
  void read() {
    found_.reset();
    table_.read("s", [this](Result<Conversation> c) { found_ = std::move(c); });
  }
  void append(const std::string& id) {
    kept_.reset();
    const Turn turn{.prompt = "p" + id, .reply = "r" + id, .id = id, .region = "us-east-1"};
    table_.append("s", std::span(&turn, 1), [this](Status s) { kept_ = std::move(s); });
  }
  std::vector<std::string> ids() const {
    std::vector<std::string> all;
    for (const Turn& turn : found_->value().turns) all.push_back(turn.id);
    return all;
  }
  using Ids = std::vector<std::string>;

  port::fake::Lane lane_;
  int key_loads_ = 0;
  TableClient client_{
      lane_.lane,
      {.servers = {kNear, kOther},
       .region = "us-east-1",
       .load_key = [this]() -> Result<wire::AwsKey> {
         ++key_loads_;
         return wire::AwsKey{
             .profile = "default", .access_key = "AKID", .secret = "x", .services = {}};
       }}};
  ConversationTable table_{lane_.lane, client_, "sessions"};
  std::shared_ptr<Peer> peer_;
  std::optional<Result<Conversation>> found_;
  std::optional<Status> kept_;
};

TEST_F(TableTest, a_conversation_is_read_whole_once_and_then_only_compared) {
  read();
  Asked first = asked();
  EXPECT_EQ(first.operation, "GetItem");
  EXPECT_EQ(first.body["Key"]["session_id"]["S"], "s");
  EXPECT_FALSE(first.body.contains("ProjectionExpression"));
  EXPECT_EQ(first.body["ConsistentRead"], true) << "a turn that was just kept must be seen";
  answer(200, item({"a", "b"}));
  EXPECT_EQ(ids(), (Ids{"a", "b"}));
  EXPECT_EQ(found_->value().turns[1].reply, "rb");
  EXPECT_EQ(found_->value().turns[1].region, "eu-west-1");

  read();
  EXPECT_EQ(asked().body["ProjectionExpression"], "turn_ids");
  answer(200, item({"a", "b"}));
  EXPECT_EQ(ids(), (Ids{"a", "b"}));
  EXPECT_EQ(table_.whole_read_count(), 1u);
  EXPECT_EQ(client_.connection_count(), 1u) << "kept alive";
}

TEST_F(TableTest, what_another_region_appended_is_seen_by_the_next_read) {
  read(), asked(), answer(200, item({"a"}));
  read(), asked(), answer(200, item({"a", "b"}));
  EXPECT_FALSE(found_.has_value()) << "the copy may not be used";
  EXPECT_FALSE(asked().body.contains("ProjectionExpression"));
  answer(200, item({"a", "b"}));
  EXPECT_EQ(ids(), (Ids{"a", "b"}));
}

TEST_F(TableTest, an_append_names_its_id_and_is_in_the_copy) {
  read(), asked(), answer(200, "{}");
  EXPECT_EQ(found_->value().turn_count, 0u);
  append("a");
  const Asked update = asked();
  EXPECT_EQ(update.operation, "UpdateItem");
  EXPECT_EQ(update.body["ConditionExpression"], "NOT contains(turn_ids, :id)");
  EXPECT_EQ(update.body["ExpressionAttributeValues"][":id"]["S"], "a");
  EXPECT_EQ(update.body["ExpressionAttributeValues"][":turns"]["L"][0]["M"]["reply"]["S"], "ra");
  EXPECT_FALSE(kept_.has_value());
  answer(200, "{}");
  EXPECT_TRUE(kept_->has_value());
  read(), asked(), answer(200, item({"a"}));
  EXPECT_EQ(ids(), (Ids{"a"}));
  EXPECT_EQ(table_.whole_read_count(), 1u);
}

TEST_F(TableTest, a_try_without_an_answer_is_repeated_at_the_next_server_and_counts_once) {
  append("a");
  asked();
  peer_->break_off();
  lane_.advance(TableClient::kPauseMin);
  const auto second = lane_.next_connect();
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(second->far, kOther);
  second->open_up();
  peer_ = second;
  // The first try had reached the disk.
  refuse(400, "ConditionalCheckFailedException", "The conditional request failed");
  EXPECT_TRUE(kept_->has_value());
}

TEST_F(TableTest, throttling_and_errors_of_the_server_are_repeated_until_the_time_is_over) {
  append("a");
  asked();
  refuse(400, "ThrottlingException");
  EXPECT_FALSE(kept_.has_value());
  int tries = 1;
  for (int i = 0; i < 200 && !kept_; ++i) {
    lane_.advance(10ms);
    if (!asked().operation.empty()) ++tries, refuse(500, "InternalServerError");
  }
  ASSERT_TRUE(kept_.has_value());
  EXPECT_EQ(kept_->error().code, Code::unavailable);
  EXPECT_GE(tries, 5);
  EXPECT_LE(tries, 10);
}

TEST_F(TableTest, silence_ends_in_a_timeout) {
  read();
  asked();
  for (Duration waited{}; waited < TableClient::kCallMax + 10ms; waited += 10ms) {
    lane_.advance(10ms);
    if (auto fresh = lane_.next_connect()) fresh->open_up();
  }
  ASSERT_TRUE(found_.has_value());
  EXPECT_EQ(found_->error().code, Code::timeout);
}

TEST_F(TableTest, a_full_conversation_is_a_limit_and_is_not_repeated) {
  append("a");
  asked();
  refuse(400, "ValidationException", "Item size to update has exceeded the maximum allowed size");
  ASSERT_TRUE(kept_.has_value());
  EXPECT_EQ(kept_->error().code, Code::limit);
}

TEST_F(TableTest, a_key_that_is_refused_is_loaded_anew) {
  read();
  asked();
  EXPECT_EQ(key_loads_, 1);
  refuse(400, "UnrecognizedClientException");
  lane_.advance(TableClient::kPauseMin);
  EXPECT_EQ(key_loads_, 2);
}

TEST_F(TableTest, calls_are_bounded) {
  size_t refused = 0;
  for (size_t i = 0; i <= TableClient::kCallsMax; ++i) {
    client_.call("GetItem", "{}", [&](const Result<std::string>& r) { refused += !r; });
    EXPECT_EQ(refused, i == TableClient::kCallsMax ? 1u : 0u);
  }
}

TEST(StoredConversation, a_turn_that_two_regions_took_counts_once_and_rubbish_is_left_out) {
  const auto stored = StoredConversation::parse(
      R"({"turns":{"L":[{"M":{"id":{"S":"a"},"prompt":{"S":"1"}}},{"N":"7"},{"M":{"id":{"S":"a"},"prompt":{"S":"2"}}},
          {"M":{"id":{"N":"3"},"prompt":{"S":"3"}}}]},"turn_ids":{"L":[{"S":"a"},{"S":"a"},{"N":"4"}]}})");
  ASSERT_EQ(stored.conversation.turns.size(), 2u);
  EXPECT_EQ(stored.conversation.turns[0].prompt, "1");
  EXPECT_EQ(stored.conversation.turns[1].prompt, "3");
  EXPECT_EQ(stored.conversation.first_prompt, "1");
  for (const char* bad :
       {"", "[]", "{\"turns\":7}", "{\"turns\":{\"L\":{}}}", "{\"turns\":{\"L\":[{\"M\":[]}]}}"})
    EXPECT_EQ(StoredConversation::parse(bad).conversation.turn_count, 0u) << bad;
}

}  // namespace
}  // namespace sealane::agent
