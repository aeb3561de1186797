// SPDX-License-Identifier: Apache-2.0
// text/event-stream through the edge: at once, kept alive between events, ended in words.
#include "edge/bench.h"
#include "edge/transaction.h"
#include "wire/http/status.h"

namespace sealane::edge {
namespace {

constexpr const char* kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Stream : Bench {
  using Bench::Bench;
  std::shared_ptr<fake::Peer> user, agent;
  void begin(const char* head = kHead) {
    user = client();
    user->send(request("GET /agent"));
    agent = origin();
    agent->send(head);
    EXPECT_EQ(status(user->read()), 200) << "the head goes out before the first event";
  }
  void event(const std::string& text) {
    agent->send(wire::http::ChunkSize(text.size()).view());
    agent->send(text + "\r\n");
  }
};

TEST(EventStream, each_event_goes_out_as_it_comes) {
  Stream s;
  s.begin();
  s.event("data: 1\n\n");
  EXPECT_EQ(s.user->read(), "9\r\ndata: 1\n\n\r\n");
  s.event("data: 2\n\n");
  EXPECT_EQ(s.user->read(), "9\r\ndata: 2\n\n\r\n");
}

TEST(EventStream, a_silent_stream_is_kept_alive_between_events_only) {
  Stream s;
  s.begin();
  const Duration silence = s.plan_.edge.sse_keepalive;
  s.lane.advance(silence);
  EXPECT_EQ(s.user->read(), "6\r\n: ka\n\n\r\n");
  s.event("data: torn");
  s.user->read();
  s.lane.advance(3 * silence);
  EXPECT_EQ(s.user->read(), "") << "nothing may be put into an event";
  s.event("\n\n");
  s.user->read();
  s.lane.advance(silence - 1ms);
  EXPECT_EQ(s.user->read(), "");
  s.lane.advance(2ms);
  EXPECT_EQ(s.user->read(), "6\r\n: ka\n\n\r\n");
}

TEST(EventStream, no_comment_where_it_would_break_the_body) {
  for (const char* head :
       {"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 100\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n"}) {
    Stream s;
    s.begin(head);
    s.lane.advance(2 * s.plan_.edge.sse_keepalive);
    EXPECT_EQ(s.user->read(), "") << head;
  }
}

TEST(EventStream, a_dead_origin_ends_the_stream_with_an_error_event) {
  Stream s;
  s.begin();
  s.event("data: 1\n\n");
  s.user->read();
  s.agent->break_off();
  const std::string last = s.user->read();
  EXPECT_TRUE(has(last, "\r\nretry: 500\nevent: error\ndata: {")) << last;
  EXPECT_TRUE(has(last, R"("region":"us","reason":"connection broken"})")) << last;
  EXPECT_TRUE(last.ends_with("\n\n\r\n0\r\n\r\n")) << "a proper end of the body";
  EXPECT_FALSE(s.user->reset);
}

TEST(EventStream, a_torn_event_becomes_part_of_the_error_event) {
  Stream s;
  s.begin();
  s.event("data: half of a tok");
  s.user->read();
  s.agent->break_off();
  const std::string last = s.user->read();
  EXPECT_TRUE(has(last, "\r\n\nretry: 500\nevent: error\n"))
      << "the line is ended, the event is not: " << last;
}

TEST(EventStream, a_frozen_origin_ends_the_stream_soon_after_health_knows) {
  Stream s;
  s.begin();
  s.event("data: 1\n\n");
  s.user->read();
  s.set_health(Bench::us_agent_1, false);
  s.set_health(Bench::us_agent_2, false);
  s.lane.advance(Fetch::kUnhealthyGrace + Context::kWatchInterval);
  EXPECT_TRUE(has(s.user->read(), R"("reason":"the endpoint went down")"));
}

TEST(EventStream, a_node_that_drains_ends_its_streams_in_words) {
  Stream s;
  s.begin();
  s.edge->drain();
  const std::string last = s.user->read();
  EXPECT_TRUE(has(last, "event: error\n")) << last;
  EXPECT_TRUE(has(last, R"("reason":"the node is going away")"));
  EXPECT_TRUE(s.user->ended);
  s.lane.turn();
  EXPECT_TRUE(s.agent->closed);
}

}  // namespace
}  // namespace sealane::edge
