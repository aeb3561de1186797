// SPDX-License-Identifier: Apache-2.0
// serve::Server on the simulator: clients of every manner over a lossy network, answers in any
// order. Whoever stays gets every answer, its own and in order; nothing is left of those who go.
#include <gtest/gtest.h>

#include <deque>
#include <fmt/format.h>
#include <optional>

#include "base/crc32.h"
#include "serve/server.h"
#include "sim/world.h"
#include "wire/http/reader.h"

namespace sealane::play {
namespace {

const IpAddress kServer = IpAddress::v4(10, 0, 0, 1);

std::string answer_to(std::string_view target, std::string_view body) {
  return fmt::format("{} {} {:08x}", target, body.size(), crc32(body));
}

// Answers one of those that wait, any of them, every few milliseconds.
class Api final : public sim::Process, public serve::Handler {
 public:
  explicit Api(port::Lane& lane)
      : lane_(lane),
        server_(lane, *this,
                {.api = "sim",
                 .limits = {.connections_max = 60,
                            .body_bytes_max = 400'000,
                            .buffered_bytes_max = 40'000'000}}),
        timer_(lane.timers.make([this] { answer_one(); })) {
    EXPECT_TRUE(server_.listen({kServer, 8000}));
  }
  void on_request(const serve::Request& request, serve::Responder responder) override {
    if (lane_.dice.chance(0.3)) {
      responder.answer(
          {.content_type = "text/plain", .body = answer_to(request.target, request.body)});
      return;
    }
    waiting_.push_back({&request, responder});
    if (!timer_->armed()) timer_->arm_at(lane_.clock.now() + 2ms);
  }
  serve::Server& server() { return server_; }

 private:
  void answer_one() {
    const size_t at = lane_.dice.below(waiting_.size());
    const auto [request, responder] = waiting_[at];
    waiting_.erase(waiting_.begin() + ptrdiff_t(at));
    const std::string body = answer_to(request->target, request->body);
    responder.answer({.content_type = "text/plain", .body = body});
    if (!waiting_.empty()) timer_->arm_at(lane_.clock.now() + 2ms);
  }

