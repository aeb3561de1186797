// SPDX-License-Identifier: Apache-2.0
// The contract of port/net.h, kept by real sockets on the loopback interface.
#include "host/net.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <numeric>

#include "host/authority.h"

namespace sealane::host {
namespace {

namespace fs = std::filesystem;

struct Peer : port::StreamHandler {
  void on_open() override { opened = true; }
  void on_data(std::span<const char> bytes) override {
    got.append(bytes.data(), bytes.size());
    if (on_bytes) on_bytes();
  }
  void on_end() override { ended = true; }
  void on_drained() override { ++drained; }
  void on_error(const Error& e) override { error = e; }
  std::unique_ptr<port::Stream> stream;
  std::string got;
  bool opened = false, ended = false;
  int drained = 0;
  std::optional<Error> error;
  std::function<void()> on_bytes;
};

class NetTest : public testing::TestWithParam<bool> {
 protected:
  static void SetUpTestSuite() {
    dir_ = fs::temp_directory_path() / ("sealane-net-test-" + std::to_string(::getpid()));
    const auto ca = Authority::open(dir_, "test").value();
    const auto leaf =
        ca.issue("node", {"agent.example.test"}, {IpAddress::v4(127, 0, 0, 1)}).value();
    tls_ = Tls::load({leaf.cert_file, leaf.key_file, ca.ca_file()}).value();
  }
  static void TearDownTestSuite() { fs::remove_all(dir_); }

  // Turns the loop until `done`; a lost event shows as a failure after 10 s of wall time at most.
  template <typename Done>
  void until(Done done) {
    const Instant start = loop.now();
    while (!done() && loop.now() - start < 10s) loop.turn(20ms);
    ASSERT_TRUE(done());
  }
  void listen() {
    listener = net.listen({IpAddress::v4(127, 0, 0, 1), 0}, {.tls = GetParam()},
                          [this](std::unique_ptr<port::Stream> stream) {
                            server.stream = std::move(stream);
                            server.stream->set_handler(server);
                          })
                   .value();
  }
  port::ConnectOptions options() const {
    port::ConnectOptions o;
    o.tls = GetParam(), o.tls_name = "agent.example.test", o.tls_verify = GetParam();
    return o;
  }
  void connect() {
    listen();
    client.stream = net.connect(listener->local(), options(), client);
    until([&] { return client.opened && server.stream != nullptr; });
  }

