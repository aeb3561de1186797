// SPDX-License-Identifier: Apache-2.0
// What net.h and timer.h promise, as tests that every implementation runs: src/sim and src/host
// instantiate them with a Bench of their own. Only for test programs.
//
//   struct Bench {                       // two lanes that reach each other
//     port::Lane& client(); port::Lane& server();
//     IpAddress server_ip();
//     bool run(std::function<bool()> done, Duration max);  // turns the loops until done() or max
//     is over static constexpr bool has_tls;     // listen and connect with TLS work
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Sim, NetContract, Bench);
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "port/lane.h"

namespace sealane::port::contract {

constexpr Duration kSoon = 5s;  // of the lane's own time; a pass needs far less

// Remembers what it was told, in order.
struct Recorder : StreamHandler {
  std::string data, story;  // story: one letter a call: o open, d data, e end, r drained, x error
  std::optional<Error> error;
  std::function<void(char)> then = [](char) {};
  void tell(char what) {
    if (what != 'd' || story.empty() || story.back() != 'd') story += what;
    then(what);
  }
  void on_open() override { tell('o'); }
  void on_data(std::span<const char> bytes) override {
    data.append(bytes.data(), bytes.size());
    tell('d');
  }
  void on_end() override { tell('e'); }
  void on_drained() override { tell('r'); }
  void on_error(const Error& what) override {
    error = what;
    tell('x');
  }
  bool told(char what) const { return story.find(what) != std::string::npos; }
};

template <typename Bench>
class NetContract : public testing::Test {
 protected:
  Bench bench;
  Recorder here, there;
  std::unique_ptr<Stream> near, far;
  std::unique_ptr<Listener> listener;

