// SPDX-License-Identifier: Apache-2.0
// Operations by their JSON, on an engine on a simulated disk: what the tests of this folder drive.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sim/disk.h"
#include "sim/world.h"
#include "state/api/api.h"

namespace sealane::state::api {

struct Bench {
  Bench() : node(world.add_node({.name = "a", .addresses = {IpAddress::v4(10, 0, 0, 1)}})) {
    open();
  }

  // Again, as after a restart.
  void open() {
    engine.reset();
    store.reset();
    auto opened = node.disk().open();
    ASSERT_TRUE(opened) << opened.error().what;
    store = std::move(*opened);
    auto made = Engine::open(*store, node.lane().clock, node.lane().dice,
                             {.region = kRegion, .node = "a1"});
    ASSERT_TRUE(made) << made.error().what;
    engine = std::move(*made);
  }

  uint64_t now_ms() const {
    const auto since = node.lane().clock.wall().time_since_epoch();
    return uint64_t(std::chrono::duration_cast<std::chrono::milliseconds>(since).count()) +
           later_ms;
  }

  // The answer's JSON, or `Type: message` and the members beside the message.
  std::string run(std::string_view operation, std::string_view json) {
    const auto all = operations();
    const auto at = std::ranges::find(all, operation, &Operation::name);
    if (at == all.end()) return "no such operation";
    simdjson::dom::parser parser;
    simdjson::dom::object body;
    const simdjson::padded_string padded(json);
    if (parser.parse(padded).get(body) != simdjson::SUCCESS) return "no JSON object";
    Call call{.engine = *engine,
              .region = kRegion,
              .regions = regions,
              .body = body,
              .now_ms = now_ms(),
              .host = "db.test:8000",
              .lags = lags};
    Outcome<Answer> outcome = at->run(call);
    if (!outcome)
      return outcome.error().type + ": " + outcome.error().message + outcome.error().members;
    last = std::move(*outcome);
    simdjson::dom::parser check;
    if (!last.json.empty() &&
        check.parse(simdjson::padded_string(last.json)).error() != simdjson::SUCCESS) {
      ADD_FAILURE() << operation << " answered what is no JSON: " << last.json;
    }
    return last.json;
  }

  // Tables that most tests stand on.
  void make_sessions(std::string_view more = "") {
    const std::string json =
        R"({"TableName":"sessions","BillingMode":"PAY_PER_REQUEST",)"
        R"("AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],)"
        R"("KeySchema":[{"AttributeName":"id","KeyType":"HASH"}])" +
        std::string(more) + "}";
    ASSERT_TRUE(run("CreateTable", json).starts_with("{")) << run("CreateTable", json);
  }
  // Turns of a thread: numbered, indexed by who spoke (all), by when (keys only), and locally by
  // length.
  void make_turns() {
    const std::string out =
        run("CreateTable", R"({"TableName":"turns","BillingMode":"PAY_PER_REQUEST",
      "AttributeDefinitions":[{"AttributeName":"thread","AttributeType":"S"},{"AttributeName":"n","AttributeType":"N"},
                              {"AttributeName":"who","AttributeType":"S"},{"AttributeName":"length","AttributeType":"N"}],
      "KeySchema":[{"AttributeName":"thread","KeyType":"HASH"},{"AttributeName":"n","KeyType":"RANGE"}],
      "LocalSecondaryIndexes":[{"IndexName":"by_length","Projection":{"ProjectionType":"KEYS_ONLY"},
        "KeySchema":[{"AttributeName":"thread","KeyType":"HASH"},{"AttributeName":"length","KeyType":"RANGE"}]}],
      "GlobalSecondaryIndexes":[
        {"IndexName":"by_who","Projection":{"ProjectionType":"ALL"},
         "KeySchema":[{"AttributeName":"who","KeyType":"HASH"},{"AttributeName":"n","KeyType":"RANGE"}]},
        {"IndexName":"who_keys","Projection":{"ProjectionType":"KEYS_ONLY"},
         "KeySchema":[{"AttributeName":"who","KeyType":"HASH"}]}]})");
    ASSERT_TRUE(out.starts_with("{")) << out;
  }
  std::string get(std::string_view id) {
    return run("GetItem",
               R"({"TableName":"sessions","Key":{"id":{"S":")" + std::string(id) + R"("}}})");
  }
  std::string put(std::string_view item_members) {
    return run("PutItem", R"({"TableName":"sessions","Item":{)" + std::string(item_members) + "}}");
  }
  std::string put_turn(int n, std::string_view more = "") {
    return run("PutItem", R"({"TableName":"turns","Item":{"thread":{"S":"t"},"n":{"N":")" +
                              std::to_string(n) + R"("})" + std::string(more) + "}}");
  }

  static constexpr const char* kRegion = "eu-west-1";
  std::vector<std::string> regions = {kRegion, "us-east-1", "us-west-2"};
  sim::World world{{}};
  sim::Node& node;
  std::unique_ptr<port::Store> store;
  std::unique_ptr<Engine> engine;
  uint64_t later_ms = 0;  // of the calls' clock
  std::function<std::vector<Lag>()> lags;
  Answer last;
};

}  // namespace sealane::state::api
