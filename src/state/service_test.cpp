// SPDX-License-Identifier: Apache-2.0
// What the shell adds to an operation: tokens, marks of staleness and acknowledgements, in answers
// of every outcome.
#include "state/service.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>

#include "sim/disk.h"
#include "sim/fabric.h"
#include "sim/world.h"
#include "state/handoff/caller.h"
#include "state/session.h"
#include "state/state.h"

namespace sealane::state {
namespace {

const IpAddress kBroker = IpAddress::v4(10, 0, 0, 9), kNode = IpAddress::v4(10, 0, 0, 1),
                kUsers = IpAddress::v4(10, 0, 0, 8);
constexpr table::Source kOther = 77;  // of a node in another region, which nobody hears

std::shared_ptr<const wire::AwsKeyring> keys() {
  return std::make_shared<const wire::AwsKeyring>(*wire::AwsKeyring::parse(
      "[default]\naws_access_key_id=AKID\naws_secret_access_key=secret\n"));
}

struct NoNames final : port::Names {
  void resolve(const std::string&, Done) override { SL_ASSERT(false); }
};

class ServiceTest : public testing::Test {
 protected:
  struct Answer {
    int status = 0;  // 0: not answered
    std::string text;
    std::map<std::string, std::string> fields;
    std::string field(const std::string& name) const {
      const auto at = fields.find(name);
      return at == fields.end() ? "" : at->second;
    }
    // How far its holder has seen this log.
    uint64_t position(table::Source source) const {
      const auto seen = from_token(field("x-sealane-session"));
      return seen && !seen->empty() ? seen->position(source) : 0;
    }
  };
  using Fields = std::vector<wire::http::Field>;

  void SetUp() override {
    auto opened = State::open(us.lane(), *store, *fabric,
                              {.engine = {.region = "us", .node = "us"},
                               .replication = {.node = "us", .region = "us", .nodes = {"us", "eu"}},
                               .service = {.region = "us",
                                           .regions = {"ap", "eu", "us"},
                                           .keepers = {"eu", "us"},
                                           .keys = keys()},
                               .limits = {}});
    ASSERT_TRUE(opened) << opened.error().what;
    state = std::move(*opened);
    ASSERT_TRUE(state->listen({kNode, 8000}));
    caller.emplace(
        users.lane(), names,
        Caller::Options{.endpoint = *endpoint_of("http://10.0.0.1:8000", "", "us"),
                        .load_key = [] { return Result<wire::AwsKey>(keys()->keys()[0]); },
                        .limits = {.call_timeout = 30s}});
    table::Table table{.name = "notes"};
    table.key.hash = {"id", table::Type::S};
    table.attribute_definitions = {table.key.hash};
    table.replicas = {"eu", "us"};
    ASSERT_TRUE(state->declare({table}));
    world.run_for(1s);
  }
  Answer ask(std::string_view operation, const std::string& body, Fields fields = {}) {
    auto answer = std::make_shared<Answer>();
    const Caller::Ask asked{.operation = operation, .fields = std::move(fields), .body = body};
    EXPECT_TRUE(caller->call(asked, [answer](const Result<Reply>& reply) {
      answer->status = reply ? reply->status : -1;
      answer->text = reply ? std::string(reply->body) : reply.error().what;
      if (!reply) return;
      for (const wire::http::Field& each : reply->fields)
        answer->fields[std::string(each.name)] = each.value;
    }));
    EXPECT_TRUE(world.run_until([&] { return answer->status != 0; }, world.now() + 60s));
    return *answer;
  }
  Answer put(std::string_view id, std::string_view more = {}, Fields fields = {}) {
    return ask("PutItem",
               fmt::format(R"({{"TableName":"notes","Item":{{"id":{{"S":"{}"}}}}{}}})", id, more),
               std::move(fields));
  }
  Answer get(std::string_view id, Fields fields = {}) {
    return ask("GetItem", fmt::format(R"({{"TableName":"notes","Key":{{"id":{{"S":"{}"}}}}}})", id),
               std::move(fields));
  }
  uint64_t written() const { return state->engine().applied().position(state->engine().self()); }
  // Of who has seen in another region what is not here.
  static std::string ahead() {
    table::Vector seen;
    seen.raise(table::Reach{kOther, 5, 0});
    return to_token(seen);
  }
  static constexpr std::string_view kOnce = R"j(,"ConditionExpression":"attribute_not_exists(id)")j"
                                            R"j(,"ReturnValuesOnConditionCheckFailure":"ALL_OLD")j";

