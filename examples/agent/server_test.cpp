// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include <gtest/gtest.h>

#include "port/fake_net.h"

namespace sealane::agent {
namespace {

namespace fake = port::fake;

std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: h\r\n\r\n";
}
std::string post(const std::string& body) {
  return "POST /agent HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}
const std::string kTurn = R"({"prompt":"2+2"})";
const std::string kStreamedTurn = R"({"prompt":"2+2","stream":true})";

size_t answer_count(const std::string& text) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find("HTTP/1.1 ", at)) != std::string::npos; ++at) ++count;
  return count;
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() { EXPECT_TRUE(server_.listen({IpAddress::v4(127, 0, 0, 1), 9001})); }

  std::shared_ptr<fake::Peer> client() { return lane_.call({IpAddress::v4(127, 0, 0, 1), 4000}); }

  fake::Lane lane_;
  Service service_{{.region = "us-east-1", .model = "built-in"}, 1};
  std::unique_ptr<Generator> generator_ = local_generator(lane_.lane, "us-east-1", 20ms);
  Server server_{lane_.lane, service_, *generator_};
};

TEST_F(ServerTest, pipelined_requests_are_answered_in_order) {
  const auto c = client();
  c->send(get("/ping") + post(kTurn) + get("/nothing"));
  lane_.advance(1s);
  const std::string text = c->read();
  EXPECT_EQ(answer_count(text), 3u);
  const size_t first = text.find("HTTP/1.1 204"), second = text.find("2+2 = 4"),
               third = text.find("HTTP/1.1 404");
  EXPECT_LT(first, second);
  EXPECT_LT(second, third);
  EXPECT_LT(third, text.size());
}

TEST_F(ServerTest, a_connection_may_break_while_its_next_request_waits_for_its_turn) {
  const auto c = client();
  c->send(get("/ping") + get("/ping"));
  EXPECT_EQ(answer_count(c->read()), 1u);
  c->break_off();
  lane_.advance(1s);
  EXPECT_EQ(server_.connection_count(), 0u);
  EXPECT_EQ(c->read(), "");
}

TEST_F(ServerTest, a_connection_may_break_in_the_middle_of_a_stream) {
  const auto c = client();
  c->send(post(kStreamedTurn) + get("/ping"));
  lane_.advance(30ms);
  EXPECT_TRUE(c->read().contains("event: token"));
  c->break_off();
  lane_.advance(1s);
  EXPECT_EQ(server_.connection_count(), 0u);
}

// What comes between an answer and the turn of the next request stands behind that one.
TEST_F(ServerTest, no_request_is_begun_while_another_is_answered) {
  const auto c = client();
  c->send(get("/ping") + post(kStreamedTurn));
  c->send(get("/nothing"));
  lane_.turn();
  const std::string begun = c->read();
  EXPECT_TRUE(begun.contains("text/event-stream")) << begun;
  EXPECT_FALSE(begun.contains("HTTP/1.1 404")) << begun;
  lane_.advance(1s);
  const std::string rest = c->read();
  EXPECT_LT(rest.find("event: done"), rest.find("HTTP/1.1 404"));
  EXPECT_TRUE(rest.contains("HTTP/1.1 404")) << rest;
}

TEST_F(ServerTest, a_client_that_has_sent_its_last_request_gets_all_its_answers) {
  const auto c = client();
  c->send(get("/ping") + get("/ping") + post(kTurn) + "GET /pi");
  c->end();
  lane_.advance(1s);
  EXPECT_EQ(answer_count(c->read()), 3u);
  EXPECT_EQ(server_.connection_count(), 0u);
  EXPECT_TRUE(c->closed);
}

TEST_F(ServerTest, a_drain_ends_when_the_last_stream_has_ended) {
  const auto idle = client(), c = client();
  c->send(post(kStreamedTurn));
  lane_.advance(30ms);
  bool done = false;
  server_.drain([&] { done = true; });
  lane_.turn();
  EXPECT_TRUE(idle->closed);
  EXPECT_FALSE(done);
  lane_.advance(1s);
  EXPECT_TRUE(c->read().contains("event: done"));
  EXPECT_TRUE(done);
}

}  // namespace
}  // namespace sealane::agent
