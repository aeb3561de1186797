// SPDX-License-Identifier: Apache-2.0
#include "dns/name_server.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>

#include "dns/fake_lane.h"
#include "dns/test_world.h"
#include "wire/dns/message.h"

namespace {
std::atomic<uint64_t> allocation_count{0};
}

// Every allocation of this test program passes here and is counted.
void* operator new(size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  if (void* p = std::malloc(size)) return p;
  throw std::bad_alloc();
}
void operator delete(void* p) noexcept { std::free(p); }
void operator delete(void* p, size_t) noexcept { std::free(p); }

namespace sealane::dns {
namespace {

using namespace wire::dns;

class OnALane : public testing::Test {
 public:
  OnALane()
      : plan(std::make_shared<plan::Plan>(world.plan)),
        view(std::make_shared<view::View>(world.view)) {
    options.at = {IpAddress::v4(127, 20, 0, 1), 53};
    options.cookie_secret = SipKey{3, 4};
    options.tcp = {.connections_max = 3, .pending_bytes_max = 1000, .idle_timeout = 10s};
  }
  NameServer& start() {
    server = std::make_unique<NameServer>(fake.lane, plan, view, options);
    EXPECT_TRUE(server->start().has_value());
    return *server;
  }
  static std::string query(std::string_view name, uint16_t type = Type::a, QueryOptions with = {}) {
    return make_query(name, type, with).value();
  }
  static std::string framed(const std::string& message) {
    std::string out;
    append16(out, uint16_t(message.size()));
    return out + message;
  }
  // Asks all of these as one batch; empty where nothing comes back.
  std::vector<std::string> batch(const std::vector<std::string>& packets, uint16_t port = 4000) {
    std::vector<std::array<uint8_t, 4096>> replies(packets.size());
    std::vector<port::Datagram> datagrams;
    for (size_t i = 0; i < packets.size(); ++i) {
      datagrams.push_back({.peer = {IpAddress::v4(10, 1, 0, 1), port},
                           .local = options.at,
                           .bytes = {bytes_of(packets[i]), packets[i].size()},
                           .reply = replies[i]});
    }
    fake.net.datagrams->on_batch(datagrams);
    std::vector<std::string> answers;
    for (const port::Datagram& d : datagrams) {
      answers.emplace_back(reinterpret_cast<const char*>(d.reply.data()), d.reply_bytes);
    }
    return answers;
  }
  static Message decode(std::string_view bytes) {
    return decode_message({bytes_of(bytes), bytes.size()}).value();
  }
  // Takes the answers apart that came over TCP.
  static std::vector<Message> messages(std::string_view stream) {
    std::vector<Message> all;
    while (stream.size() >= 2) {
      const size_t bytes = load16(bytes_of(stream));
      all.push_back(decode(stream.substr(2, bytes)));
      stream.remove_prefix(2 + bytes);
    }
    EXPECT_TRUE(stream.empty());
    return all;
  }

