// SPDX-License-Identifier: Apache-2.0
// A user's reads see the user's writes, in whatever region they are answered: the edge waits for
// the tables that its agents read, says when that was not enough, and tells the client how far it
// has come.
#include "edge/bench.h"
#include "edge/fetch.h"

namespace sealane::edge {
namespace {

// Tables that are as far as the test says: tokens are letters, later ones further.
struct Tables final : port::Sessions {
  struct Waiting {
    std::string token, session;
    Duration timeout;
    std::function<void(const Reached&)> done;
  };
  std::string applied = "B";
  std::vector<Waiting> waiting;
  std::vector<std::string> noted;
  int stream_count = 0;

  std::string token(std::string_view seen) override { return std::max(applied, std::string(seen)); }
  bool has_reached(std::string_view token) override { return token <= applied; }
  void note(std::string_view session) override { noted.emplace_back(session); }
  std::string stream_session(uint32_t) override {
    return "stream" + std::to_string(++stream_count);
  }
  void when_reached(port::Lane&, std::string token, std::string session, Duration timeout,
                    std::function<void(const Reached&)> done) override {
    waiting.push_back({std::move(token), std::move(session), timeout, std::move(done)});
  }
};

struct World {
  Tables tables;
  Bench b{[](plan::Plan&) {}, 0, &tables};
};

std::string cookie(const std::string& value) { return "Cookie: sealane=" + value + "\r\n"; }

TEST(Session, an_answer_to_a_write_tells_how_far_its_node_is) {
  World w;
  auto client = w.b.client();
  client->send(request("POST /agent", "Content-Length: 2\r\n", "hi"));
  w.b.origin()->send(answer("ok"));
  const std::string got = client->read();
  EXPECT_TRUE(has(got, "X-Sealane-Session: B\r\n")) << got;
  EXPECT_TRUE(has(got, "Set-Cookie: sealane=B; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax\r\n"))
      << got;
  EXPECT_FALSE(has(got, "X-Sealane-Stale"));
  EXPECT_TRUE(w.tables.noted.empty());
}

// What an agent refuses may tell what is in its tables, and what failed may have been written.
TEST(Session, so_does_one_to_a_write_that_was_refused_or_failed) {
  for (const std::string status : {"409 Conflict", "500 Internal Server Error"}) {
    World w;
    auto client = w.b.client();
    client->send(request("POST /agent", cookie("C") + "Content-Length: 2\r\n", "hi"));
    w.tables.waiting.at(0).done({.stale_ms = 120, .ahead = {}});
    w.tables.applied = "D";
    w.b.origin()->send("HTTP/1.1 " + status + "\r\nContent-Length: 2\r\n\r\nno");
    const std::string got = client->read();
    EXPECT_TRUE(has(got, status)) << got;
    EXPECT_TRUE(has(got, "X-Sealane-Session: D\r\n")) << got;
    EXPECT_TRUE(has(got, "Set-Cookie: sealane=D;")) << got;
    EXPECT_TRUE(has(got, "X-Sealane-Stale: 120\r\n")) << got;
  }
}

TEST(Session, a_read_of_a_stranger_and_what_others_may_get_tell_nothing) {
  const std::pair<const char*, const char*> cases[] = {
      {"GET /x", ""}, {"POST /x", "Cache-Control: public, max-age=9\r\n"}};
  for (const auto& [line, lines] : cases) {
    World w;
    auto client = w.b.client();
    client->send(request(line));
    w.b.origin()->send(answer("ok", lines));
    const std::string got = client->read();
    EXPECT_FALSE(has(got, "ealane-Session") || has(got, "Set-Cookie")) << got;
  }
}

TEST(Session, who_has_seen_no_more_than_is_here_does_not_wait) {
  World w;
  auto client = w.b.client();
  client->send(request("GET /x", cookie("B")));
  auto agent = w.b.origin();
  ASSERT_TRUE(agent);
  EXPECT_TRUE(w.tables.waiting.empty());
  agent->send(answer("ok", "Cache-Control: private\r\n"));
  EXPECT_FALSE(has(client->read(), "Set-Cookie")) << "it has the same already";
}

TEST(Session, who_has_seen_more_waits_until_it_is_here) {
  World w;
  auto client = w.b.client();
  client->send(request("POST /agent", cookie("C") + "Content-Length: 2\r\n", "hi"));
  EXPECT_FALSE(w.b.origin()) << "the agent would read the past";
  ASSERT_EQ(w.tables.waiting.size(), 1u);
  EXPECT_EQ(w.tables.waiting[0].token, "C");
  EXPECT_EQ(w.tables.waiting[0].timeout, w.b.plan_.state.stale_after);
  w.tables.applied = "D";
  w.tables.waiting[0].done({});
  auto agent = w.b.origin();
  ASSERT_TRUE(agent);
  EXPECT_EQ(body(agent->read()), "hi") << "what came meanwhile goes along";
  agent->send(answer("ok"));
  const std::string got = client->read();
  EXPECT_TRUE(has(got, "sealane=D;")) << got;
  EXPECT_FALSE(has(got, "X-Sealane-Stale")) << got;
}

TEST(Session, a_wait_that_was_not_enough_is_told_and_not_forgotten) {
  World w;
  auto client = w.b.client();
  client->send(request("GET /x", cookie("C.77")));
  w.tables.waiting.at(0).done({.stale_ms = 120, .ahead = {}});
  w.b.origin()->send(answer("old", "Cache-Control: no-store\r\n"));
  const std::string got = client->read();
  EXPECT_TRUE(has(got, "X-Sealane-Stale: 120\r\n")) << got;
  EXPECT_FALSE(has(got, "Set-Cookie")) << "it still has seen C";
}

TEST(Session, a_region_that_has_what_is_lacking_here_answers) {
  World w;
  auto client = w.b.client();
  client->send(request("POST /x", cookie("C") + "Content-Length: 2\r\n", "hi"));
  w.tables.waiting.at(0).done({.stale_ms = 120, .ahead = "eu"});
  auto node = w.b.origin();
  ASSERT_TRUE(node);
  EXPECT_EQ(node->far.to_string(), "127.2.0.1:8080");
  EXPECT_EQ(body(node->read()), "hi");
  node->send(answer("ok", "X-Sealane-Session: C\r\n"));
  const std::string got = client->read();
  EXPECT_FALSE(has(got, "X-Sealane-Stale")) << got;
}

TEST(Session, a_region_that_is_ahead_but_down_is_not_asked) {
  for (const bool refuses : {false, true}) {
    World w;
    w.b.set_health(Bench::eu_node, false);
    auto client = w.b.client();
    client->send(request("GET /x", cookie("C") + (refuses ? "X-Sealane-Stale: refuse\r\n" : "")));
    w.tables.waiting.at(0).done({.stale_ms = 120, .ahead = "eu"});
    auto agent = w.b.origin();
    ASSERT_EQ(agent != nullptr, !refuses);
    if (agent) EXPECT_TRUE(agent->far.to_string().starts_with("127.1.0.1:900"));
  }
}

TEST(Session, a_hop_is_not_sent_on) {
  World w;
  auto client = w.b.client("127.2.0.1");
  client->send(request("GET /x", cookie("C") + "Sealane-Hop: eu\r\n"));
  w.tables.waiting.at(0).done({.stale_ms = 120, .ahead = "eu"});
  auto agent = w.b.origin();
  ASSERT_TRUE(agent);
  EXPECT_TRUE(agent->far.to_string().starts_with("127.1.0.1:900"));
}

TEST(Session, who_wants_nothing_old_gets_a_problem_instead) {
  World w;
  auto client = w.b.client();
  client->send(request("GET /x", "X-Sealane-Session: C\r\nX-Sealane-Stale: refuse\r\n"));
  w.tables.waiting.at(0).done({.stale_ms = 5, .ahead = {}});
  EXPECT_FALSE(w.b.origin());
  const std::string got = client->read();
  EXPECT_EQ(status(got), 503);
  EXPECT_TRUE(has(body(got), "lacks what this session has seen")) << got;
}

TEST(Session, tables_that_do_not_answer_hold_nobody_for_ever) {
  World w;
  auto client = w.b.client();
  client->send(request("GET /x", cookie("C")));
  EXPECT_FALSE(w.b.origin());
  w.b.lane.advance(w.b.plan_.state.stale_after + Fetch::kTablesPatience);
  auto agent = w.b.origin();
  ASSERT_TRUE(agent);
  w.tables.waiting.at(0).done({});  // too late to matter
  agent->send(answer("old"));
  EXPECT_TRUE(has(client->read(), "X-Sealane-Stale: 300\r\n"));
  EXPECT_FALSE(w.b.origin());
}

TEST(Session, a_client_that_goes_while_it_waits_is_forgotten) {
  World w;
  auto client = w.b.client();
  client->send(request("GET /x", cookie("C")));
  client->break_off();
  w.b.lane.turn();
  w.tables.waiting.at(0).done({});
  EXPECT_FALSE(w.b.origin());
}

TEST(Session, another_region_waits_for_itself_and_its_words_go_through) {
  World w;
  w.b.set_health(Bench::us_agent_1, false);
  w.b.set_health(Bench::us_agent_2, false);
  w.b.set_health(Bench::us_node, false);
  auto client = w.b.client();
  client->send(request("POST /x", cookie("C.77")));
  auto node = w.b.origin();
  ASSERT_TRUE(node);
  EXPECT_EQ(node->far.to_string(), "127.2.0.1:8080");
  EXPECT_TRUE(w.tables.waiting.empty());
  EXPECT_TRUE(has(node->read(), "Cookie: sealane=C.77\r\n"));
  node->send(answer(
      "ok", "Set-Cookie: sealane=E; Path=/\r\nX-Sealane-Session: E\r\nX-Sealane-Stale: 9\r\n"));
  const std::string got = client->read();
  EXPECT_TRUE(has(got, "Set-Cookie: sealane=E; Path=/\r\n")) << got;
  EXPECT_TRUE(has(got, "X-Sealane-Stale: 9\r\n"));
  EXPECT_FALSE(has(got, "sealane=B"));
}

TEST(Session, a_stream_writes_after_its_head_and_is_noted_at_its_end) {
  World w;
  auto client = w.b.client();
  client->send(request("POST /agent", cookie("A.77")));
  ASSERT_EQ(w.tables.waiting.size(), 1u) << "what the nodes know of 77 only they know";
  EXPECT_EQ(w.tables.waiting[0].session, "77");
  w.tables.waiting[0].done({});
  auto agent = w.b.origin();
  agent->send(
      "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n");
  EXPECT_TRUE(has(client->read(), "Set-Cookie: sealane=B.stream1;"))
      << "what is noted of 77 says nothing of this stream";
  EXPECT_TRUE(w.tables.noted.empty());
  agent->send("0\r\n\r\n");
  EXPECT_EQ(w.tables.noted, std::vector<std::string>{"stream1"});
}

TEST(Session, a_stream_does_not_forget_what_was_waited_for_in_vain) {
  World w;
  auto client = w.b.client();
  client->send(request("POST /agent", cookie("A.77")));
  w.tables.waiting.at(0).done({.stale_ms = 5, .ahead = {}});
  auto agent = w.b.origin();
  agent->send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 2\r\n\r\n");
  EXPECT_TRUE(has(client->read(), "Set-Cookie: sealane=B.77;"));
  agent->send("\n\n");
  EXPECT_EQ(w.tables.noted, std::vector<std::string>{"77"});
}

TEST(Session, a_stream_of_a_new_client_gets_a_name_of_its_own) {
  World w;
  auto client = w.b.client();
  client->send(request("POST /agent"));
  auto agent = w.b.origin();
  agent->send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 2\r\n\r\n");
  const std::string got = client->read();
  agent->send("\n\n");
  ASSERT_EQ(w.tables.noted.size(), 1u);
  EXPECT_TRUE(has(got, "sealane=B." + w.tables.noted[0] + ";")) << got;
}

TEST(Session, mcp_clients_are_remembered_by_their_session) {
  World w;
  auto client = w.b.client();
  client->send(request("POST /mcp"));
  w.b.origin()->send(answer("{}", "Mcp-Session-Id: m1\r\n"));
  std::string got = client->read();
  EXPECT_FALSE(has(got, "Set-Cookie")) << got;
  EXPECT_EQ(w.tables.noted, std::vector<std::string>{"m1"});
  client->send(request("POST /mcp", "Mcp-Session-Id: m1\r\n"));
  ASSERT_EQ(w.tables.waiting.size(), 1u);
  EXPECT_EQ(w.tables.waiting[0].session, "m1");
}

TEST(Session, a_world_without_tables_knows_of_none) {
  Bench b;
  auto client = b.client();
  client->send(request("POST /agent", cookie("Z.1")));
  auto agent = b.origin();
  ASSERT_TRUE(agent);
  agent->send(answer("ok"));
  const std::string got = client->read();
  EXPECT_FALSE(has(got, "ealane-Session") || has(got, "Set-Cookie")) << got;
}

TEST(Session, cached_answers_wait_for_nothing) {
  World w;
  auto client = w.b.client();
  client->send(request("GET /docs/a", cookie("C")));
  auto agent = w.b.origin();
  ASSERT_TRUE(agent);
  EXPECT_TRUE(w.tables.waiting.empty());
  agent->send(answer("doc"));
  EXPECT_FALSE(has(client->read(), "Set-Cookie"));
}

}  // namespace
}  // namespace sealane::edge