  sim::World world{{}};
  sim::Node& broker = world.messaging().add_broker("broker", kBroker);
  sim::Node& us = world.add_node({.name = "us", .addresses = {kNode}});
  sim::Node& users = world.add_node({.name = "users", .addresses = {kUsers}});
  std::unique_ptr<port::Fabric> fabric = world.messaging().open(us, kBroker);
  std::unique_ptr<port::Store> store = std::move(us.disk().open().value());
  std::unique_ptr<State> state;
  NoNames names;
  std::optional<Caller> caller;
};

TEST_F(ServiceTest, a_refusal_that_shows_an_item_is_in_the_token_and_marked_when_it_is_stale) {
  put("a");
  const std::string token = ahead();
  const Answer read = get("a", {{kSessionField, token}});
  EXPECT_EQ(read.status, 200);
  EXPECT_NE(read.field("x-sealane-stale"), "");
  const Answer refused = put("a", kOnce, {{kSessionField, token}});
  EXPECT_EQ(refused.status, 400);
  EXPECT_TRUE(refused.text.contains("ConditionalCheckFailedException")) << refused.text;
  EXPECT_TRUE(refused.text.contains(R"("Item":{"id":{"S":"a"}})")) << refused.text;
  EXPECT_NE(refused.field("x-sealane-stale"), "");
  EXPECT_EQ(refused.position(kOther), 5u) << "what the session brought";
  EXPECT_EQ(refused.position(state->engine().self()), written()) << "what the refusal has shown";
  const Answer fresh = put("a", kOnce);
  EXPECT_EQ(fresh.field("x-sealane-stale"), "");
  EXPECT_EQ(fresh.position(state->engine().self()), written());
}

TEST_F(ServiceTest, so_is_a_cancelled_transaction) {
  put("a");
  const std::string token = ahead();
  const Answer refused = ask(
      "TransactWriteItems",
      fmt::format(
          R"({{"TransactItems":[{{"Put":{{"TableName":"notes","Item":{{"id":{{"S":"a"}}}}{}}}}}]}})",
          kOnce),
      {{kSessionField, token}});
  EXPECT_TRUE(refused.text.contains("TransactionCanceledException")) << refused.text;
  EXPECT_NE(refused.field("x-sealane-stale"), "");
  EXPECT_EQ(refused.position(kOther), 5u);
  EXPECT_EQ(refused.position(state->engine().self()), written());
}

TEST_F(ServiceTest, a_write_that_may_have_happened_is_in_the_token) {
  const Answer lone = put("a", {}, {{kAckField, "remote"}});
  EXPECT_EQ(lone.status, 500) << lone.text;
  EXPECT_EQ(lone.position(state->engine().self()), written());
}

// A retry that came to another node than the first try, which had only just shipped it.
TEST_F(ServiceTest, what_another_node_has_done_is_not_done_again_and_acknowledged_as_it_should_be) {
  const std::string body =
      R"({"TransactItems":[{"Update":{"TableName":"notes","Key":{"id":{"S":"a"}},)"
      R"("UpdateExpression":"ADD n :n","ExpressionAttributeValues":{":n":{"N":"1"}}}}],)"
      R"("ClientRequestToken":"t1"})";
  std::string entry;
  state->engine().on_commit = [&, ship = state->engine().on_commit](Position at,
                                                                    std::string_view bytes) {
    entry = bytes;
    ship(at, bytes);
  };
  ASSERT_EQ(ask("TransactWriteItems", body).status, 200);
  ASSERT_NE(entry, "");
  const auto retry_at = [&](const std::string& region) {
    // Here is now a node that got the same entry from there.
    state.reset();
    store.reset();
    us.disk().wipe();
    store = std::move(us.disk().open().value());
    SetUp();
    EXPECT_TRUE(state->engine().note_owner(kOther, {"other", region}));
    EXPECT_TRUE(state->engine().apply(kOther, 1, entry));
  };
  retry_at("eu");
  const Answer far = ask("TransactWriteItems", body, {{kAckField, "remote"}});
  EXPECT_EQ(far.status, 200) << far.text;
  EXPECT_EQ(get("a").text, R"({"Item":{"id":{"S":"a"},"n":{"N":"1"}}})");
  retry_at("us");
  const Answer near = ask("TransactWriteItems", body, {{kAckField, "remote"}});
  EXPECT_EQ(near.status, 500) << "no other region is known to have it";
  EXPECT_EQ(ask("TransactWriteItems", body).status, 200);
  EXPECT_EQ(get("a").text, R"({"Item":{"id":{"S":"a"},"n":{"N":"1"}}})");
}

TEST_F(ServiceTest, who_wants_nothing_stale_is_told_how_stale_it_would_have_been) {
  put("a");
  const std::string token = ahead();
  const Answer refused = get("a", {{kSessionField, token}, {kStaleField, "refuse"}});
  EXPECT_EQ(refused.status, 503);
  EXPECT_TRUE(refused.text.contains("StaleReplicaException")) << refused.text;
  EXPECT_NE(refused.field("x-sealane-stale"), "");
  EXPECT_EQ(refused.field("x-sealane-session"), "") << "nothing was shown";
}

TEST_F(ServiceTest, a_header_that_means_nothing_is_refused_and_nothing_is_done) {
  const Answer ack = put("a", {}, {{kAckField, "REMOTE!"}});
  EXPECT_EQ(ack.status, 400);
  EXPECT_TRUE(ack.text.contains("ValidationException")) << ack.text;
  EXPECT_TRUE(ack.text.contains("'REMOTE!' is none of 'local', 'remote', 'reachable'"))
      << ack.text;
  const Answer stale = get("a", {{kStaleField, "no"}});
  EXPECT_EQ(stale.status, 400);
  EXPECT_TRUE(stale.text.contains("x-sealane-stale: 'no' is not 'refuse'")) << stale.text;
  EXPECT_EQ(get("a").text, "{}");
  EXPECT_EQ(put("a", {}, {{kAckField, "local"}}).field("x-sealane-ack"), "");
  EXPECT_EQ(put("a", {}, {{kAckField, "reachable"}}).field("x-sealane-ack"), "local");
}

TEST_F(ServiceTest, a_replica_may_be_where_tables_are_kept) {
  const auto create = [&](std::string_view region) {
    return ask("UpdateTable",
               fmt::format(
                   R"({{"TableName":"own","ReplicaUpdates":[{{"Create":{{"RegionName":"{}"}}}}]}})",
                   region));
  };
  ASSERT_EQ(
      ask("CreateTable", R"({"TableName":"own","BillingMode":"PAY_PER_REQUEST",)"
                         R"("AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],)"
                         R"("KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]})")
          .status,
      200);
  const Answer ap = create("ap");
  EXPECT_EQ(ap.status, 400);
  EXPECT_TRUE(ap.text.contains("ValidationException")) << ap.text;
  EXPECT_TRUE(ap.text.contains("Region ap is none of those that keep tables in this world: eu, us"))
      << ap.text;
  EXPECT_EQ(create("eu").status, 200);
  state->service().set_regions({"ap", "eu", "us"}, {"ap", "eu", "us"});
  EXPECT_EQ(create("ap").status, 200);
}

}  // namespace
}  // namespace sealane::state
