// SPDX-License-Identifier: Apache-2.0
// What the faults feel like from a process: delays to the microsecond, and who is told what.
#include <gtest/gtest.h>

#include <algorithm>

#include "port/net_contract.h"
#include "sim/world.h"

namespace sealane::sim {
namespace {

using port::contract::Echo;
using port::contract::Recorder;

constexpr Duration kRoundTrip = 100ms;
const IpAddress kClient = IpAddress::v4(10, 0, 0, 1), kServer = IpAddress::v4(10, 0, 0, 2);

// One host connects to another, 100 ms apart, without jitter.
struct Pair {
  explicit Pair(uint64_t seed = 1, Duration give_up = 10s)
      : world({.seed = seed,
               .round_trip = [](const IpAddress&, const IpAddress&) { return kRoundTrip; },
               .jitter = 0,
               .give_up = give_up}) {}
  World world;
  Node& client = world.add_node({.name = "client", .addresses = {kClient}});
  Node& server = world.add_node({.name = "server", .addresses = {kServer}});
  Recorder here, there;
  std::unique_ptr<port::Stream> near, far;
  std::unique_ptr<port::Listener> listener;
  Instant opened{}, failed{}, ended{};

  void listen(port::ListenOptions options = {}) {
    listener = *server.lane().net.listen({kServer, 80}, options,
                                         [this](std::unique_ptr<port::Stream> stream) {
                                           far = std::move(stream);
                                           far->set_handler(there);
                                         });
  }
  void connect(port::ConnectOptions options = {}) {
    here.then = [this](char what) {
      if (what == 'o') opened = world.now();
      if (what == 'x') failed = world.now();
      if (what == 'e') ended = world.now();
    };
    near = client.lane().net.connect({kServer, 80}, options, here);
  }
  void open() {
    listen();
    connect();
    ASSERT_TRUE(run([&] { return far && here.told('o'); }));
  }
  bool run(const std::function<bool()>& done, Duration max = 200s) {
    return world.run_until(done, world.now() + max);
  }
};

constexpr Instant at(Duration since) { return Instant{since}; }

TEST(Delay, a_handshake_takes_one_round_trip_and_tls_one_more) {
  Pair plain;
  plain.open();
  EXPECT_EQ(plain.opened, at(100ms));
  Pair tls;
  tls.listen({.tls = true});
  tls.connect({.tls = true});
  ASSERT_TRUE(tls.run([&] { return tls.here.told('o'); }));
  EXPECT_EQ(tls.opened, at(200ms));
}

TEST(Delay, a_question_and_its_answer_take_one_more_round_trip) {
  Pair pair;
  pair.open();
  pair.there.then = [&](char what) {
    if (what == 'd') pair.far->write("a");
  };
  const Instant asked = pair.world.now();
  pair.near->write("q");
  ASSERT_TRUE(pair.run([&] { return pair.here.data == "a"; }));
  EXPECT_EQ(pair.world.now() - asked, 100ms);
}

TEST(Delay, slow_adds_to_each_way) {
  Pair pair;
  const auto id =
      pair.world.links().impair({.from = World::hosts(pair.client), .to = {}, .slow = 30ms});
  pair.open();
  EXPECT_EQ(pair.opened, at(130ms));
  pair.world.links().heal(id);
  const Instant asked = pair.world.now();
  pair.near->write("q");
  ASSERT_TRUE(pair.run([&] { return pair.there.data == "q"; }));
  EXPECT_EQ(pair.world.now() - asked, 50ms);
}

TEST(Refused, a_host_without_a_listener_answers_after_one_round_trip) {
  Pair pair;
  pair.connect();
  ASSERT_TRUE(pair.run([&] { return pair.here.told('x'); }));
  EXPECT_EQ(pair.failed, at(100ms));
  EXPECT_EQ(pair.here.error->code, Code::unavailable);
}

TEST(Refused, an_address_where_no_host_is_times_out) {
  Pair pair;
  pair.near = pair.client.lane().net.connect({IpAddress::v4(10, 9, 9, 9), 80}, {.timeout = 700ms},
                                             pair.here);
  ASSERT_TRUE(pair.run([&] { return pair.here.told('x'); }));
  EXPECT_EQ(pair.world.now(), at(700ms));
  EXPECT_EQ(pair.here.error->code, Code::timeout);
}

TEST(Kill, resets_what_is_open_and_refuses_what_comes) {
  Pair pair;
  pair.open();
  const Instant killed = pair.world.now();
  pair.world.kill(pair.server);
  ASSERT_TRUE(pair.run([&] { return pair.here.told('x'); }));
  EXPECT_EQ(pair.failed - killed, 50ms);
  EXPECT_EQ(pair.here.error->code, Code::unavailable);
  EXPECT_EQ(pair.there.story, "") << "a dead process hears nothing";
  Recorder second;
  const auto again = pair.client.lane().net.connect({kServer, 80}, {}, second);
  ASSERT_TRUE(pair.run([&] { return second.told('x'); }));
  EXPECT_EQ(second.error->code, Code::unavailable);
}

TEST(Kill, a_started_node_boots_anew) {
  struct Counted : Process {
    explicit Counted(int& alive) : alive_count(alive) { ++alive_count; }
    ~Counted() override { --alive_count; }
    int& alive_count;
  };
  int alive_count = 0, boot_count = 0;
  World world{WorldOptions{}};
  Node& node = world.add_node({.name = "n", .addresses = {kServer}, .boot = [&](Node&) {
                                 ++boot_count;
                                 return std::make_unique<Counted>(alive_count);
                               }});
  EXPECT_EQ(alive_count, 1);
  world.kill(node);
  EXPECT_EQ(alive_count, 0);
  world.start(node);
  EXPECT_EQ(alive_count, 1);
  EXPECT_EQ(boot_count, 2);
}

TEST(PowerOff, says_nothing_and_data_sent_to_it_times_out) {
  Pair pair;
  pair.open();
  pair.world.power_off(pair.server);
  const Instant off = pair.world.now();
  EXPECT_FALSE(pair.run([&] { return pair.here.told('x'); }, 60s))
      << "an idle peer notices nothing";
  const Instant sent = pair.world.now();
  pair.near->write("hello?");
  ASSERT_TRUE(pair.run([&] { return pair.here.told('x'); }));
  EXPECT_EQ(pair.here.error->code, Code::timeout);
  EXPECT_GE(pair.failed - sent, 10s);
  EXPECT_LT(pair.failed - sent, 25s);
  EXPECT_GT(sent, off);
}

TEST(PowerOff, a_host_that_came_back_resets_what_it_does_not_know) {
  Pair pair;
  pair.open();
  pair.world.power_off(pair.server);
  pair.world.run_for(1s);
  pair.world.start(pair.server);
  pair.near->write("hello?");
  ASSERT_TRUE(pair.run([&] { return pair.here.told('x'); }));
  EXPECT_EQ(pair.here.error->code, Code::unavailable);
}

TEST(Freeze, the_kernel_accepts_and_acknowledges_and_nobody_answers) {
  Pair pair;
  pair.listen();
  pair.world.freeze(pair.server);
  pair.connect();
  ASSERT_TRUE(pair.run([&] { return pair.here.told('o'); }));
  pair.near->write("hello?");
  pair.world.run_for(60s);
  EXPECT_EQ(pair.there.story, "");
  EXPECT_FALSE(pair.far);
  EXPECT_FALSE(pair.here.told('x'));
  pair.world.thaw(pair.server);
  ASSERT_TRUE(pair.run([&] { return pair.there.data == "hello?"; }));
}

TEST(Freeze, a_tls_handshake_needs_the_process) {
  Pair pair;
  pair.listen({.tls = true});
  pair.world.freeze(pair.server);
  pair.connect({.timeout = 1s, .tls = true});
  ASSERT_TRUE(pair.run([&] { return pair.here.told('x'); }));
  EXPECT_EQ(pair.here.error->code, Code::timeout);
  EXPECT_EQ(pair.failed, at(1s));
}

TEST(Freeze, a_full_backlog_lets_connects_time_out) {
  Pair pair;
  pair.listen({.backlog = 2});
  pair.world.freeze(pair.server);
  std::vector<std::unique_ptr<Recorder>> told;
  std::vector<std::unique_ptr<port::Stream>> streams;
  for (int i = 0; i < 3; ++i) {
    told.push_back(std::make_unique<Recorder>());
    streams.push_back(pair.client.lane().net.connect({kServer, 80}, {.timeout = 5s}, *told.back()));
  }
  pair.world.run_for(6s);
  EXPECT_EQ(told[0]->story + told[1]->story, "oo");
  EXPECT_EQ(told[2]->story, "x");
  EXPECT_EQ(told[2]->error->code, Code::timeout);
}

TEST(Freeze, the_window_fills_up_and_the_sender_waits) {
  Pair pair;
  pair.open();
  pair.world.freeze(pair.server);
  const size_t kernels =
      pair.world.options().receive_buffer_bytes + pair.world.options().send_buffer_bytes;
  pair.near->write(std::string(kernels + 1000, 'x'));
  pair.world.run_for(60s);
  EXPECT_EQ(pair.near->pending_bytes(), 1000u);
  EXPECT_FALSE(pair.here.told('r'));
  EXPECT_FALSE(pair.here.told('x')) << "window probes are acknowledged";
  pair.world.thaw(pair.server);
  ASSERT_TRUE(pair.run([&] { return pair.there.data.size() == kernels + 1000; }));
  EXPECT_TRUE(pair.run([&] { return pair.here.told('r'); }));
}

TEST(Freeze, timers_are_late_and_fire_at_the_thaw) {
  Pair pair;
  std::vector<Instant> fired;
  const auto timer = pair.client.lane().timers.make([&] { fired.push_back(pair.world.now()); });
  timer->arm_at(pair.client.lane().clock.now() + 1s);
  pair.world.freeze(pair.client);
  pair.world.run_for(5s);
  EXPECT_TRUE(fired.empty());
  pair.world.thaw(pair.client);
  pair.world.run_for(1s);
  EXPECT_EQ(fired, std::vector<Instant>{at(5s)});
}

TEST(Freeze, killing_a_frozen_node_forgets_what_it_had_to_do) {
  Pair pair;
  bool fired = false;
  const auto timer = pair.client.lane().timers.make([&] { fired = true; });
  timer->arm_at(pair.client.lane().clock.now() + 1s);
  pair.world.freeze(pair.client);
  pair.world.run_for(5s);
  pair.world.kill(pair.client);
  pair.world.start(pair.client);
  pair.world.run_for(5s);
  EXPECT_FALSE(fired);
}

TEST(Cut, bytes_are_late_and_not_lost) {
  Pair pair;
  pair.open();
  const auto [a, b] = pair.world.cut(World::hosts(pair.client), World::hosts(pair.server));
  pair.near->write("one");
  pair.world.run_for(3s);
  pair.near->write("two");
  EXPECT_EQ(pair.there.data, "");
  pair.world.links().heal(a);
  pair.world.links().heal(b);
  ASSERT_TRUE(pair.run([&] { return pair.there.data == "onetwo"; }));
  EXPECT_FALSE(pair.here.told('x'));
}

TEST(Cut, what_was_under_way_is_sent_again) {
  Pair pair;
  pair.open();
  pair.near->write("one");
  pair.world.run_for(10ms);
  pair.world.cut({}, World::hosts(pair.server));
  pair.near->write("two");
  pair.near->end();
  pair.world.run_for(1s);
  EXPECT_EQ(pair.there.data, "");
  pair.world.links().heal_all();
  ASSERT_TRUE(pair.run([&] { return pair.there.told('e'); }));
  EXPECT_EQ(pair.there.data, "onetwo");
}

TEST(Cut, longer_than_the_kernel_waits_breaks_who_was_sending) {
  Pair pair;
  pair.open();
  pair.world.cut({}, World::hosts(pair.server));
  pair.near->write("one");
  ASSERT_TRUE(pair.run([&] { return pair.here.told('x'); }));
  EXPECT_EQ(pair.here.error->code, Code::timeout);
  EXPECT_EQ(pair.there.story, "") << "who only listens does not notice";
  pair.world.links().heal_all();
  pair.far->write("are you there?");
  ASSERT_TRUE(pair.run([&] { return pair.there.told('x'); }));
  EXPECT_EQ(pair.there.error->code, Code::unavailable)
      << "the other kernel knows nothing of it any more";
}

TEST(Cut, one_way_stops_the_acknowledgements_only) {
  Pair pair;
  pair.open();
  pair.world.links().impair(
      {.from = World::hosts(pair.server), .to = World::hosts(pair.client), .cut = true});
  pair.near->write("heard");
  ASSERT_TRUE(pair.run([&] { return pair.there.data == "heard"; }));
  ASSERT_TRUE(pair.run([&] { return pair.here.told('x'); }));
  EXPECT_EQ(pair.here.error->code, Code::timeout);
  EXPECT_EQ(pair.there.data, "heard") << "delivered once, however often it was sent";
}

TEST(Cut, a_connect_over_it_times_out_and_one_after_it_works) {
  Pair pair;
  pair.listen();
  pair.world.cut({}, World::hosts(pair.server));
  pair.connect({.timeout = 500ms});
  ASSERT_TRUE(pair.run([&] { return pair.here.told('x'); }));
  EXPECT_EQ(pair.failed, at(500ms));
  pair.world.links().heal_all();
  Recorder second;
  pair.near = pair.client.lane().net.connect({kServer, 80}, {}, second);
  ASSERT_TRUE(pair.run([&] { return second.told('o'); }));
}

TEST(Cut, a_connect_across_a_short_cut_is_repeated_by_the_kernel) {
  Pair pair;
  pair.listen();
  pair.world.cut({}, World::hosts(pair.server));
  pair.world.at(at(500ms), [&] { pair.world.links().heal_all(); });
  pair.connect({.timeout = 2s});
  ASSERT_TRUE(pair.run([&] { return pair.here.told('o'); }));
  EXPECT_EQ(pair.opened, at(1100ms)) << "SYN again after 1 s";
}

TEST(Loss, every_byte_arrives_in_order_at_half_of_the_packets_lost) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Pair pair{seed, 1h};
    pair.open();
    pair.world.links().impair({.from = {}, .to = {}, .loss = 0.5});
    std::string text;
    for (int i = 0; i < 200; ++i) {
      const std::string part = std::to_string(i * i) + ",";
      text += part;
      pair.near->write(part);
      if (i % 10 == 0) pair.world.run_for(70ms);
    }
    pair.near->end();
    ASSERT_TRUE(pair.run([&] { return pair.there.told('e'); }, 10h));
    EXPECT_EQ(pair.there.data, text);
  }
}