  struct Waiting {
    const serve::Request* request;
    serve::Responder responder;
  };
  port::Lane& lane_;
  std::deque<Waiting> waiting_;
  serve::Server server_;
  std::unique_ptr<port::Timer> timer_;
};

// Sends some requests, alone or pipelined, and reads the answers; some go away in between.
class Client final : public port::StreamHandler {
 public:
  Client(port::Lane& lane, Dice dice, unsigned number) : lane_(lane), dice_(dice) {
    const size_t count = 1 + dice_.below(8);
    for (size_t i = 0; i < count; ++i) {
      const std::string target = fmt::format("/{}/{}", number, i);
      const std::string body(dice_.chance(0.2) ? dice_.below(300'000) : dice_.below(3000),
                             char('a' + i));
      if (dice_.chance(0.3)) {
        text_ += fmt::format("POST {} HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
                             target);
        for (std::string_view rest = body; !rest.empty();) {
          const std::string_view chunk = rest.substr(0, 1 + dice_.below(20'000));
          rest.remove_prefix(chunk.size());
          text_ += fmt::format("{:x}\r\n{}\r\n", chunk.size(), chunk);
        }
        text_ += "0\r\n\r\n";
      } else {
        text_ += fmt::format("POST {} HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n{}", target,
                             body.size(), body);
      }
      expected_.push_back(answer_to(target, body));
    }
    leaves_after_ = dice_.chance(0.3) ? dice_.below(text_.size()) : SIZE_MAX;
    half_closes_ = dice_.chance(0.3);
    timer_ = lane.timers.make([this] { send_some(); });
    stream_ = lane.net.connect({kServer, 8000}, {.timeout = 30s}, *this);
  }
  void on_open() override { send_some(); }
  void on_data(std::span<const char> bytes) override {
    std::string_view in(bytes.data(), bytes.size());
    while (true) {
      switch (reader_.next(in, {}, fields_)) {
        case wire::http::Event::more: return;
        case wire::http::Event::head: refused_ = reader_.head().status != 200, body_.clear(); break;
        case wire::http::Event::body: body_ += reader_.body(); break;
        case wire::http::Event::end:
          if (refused_) break;
          ASSERT_LT(answered_, expected_.size());
          EXPECT_EQ(body_, expected_[answered_]);
          ++answered_;
          break;
        case wire::http::Event::refused: FAIL() << reader_.refusal().what;
      }
    }
  }
  void on_end() override { over_ = true; }
  void on_error(const Error&) override { over_ = true; }

  bool leaves() const { return leaves_after_ != SIZE_MAX; }
  std::string story() const {
    return fmt::format("sent {} of {}, {} of {} answers{}{}{}", sent_, text_.size(), answered_,
                       expected_.size(), half_closes_ ? ", half-closed" : "", over_ ? ", over" : "",
                       refused_ ? ", refused" : "");
  }
  bool has_all() const { return answered_ == expected_.size(); }
  bool done() const { return over_ || has_all() || stream_ == nullptr; }
  void go() { stream_.reset(); }

 private:
  void send_some() {
    if (!stream_ || over_) return;
    const size_t n = std::min(text_.size() - sent_, 1 + dice_.below(60'000));
    stream_->write(std::string_view(text_).substr(sent_, n));
    sent_ += n;
    if (sent_ >= leaves_after_) return stream_.reset();
    if (sent_ < text_.size()) {
      timer_->arm_at(lane_.clock.now() + Duration(dice_.below(20'000'000)));
    } else if (half_closes_) {
      stream_->end();
    }
  }

  port::Lane& lane_;
  Dice dice_;
  std::string text_;
  std::vector<std::string> expected_;
  size_t sent_ = 0, answered_ = 0, leaves_after_ = SIZE_MAX;
  bool half_closes_ = false, over_ = false, refused_ = false;
  std::string body_;
  std::vector<wire::http::Field> fields_;
  wire::http::ResponseReader reader_;
  std::unique_ptr<port::Timer> timer_;
  std::unique_ptr<port::Stream> stream_;
};

struct Story {
  explicit Story(uint64_t seed) : world({.seed = seed}), dice(seed) {
    world.links().impair({.from = {}, .to = {}, .loss = 0.03});
    for (unsigned i = 0; i < 40; ++i) {
      clients.push_back(std::make_unique<Client>(visitors.lane(), dice.fork(), i));
    }
  }
  Api& api() { return *static_cast<Api*>(server.process()); }
  bool all_done() {
    return std::ranges::all_of(clients, [](const auto& c) { return c->done(); });
  }
  sim::World world;
  Dice dice;
  sim::Node& server =
      world.add_node({.name = "server", .addresses = {kServer}, .boot = [](sim::Node& node) {
                        return std::make_unique<Api>(node.lane());
                      }});
  sim::Node& visitors =
      world.add_node({.name = "visitors", .addresses = {IpAddress::v4(10, 0, 0, 2)}});
  std::vector<std::unique_ptr<Client>> clients;
};

TEST(ServeOnSim, who_stays_gets_every_answer_in_order_and_nothing_is_left_of_who_goes) {
  for (uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Story s(seed);
    EXPECT_TRUE(s.world.run_until([&] { return s.all_done(); }, s.world.now() + 300s));
    for (const auto& client : s.clients) {
      if (!client->leaves()) EXPECT_TRUE(client->has_all()) << client->story();
      client->go();
    }
    s.world.run_for(100s);
    EXPECT_EQ(s.api().server().connection_count(), 0u);
    EXPECT_EQ(s.api().server().pending_count(), 0u);
    EXPECT_EQ(s.api().server().buffered_bytes(), 0u);
    EXPECT_EQ(s.server.stream_count(), 0u);
  }
}

TEST(ServeOnSim, a_drain_ends_with_every_begun_request_answered) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Story s(seed);
    s.world.on_process(s.server, s.world.now() + 50ms, [&] { s.api().server().drain(); });
    EXPECT_TRUE(s.world.run_until([&] { return s.api().server().draining() &&
                                               s.api().server().connection_count() == 0; },
                                  s.world.now() + 200s));
    EXPECT_EQ(s.api().server().pending_count(), 0u);
  }
}

TEST(ServeOnSim, a_node_may_die_and_come_back_in_the_middle) {
  for (uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    Story s(seed);
    s.world.run_for(40ms);
    s.world.kill(s.server);
    s.world.run_for(5s);
    EXPECT_EQ(s.server.timer_count(), 0u);
    s.world.start(s.server);
    s.clients.clear();
    Client again(s.visitors.lane(), Dice(seed), 99);
    s.world.run_until([&] { return again.done(); }, s.world.now() + 60s);
    EXPECT_TRUE(again.leaves() || again.has_all());
  }
}

}  // namespace
}  // namespace sealane::play
