// SPDX-License-Identifier: Apache-2.0
// Requests through an edge and back: relaying, streaming, refusals, reserved paths, limits.
#include "edge/edge.h"

#include "edge/bench.h"
#include "edge/fetch.h"

namespace sealane::edge {
namespace {

// So that the next request goes to the same agent.
void one_agent(plan::Plan& plan) { plan.regions[0].agents.resize(1); }

TEST(Edge, relays_a_request_and_its_answer) {
  Bench b(one_agent);
  auto client = b.client();
  client->send(request("GET /x?y=1", "Accept: a\r\nConnection: X-Private\r\nX-Private: z\r\n"));
  auto origin = b.origin();
  ASSERT_TRUE(origin);
  const std::string asked = origin->read();
  EXPECT_TRUE(asked.starts_with("GET /x?y=1 HTTP/1.1\r\nHost: 127.1.0.1:900")) << asked;
  EXPECT_TRUE(has(asked, "Accept: a\r\n"));
  EXPECT_TRUE(has(asked, "X-Forwarded-For: 192.0.2.9\r\n"));
  EXPECT_TRUE(has(asked, "X-Forwarded-Host: agent.example.test\r\n"));
  EXPECT_TRUE(has(asked, "X-Forwarded-Proto: http\r\n"));
  EXPECT_TRUE(has(asked, "Via: 1.1 sealane\r\n"));
  EXPECT_FALSE(has(asked, "Private"));
  EXPECT_FALSE(has(asked, "Sealane-Hop"));
  origin->send(answer("hello", "X-A: b\r\nKeep-Alive: 5\r\n"));
  EXPECT_EQ(client->write_count, 1u) << "head and body that come together leave together";
  const std::string got = client->read();
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n")) << got;
  EXPECT_TRUE(has(got, "X-Cache: Pass from sealane\r\n"));
  EXPECT_TRUE(has(got, "Sealane-Region: us\r\n"));
  EXPECT_TRUE(has(got, "Via: 1.1 sealane\r\n"));
  EXPECT_FALSE(has(got, "Keep-Alive"));
  EXPECT_EQ(body(got), "hello");

  // Both connections carry the next request.
  client->send(request("GET /2"));
  EXPECT_FALSE(b.lane.next_connect());
  EXPECT_TRUE(has(origin->read(), "GET /2 "));
  origin->send(answer("two"));
  EXPECT_EQ(body(client->read()), "two");
}

// RFC 9110 6.6.1.
TEST(Edge, an_answer_without_a_date_gets_one) {
  Bench b(one_agent);
  auto client = b.client();
  client->send(request("POST /x"));
  auto origin = b.origin();
  b.lane.advance(2s);
  origin->send(answer("hello"));
  const std::string got = client->read();
  EXPECT_TRUE(has(got, "\r\nDate: Tue, 01 Jan 2030 01:00:02 GMT\r\n")) << got;
  client->send(request("POST /x"));
  origin->send(answer("hello", "date: Mon, 31 Dec 2029 00:00:00 GMT\r\n"));
  const std::string dated = client->read();
  EXPECT_TRUE(has(dated, "\r\ndate: Mon, 31 Dec 2029 00:00:00 GMT\r\n")) << dated;
  EXPECT_FALSE(has(dated, "Date")) << dated;
}

// RFC 9110 7.6.2.
TEST(Edge, max_forwards_is_counted_down_and_ends_here) {
  struct Case {
    const char* line;
    const char* lines;
    int status;           // 0: relayed
    const char* relayed;  // has this
  };
  const Case cases[] = {
      {"TRACE /x", "Max-Forwards: 0\r\n", 405, ""},
      {"OPTIONS /x", "Max-Forwards: 0\r\n", 204, ""},
      {"OPTIONS *", "max-forwards: 00\r\n", 204, ""},
      {"TRACE /x", "Max-Forwards: 10\r\n", 0, "\r\nMax-Forwards: 9\r\n"},
      {"OPTIONS /x", "Max-Forwards: 1\r\n", 0, "\r\nMax-Forwards: 0\r\n"},
      {"OPTIONS /x", "Max-Forwards: 5\r\nMax-Forwards: 7\r\n", 0, "\r\nMax-Forwards: 4\r\n"},
      {"OPTIONS /x", "Max-Forwards: 99999999999999999999\r\n", 0,
       "\r\nMax-Forwards: 4294967294\r\n"},
      {"OPTIONS /x", "Max-Forwards: few\r\n", 0, "\r\nMax-Forwards: few\r\n"},
      {"OPTIONS /x", "Max-Forwards: -1\r\n", 0, "\r\nMax-Forwards: -1\r\n"},
      {"OPTIONS /x", "", 0, "OPTIONS /x HTTP/1.1\r\n"},
      {"GET /x", "Max-Forwards: 0\r\n", 0, "\r\nMax-Forwards: 0\r\n"},
  };
  for (const Case& c : cases) {
    Bench b(one_agent);
    auto client = b.client();
    client->send(request(c.line, c.lines));
    const std::string got = client->read();
    EXPECT_EQ(status(got), c.status) << c.line << c.lines;
    auto origin = b.origin();
    ASSERT_EQ(origin != nullptr, c.status == 0) << c.line << c.lines;
    if (origin) {
      const std::string asked = origin->read();
      EXPECT_TRUE(has(asked, c.relayed)) << asked;
      EXPECT_EQ(asked.find("Max-Forwards"), asked.rfind("Max-Forwards")) << asked;
    } else {
      EXPECT_TRUE(has(got, "\r\nAllow: GET, HEAD, ")) << got;
      EXPECT_FALSE(client->gone());
    }
  }
}

TEST(Edge, pipelined_requests_are_answered_in_order) {
  Bench b(one_agent);
  auto client = b.client();
  client->send(request("GET /1") + request("GET /.sealane/ping") + request("GET /2").substr(0, 20));
  auto origin = b.origin();
  EXPECT_TRUE(has(origin->read(), "GET /1 "));
  EXPECT_EQ(client->read(), "");
  origin->send(answer("one"));
  b.lane.turn();
  const std::string got = client->read();
  EXPECT_EQ(body(got).substr(0, 12), "oneHTTP/1.1 ");
  EXPECT_TRUE(has(got, "204 No Content"));
  client->send(request("GET /2").substr(20));
  EXPECT_TRUE(has(origin->read(), "GET /2 "));
}

TEST(Edge, chunked_and_unknown_length_go_out_as_they_come) {
  Bench b;
  auto client = b.client();
  client->send(request("GET /s"));
  auto origin = b.origin();
  origin->send("HTTP/1.1 200 OK\r\n\r\n");
  EXPECT_TRUE(has(client->read(), "Transfer-Encoding: chunked\r\n"))
      << "the head does not wait for the body";
  origin->send("abc");
  EXPECT_EQ(client->read(), "3\r\nabc\r\n");
  origin->send("defg");
  EXPECT_EQ(client->read(), "4\r\ndefg\r\n");
  origin->end();
  EXPECT_EQ(client->read(), "0\r\n\r\n");
  EXPECT_FALSE(client->gone());
}

TEST(Edge, http_1_0_gets_no_chunks) {
  Bench b;
  auto client = b.client();
  client->send("GET /s HTTP/1.0\r\nHost: agent.example.test\r\n\r\n");
  auto origin = b.origin();
  origin->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
  const std::string got = client->read();
  EXPECT_FALSE(has(got, "chunked"));
  EXPECT_TRUE(has(got, "Connection: close\r\n"));
  EXPECT_EQ(body(got), "abc");
  EXPECT_TRUE(client->ended);
}

TEST(Edge, a_body_that_breaks_off_is_cut_and_not_ended) {
  Bench b;
  auto client = b.client();
  client->send(request("GET /s"));
  auto origin = b.origin();
  origin->send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  origin->break_off();
  EXPECT_FALSE(has(client->read(), "0\r\n\r\n"));
  EXPECT_TRUE(client->reset);
}

TEST(Edge, head_204_and_304_have_no_body) {
  Bench b(one_agent);
  auto client = b.client();
  client->send(request("HEAD /x"));
  auto origin = b.origin();
  origin->send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
  std::string got = client->read();
  EXPECT_TRUE(has(got, "Content-Length: 10\r\n"));
  EXPECT_EQ(body(got), "");
  for (const char* status_line : {"204 No Content", "304 Not Modified"}) {
    client->send(request("GET /x"));
    origin->send(std::string("HTTP/1.1 ") + status_line + "\r\n\r\n");
    got = client->read();
    EXPECT_EQ(status(got), std::stoi(status_line));
    EXPECT_EQ(body(got), "");
    EXPECT_FALSE(has(got, "chunked"));
  }
}

TEST(Edge, a_request_body_is_streamed_and_an_expectation_met) {
  Bench b;
  auto client = b.client();
  client->send(request("POST /agent", "Content-Length: 10\r\nExpect: 100-continue\r\n"));
  EXPECT_EQ(client->read(), "HTTP/1.1 100 Continue\r\n\r\n");
  auto origin = b.origin();
  const std::string asked = origin->read();
  EXPECT_TRUE(has(asked, "Content-Length: 10\r\n"));
  EXPECT_FALSE(has(asked, "Expect"));
  client->send("hello");
  EXPECT_EQ(origin->read(), "hello");
  client->send("world");
  EXPECT_EQ(origin->read(), "world");
  origin->send(answer("done"));
  EXPECT_EQ(body(client->read()), "done");
  EXPECT_FALSE(client->gone());
}

TEST(Edge, a_head_and_a_body_that_come_together_leave_together) {
  Bench b(one_agent);
  auto client = b.client();
  const std::string large(20'000, 'x');  // referred to, not copied
  for (const std::string& sent : {std::string("hello"), large}) {
    client->send(
        request("POST /agent", "Content-Length: " + std::to_string(sent.size()) + "\r\n", sent));
    auto origin = b.origin();
    EXPECT_EQ(origin->write_count, 1u) << "on a connection that was not open yet";
    EXPECT_EQ(body(origin->read()), sent);
    origin->send(answer("done"));
    client->read();
    client->send(request("POST /again", "Transfer-Encoding: chunked\r\n",
                         "5\r\nhello\r\n4e20\r\n" + large + "\r\n0\r\n\r\n"));
    EXPECT_EQ(origin->write_count, 2u) << "on one that is";
    EXPECT_EQ(body(origin->read()), "5\r\nhello\r\n4e20\r\n" + large + "\r\n0\r\n\r\n");
    origin->send(answer("done", "Connection: close\r\n"));
    client->read();
  }
}

TEST(Edge, a_chunked_request_body_is_chunked_again_without_its_trailers) {
  Bench b;
  auto client = b.client();
  client->send(request("POST /agent", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"));
  auto origin = b.origin();
  EXPECT_EQ(body(origin->read()), "3\r\nabc\r\n");
  client->send("2\r\nde\r\n0\r\nX-T: 1\r\n\r\n");
  EXPECT_EQ(origin->read(), "2\r\nde\r\n0\r\n\r\n");
}

TEST(Edge, a_slow_client_pauses_the_origin) {
  Bench b;
  auto client = b.client();
  client->send(request("GET /big"));
  auto origin = b.origin();
  client->window = 0;
  origin->send("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
  const std::string block(100'000, 'x');
  size_t sent = 0;
  while (!origin->paused && sent < 1'000'000) origin->send(block), sent += block.size();
  EXPECT_TRUE(origin->paused);
  EXPECT_LE(sent, ClientConnection::kBacklogMax + block.size());
  client->drain();
  b.lane.turn();
  EXPECT_FALSE(origin->paused);
  while (sent < 1'000'000) origin->send(block), sent += block.size();
  EXPECT_EQ(body(client->read()).size(), 1'000'000u);
}

TEST(Edge, a_slow_origin_pauses_the_client) {
  Bench b;
  auto client = b.client();
  client->send(request("POST /up", "Content-Length: 1000000\r\n"));
  auto origin = b.lane.next_connect();
  const std::string block(50'000, 'x');
  size_t sent = 0;
  while (!client->paused && sent < 1'000'000) client->send(block), sent += block.size();
  EXPECT_LE(sent, Fetch::kHeldMax + block.size())
      << "before the connection stands only kHeldMax is taken";
  origin->window = 0;
  origin->open_up();
  b.lane.turn();
  while (!client->paused && sent < 1'000'000) client->send(block), sent += block.size();
  EXPECT_LE(origin->waiting.size(), Fetch::kBacklogMax + 3 * block.size());
  EXPECT_TRUE(client->paused);
  origin->drain();
  b.lane.turn();
  while (sent < 1'000'000) client->send(block), sent += block.size();
  EXPECT_EQ(body(origin->read()).size(), 1'000'000u);
}

TEST(Edge, a_client_that_leaves_ends_the_request_at_the_origin) {
  Bench b;
  auto client = b.client();
  client->send(request("GET /slow"));
  auto origin = b.origin();
  client->end();
  b.lane.turn();
  EXPECT_TRUE(origin->closed);
  EXPECT_EQ(b.lane.counter_value("sealane_edge_fetches_in_flight"), 0u);
  EXPECT_EQ(b.lane.counter_value("sealane_edge_connections_open"), 0u);
}

TEST(Edge, a_web_socket_is_a_tunnel_after_101) {
  Bench b;
  auto client = b.client();
  client->send(
      request("GET /ws", "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n") +
      "early");
  auto origin = b.origin();
  const std::string asked = origin->read();
  EXPECT_TRUE(has(asked, "Connection: Upgrade\r\nUpgrade: websocket\r\n"));
  EXPECT_TRUE(has(asked, "Sec-WebSocket-Key: k\r\n"));
  origin->send(
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhi");
  const std::string got = client->read();
  EXPECT_EQ(status(got), 101);
  EXPECT_TRUE(has(got, "Upgrade: websocket\r\n"));
  EXPECT_EQ(body(got), "hi");
  EXPECT_EQ(origin->read(), "early");
  client->send("\x81\x05hello");
  EXPECT_EQ(origin->read(), "\x81\x05hello");
  origin->send("\x81\x02yo");
  EXPECT_EQ(client->read(), "\x81\x02yo");
  client->end();
  EXPECT_TRUE(origin->ended);
  origin->end();
  EXPECT_TRUE(client->closed);
}

TEST(Edge, refusals_name_their_reason_and_close) {
  struct Case {
    std::string bytes;
    int status;
  };
  const Case cases[] = {
      {request("GET /", "", "", "other.example.test"), 421},
      {"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"GET / HTTP/1.1\n", 400},
      {"BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"GET /" + std::string(9000, 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(40'000, 'a'), 431},
      {request("POST /", "Content-Length: 99999999999\r\n"), 413},
  };
  for (const Case& c : cases) {
    Bench b;
    auto client = b.client();
    client->send(c.bytes);
    const std::string got = client->read();
    EXPECT_EQ(status(got), c.status) << got;
    EXPECT_TRUE(has(got, "Content-Type: application/problem+json\r\n"));
    EXPECT_TRUE(has(got, "\"status\":" + std::to_string(c.status)));
    EXPECT_TRUE(has(got, "Connection: close\r\n"));
    EXPECT_TRUE(client->ended);
    EXPECT_FALSE(b.lane.next_connect());
  }
}

TEST(Edge, a_body_that_grows_past_its_limit_is_413) {
  Bench b([](plan::Plan& plan) { plan.edge.body_bytes_max = 10; });
  auto client = b.client();
  client->send(request("POST /", "Transfer-Encoding: chunked\r\n", "a\r\n0123456789\r\n"));
  EXPECT_EQ(client->read(), "");
  client->send("1\r\nx\r\n");
  EXPECT_EQ(status(client->read()), 413);
}

TEST(Edge, the_viewer_protocol_redirects_or_forbids) {
  struct Case {
    plan::ViewerProtocol protocol;
    const char* method;
    const char* from;
    bool tls;
    const char* lines;
    int status;  // 0: relayed
  };
  using enum plan::ViewerProtocol;
  const Case cases[] = {
      {allow_all, "GET", "192.0.2.9", false, "", 0},
      {redirect_to_https, "GET", "192.0.2.9", false, "", 301},
      {redirect_to_https, "HEAD", "192.0.2.9", false, "", 301},
      {redirect_to_https, "DELETE", "192.0.2.9", false, "", 307},
      {redirect_to_https, "GET", "192.0.2.9", true, "", 0},
      {redirect_to_https, "GET", "127.2.0.1", false, "", 0},
      {redirect_to_https, "GET", "192.0.2.9", false, "Sealane-Probe: 1\r\n", 301},
      {https_only, "GET", "192.0.2.9", false, "", 403},
      {https_only, "GET", "192.0.2.9", true, "", 0},
  };
  for (const Case& c : cases) {
    Bench b([&](plan::Plan& plan) { plan.edge.viewer_protocol = c.protocol; });
    auto client = b.client(c.from, c.tls);
    client->send(request(std::string(c.method) + " /a?b", c.lines));
    const std::string got = client->read();
    EXPECT_EQ(status(got), c.status) << c.method << " " << c.from;
    EXPECT_EQ(b.lane.next_connect() != nullptr, c.status == 0);
    if (c.status == 301 || c.status == 307) {
      EXPECT_TRUE(has(got, "Location: https://agent.example.test:8443/a?b\r\n")) << got;
    }
  }
}

TEST(Edge, reserved_paths_are_answered_here) {
  Bench b;
  auto client = b.client();
  client->send(request("GET /.sealane/ping"));
  EXPECT_EQ(status(client->read()), 204);
  client->send(request("GET /.sealane/steer"));
  const std::string got = client->read();
  EXPECT_EQ(status(got), 200);
  EXPECT_TRUE(has(got, R"("client":"192.0.2.9")")) << got;
  EXPECT_TRUE(has(got, R"("order":[{"region":"us","address":"127.1.0.1:8080","healthy":true})"))
      << got;
  client->send(request("GET /.sealane/nothing"));
  EXPECT_EQ(status(client->read()), 404);
  EXPECT_FALSE(b.lane.next_connect());
}

TEST(Edge, clients_that_dawdle_are_timed_out) {
  {
    Bench b;  // a byte of the head now and then
    auto client = b.client();
    const std::string slow = request("GET /");
    for (size_t i = 0; i < 12 && !client->gone(); ++i) {
      client->send(slow.substr(i, 1));
      b.lane.advance(1s);
    }
    EXPECT_EQ(status(client->read()), 408);
  }
  {
    Bench b;  // nothing at all
    auto client = b.client();
    b.lane.advance(b.plan_.edge.client_header_timeout + 1s);
    EXPECT_TRUE(client->closed);
  }
  {
    Bench b;  // a body that stops
    auto client = b.client();
    client->send(request("POST /", "Content-Length: 10\r\n", "abc"));
    b.lane.advance(b.plan_.edge.client_idle_timeout + 1s);
    EXPECT_EQ(status(client->read()), 408);
  }
  {
    Bench b;  // keep-alive and nothing more
    auto client = b.client();
    client->send(request("GET /.sealane/ping"));
    b.lane.advance(b.plan_.edge.client_idle_timeout - 1s);
    EXPECT_FALSE(client->closed);
    b.lane.advance(2s);
    EXPECT_TRUE(client->closed);
  }
  {
    Bench b;  // takes nothing of its answer
    auto client = b.client();
    client->send(request("GET /"));
    auto origin = b.origin();
    client->window = 0;
    origin->send(answer("hello"));
    b.lane.advance(b.plan_.edge.client_write_timeout + 1s);
    EXPECT_TRUE(client->reset);
  }
}

TEST(Edge, connections_end_at_max) {
  Bench b([](plan::Plan& plan) { plan.edge.connections_max = 2; });
  auto first = b.client(), second = b.client(), third = b.client();
  EXPECT_EQ(status(third->read()), 503);
  EXPECT_EQ(first->read() + second->read(), "");
  first->end();
  b.lane.turn();
  auto fourth = b.client();
  EXPECT_EQ(fourth->read(), "");
}

TEST(Edge, a_drained_edge_lets_go_of_its_clients) {
  Bench b;
  auto idle = b.client(), busy = b.client();
  idle->send(request("GET /.sealane/ping"));
  busy->send(request("GET /x"));
  auto origin = b.origin();
  b.edge->drain();
  EXPECT_TRUE(idle->closed);
  EXPECT_FALSE(busy->closed);
  origin->send(answer("bye"));
  EXPECT_TRUE(has(busy->read(), "Connection: close\r\n"));
  EXPECT_TRUE(busy->closed);
  b.lane.turn();
  EXPECT_EQ(b.edge->connection_count(), 0u);
}

}  // namespace
}  // namespace sealane::edge
