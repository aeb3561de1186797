// SPDX-License-Identifier: Apache-2.0
#include "serve/server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "serve/bench.h"

// Counts, for the test of the usual request. Sanitizers bring their own.
#if !defined(__SANITIZE_ADDRESS__) && !__has_feature(address_sanitizer) && \
    !__has_feature(thread_sanitizer)
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

// ── requests and answers ─────────────────────────────────────────────────────────────────────────

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
  const std::string text =
      post("/1", "first") +
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
  for (const std::string& request :
       {get("/", "Connection: close\r\n"), std::string("GET / HTTP/1.0\r\n\r\n")}) {
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

// ── refusals ─────────────────────────────────────────────────────────────────────────────────────

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

// ── clients that go ──────────────────────────────────────────────────────────────────────────────

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
  for (const std::string& part : {std::string(), std::string("GET / HT"),
                                  post("/", "x").substr(0, 50), get("/1") + "GET /2"}) {
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

TEST(Serve, a_usual_request_allocates_nothing) {
#ifdef SL_COUNTS_ALLOCATIONS
  struct Fixed : Handler {
    void on_request(const Request&, Responder responder) override {
      responder.answer(
          {.content_type = "application/x-amz-json-1.0", .fields = fields, .body = body});
    }
    const std::string body = std::string(1024, 'x');
    const std::vector<wire::http::Field> fields = {{"x-amzn-RequestId", "0123"},
                                                   {"x-amz-crc32", "1"}};
  };
  fake::Lane lane;
  Fixed handler;
  Server server(lane.lane, handler, {.api = "test"});
  ASSERT_TRUE(server.listen({IpAddress::v4(127, 0, 0, 1), 8000}));
  const auto c = lane.call({IpAddress::v4(192, 0, 2, 1), 4000});
  c->got.reserve(1 << 20);
  const std::string bytes =
      post("/", std::string(1200, 'b'), "X-Amz-Target: DynamoDB_20120810.PutItem\r\n");
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

// ── drain ────────────────────────────────────────────────────────────────────────────────────────

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