  void listen(ListenOptions options = {}) {
    auto made = bench.server().net.listen({bench.server_ip(), 0}, options,
                                          [this](std::unique_ptr<Stream> stream) {
                                            far = std::move(stream);
                                            far->set_handler(there);
                                          });
    ASSERT_TRUE(made) << made.error().what;
    listener = std::move(*made);
  }
  void connect(ConnectOptions options = {}) {
    near = bench.client().net.connect(listener->local(), options, here);
    EXPECT_EQ(here.story, "") << "connect() calls nobody from inside";
  }
  void pair(ConnectOptions options = {}) {
    listen({.tls = options.tls});
    if (this->HasFatalFailure()) return;
    connect(options);
    ASSERT_TRUE(run([&] { return here.told('o') && far; }));
  }
  bool run(std::function<bool()> done, Duration max = kSoon) {
    return bench.run(std::move(done), max);
  }
  void settle(Duration time = 50ms) {
    bench.run([] { return false; }, time);
  }
};

TYPED_TEST_SUITE_P(NetContract);

TYPED_TEST_P(NetContract, bytes_come_as_they_were_written) {
  this->pair();
  const std::string_view parts[] = {"one ", "", "two"};
  this->near->write(parts);
  this->near->write(" three");
  EXPECT_EQ(this->there.story, "") << "write() calls nobody from inside";
  EXPECT_TRUE(this->run([&] { return this->there.data == "one two three"; })) << this->there.data;
  this->far->write("and back");
  EXPECT_TRUE(this->run([&] { return this->here.data == "and back"; }));
  EXPECT_EQ(this->near->peer(), this->listener->local());
  EXPECT_EQ(this->far->local(), this->listener->local());
  EXPECT_EQ(this->far->peer(), this->near->local());
  EXPECT_FALSE(this->near->is_tls());
}

TYPED_TEST_P(NetContract, both_ends_know_their_round_trip) {
  this->pair();
  if (this->HasFatalFailure()) return;
  this->near->write("hello");
  ASSERT_TRUE(this->run([&] { return this->there.data == "hello"; }));
  EXPECT_GT(this->near->round_trip(), Duration::zero());
  EXPECT_GT(this->far->round_trip(), Duration::zero());
  EXPECT_LT(this->far->round_trip(), kSoon);
}

TYPED_TEST_P(NetContract, tls_hands_the_server_name_over) {
  if constexpr (!TypeParam::has_tls) GTEST_SKIP() << "no TLS on this bench";
  this->pair({.tls = true, .tls_name = "agent.example.test"});
  this->near->write("secret");
  EXPECT_TRUE(this->run([&] { return this->there.data == "secret"; }));
  EXPECT_TRUE(this->far->is_tls());
  EXPECT_TRUE(this->near->is_tls());
  EXPECT_EQ(this->far->tls_server_name(), "agent.example.test");
}

TYPED_TEST_P(NetContract, tls_to_a_plain_port_is_an_error_of_code_invalid) {
  if constexpr (!TypeParam::has_tls) GTEST_SKIP() << "no TLS on this bench";
  this->listen();
  this->there.then = [&](char what) {
    if (what == 'd') this->far->write("HTTP/1.1 400 Bad Request\r\n\r\n");
  };
  this->connect({.tls = true});
  ASSERT_TRUE(this->run([&] { return this->here.told('x'); }));
  EXPECT_EQ(this->here.story, "x");
  EXPECT_EQ(this->here.error->code, Code::invalid) << this->here.error->what;
}

TYPED_TEST_P(NetContract, what_was_written_before_on_open_is_sent_after_it) {
  this->listen();
  this->connect();
  this->near->write("early");
  EXPECT_EQ(this->near->pending_bytes(), 5u);
  EXPECT_TRUE(this->run([&] { return this->there.data == "early"; }));
  EXPECT_EQ(this->here.story.front(), 'o');
}

TYPED_TEST_P(NetContract, nobody_listens_is_unavailable_before_on_open) {
  this->listen();
  const SocketAddress at = this->listener->local();
  this->listener.reset();
  this->near = this->bench.client().net.connect(at, {}, this->here);
  ASSERT_TRUE(this->run([&] { return this->here.told('x'); }));
  EXPECT_EQ(this->here.story, "x");
  EXPECT_EQ(this->here.error->code, Code::unavailable);
}

TYPED_TEST_P(NetContract, an_address_that_is_not_ours_is_a_conflict) {
  const SocketAddress foreign{IpAddress::v4(192, 0, 2, 1), 0};
  auto listener = this->bench.server().net.listen(foreign, {}, [](auto) {});
  ASSERT_FALSE(listener);
  EXPECT_EQ(listener.error().code, Code::conflict) << listener.error().what;
}

TYPED_TEST_P(NetContract, end_closes_one_direction) {
  this->pair();
  this->near->write("question");
  this->near->end();
  ASSERT_TRUE(this->run([&] { return this->there.told('e'); }));
  EXPECT_EQ(this->there.story, "de");
  EXPECT_EQ(this->there.data, "question");
  this->far->write("answer");
  this->far->end();
  ASSERT_TRUE(this->run([&] { return this->here.told('e'); }));
  EXPECT_EQ(this->here.data, "answer");
  EXPECT_FALSE(this->here.told('x'));
}

TYPED_TEST_P(NetContract, reset_is_unavailable_after_on_open_and_the_last_call) {
  this->pair();
  this->far->reset();
  ASSERT_TRUE(this->run([&] { return this->here.told('x'); }));
  EXPECT_EQ(this->here.error->code, Code::unavailable);
  this->near->write("into the void");
  this->near->end();
  this->near->reset();
  this->settle();
  EXPECT_EQ(this->here.story, "ox");
  EXPECT_EQ(this->there.story, "") << "who resets hears nothing more";
}

TYPED_TEST_P(NetContract, destroying_a_stream_tells_the_peer_and_not_the_handler) {
  this->pair();
  this->near.reset();
  ASSERT_TRUE(this->run([&] { return this->there.told('e'); }));
  this->settle();
  EXPECT_EQ(this->here.story, "o");
}

TYPED_TEST_P(NetContract, reset_on_close_sends_rst) {
  this->pair({.reset_on_close = true});
  this->near.reset();
  ASSERT_TRUE(this->run([&] { return this->there.told('x'); }));
  EXPECT_FALSE(this->there.told('e'));
}

TYPED_TEST_P(NetContract, a_handler_may_destroy_its_stream) {
  this->pair();
  this->there.then = [&](char what) {
    if (what == 'd') this->far.reset();
  };
  this->near->write("goodbye");
  ASSERT_TRUE(this->run([&] { return this->here.told('e') || this->here.told('x'); }));
  this->settle();
  EXPECT_EQ(this->there.story, "d");
}

TYPED_TEST_P(NetContract, a_handler_may_destroy_its_stream_at_on_error) {
  this->pair();
  this->here.then = [&](char what) {
    if (what == 'x') this->near.reset();
  };
  this->far->reset();
  ASSERT_TRUE(this->run([&] { return this->here.told('x'); }));
  this->settle();
  EXPECT_EQ(this->here.story, "ox");
}

TYPED_TEST_P(NetContract, paused_reads_nothing_and_the_window_closes) {
  this->pair();
  this->far->pause();
  // More than both kernels hold: some must wait in the process.
  const std::string block(1 << 20, 'x');
  size_t written = 0;
  while (written < (32u << 20) && (written == 0 || this->near->pending_bytes() == 0)) {
    this->near->write(block);
    written += block.size();
    this->settle(20ms);
  }
  this->settle();
  EXPECT_GT(this->near->pending_bytes(), 0u);
  EXPECT_EQ(this->there.data.size(), 0u);
  EXPECT_FALSE(this->here.told('r'));
  this->far->resume();
  EXPECT_EQ(this->there.data.size(), 0u) << "resume() calls nobody from inside";
  ASSERT_TRUE(this->run([&] { return this->there.data.size() == written; }));
  EXPECT_TRUE(this->run([&] { return this->here.told('r'); }));
  EXPECT_EQ(this->near->pending_bytes(), 0u);
}

TYPED_TEST_P(NetContract, paused_inside_on_data_stops_at_once) {
  this->pair();
  this->there.then = [&](char what) {
    if (what == 'd') this->far->pause();
  };
  this->near->write("first");
  ASSERT_TRUE(this->run([&] { return this->there.told('d'); }));
  const size_t had = this->there.data.size();
  this->near->write("second");
  this->near->end();
  this->settle();
  EXPECT_EQ(this->there.data.size(), had);
  EXPECT_FALSE(this->there.told('e')) << "the end comes behind the bytes";
  this->there.then = [](char) {};
  this->far->resume();
  ASSERT_TRUE(this->run([&] { return this->there.told('e'); }));
  EXPECT_EQ(this->there.data, "firstsecond");
}

TYPED_TEST_P(NetContract, close_after_flush_delivers_everything) {
  this->pair();
  const std::string answer(4 << 20, 'y');
  this->near->write("a request that nobody reads to its end");
  this->far->write(answer);
  Stream::close_after_flush(std::move(this->far));
  ASSERT_TRUE(this->run([&] { return this->here.told('e'); }));
  EXPECT_EQ(this->here.data.size(), answer.size());
  EXPECT_FALSE(this->here.told('x'));
  this->near->end();
  this->settle();
  EXPECT_EQ(this->there.story.find_first_of("exr"), std::string::npos) << this->there.story;
}

TYPED_TEST_P(NetContract, a_dropped_listener_lets_its_streams_live) {
  this->pair();
  this->listener.reset();
  this->near->write("still here");
  EXPECT_TRUE(this->run([&] { return this->there.data == "still here"; }));
}

TYPED_TEST_P(NetContract, an_accepted_stream_may_be_dropped_at_once) {
  auto made = this->bench.server().net.listen({this->bench.server_ip(), 0}, {},
                                              [](std::unique_ptr<Stream>) {});
  ASSERT_TRUE(made);
  this->listener = std::move(*made);
  this->connect();
  EXPECT_TRUE(this->run([&] { return this->here.told('e') || this->here.told('x'); }));
}

TYPED_TEST_P(NetContract, a_connect_may_be_given_up) {
  this->listen();
  this->connect();
  this->near.reset();
  this->settle();
  EXPECT_EQ(this->here.story, "");
}

struct Echo : DatagramHandler {
  std::vector<std::string> seen;
  std::vector<SocketAddress> peers;
  bool answers = false;
  void on_batch(std::span<Datagram> batch) override {
    for (Datagram& datagram : batch) {
      seen.emplace_back(datagram.bytes.begin(), datagram.bytes.end());
      peers.push_back(datagram.peer);
      if (!answers) continue;
      std::ranges::copy(datagram.bytes, datagram.reply.begin());
      datagram.reply_bytes = datagram.bytes.size();
    }
  }
};

TYPED_TEST_P(NetContract, datagrams_are_answered_to_who_sent_them) {
  Echo server, client;
  server.answers = true;
  auto at = this->bench.server().net.bind({this->bench.server_ip(), 0}, server);
  auto from = this->bench.client().net.bind({}, client);
  ASSERT_TRUE(at && from);
  const std::string text = "who is there";
  (*from)->send((*at)->local(), {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  ASSERT_TRUE(this->run([&] { return !client.seen.empty(); }));
  EXPECT_EQ(server.seen, std::vector<std::string>{text});
  EXPECT_EQ(client.seen, std::vector<std::string>{text});
  EXPECT_EQ(client.peers.front(), (*at)->local());
}

TYPED_TEST_P(NetContract, a_timer_fires_once_not_early_and_never_inside_arm) {
  Lane& lane = this->bench.client();
  int fired_count = 0;
  Instant fired_at{};
  const auto timer = lane.timers.make([&] {
    ++fired_count;
    fired_at = lane.clock.now();
  });
  EXPECT_FALSE(timer->armed());
  const Instant due = lane.clock.now() + 20ms;
  timer->arm_at(due);
  EXPECT_TRUE(timer->armed());
  ASSERT_TRUE(this->run([&] { return fired_count > 0; }));
  EXPECT_GE(fired_at, due);
  EXPECT_FALSE(timer->armed());
  timer->arm_at(due - 1s);
  EXPECT_EQ(fired_count, 1) << "in the past: at the next turn";
  ASSERT_TRUE(this->run([&] { return fired_count == 2; }));
  this->settle();
  EXPECT_EQ(fired_count, 2);
}

TYPED_TEST_P(NetContract, arming_again_replaces_the_deadline) {
  Lane& lane = this->bench.client();
  Instant fired_at{};
  const auto timer = lane.timers.make([&] { fired_at = lane.clock.now(); });
  const Instant start = lane.clock.now();
  timer->arm_at(start + 10ms);
  timer->arm_at(start + 60ms);
  ASSERT_TRUE(this->run([&] { return fired_at != Instant{}; }));
  EXPECT_GE(fired_at, start + 60ms);
  fired_at = {};
  const Instant again = lane.clock.now();
  timer->arm_at(again + 10s);
  timer->arm_at(again + 10ms);
  ASSERT_TRUE(this->run([&] { return fired_at != Instant{}; }));
  EXPECT_LT(fired_at, again + 10s);
}

TYPED_TEST_P(NetContract, a_disarmed_or_destroyed_timer_is_silent) {
  Lane& lane = this->bench.client();
  int fired_count = 0;
  auto timer = lane.timers.make([&] { ++fired_count; });
  auto gone = lane.timers.make([&] { ++fired_count; });
  timer->arm_at(lane.clock.now() + 10ms);
  gone->arm_at(lane.clock.now() + 10ms);
  timer->disarm();
  gone.reset();
  EXPECT_FALSE(timer->armed());
  this->settle();
  EXPECT_EQ(fired_count, 0);
}

TYPED_TEST_P(NetContract, a_timer_may_arm_or_destroy_itself_while_it_fires) {
  Lane& lane = this->bench.client();
  int fired_count = 0;
  std::unique_ptr<Timer> timer;
  timer = lane.timers.make([&] {
    if (++fired_count < 3) {
      timer->arm_at(lane.clock.now());
    } else {
      timer.reset();
    }
  });
  timer->arm_at(lane.clock.now());
  ASSERT_TRUE(this->run([&] { return !timer; }));
  EXPECT_EQ(fired_count, 3);
}

TYPED_TEST_P(NetContract, posted_work_runs_in_order_on_the_lane) {
  Lane& lane = this->bench.server();
  std::string order;
  ASSERT_TRUE(lane.inbox.post([&] { order += 'a'; }));
  ASSERT_TRUE(lane.inbox.post([&] { order += 'b'; }));
  EXPECT_EQ(order, "");
  ASSERT_TRUE(this->run([&] { return order.size() == 2; }));
  EXPECT_EQ(order, "ab");
}

TYPED_TEST_P(NetContract, a_full_inbox_says_no) {
  Lane& lane = this->bench.server();
  size_t run_count = 0;
  for (size_t i = 0; i < Inbox::kMax; ++i) ASSERT_TRUE(lane.inbox.post([&] { ++run_count; }));
  EXPECT_FALSE(lane.inbox.post([&] { ++run_count; }));
  ASSERT_TRUE(this->run([&] { return run_count == Inbox::kMax; }));
  EXPECT_TRUE(lane.inbox.post([&] { ++run_count; }));
  ASSERT_TRUE(this->run([&] { return run_count == Inbox::kMax + 1; }));
}

TYPED_TEST_P(NetContract, counters_of_one_name_are_one) {
  Meter& meter = this->bench.client().meter;
  Counter& a = meter.counter("sealane_contract_total", "kind=\"a\"");
  a.add(2);
  meter.counter("sealane_contract_total", "kind=\"a\"").add();
  EXPECT_EQ(a.get(), 3u);
  EXPECT_EQ(meter.counter("sealane_contract_total", "kind=\"b\"").get(), 0u);
}

REGISTER_TYPED_TEST_SUITE_P(
    NetContract, bytes_come_as_they_were_written, both_ends_know_their_round_trip,
    tls_hands_the_server_name_over, tls_to_a_plain_port_is_an_error_of_code_invalid,
    what_was_written_before_on_open_is_sent_after_it, nobody_listens_is_unavailable_before_on_open,
    an_address_that_is_not_ours_is_a_conflict, end_closes_one_direction,
    reset_is_unavailable_after_on_open_and_the_last_call,
    destroying_a_stream_tells_the_peer_and_not_the_handler, reset_on_close_sends_rst,
    a_handler_may_destroy_its_stream, a_handler_may_destroy_its_stream_at_on_error,
    paused_reads_nothing_and_the_window_closes, paused_inside_on_data_stops_at_once,
    close_after_flush_delivers_everything, a_dropped_listener_lets_its_streams_live,
    an_accepted_stream_may_be_dropped_at_once, a_connect_may_be_given_up,
    datagrams_are_answered_to_who_sent_them, a_timer_fires_once_not_early_and_never_inside_arm,
    arming_again_replaces_the_deadline, a_disarmed_or_destroyed_timer_is_silent,
    a_timer_may_arm_or_destroy_itself_while_it_fires, posted_work_runs_in_order_on_the_lane,
    a_full_inbox_says_no, counters_of_one_name_are_one);

}  // namespace sealane::port::contract
