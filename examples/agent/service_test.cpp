// SPDX-License-Identifier: Apache-2.0
#include "service.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sealane::agent {
namespace {

using nlohmann::json;
using wire::http::Field;
using wire::http::Method;

Instant at(Duration d) { return Instant{} + d; }

class ServiceTest : public testing::Test {
 protected:
  Service service_{{.region = "us-east-1", .model = "built-in", .delay = 5ms}, 1};

  Service::Answer ask(Method method, std::string_view target, std::string_view body = "",
                      std::vector<Field> fields = {}, Duration now = 0s, bool loopback = true) {
    return service_.handle({method, target, fields, body, loopback}, at(now));
  }
  Response get(std::string_view target, std::vector<Field> fields = {}, Duration now = 0s) {
    return std::get<Response>(ask(Method::get, target, "", std::move(fields), now));
  }
  Generate post(const json& body, std::vector<Field> fields = {}) {
    return std::get<Generate>(ask(Method::post, "/agent", body.dump(), std::move(fields)));
  }
  Response refused(std::string_view body) {
    return std::get<Response>(ask(Method::post, "/agent", body));
  }
};

std::string field(const Response& response, std::string_view name) {
  for (const auto& [n, value] : response.fields) {
    if (wire::http::equal_fold(n, name)) return value;
  }
  return "";
}

TEST_F(ServiceTest, each_answer_may_be_read_and_timed_by_any_origin) {
  for (const char* target :
       {"/", "/health", "/ping", "/tools", "/docs/", "/docs/failover", "/nothing", "/agent"}) {
    const Response response = get(target);
    EXPECT_EQ(field(response, "Access-Control-Allow-Origin"), "*") << target;
    EXPECT_EQ(field(response, "Timing-Allow-Origin"), "*") << target;
    EXPECT_EQ(field(response, "Agent-Region"), "us-east-1") << target;
  }
}

TEST_F(ServiceTest, answers_each_path_with_its_status) {
  EXPECT_EQ(get("/ping").status, 204);
  EXPECT_FALSE(get("/ping").has_body);
  EXPECT_EQ(get("/health?x=1").status, 200);
  EXPECT_EQ(get("/docs/nothing").status, 404);
  EXPECT_EQ(get("/agent").status, 405);
  EXPECT_EQ(field(get("/agent"), "Allow"), "POST, OPTIONS");
  EXPECT_EQ(std::get<Response>(ask(Method::post, "/tools")).status, 405);
  EXPECT_EQ(std::get<Response>(ask(Method::del, "/")).status, 405);
}

TEST_F(ServiceTest, tools_and_docs_are_cacheable_and_revalidate) {
  for (const char* target : {"/tools", "/docs/", "/docs/failover"}) {
    const Response first = get(target);
    EXPECT_TRUE(field(first, "Cache-Control").starts_with("public, max-age=")) << target;
    EXPECT_FALSE(first.body.empty());
    const std::string etag = field(first, "ETag");
    const Response second = get(target, {{"If-None-Match", etag}});
    EXPECT_EQ(second.status, 304);
    EXPECT_FALSE(second.has_body);
    EXPECT_EQ(field(second, "ETag"), etag);
    EXPECT_EQ(get(target, {{"If-None-Match", "\"x\", W/" + etag}}).status, 304);
    EXPECT_EQ(get(target, {{"If-None-Match", "\"x\""}}).status, 200);
  }
  EXPECT_GE(json::parse(get("/tools").body)["tools"].size(), 5u);
}

TEST_F(ServiceTest, a_preflight_allows_what_it_asks_for) {
  const Response response = std::get<Response>(ask(
      Method::options, "/agent", "", {{"Access-Control-Request-Headers", "content-type, x-mine"}}));
  EXPECT_EQ(response.status, 204);
  EXPECT_EQ(field(response, "Access-Control-Allow-Headers"), "content-type, x-mine");
  EXPECT_TRUE(field(response, "Access-Control-Allow-Methods").contains("POST"));
}

TEST_F(ServiceTest, a_turn_needs_a_prompt_and_says_what_is_wrong) {
  EXPECT_EQ(refused("").status, 400);
  EXPECT_EQ(refused("[]").status, 400);
  EXPECT_EQ(refused("{\"prompt\": 7}").status, 400);
  EXPECT_EQ(refused("{\"prompt\": \"\"}").status, 400);
  EXPECT_EQ(refused("{\"prompt\": \"x\", \"sessionId\": \"a b\"}").status, 400);
  EXPECT_EQ(refused("{\"prompt\": \"x\", \"history\": 1}").status, 400);
  EXPECT_EQ(refused(json{{"prompt", std::string(Service::kPromptBytesMax + 1, 'x')}}.dump()).status,
            413);
  EXPECT_EQ(post({{"prompt", std::string(Service::kPromptBytesMax, 'x')}}).turn, 1u);
  EXPECT_EQ(json::parse(refused("{").body)["error"]["code"], "invalid");
}

TEST_F(ServiceTest, turns_of_a_session_build_on_each_other) {
  const Generate first = post({{"prompt", "hello"}, {"sessionId", "s1"}});
  EXPECT_FALSE(first.continued);
  service_.finish(first, "Hi.");
  const Generate second =
      post({{"prompt", "again"}, {"sessionId", "s1"}, {"currentRegion", "eu-west-1"}});
  EXPECT_EQ(second.turn, 2u);
  EXPECT_TRUE(second.continued);
  ASSERT_EQ(second.before.turns.size(), 1u);
  EXPECT_EQ(second.before.turns[0].reply, "Hi.");
  const json body = json::parse(service_.finish(second, "Yes.").body);
  EXPECT_EQ(body["reply"], "Yes.");
  EXPECT_EQ(body["sessionId"], "s1");
  EXPECT_EQ(body["turn"], 2);
  EXPECT_EQ(body["region"], "us-east-1");
}

TEST_F(ServiceTest, without_a_session_id_each_turn_gets_its_own) {
  const Generate a = post({{"prompt", "x"}}), b = post({{"prompt", "x"}});
  EXPECT_TRUE(Sessions::is_id(a.session));
  EXPECT_NE(a.session, b.session);
}

TEST_F(ServiceTest, history_from_the_client_stands_in_for_a_session_that_another_region_had) {
  const json history = {{{"role", "user"}, {"content", "what is DNS?"}},
                        {{"role", "assistant"}, {"content", "Names."}},
                        {{"role", "user"}, {"content", "and TTL?"}}};
  const Generate turn = post({{"prompt", "go on"}, {"sessionId", "moved"}, {"history", history}});
  EXPECT_EQ(turn.turn, 3u);
  EXPECT_TRUE(turn.continued);
  EXPECT_EQ(turn.before.first_prompt, "what is DNS?");
  EXPECT_EQ(turn.before.turns[0].reply, "Names.");
  // Known here now: what the client sends along is not added again.
  EXPECT_EQ(post({{"prompt", "x"}, {"sessionId", "moved"}, {"history", history}}).turn, 4u);
}

TEST_F(ServiceTest, a_conversation_can_be_read) {
  EXPECT_EQ(get("/sessions/s1").status, 404);
  EXPECT_EQ(get("/sessions/").status, 400);
  EXPECT_EQ(get("/sessions/a%2").status, 400);
  service_.finish(post({{"prompt", "hello"}, {"sessionId", "s/1"}}, {{"Idempotency-Key", "t1"}}),
                  "Hi.");
  const Response response = get("/sessions/s%2F1");
  EXPECT_EQ(field(response, "Cache-Control"), "no-store");
  const json body = json::parse(response.body);
  EXPECT_EQ(body["turns"], 1);
  EXPECT_EQ(body["conversation"][0]["id"], "t1");
  EXPECT_EQ(body["conversation"][0]["reply"], "Hi.");
  EXPECT_EQ(body["conversation"][0]["region"], "us-east-1");
}

class ServiceWithTable : public ServiceTest {
 protected:
  Service tabled_{{.region = "us-east-1", .model = "built-in", .has_table = true}, 1};
  Generate turn(const json& body, std::vector<Field> fields = {}) {
    return std::get<Generate>(
        tabled_.handle({Method::post, "/agent", fields, body.dump(), true}, at(0s)));
  }
  static Conversation stored(size_t count) {
    Conversation c;
    for (size_t i = 1; i <= count; ++i) {
      const std::string n = std::to_string(i);
      c.turns.push_back(
          {.prompt = "p" + n, .reply = "r" + n, .id = "t" + n, .region = "eu-west-1"});
    }
    c.first_prompt = count > 0 ? "p1" : "";
    c.turn_count = count;
    return c;
  }
};

TEST_F(ServiceWithTable, a_turn_builds_on_what_the_table_has) {
  Generate next = turn({{"prompt", "x"}, {"sessionId", "s"}});
  tabled_.take_up(next, stored(60));
  EXPECT_EQ(next.turn, 61u);
  EXPECT_TRUE(next.continued);
  EXPECT_EQ(next.before.turns.size(), Sessions::kTurnsMax);
  EXPECT_EQ(next.before.first_prompt, "p1");
  EXPECT_EQ(json::parse(tabled_.finish(next, "y").body)["turns"], 61);
  const auto appended = tabled_.to_append(next, "y");
  ASSERT_EQ(appended.size(), 1u);
  EXPECT_EQ(appended[0].region, "us-east-1");
  EXPECT_FALSE(appended[0].id.empty());
}

TEST_F(ServiceWithTable, a_turn_that_is_repeated_gets_the_reply_it_had) {
  Generate again = turn({{"prompt", "x"}, {"sessionId", "s"}}, {{"Idempotency-Key", "t2"}});
  tabled_.take_up(again, stored(2));
  EXPECT_EQ(again.replayed, "r2");
  EXPECT_EQ(again.turn, 2u);
}

TEST_F(ServiceWithTable,
       history_of_a_session_that_the_table_does_not_know_is_kept_with_its_first_turn) {
  const json history = {{{"role", "user"}, {"content", "a"}},
                        {{"role", "assistant"}, {"content", "b"}}};
  Generate moved = turn({{"prompt", "x"}, {"sessionId", "s"}, {"history", history}});
  tabled_.take_up(moved, {});
  EXPECT_EQ(moved.turn, 2u);
  EXPECT_EQ(tabled_.to_append(moved, "y").size(), 2u);
  Generate known = turn({{"prompt", "x"}, {"sessionId", "s"}, {"history", history}});
  tabled_.take_up(known, stored(3));
  EXPECT_EQ(known.turn, 4u);
  EXPECT_EQ(tabled_.to_append(known, "y").size(), 1u);
}

TEST_F(ServiceWithTable, a_turn_that_could_not_be_kept_is_told) {
  EXPECT_EQ(tabled_.not_kept({Code::timeout, "no answer"}).status, 503);
  EXPECT_EQ(json::parse(tabled_.not_kept({Code::timeout, "no answer"}).body)["error"]["code"],
            "unavailable");
  EXPECT_EQ(tabled_.not_kept({Code::limit, "400 KB"}).status, 413);
  EXPECT_TRUE(std::holds_alternative<Lookup>(
      tabled_.handle({Method::get, "/sessions/s", {}, "", true}, at(0s))));
}

TEST_F(ServiceTest, streams_when_asked_by_header_or_by_body) {
  EXPECT_FALSE(post({{"prompt", "x"}}).stream);
  EXPECT_TRUE(post({{"prompt", "x"}, {"stream", true}}).stream);
  EXPECT_TRUE(post({{"prompt", "x"}}, {{"Accept", "text/event-stream"}}).stream);
  const Generate turn = post({{"prompt", "x"}, {"sessionId", "s"}});
  EXPECT_EQ(Service::token_event(turn, 3, " \"hi\"\n"),
            "event: token\nid: 1-3\ndata: {\"token\":\" \\\"hi\\\"\\n\"}\n\n");
  const std::string done = service_.done_event(turn, 4, "all");
  EXPECT_TRUE(done.starts_with("event: done\nid: 1-4\ndata: {")) << done;
  EXPECT_EQ(post({{"prompt", "y"}, {"sessionId", "s"}}).before.turns[0].reply, "all");
}

TEST_F(ServiceTest, health_can_be_told_to_fail_for_a_while) {
  EXPECT_EQ(
      std::get<Response>(ask(Method::post, "/admin/health?status=503&delay=50ms&for=10s")).status,
      200);
  EXPECT_EQ(get("/health", {}, 9s).status, 503);
  EXPECT_EQ(get("/health", {}, 9s).delay, 50ms);
  EXPECT_EQ(get("/health", {}, 10s).status, 200);
  EXPECT_EQ(get("/health", {}, 10s).delay, 0ms);
  EXPECT_EQ(std::get<Response>(ask(Method::post, "/admin/health?status=99")).status, 400);
  EXPECT_EQ(std::get<Response>(ask(Method::post, "/admin/health?for=soon")).status, 400);
}

TEST_F(ServiceTest, admin_is_only_for_this_machine_and_directly) {
  EXPECT_EQ(std::get<Response>(ask(Method::post, "/admin/health", "", {}, 0s, false)).status, 403);
  for (const char* name : {"X-Forwarded-For", "Via", "Forwarded"}) {
    EXPECT_EQ(std::get<Response>(ask(Method::post, "/admin/health", "", {{name, "x"}})).status, 403)
        << name;
  }
  EXPECT_EQ(get("/health").status, 200);
}

TEST_F(ServiceTest, a_draining_agent_is_not_healthy) {
  service_.drain();
  EXPECT_EQ(get("/health").status, 503);
  EXPECT_EQ(get("/ping").status, 204);
}

TEST(Sessions, the_one_not_used_for_longest_goes_first) {
  Sessions sessions;
  for (size_t i = 0; i < Sessions::kSessionsMax; ++i) sessions.open("s" + std::to_string(i));
  EXPECT_EQ(sessions.size(), Sessions::kSessionsMax);
  sessions.open("s0");
  sessions.open("one more");
  EXPECT_EQ(sessions.size(), Sessions::kSessionsMax);
  EXPECT_TRUE(sessions.contains("s0"));
  EXPECT_FALSE(sessions.contains("s1"));
}

TEST(Sessions, turns_are_bounded_and_the_first_prompt_is_kept) {
  Sessions sessions;
  Conversation& c = sessions.open("s");
  for (size_t i = 1; i <= Sessions::kTurnsMax + 1; ++i) {
    EXPECT_EQ(Sessions::begin_turn(c, {.prompt = "p" + std::to_string(i)}), i);
    sessions.end_turn("s", i, "r" + std::to_string(i));
  }
  EXPECT_EQ(c.turns.size(), Sessions::kTurnsMax);
  EXPECT_EQ(c.turns.front().prompt, "p2");
  EXPECT_EQ(c.turns.back().reply, "r51");
  EXPECT_EQ(c.first_prompt, "p1");
  EXPECT_EQ(c.turn_count, Sessions::kTurnsMax + 1);
  sessions.end_turn("s", 1, "too late");
  sessions.end_turn("gone", 1, "nobody");
  EXPECT_EQ(c.turns.front().reply, "r2");
}

TEST(Durations, are_written_with_a_unit) {
  EXPECT_EQ(parse_duration("20ms"), 20ms);
  EXPECT_EQ(parse_duration("1.5s"), 1500ms);
  EXPECT_EQ(parse_duration("2min"), 120s);
  EXPECT_EQ(parse_duration("3"), 3s);
  for (const char* bad : {"", "ms", "-1s", "1h", "1 s", "1e99"})
    EXPECT_EQ(parse_duration(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace sealane::agent
