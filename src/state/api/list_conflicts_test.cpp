// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <simdjson.h>

#include <nlohmann/json.hpp>

#include "state/api/operations.h"
#include "state/engine_bench_test.h"

namespace sealane::state::api {
namespace {

using nlohmann::json;

// Two regions that write the same item without knowing of each other.
struct Conflicts : testing::Test {
  sim::World world{{}};
  state::Bench a{world, "a", 1}, b{world, "b", 2};

  void SetUp() override {
    a.make(a.sessions());
    a.ship_to(b);
    ASSERT_TRUE(a.engine->note_owner(b.engine->self(), {"node-b", "b"}));
    ASSERT_TRUE(b.engine->note_owner(a.engine->self(), {"node-a", "a"}));
  }
  const Table& table(state::Bench& bench) { return *bench.engine->find_table("sessions"); }
  void collide(const std::string& id, const Value& of_a, const Value& of_b) {
    a.update(table(a), id, "title", of_a);
    world.run_for(5ms);
    b.update(table(b), id, "title", of_b);
    world.run_for(5ms);
    a.ship_to(b);
    b.ship_to(a);
  }
  std::string ask(state::Bench& bench, const std::string& body) {
    simdjson::dom::parser parser;
    simdjson::dom::object object;
    const simdjson::padded_string padded(body);
    if (parser.parse(padded).get(object) != simdjson::SUCCESS) return "no JSON object";
    Call call{.engine = *bench.engine, .region = "a", .body = object};
    const auto outcome = list_conflicts(call);
    return outcome ? outcome->json : outcome.error().type + ": " + outcome.error().message;
  }
  json page(state::Bench& bench, const std::string& body) { return json::parse(ask(bench, body)); }
};

TEST_F(Conflicts, both_sides_tell_who_lost_what_to_whom) {
  collide("k", text("of a"), text("of b"));
  for (state::Bench* bench : {&a, &b}) {
    const json said = page(*bench, "{}");
    ASSERT_EQ(said["Conflicts"].size(), 1u) << said;
    EXPECT_FALSE(said.contains("NextBefore"));
    const json& one = said["Conflicts"][0];
    EXPECT_EQ(one["TableName"], "sessions");
    EXPECT_EQ(one["Key"], json::parse(R"({"id":{"S":"k"}})"));
    EXPECT_EQ(one["Attribute"], "title");
    EXPECT_EQ(one["Lost"]["Value"]["S"], "of a");
    EXPECT_EQ(one["Lost"]["SourceId"], fmt::format("{:08x}", a.engine->self()));
    EXPECT_EQ(one["Won"]["Value"]["S"], "of b");
    EXPECT_EQ(one["Lost"]["RegionName"], "a");
    EXPECT_EQ(one["Won"]["RegionName"], "b");
    EXPECT_LT(one["Lost"]["DateTime"], one["Won"]["DateTime"]);
    EXPECT_EQ(one["Lost"]["Stamp"], page(a, "{}")["Conflicts"][0]["Lost"]["Stamp"])
        << "the same on both sides";
  }
}

TEST_F(Conflicts, against_a_removal_nothing_stands_in_its_place) {
  a.put(table(a), "k");
  a.ship_to(b);
  world.run_for(5ms);
  a.update(table(a), "k", "title", text("of a"));
  world.run_for(5ms);
  b.erase(table(b), "k");
  a.ship_to(b);
  b.ship_to(a);
  bool is_told = false;
  const json said = page(a, "{}");
  for (const json& one : said["Conflicts"]) {
    if (one["Attribute"] != "title") continue;
    is_told = true;
    EXPECT_EQ(one["Won"]["Removed"], true) << one;
  }
  EXPECT_TRUE(is_told) << said;
}

TEST_F(Conflicts, a_large_value_that_won_is_left_to_the_item) {
  collide("k", text("small"), text(std::string(Engine::kKeptBytesMax + 1, 'x')));
  EXPECT_EQ(page(a, "{}")["Conflicts"][0]["Won"]["ValueIsInItem"], true);
  collide("l", text("small"), text(std::string(Engine::kKeptBytesMax - 100, 'x')));
  EXPECT_TRUE(page(a, "{}")["Conflicts"][0]["Won"].contains("Value"));
}

TEST_F(Conflicts, come_in_pages_the_latest_first) {
  for (int i = 0; i < 25; ++i) collide(fmt::format("{:02}", i), text("x"), text("y"));
  std::vector<std::string> ids;
  uint64_t before = 0;
  for (int pages = 1;; ++pages) {
    ASSERT_LE(pages, 3);
    const json said = page(a, fmt::format(R"({{"Limit":10{}}})",
                                          before ? fmt::format(R"(,"Before":{})", before) : ""));
    EXPECT_LE(said["Conflicts"].size(), 10u);
    for (const json& one : said["Conflicts"]) ids.push_back(one["Key"]["id"]["S"]);
    if (!said.contains("NextBefore")) break;
    before = said["NextBefore"];
  }
  ASSERT_EQ(ids.size(), 25u);
  EXPECT_TRUE(std::ranges::is_sorted(ids, std::greater()))
      << fmt::format("{}", fmt::join(ids, " "));
}

TEST_F(Conflicts, of_one_table_only) {
  collide("k", text("x"), text("y"));
  EXPECT_EQ(page(a, R"({"TableName":"sessions"})")["Conflicts"].size(), 1u);
  EXPECT_EQ(page(a, R"({"TableName":"others"})")["Conflicts"].size(), 0u);
}

TEST_F(Conflicts, pages_are_bounded_in_bytes) {
  for (int i = 0; i < 12; ++i)
    collide(fmt::format("{}", i), text(std::string(300'000, 'x')), text("y"));
  const std::string said = ask(a, R"({"Limit":1000})");
  EXPECT_LT(said.size(), 2u << 20);
  EXPECT_TRUE(json::parse(said).contains("NextBefore"));
}

TEST_F(Conflicts, what_is_asked_wrong_is_told) {
  EXPECT_TRUE(ask(a, R"({"Limit":0})").starts_with("ValidationException"));
  EXPECT_TRUE(ask(a, R"({"Limit":1001})").starts_with("ValidationException"));
  EXPECT_TRUE(ask(a, R"({"Before":"x"})").starts_with("SerializationException"));
}

}  // namespace
}  // namespace sealane::state::api