  TestWorld world;
  FakeLane fake;
  Published<plan::Plan> plan;
  Published<view::View> view;
  NameServerOptions options;
  std::unique_ptr<NameServer> server;
  SocketAddress client{IpAddress::v4(10, 1, 0, 1), 5000};
};

TEST_F(OnALane, a_batch_is_answered_packet_by_packet) {
  start();
  const auto answers = batch({query("host.example.test"), "rubbish", query("nobody.example.test")});
  EXPECT_EQ(decode(answers[0]).answers.size(), 1u);
  EXPECT_TRUE(answers[1].empty());
  EXPECT_EQ(decode(answers[2]).rcode, Rcode::nxdomain);
  EXPECT_TRUE(batch({query("host.example.test")}, 0)[0].empty()) << "port 0 cannot be answered";
}

TEST_F(OnALane, a_warm_batch_allocates_nothing) {
  start();
  std::vector<std::string> packets = {
      query("host.example.test"),
      query("nobody.example.test"),
      query("x.wild.example.test"),
      query("www.example.test"),
      query("sub.example.test"),
      query("all.example.test"),
      query("host.example.test", Type::a, {.nsid = true, .cookie = "12345678"}),
      query("agent.example.test", Type::a, {.subnet = Prefix::parse("10.2.3.0/24").value()}),
      query("agent.example.test", Type::aaaa),
      query("www.elsewhere.test"),
      query("big.example.test", Type::txt),
      "too short",
      query("host.example.test") + "junk"};
  std::vector<std::array<uint8_t, 4096>> replies(packets.size());
  std::vector<port::Datagram> datagrams;
  for (size_t i = 0; i < packets.size(); ++i) {
    datagrams.push_back({.peer = client,
                         .local = options.at,
                         .bytes = {bytes_of(packets[i]), packets[i].size()},
                         .reply = replies[i]});
  }
  fake.net.datagrams->on_batch(datagrams);
  const uint64_t before = allocation_count.load();
  for (int i = 0; i < 100; ++i) fake.net.datagrams->on_batch(datagrams);
  EXPECT_EQ(allocation_count.load() - before, 0u);
}

TEST_F(OnALane, a_new_view_and_a_new_plan_are_answered_from_the_next_batch_on) {
  start();
  const auto address = [&] {
    return decode(batch({query("agent.example.test")})[0]).answers.at(0).rdata;
  };
  EXPECT_EQ(address(), std::string("\x7f\1\0\1", 4));
  auto changed = std::make_shared<view::View>(world.view);
  changed->endpoints[0].healthy = false;
  view.publish(changed);
  EXPECT_EQ(address(), std::string("\x7f\2\0\1", 4));
  auto next = std::make_shared<plan::Plan>(world.plan);
  next->version = 2;
  next->zones[0].records.push_back({"new.example.test", Type::a, 60, std::string("\1\2\3\4", 4)});
  plan.publish(next);
  view.publish(std::make_shared<view::View>(view::View::unknown(*next, fake.time.now())));
  EXPECT_EQ(decode(batch({query("new.example.test")})[0]).answers.size(), 1u);
}

TEST_F(OnALane, a_plan_waits_for_the_view_that_fits_it) {
  start();
  auto next = std::make_shared<plan::Plan>(world.plan);
  next->version = 2;
  std::swap(next->endpoints[0], next->endpoints[1]);  // as many as before, and other ones
  next->zones.clear();
  plan.publish(next);
  EXPECT_EQ(decode(batch({query("host.example.test")})[0]).answers.size(), 1u)
      << "still the old pair";
  view.publish(std::make_shared<view::View>(view::View::unknown(*next, fake.time.now())));
  EXPECT_EQ(decode(batch({query("host.example.test")})[0]).rcode, Rcode::refused);
}

TEST_F(OnALane, lanes_share_one_compiled_plan) {
  AuthorityCache cache;
  const auto one = plan.get();
  EXPECT_EQ(cache.get(one), cache.get(one));
  EXPECT_NE(cache.get(one), cache.get(std::make_shared<plan::Plan>(world.plan)));
}

TEST_F(OnALane, udp_is_closed_again_when_tcp_cannot_listen) {
  fake.net.refuse_listen = true;
  NameServer broken(fake.lane, plan, view, options);
  EXPECT_FALSE(broken.start().has_value());
  EXPECT_EQ(fake.net.datagrams, nullptr);
}

TEST_F(OnALane, a_zone_without_a_soa_is_named_in_the_log) {
  auto next = std::make_shared<plan::Plan>(world.plan);
  next->zones.push_back(
      {"bare.test", {{"www.bare.test", Type::a, 1, "abcd"}, {"bad.bare.test", Type::a, 1, "abc"}}});
  plan.publish(next);
  start();
  std::string lines;
  for (const std::string& line : fake.log.lines) lines += line + "\n";
  EXPECT_TRUE(lines.contains("zone 'bare.test' has no SOA record")) << lines;
  EXPECT_TRUE(lines.contains("'bad.bare.test' A: is cut off")) << lines;
  EXPECT_EQ(decode(batch({query("www.bare.test")})[0]).answers.size(), 1u);
  EXPECT_EQ(decode(batch({query("x.bare.test")})[0]).rcode, Rcode::nxdomain);
}

TEST_F(OnALane, queries_on_one_connection_are_answered_in_order_however_they_are_cut) {
  start();
  const std::string stream = framed(query("host.example.test", Type::a, {.id = 1})) +
                             framed(query("big.example.test", Type::txt, {.id = 2})) +
                             framed(query("nobody.example.test", Type::a, {.id = 3}));
  for (const size_t cut : {size_t{1}, size_t{2}, size_t{7}, stream.size()}) {
    options.tcp.pending_bytes_max = 100'000;
    const auto peer = fake.net.dial(client);
    for (size_t at = 0; at < stream.size(); at += cut)
      peer->send(std::string_view(stream).substr(at, cut));
    const auto answers = messages(peer->received);
    ASSERT_EQ(answers.size(), 3u) << cut;
    for (uint16_t i = 0; i < 3; ++i) EXPECT_EQ(answers[i].id, i + 1);
    EXPECT_EQ(answers[1].answers.size(), 40u);
    peer->handler->on_end();
    EXPECT_TRUE(peer->closed && peer->flushed);
  }
}

TEST_F(OnALane, a_client_that_takes_no_answers_is_not_read_from) {
  start();
  const auto peer = fake.net.dial(client);
  peer->takes = false;
  const std::string one = framed(query("big.example.test", Type::txt));
  peer->send(one + one + one);
  EXPECT_TRUE(peer->paused);
  EXPECT_EQ(messages(peer->received).size(), 1u) << "the first answer is over the bound";
  peer->drain();
  EXPECT_EQ(messages(peer->received).size(), 2u);
  peer->takes = true;
  peer->drain();
  EXPECT_EQ(messages(peer->received).size(), 3u);
  EXPECT_FALSE(peer->paused);
}

TEST_F(OnALane, the_end_of_a_client_waits_for_its_answers) {
  start();
  const auto peer = fake.net.dial(client);
  peer->takes = false;
  const std::string one = framed(query("big.example.test", Type::txt));
  peer->send(one + one);
  peer->handler->on_end();
  EXPECT_FALSE(peer->closed);
  peer->takes = true;
  peer->drain();
  EXPECT_EQ(messages(peer->received).size(), 2u);
  EXPECT_TRUE(peer->closed);
}

TEST_F(OnALane, a_silent_connection_is_closed_after_the_idle_timeout) {
  start();
  const auto silent = fake.net.dial(client), busy = fake.net.dial(client),
             drip = fake.net.dial(client);
  const std::string one = framed(query("host.example.test"));
  for (size_t i = 0; i < 9; ++i) {
    fake.time.advance(1s);
    busy->send(one);
    drip->send(std::string_view(one).substr(i, 1));  // a byte a second is no whole query
  }
  EXPECT_FALSE(silent->closed);
  fake.time.advance(1s);
  EXPECT_TRUE(silent->closed);
  EXPECT_TRUE(drip->closed);
  EXPECT_FALSE(busy->closed);
  fake.time.advance(10s);
  EXPECT_TRUE(busy->closed);
}

TEST_F(OnALane, when_all_places_are_taken_the_longest_silent_one_makes_room) {
  start();
  const auto a = fake.net.dial(client), b = fake.net.dial(client), c = fake.net.dial(client);
  fake.time.advance(1s);
  a->send(framed(query("host.example.test")));
  EXPECT_FALSE(a->closed || b->closed || c->closed) << "connections_max fit";
  const auto d = fake.net.dial(client);
  EXPECT_TRUE(b->closed);
  EXPECT_FALSE(a->closed || c->closed || d->closed);
  EXPECT_EQ(fake.meter.get("sealane_dns_tcp_connections{}"), 3u);
}

TEST_F(OnALane, what_is_no_query_ends_the_connection) {
  start();
  const auto peer = fake.net.dial(client);
  peer->send(framed("nonsense"));
  EXPECT_TRUE(peer->closed);
  const auto broken = fake.net.dial(client);
  broken->handler->on_error({Code::unavailable, "reset"});
  EXPECT_TRUE(broken->closed);
}

}  // namespace
}  // namespace sealane::dns