  static inline fs::path dir_;
  static inline std::shared_ptr<const Tls> tls_;
  Loop loop;
  Net net{loop, tls_};
  std::unique_ptr<port::Listener> listener;
  Peer client, server;
};

INSTANTIATE_TEST_SUITE_P(Plain, NetTest, testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Tls, NetTest, testing::Values(true));

TEST_P(NetTest, bytes_go_both_ways) {
  connect();
  client.stream->write("ping");
  until([&] { return server.got == "ping"; });
  const std::string_view parts[] = {"po", "", "ng"};
  server.stream->write(parts);
  until([&] { return client.got == "pong"; });
  EXPECT_EQ(server.stream->is_tls(), GetParam());
  EXPECT_EQ(server.stream->tls_server_name(), GetParam() ? "agent.example.test" : "");
}

TEST_P(NetTest, bytes_written_before_the_stream_opens_arrive) {
  listen();
  client.stream = net.connect(listener->local(), options(), client);
  client.stream->write("early");
  until([&] { return server.got == "early"; });
}

TEST_P(NetTest, a_paused_reader_holds_the_writer_back_and_nothing_is_lost) {
  connect();
  server.stream->pause();
  std::string big(32 << 20, 'x');
  for (size_t i = 0; i < big.size(); i += 4096) big[i] = char('a' + i / 4096 % 26);
  client.stream->write(big);
  for (int i = 0; i < 5; ++i) loop.turn(10ms);
  EXPECT_EQ(server.got.size(), 0u);
  EXPECT_GT(client.stream->pending_bytes(), 0u);
  server.stream->resume();
  until([&] { return server.got.size() == big.size() && client.drained == 1; });
  EXPECT_EQ(server.got, big);
  EXPECT_EQ(client.stream->pending_bytes(), 0u);
}

TEST_P(NetTest, end_is_half_a_close) {
  connect();
  client.stream->write("request");
  client.stream->end();
  until([&] { return server.ended; });
  EXPECT_EQ(server.got, "request");
  server.stream->write("late answer");
  until([&] { return client.got == "late answer"; });
}

TEST_P(NetTest, close_after_flush_delivers_everything_first) {
  connect();
  const std::string big(8 << 20, 'y');
  server.stream->write(big);
  port::Stream::close_after_flush(std::move(server.stream));
  client.stream->write("still talking");
  until([&] { return client.ended; });
  EXPECT_EQ(client.got.size(), big.size());
  EXPECT_FALSE(client.error);
}

TEST_P(NetTest, reset_is_told_as_an_error) {
  connect();
  client.stream->write("x");
  until([&] { return server.got == "x"; });
  server.stream->reset();
  until([&] { return client.error.has_value(); });
  EXPECT_TRUE(client.error->what.starts_with("reset")) << client.error->what;
}

TEST_P(NetTest, a_handler_may_destroy_its_stream_from_inside_a_callback) {
  connect();
  server.on_bytes = [&] { server.stream.reset(); };
  client.stream->write("die");
  until([&] { return client.ended || client.error; });
}

TEST_P(NetTest, refused_is_told_and_not_from_inside_connect) {
  listen();
  const SocketAddress gone = listener->local();
  listener.reset();
  client.stream = net.connect(gone, options(), client);
  EXPECT_FALSE(client.error);
  until([&] { return client.error.has_value(); });
  EXPECT_TRUE(client.error->what.starts_with("refused")) << client.error->what;
}

TEST_P(NetTest, a_connect_uses_the_source_address_it_was_given) {
  listen();
  auto o = options();
  o.from = IpAddress::v4(127, 9, 8, 7);
  client.stream = net.connect(listener->local(), o, client);
  until([&] { return server.stream != nullptr; });
  EXPECT_EQ(server.stream->peer().ip, o.from);
}

TEST(NetTls, a_connect_that_verifies_refuses_a_stranger) {
  const fs::path dir =
      fs::temp_directory_path() / ("sealane-net-test2-" + std::to_string(::getpid()));
  const auto ours = Authority::open(dir / "a", "ours").value();
  const auto other = Authority::open(dir / "b", "other").value();
  const auto leaf = other.issue("node", {"agent.example.test"}, {}).value();
  Loop loop;
  Net server_net(loop, Tls::load({leaf.cert_file, leaf.key_file, ""}).value());
  Net client_net(loop, Tls::load({"", "", ours.ca_file()}).value());
  Peer client;
  auto listener =
      server_net
          .listen({IpAddress::v4(127, 0, 0, 1), 0}, {.tls = true},
                  [](std::unique_ptr<port::Stream>) { FAIL() << "handed over unfinished"; })
          .value();
  port::ConnectOptions o;
  o.tls = o.tls_verify = true, o.tls_name = "agent.example.test";
  client.stream = client_net.connect(listener->local(), o, client);
  const Instant start = loop.now();
  while (!client.error && loop.now() - start < 10s) loop.turn(20ms);
  ASSERT_TRUE(client.error);
  EXPECT_NE(client.error->what.find("TLS handshake"), std::string::npos) << client.error->what;
  fs::remove_all(dir);
}

TEST(NetListen, alone_means_that_a_second_listener_is_refused) {
  Loop loop;
  Net net(loop);
  auto drop = [](std::unique_ptr<port::Stream>) {};
  const auto first = net.listen({IpAddress::v4(127, 0, 0, 1), 0}, {.alone = true}, drop).value();
  const auto second = net.listen(first->local(), {.alone = true}, drop);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Code::conflict);
  EXPECT_NE(second.error().what.find("another program holds it"), std::string::npos)
      << second.error().what;
}

TEST(NetUdp, a_batch_is_answered_datagram_by_datagram) {
  struct Echo : port::DatagramHandler {
    void on_batch(std::span<port::Datagram> batch) override {
      for (auto& d : batch) {
        count += 1;
        if (d.bytes[0] == 'n') continue;
        std::ranges::copy(d.bytes, d.reply.begin());
        d.reply_bytes = d.bytes.size();
      }
    }
    int count = 0;
  } echo;
  struct Client : port::DatagramHandler {
    void on_batch(std::span<port::Datagram> batch) override {
      for (auto& d : batch) got.emplace_back(d.bytes.begin(), d.bytes.end());
    }
    std::vector<std::string> got;
  } client;
  Loop loop;
  Net net(loop);
  auto server = net.bind({IpAddress::v4(127, 0, 0, 1), 0}, echo).value();
  auto socket = net.bind({IpAddress::v4(127, 0, 0, 1), 0}, client).value();
  for (int i = 0; i < 100; ++i) {
    const std::string text = (i % 2 != 0 ? "no " : "yes ") + std::to_string(i);
    socket->send(server->local(), {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  }
  const Instant start = loop.now();
  while ((echo.count < 100 || client.got.size() < 50) && loop.now() - start < 10s) loop.turn(20ms);
  EXPECT_EQ(echo.count, 100);
  ASSERT_EQ(client.got.size(), 50u);
  EXPECT_EQ(client.got[49], "yes 98");
}

TEST(LoopTest, posts_from_other_threads_run_on_the_loop) {
  Loop loop;
  std::thread other([&] {
    for (int i = 0; i < 1000; ++i) EXPECT_TRUE(loop.post([] {}));
    EXPECT_TRUE(loop.post([&] { loop.stop(); }));
  });
  loop.run();
  other.join();
}

TEST(LoopTest, a_full_inbox_says_so) {
  Loop loop;
  for (size_t i = 0; i < Loop::kMax; ++i) ASSERT_TRUE(loop.post([] {}));
  EXPECT_FALSE(loop.post([] {}));
  loop.turn(0ms);
  EXPECT_TRUE(loop.post([] {}));
}

}  // namespace
}  // namespace sealane::host