TEST(Datagrams, are_lost_doubled_and_overtaken) {
  World world{WorldOptions{.seed = 3}};
  Node& a = world.add_node({.name = "a", .addresses = {kClient}});
  Node& b = world.add_node({.name = "b", .addresses = {kServer}});
  Echo sent, got;
  const auto from = *a.lane().net.bind({kClient, 0}, sent);
  const auto to = *b.lane().net.bind({kServer, 53}, got);
  world.links().impair({.from = {}, .to = {}, .loss = 0.2, .duplicate = 0.2, .reorder = 0.5});
  for (int i = 0; i < 500; ++i) {
    const std::string text = std::to_string(1000 + i);
    from->send({kServer, 53}, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
    world.run_for(100us);
  }
  world.run_for(1s);
  std::vector<std::string> ordered = got.seen;
  std::ranges::sort(ordered);
  EXPECT_NE(got.seen, ordered) << "some were overtaken";
  const auto doubled = std::ranges::adjacent_find(ordered);
  EXPECT_NE(doubled, ordered.end());
  const auto tail = std::ranges::unique(ordered);
  const auto distinct = ordered.size() - tail.size();
  EXPECT_GT(distinct, 350u);
  EXPECT_LT(distinct, 450u);
}

TEST(Datagrams, a_socket_holds_its_maximum_while_the_process_is_frozen) {
  World world{WorldOptions{.datagrams_max = 4}};
  Node& a = world.add_node({.name = "a", .addresses = {kClient}});
  Node& b = world.add_node({.name = "b", .addresses = {kServer}});
  Echo sent, got;
  const auto from = *a.lane().net.bind({kClient, 0}, sent);
  const auto to = *b.lane().net.bind({kServer, 53}, got);
  world.freeze(b);
  const uint8_t byte[] = {'x'};
  for (int i = 0; i < 5; ++i) from->send({kServer, 53}, byte);
  world.run_for(1s);
  world.thaw(b);
  world.run_for(1s);
  EXPECT_EQ(got.seen.size(), 4u);
}

TEST(Lanes, several_listen_on_one_address_and_share_the_connections) {
  World world{WorldOptions{}};
  Node& a = world.add_node({.name = "a", .addresses = {kClient}});
  Node& b = world.add_node({.name = "b", .addresses = {kServer}, .lane_count = 2});
  int taken_count[2] = {0, 0};
  std::vector<std::unique_ptr<port::Listener>> listeners;
  for (unsigned i = 0; i < 2; ++i) {
    listeners.push_back(
        *b.lane(i).net.listen({kServer, 80}, {}, [&, i](auto) { ++taken_count[i]; }));
  }
  Recorder told;
  std::vector<std::unique_ptr<port::Stream>> streams;
  for (int i = 0; i < 100; ++i) streams.push_back(a.lane().net.connect({kServer, 80}, {}, told));
  world.run_for(1s);
  EXPECT_EQ(taken_count[0] + taken_count[1], 100);
  EXPECT_GT(taken_count[0], 20);
  EXPECT_GT(taken_count[1], 20);
}

TEST(Clock, the_wall_jumps_and_the_monotonic_clock_does_not) {
  Pair pair;
  const Instant before = pair.client.lane().clock.now();
  const WallTime wall = pair.client.lane().clock.wall();
  pair.world.jump_wall(pair.client, -2h);
  pair.world.run_for(1s);
  EXPECT_EQ(pair.client.lane().clock.now() - before, 1s);
  EXPECT_EQ(pair.client.lane().clock.wall() - wall, 1s - 2h);
  EXPECT_EQ(pair.server.lane().clock.wall() - wall, 1s) << "only that node's";
}

TEST(Leaks, streams_and_timers_are_counted) {
  Pair pair;
  pair.open();
  const auto timer = pair.client.lane().timers.make([] {});
  EXPECT_EQ(pair.client.stream_count(), 1u);
  EXPECT_EQ(pair.client.timer_count(), 1u);
  port::Stream::close_after_flush(std::move(pair.near));
  EXPECT_EQ(pair.client.stream_count(), 1u) << "lingering";
  pair.far.reset();
  pair.world.run_for(5s);
  EXPECT_EQ(pair.client.stream_count(), 0u);
  EXPECT_EQ(pair.server.stream_count(), 0u);
}

// A lively minute with every kind of fault; what it did is in the hash.
uint64_t lively(uint64_t seed) {
  Pair pair{seed, 5s};
  pair.listen();
  pair.there.then = [&](char what) {
    if (what == 'd' && pair.far) pair.far->write("pong");
  };
  Dice dice(seed);
  for (int i = 0; i < 60; ++i) {
    if (!pair.near || pair.here.told('x')) {
      pair.here.story.clear();
      pair.near = pair.client.lane().net.connect({kServer, 80}, {}, pair.here);
    }
    pair.near->write("ping");
    switch (dice.below(6)) {
      case 0:
        pair.world.freeze(pair.server);
        break;
      case 1:
        pair.world.thaw(pair.server);
        break;
      case 2:
        pair.world.cut({}, World::hosts(pair.server));
        break;
      case 3:
        pair.world.links().heal_all();
        break;
      case 4:
        pair.world.links().impair({.from = {}, .to = {}, .loss = dice.unit()});
        break;
      default:
        break;
    }
    pair.world.run_for(1s);
  }
  return pair.world.trace_hash();
}

TEST(Determinism, the_same_seed_gives_the_same_trace_and_another_seed_another) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    EXPECT_EQ(lively(seed), lively(seed)) << "seed " << seed;
    EXPECT_NE(lively(seed), lively(seed + 1000)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sealane::sim
