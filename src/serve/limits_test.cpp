// SPDX-License-Identifier: Apache-2.0
// Every bound of the server, at its value and past it: time, number, memory.
#include <gtest/gtest.h>

#include "serve/bench.h"
#include "serve/connection.h"

namespace sealane::serve {
namespace {

// ── limits in time ───────────────────────────────────────────────────────────────────────────────

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

// ── limits in number and memory ──────────────────────────────────────────────────────────────────

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
  EXPECT_TRUE(third->paused)
      << "two of 300,000 fit into three quarters of a million, a third does not";
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

}  // namespace
}  // namespace sealane::serve
