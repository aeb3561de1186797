// SPDX-License-Identifier: Apache-2.0
#include "serve/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <deque>
#include <new>
#include <optional>

#include "port/fake_net.h"
#include "serve/connection.h"

// Counts, for the test of the usual request. Sanitizers bring their own.
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define SL_COUNTS_ALLOCATIONS 1
static std::atomic<uint64_t> allocation_count{0};
void* operator new(size_t bytes) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace sealane::serve {
namespace {

namespace fake = port::fake;

// Notes what it is asked; answers at once with "<method> <target> <body>", or when the test says so.
struct Api : Handler {
  struct Asked {
    const Request* request;
    Responder responder;
  };
  void on_request(const Request& request, Responder responder) override {
    ++asked_count;
    most_at_once = std::max(most_at_once, waiting.size() + 1);
    if (later) {
      waiting.push_back({&request, responder});
    } else {
      answer({&request, responder});
    }
  }
  Answer word_refusal(uint16_t status, std::string_view what, std::string& text) override {
    refused_status = status;
    text.append("{\"message\":\"").append(what).append("\"}");
    return {.content_type = "application/x-amz-json-1.0", .body = text};
  }
  static void answer(const Asked& asked, std::string_view more = {}) {
    const Request& r = *asked.request;
    const std::string body = std::string(r.method) + " " + std::string(r.target) + " " + std::string(r.body) +
                             std::string(more);
    asked.responder.answer({.content_type = "text/plain", .body = body});
  }
  void answer_next() {
    const Asked asked = waiting.front();
    waiting.pop_front();
    answer(asked);
  }
  bool later = false;
  std::deque<Asked> waiting;
  size_t asked_count = 0, most_at_once = 0;
  uint16_t refused_status = 0;
};

struct Bench {
  explicit Bench(const std::function<void(Limits&)>& change = [](Limits&) {}) {
    Options options{.api = "test"};
    change(options.limits);
    server.emplace(lane.lane, api, options);
    EXPECT_TRUE(server->listen({IpAddress::v4(127, 0, 0, 1), 8000}));
  }
  std::shared_ptr<fake::Peer> client() { return lane.call({IpAddress::v4(192, 0, 2, 1), 4000}); }
  uint64_t refused(int status) {
    return lane.counter_value("sealane_serve_refused_total",
                              "api=\"test\",status=\"" + std::to_string(status) + "\"");
  }
  fake::Lane lane;
  Api api;
  std::optional<Server> server;
};

std::string post(const std::string& target, const std::string& body, const std::string& lines = "") {
  return "POST " + target + " HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         lines + "\r\n" + body;
}
std::string get(const std::string& target, const std::string& lines = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n" + lines + "\r\n";
}
int status(const std::string& text) { return text.starts_with("HTTP/1.1 ") ? std::stoi(text.substr(9, 3)) : 0; }
std::string body(const std::string& text) {
  const size_t at = text.find("\r\n\r\n");
  return at == text.npos ? "" : text.substr(at + 4);
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != text.npos; }
// The bodies of answers one after another, each up to the next status line.
std::vector<std::string> bodies(std::string text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const size_t next = std::min(text.find("HTTP/1.1 ", 1), text.size());
    out.push_back(body(text.substr(0, next)));
    text.erase(0, next);
  }
  return out;
}
using Strings = std::vector<std::string>;

// ── requests and answers ─────────────────────────────────────────────────────────────────────────────

TEST(Serve, a_request_comes_whole_and_its_answer_leaves_in_one_write) {
  Bench b;
  const auto c = b.client();
  c->send(post("/a?b=c", "hello"));
  EXPECT_EQ(c->write_count, 1u);
  const std::string text = c->read();
  EXPECT_EQ(status(text), 200);
  EXPECT_TRUE(has(text, "\r\nDate: Tue, 01 Jan 2030 01:00:00 GMT\r\n")) << text;
  EXPECT_TRUE(has(text, "\r\nContent-Length: 17\r\n")) << text;
  EXPECT_TRUE(has(text, "\r\nContent-Type: text/plain\r\n")) << text;
  EXPECT_FALSE(has(text, "Connection:")) << text;
  EXPECT_EQ(body(text), "POST /a?b=c hello");
}

TEST(Serve, the_request_is_what_was_sent) {
  Bench b;
  b.api.later = true;
  const auto c = b.client();
  c->send("PUT /x?y=1 HTTP/1.1\r\nHost: db.example\r\nX-Amz-Target: DynamoDB_20120810.GetItem\r\n"
          "Content-Length: 2\r\n\r\n{}");
  ASSERT_EQ(b.api.waiting.size(), 1u);
  const Request& r = *b.api.waiting.front().request;
  EXPECT_EQ(r.method, "PUT");
  EXPECT_EQ(r.method_id, wire::http::Method::put);
  EXPECT_EQ(r.path(), "/x");
  EXPECT_EQ(r.query(), "y=1");
  EXPECT_EQ(r.host, "db.example");
  EXPECT_EQ(wire::http::find(r.fields, "x-amz-target"), "DynamoDB_20120810.GetItem");
  EXPECT_EQ(r.body, "{}");
  EXPECT_EQ(r.peer.to_string(), "192.0.2.1:4000");
  EXPECT_FALSE(r.tls);
}

// Cuts the same two requests at every byte.
TEST(Serve, pieces_of_any_size_make_the_same_requests) {
  const std::string text = post("/1", "first") +
                           "POST /2 HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nsec\r\n3;x=y\r\nond"
                           "\r\n0\r\nTrailer: t\r\n\r\n";
  for (size_t cut = 1; cut < text.size(); ++cut) {
    Bench b;
    const auto c = b.client();
    c->send(text.substr(0, cut));
    c->send(text.substr(cut));
    EXPECT_EQ(bodies(c->read()), (Strings{"POST /1 first", "POST /2 second"})) << cut;
  }
  Bench b;
  const auto c = b.client();
  for (const char& byte : text) c->send({&byte, 1});
  EXPECT_EQ(bodies(c->read()), (Strings{"POST /1 first", "POST /2 second"}));
}

TEST(Serve, pipelined_requests_are_answered_in_order_one_at_a_time) {
  Bench b;
  b.api.later = true;
  const auto c = b.client();
  c->send(get("/1") + post("/2", "two") + get("/3"));
  for (int i = 1; i <= 3; ++i) {
    ASSERT_EQ(b.api.waiting.size(), 1u) << i;
    b.api.answer_next();
    EXPECT_TRUE(b.api.waiting.empty()) << "never handed over from inside an answer";
    b.lane.turn();
  }
  EXPECT_EQ(bodies(c->read()), (Strings{"GET /1 ", "POST /2 two", "GET /3 "}));
  EXPECT_EQ(b.api.most_at_once, 1u);
}

TEST(Serve, answers_of_several_clients_may_come_in_any_order) {
  Bench b;
  b.api.later = true;
  const auto first = b.client(), second = b.client();
  first->send(post("/first", "1"));
  second->send(post("/second", "2"));
  ASSERT_EQ(b.api.waiting.size(), 2u);
  Api::answer(b.api.waiting[1]);
  EXPECT_EQ(first->read(), "");
  EXPECT_EQ(body(second->read()), "POST /second 2");
  Api::answer(b.api.waiting[0]);
  EXPECT_EQ(body(first->read()), "POST /first 1");
}

TEST(Serve, a_request_is_answered_once) {
  Bench b;
  b.api.later = true;
  const auto c = b.client();
  c->send(get("/1"));
  const Responder responder = b.api.waiting.front().responder;
  b.api.answer_next();
  responder.answer({.body = "again"});
  EXPECT_TRUE(responder.client_gone());
  c->send(get("/2"));
  responder.answer({.body = "to another request"});
  EXPECT_EQ(bodies(c->read()), (Strings{"GET /1 "}));
  Responder().answer({});
}

TEST(Serve, a_request_stays_as_it_is_until_it_is_answered) {
  Bench b;
  b.api.later = true;
  const auto c = b.client();
  c->send(post("/kept", "the body", "X-A: one\r\n"));
  const Request& r = *b.api.waiting.front().request;
  c->send(post("/next", std::string(3000, 'x')));
  c->break_off();
  const auto other = b.client();
  other->send(post("/other", "else"));
  b.lane.advance(1s);
  EXPECT_EQ(r.target, "/kept");
  EXPECT_EQ(r.body, "the body");
  EXPECT_EQ(wire::http::find(r.fields, "x-a"), "one");
}

TEST(Serve, head_gets_the_length_and_no_body) {
  Bench b;
  const auto c = b.client();
  c->send("HEAD /x HTTP/1.1\r\nHost: h\r\n\r\n");
  const std::string text = c->read();
  EXPECT_TRUE(has(text, "Content-Length: 8\r\n")) << text;
  EXPECT_EQ(body(text), "");
}

TEST(Serve, who_wants_the_connection_closed_gets_it_closed) {
  for (const std::string& request : {get("/", "Connection: close\r\n"), std::string("GET / HTTP/1.0\r\n\r\n")}) {
    Bench b;
    const auto c = b.client();
    c->send(request);
    EXPECT_TRUE(has(c->read(), "Connection: close\r\n"));
    EXPECT_TRUE(c->closed);
  }
  Bench b;
  const auto c = b.client();
  c->send("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
  EXPECT_TRUE(has(c->read(), "Connection: keep-alive\r\n"));
  EXPECT_FALSE(c->closed);
}

TEST(Serve, a_client_that_asks_first_is_told_to_go_on) {
  Bench b;
  const auto c = b.client();
  c->send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(c->read(), "HTTP/1.1 100 Continue\r\n\r\n");
  c->send("body");
  EXPECT_EQ(body(c->read()), "POST / body");
  // One that does not wait needs no telling.
  c->send(post("/", "body", "Expect: 100-continue\r\n"));
  EXPECT_EQ(status(c->read()), 200);
}

// ── refusals ─────────────────────────────────────────────────────────────────────────────────────────

TEST(Serve, refusals_are_in_the_api_s_own_words) {
  Bench b;
  const auto c = b.client();
  c->send("NONSENSE\r\n\r\n");
  const std::string text = c->read();
  EXPECT_GE(status(text), 400);
  EXPECT_TRUE(has(text, "Content-Type: application/x-amz-json-1.0\r\n")) << text;
  EXPECT_TRUE(body(text).starts_with("{\"message\":\"")) << text;
  EXPECT_TRUE(c->closed);
  EXPECT_EQ(b.api.asked_count, 0u);
}

TEST(Serve, a_body_may_be_as_large_as_the_limit_and_no_larger) {
  const auto limit = [](Limits& l) { l.body_bytes_max = 1000; };
  const auto chunked = [](size_t bytes) {
    std::string out = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (size_t i = 0; i < bytes; ++i) out += "1\r\nx\r\n";
    return out + "0\r\n\r\n";
  };
  for (const bool counted : {true, false}) {
    Bench b(limit);
    const auto c = b.client();
    c->send(counted ? post("/", std::string(1000, 'x')) : chunked(1000));
    EXPECT_EQ(status(c->read()), 200) << counted;
    c->send(counted ? post("/", std::string(1001, 'x')) : chunked(1001));
    EXPECT_EQ(status(c->read()), 413) << counted;
    EXPECT_TRUE(c->closed);
    EXPECT_EQ(b.refused(413), 1u);
  }
  // Refused before the body is sent.
  Bench b(limit);
  const auto c = b.client();
  c->send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(status(c->read()), 413);
}

TEST(Serve, a_refused_head_after_answers_does_not_lose_them) {
  Bench b;
  const auto c = b.client();
  c->send(get("/1") + "BAD\r\n\r\n");
  const std::string text = c->read();
  EXPECT_EQ(status(text), 200);
  EXPECT_TRUE(has(text, "GET /1 HTTP/1.1 ")) << text;
}

// ── clients that go ──────────────────────────────────────────────────────────────────────────────────

TEST(Serve, an_answer_for_a_client_that_has_gone_frees_what_was_held) {
  Bench b;
  b.api.later = true;
  const auto c = b.client();
  c->send(post("/", std::string(100'000, 'x')));
  EXPECT_FALSE(b.api.waiting.front().responder.client_gone());
  c->break_off();
  EXPECT_TRUE(b.api.waiting.front().responder.client_gone());
  EXPECT_EQ(b.server->connection_count(), 0u);
  EXPECT_EQ(b.server->pending_count(), 1u);
  EXPECT_GE(b.server->buffered_bytes(), 100'000u);
  b.api.answer_next();
  b.lane.turn();
  EXPECT_EQ(b.server->pending_count(), 0u);
  EXPECT_EQ(b.server->buffered_bytes(), 0u);
}

TEST(Serve, a_half_closed_client_gets_every_answer) {
  Bench b;
  b.api.later = true;
  const auto c = b.client();
  c->send(get("/1") + get("/2"));
  c->end();
  EXPECT_FALSE(c->closed);
  b.api.answer_next();
  b.lane.turn();
  ASSERT_EQ(b.api.waiting.size(), 1u);
  EXPECT_FALSE(c->closed);
  b.api.answer_next();
  EXPECT_TRUE(c->closed);
  EXPECT_EQ(bodies(c->read()), (Strings{"GET /1 ", "GET /2 "}));
}

// The first answer is late, so the others are read from what was kept; they come at once.
TEST(Serve, a_half_closed_client_gets_the_answers_that_come_at_once_too) {
  Bench b;
  b.api.later = true;
  const auto c = b.client();
  c->send(get("/1") + get("/2") + get("/3"));
  c->end();
  b.api.later = false;
  b.api.answer_next();
  b.lane.turn();
  EXPECT_EQ(bodies(c->read()), (Strings{"GET /1 ", "GET /2 ", "GET /3 "}));
  EXPECT_TRUE(c->closed);
}

TEST(Serve, a_client_that_ends_in_the_middle_is_let_go) {
  for (const std::string& part : {std::string(), std::string("GET / HT"), post("/", "x").substr(0, 50),
                                 get("/1") + "GET /2"}) {
    Bench b;
    const auto c = b.client();
    c->send(part);
    c->end();
    EXPECT_TRUE(c->closed) << part;
    b.lane.turn();
    EXPECT_EQ(b.server->connection_count(), 0u);
    EXPECT_EQ(b.server->buffered_bytes(), 0u);
  }
}

TEST(Serve, a_client_may_go_at_any_byte) {
  const std::string text = post("/1", "one") + post("/2", "two");
  for (const bool later : {true, false}) {
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      Bench b;
      b.api.later = later;
      const auto c = b.client();
      c->send(text.substr(0, cut));
      c->break_off();
      while (!b.api.waiting.empty()) {
        b.api.answer_next();
        b.lane.turn();
      }
      b.lane.turn();
      EXPECT_EQ(b.server->connection_count(), 0u) << cut;
      EXPECT_EQ(b.server->pending_count(), 0u) << cut;
      EXPECT_EQ(b.server->buffered_bytes(), 0u) << cut;
    }
  }
}

TEST(Serve, the_server_may_go_with_requests_under_way) {
  Bench b;
  b.api.later = true;
  const auto c = b.client();
  c->send(get("/1") + get("/2"));
  b.server.reset();
  EXPECT_TRUE(c->closed);
  b.lane.advance(100s);
}

// ── limits in time ───────────────────────────────────────────────────────────────────────────────────

TEST(Serve, a_slow_head_is_answered_408_however_it_drips) {
  Bench b;
  const auto c = b.client();
  c->send("GET / HTTP/1.1\r\nHost: h\r\nX: ");
  for (int i = 0; i < 9; ++i) {
    b.lane.advance(1s);
    c->send("x");
  }
  EXPECT_EQ(c->read(), "");
  b.lane.advance(1s);
  EXPECT_EQ(status(c->read()), 408);
  EXPECT_TRUE(c->closed);
}

TEST(Serve, a_silent_newcomer_is_closed_without_a_word) {
  Bench b;
  const auto c = b.client();
  b.lane.advance(9999ms);
  EXPECT_FALSE(c->closed);
  b.lane.advance(1ms);
  EXPECT_TRUE(c->closed);
  EXPECT_EQ(c->read(), "");
}

TEST(Serve, an_idle_connection_is_closed_after_its_time) {
  Bench b;
  const auto c = b.client();
  c->send(get("/1"));
  b.lane.advance(64s);
  c->send(get("/2"));
  b.lane.advance(64999ms);
  EXPECT_FALSE(c->closed);
  b.lane.advance(1ms);
  EXPECT_TRUE(c->closed);
}

TEST(Serve, a_body_must_make_progress_in_steps) {
  Bench b([](Limits& l) { l.body_step_bytes = 1000; });
  const auto c = b.client();
  c->send("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n");
  for (int i = 0; i < 3; ++i) {  // 1000 bytes in 9.9 s: fine
    b.lane.advance(9900ms);
    c->send(std::string(1000, 'x'));
  }
  EXPECT_FALSE(c->closed);
  for (int i = 0; i < 9; ++i) {  // a byte a second is not
    b.lane.advance(1s);
    c->send("x");
  }
  EXPECT_FALSE(c->closed);
  b.lane.advance(1s);
  EXPECT_EQ(status(c->read()), 408);
  EXPECT_TRUE(c->closed);
  EXPECT_EQ(b.refused(408), 1u);
}

TEST(Serve, a_handler_that_does_not_answer_is_answered_for_and_what_it_holds_stays) {
  Bench b;
  b.api.later = true;
  const auto c = b.client();
  c->send(post("/", "held"));
  b.lane.advance(60s);
  EXPECT_EQ(status(c->read()), 500);
  EXPECT_TRUE(c->closed);
  EXPECT_EQ(b.api.waiting.front().request->body, "held");
  EXPECT_EQ(b.server->pending_count(), 1u);
  b.api.answer_next();
  b.lane.turn();
  EXPECT_EQ(b.server->pending_count(), 0u);
}

TEST(Serve, a_client_that_does_not_read_stops_being_read_and_is_cut_in_time) {
  Bench b([](Limits& l) { l.backlog_bytes_max = 4000; });
  const auto c = b.client();
  c->window = 0;
  const std::string request = post("/", std::string(1000, 'x'));
  std::string many;
  for (int i = 0; i < 200; ++i) many += request;
  c->send(many);
  EXPECT_LE(b.api.asked_count, 5u);
  EXPECT_TRUE(c->paused);
  const size_t before = b.api.asked_count;
  // It takes a little: time begins anew, and requests go on when all is taken.
  b.lane.advance(19s);
  c->drain(0);
  b.lane.turn();
  EXPECT_GT(b.api.asked_count, before);
  b.lane.advance(19s);
  EXPECT_FALSE(c->reset);
  b.lane.advance(1s);
  EXPECT_TRUE(c->reset);
  EXPECT_EQ(b.server->connection_count(), 0u);
}

TEST(Serve, a_client_that_reads_slowly_is_not_cut) {
  Bench b;
  const auto c = b.client();
  c->window = 0;
  c->send(post("/", std::string(100'000, 'x')));
  for (int i = 0; i < 10; ++i) {
    b.lane.advance(15s);
    // Bytes leave, but not all: no news for the server.
    c->got.append(c->waiting.substr(0, 100));
    c->waiting.erase(0, 100);
    EXPECT_FALSE(c->reset) << i;
  }
  c->drain();
  c->send(get("/after"));
  EXPECT_TRUE(has(c->read(), "GET /after "));
}

// ── limits in number and memory ──────────────────────────────────────────────────────────────────────

TEST(Serve, one_connection_too_many_takes_the_place_of_the_longest_idle) {
  Bench b([](Limits& l) { l.connections_max = 3; });
  std::vector<std::shared_ptr<fake::Peer>> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(b.client());
    clients.back()->send(get("/"));
    b.lane.advance(1s);
  }
  clients[0]->send(get("/again"));  // now the second is the longest idle
  EXPECT_FALSE(clients[1]->closed);
  clients.push_back(b.client());
  EXPECT_TRUE(clients[1]->closed);
  clients[3]->send(get("/"));
  EXPECT_EQ(status(clients[3]->read()), 200);
  EXPECT_FALSE(clients[0]->closed);
  EXPECT_EQ(b.server->connection_count(), 3u);
  EXPECT_EQ(b.lane.counter_value("sealane_serve_evicted_total", "api=\"test\""), 1u);
}

TEST(Serve, when_none_is_idle_the_newcomer_is_refused) {
  Bench b([](Limits& l) { l.connections_max = 2; });
  b.api.later = true;
  const auto first = b.client(), second = b.client();
  first->send(get("/1"));
  second->send(get("/2"));
  const auto third = b.client();
  EXPECT_EQ(status(third->read()), 503);
  EXPECT_TRUE(third->closed);
  b.lane.turn();
  EXPECT_EQ(b.server->connection_count(), 2u);
  EXPECT_FALSE(first->closed || second->closed);
}

const std::string kLargeHead = "POST /large HTTP/1.1\r\nHost: h\r\nContent-Length: 300000\r\n\r\n";

TEST(Serve, bodies_wait_for_memory_and_go_on_when_there_is_some) {
  Bench b([](Limits& l) { l.buffered_bytes_max = 1'000'000; });
  b.api.later = true;
  const auto first = b.client(), second = b.client(), third = b.client();
  for (const auto& c : {first, second, third}) c->send(kLargeHead + std::string(1000, 'x'));
  EXPECT_TRUE(third->paused) << "two of 300,000 fit into three quarters of a million, a third does not";
  EXPECT_LE(b.server->buffered_bytes(), 750'000u);
  third->send(std::string(299'000, 'x'));
  const auto small = b.client();
  small->send(post("/small", "little"));
  ASSERT_EQ(b.api.waiting.size(), 1u) << "small ones still have room";
  b.api.answer_next();
  EXPECT_EQ(status(small->read()), 200);
  first->send(std::string(299'000, 'x'));
  ASSERT_EQ(b.api.waiting.size(), 1u);
  b.api.answer_next();
  first->read();
  b.lane.turn();
  ASSERT_EQ(b.api.waiting.size(), 1u) << "the third got the memory of the first";
  EXPECT_EQ(b.api.waiting.front().request->body.size(), 300'000u);
  b.api.answer_next();
  EXPECT_EQ(status(third->read()), 200);
}

TEST(Serve, who_waits_too_long_for_memory_gets_503) {
  Bench b([](Limits& l) { l.buffered_bytes_max = 500'000; });
  const auto first = b.client(), second = b.client();
  first->send(kLargeHead);
  second->send(kLargeHead);
  b.lane.advance(1999ms);
  EXPECT_EQ(second->read(), "");
  b.lane.advance(1ms);
  EXPECT_EQ(status(second->read()), 503);
  EXPECT_TRUE(second->closed);
  EXPECT_FALSE(first->closed);
}

TEST(Serve, so_many_wait_for_memory_and_no_more) {
  Bench b([](Limits& l) { l.buffered_bytes_max = 500'000, l.waiting_max = 2; });
  std::vector<std::shared_ptr<fake::Peer>> clients;
  for (int i = 0; i < 4; ++i) {
    clients.push_back(b.client());
    clients.back()->send(kLargeHead);
  }
  EXPECT_FALSE(clients[1]->closed);
  EXPECT_FALSE(clients[2]->closed);
  EXPECT_EQ(status(clients[3]->read()), 503);
  clients[1]->break_off();  // one place less
  const auto fifth = b.client();
  fifth->send(kLargeHead);
  EXPECT_FALSE(fifth->closed);
}

TEST(Serve, a_thousand_large_bodies_do_not_exceed_the_limit) {
  Bench b([](Limits& l) { l.buffered_bytes_max = 64u << 20, l.waiting_max = 100; });
  std::vector<std::shared_ptr<fake::Peer>> clients;
  const std::string head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 16777216\r\n\r\n";
  for (int i = 0; i < 1000; ++i) {
    clients.push_back(b.client());
    clients.back()->send(head + std::string(10'000, 'x'));
    ASSERT_LE(b.server->buffered_bytes(), 64u << 20);
  }
  EXPECT_EQ(b.refused(503), 1000u - 100u - 3u);
  b.lane.advance(10s);
  EXPECT_EQ(b.server->connection_count(), 0u);
  EXPECT_EQ(b.server->buffered_bytes(), 0u);
}

TEST(Serve, chunked_bodies_count_too) {
  Bench b([](Limits& l) { l.buffered_bytes_max = 400'000; });
  const auto c = b.client();
  c->send("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  for (int i = 0; i < 10 && !c->closed; ++i) c->send(chunk);
  EXPECT_EQ(status(c->read()), 503);
  EXPECT_LE(b.server->buffered_bytes(), 400'000u);
}

TEST(Serve, a_request_sent_too_early_is_kept_within_bounds) {
  Bench b;
  b.api.later = true;
  const auto c = b.client();
  c->send(get("/1"));
  for (int i = 0; i < 100 && !c->paused; ++i) c->send(post("/next", std::string(1000, 'x')));
  EXPECT_TRUE(c->paused);
  EXPECT_LE(b.server->buffered_bytes(), 4 * Connection::kStashMax);
  for (int i = 0; i < 100 && !b.api.waiting.empty(); ++i) {
    b.api.answer_next();
    b.lane.turn();
  }
  EXPECT_FALSE(c->paused);
}

TEST(Serve, a_usual_request_allocates_nothing) {
#ifdef SL_COUNTS_ALLOCATIONS
  struct Fixed : Handler {
    void on_request(const Request&, Responder responder) override {
      responder.answer({.content_type = "application/x-amz-json-1.0", .fields = fields, .body = body});
    }
    const std::string body = std::string(1024, 'x');
    const std::vector<wire::http::Field> fields = {{"x-amzn-RequestId", "0123"}, {"x-amz-crc32", "1"}};
  };
  fake::Lane lane;
  Fixed handler;
  Server server(lane.lane, handler, {.api = "test"});
  ASSERT_TRUE(server.listen({IpAddress::v4(127, 0, 0, 1), 8000}));
  const auto c = lane.call({IpAddress::v4(192, 0, 2, 1), 4000});
  c->got.reserve(1 << 20);
  const std::string bytes = post("/", std::string(1200, 'b'), "X-Amz-Target: DynamoDB_20120810.PutItem\r\n");
  const auto send = [&] { c->handler->on_data({bytes.data(), bytes.size()}); };
  send();
  const uint64_t before = allocation_count.load();
  for (int i = 0; i < 100; ++i) send();
  EXPECT_EQ(allocation_count.load() - before, 0u);
  EXPECT_EQ(c->write_count, 101u);
#else
  GTEST_SKIP() << "the sanitizer owns the allocator";
#endif
}

// ── drain ────────────────────────────────────────────────────────────────────────────────────────────

TEST(Serve, drain_closes_idle_ones_at_once_and_busy_ones_after_their_answer) {
  Bench b;
  b.api.later = true;
  const auto idle = b.client(), busy = b.client(), reading = b.client();
  busy->send(get("/busy"));
  reading->send(post("/half", "body").substr(0, 52));
  b.server->drain();
  EXPECT_TRUE(b.server->draining());
  EXPECT_TRUE(idle->closed);
  EXPECT_FALSE(busy->closed || reading->closed);
  b.api.answer_next();
  EXPECT_TRUE(has(busy->read(), "Connection: close\r\n"));
  EXPECT_TRUE(busy->closed);
  reading->send(post("/half", "body").substr(52));
  b.api.answer_next();
  EXPECT_EQ(body(reading->read()), "POST /half body");
  EXPECT_TRUE(reading->closed);
  b.lane.turn();
  EXPECT_EQ(b.server->connection_count(), 0u);
}

TEST(Serve, a_kept_alive_connection_keeps_no_buffer_while_idle) {
  Bench b;
  const auto c = b.client();
  c->send(post("/", std::string(200'000, 'x')));
  EXPECT_EQ(status(c->read()), 200);
  EXPECT_EQ(b.server->buffered_bytes(), 0u);
}

}  // namespace
}  // namespace sealane::serve
