// SPDX-License-Identifier: Apache-2.0
#include "edge/round_trips.h"

#include "edge/bench.h"

namespace sealane::edge {
namespace {

std::shared_ptr<fake::Peer> ping(Bench& b, const char* from, const std::string& lines = "") {
  auto client = b.client(from);
  client->round_trip = 80ms;
  client->send(request("GET /.sealane/ping", lines));
  return client;
}

TEST(RoundTrips, a_client_is_asked_for_once_and_told_about_in_a_batch) {
  Bench b;
  auto client = ping(b, "198.51.100.7");
  client->send(request("GET /.sealane/ping") + request("GET /.sealane/ping"));
  ping(b, "2001:db8::7");
  EXPECT_EQ(client->round_trip_asked_count, 1u);
  EXPECT_TRUE(b.measured.empty()) << "told from the request";
  b.lane.advance(RoundTrips::kEvery);
  ASSERT_EQ(b.measured.size(), 2u);
  EXPECT_EQ(b.measured_batch_count, 1u);
  EXPECT_EQ(b.measured[0].client, Bench::ip("198.51.100.7"));
  EXPECT_EQ(b.measured[0].took, Duration(80ms));
  b.lane.advance(RoundTrips::kEvery * 3);
  EXPECT_EQ(b.measured_batch_count, 1u);
}

TEST(RoundTrips, a_relayed_answer_counts_too_and_no_answer_does_not) {
  Bench b;
  auto client = b.client("198.51.100.7");
  client->round_trip = 80ms;
  client->send(request("GET /x"));
  EXPECT_EQ(client->round_trip_asked_count, 0u);
  b.origin()->send(answer("hello"));
  EXPECT_EQ(client->round_trip_asked_count, 1u);
}

TEST(RoundTrips, nodes_probers_and_private_networks_are_not_users) {
  Bench b;
  auto prober = b.client("198.51.100.7");
  prober->round_trip = 80ms;
  prober->send(request("GET /health", "Sealane-Probe: 1\r\n"));
  b.origin()->send(answer("ok"));
  EXPECT_EQ(prober->round_trip_asked_count, 0u);
  EXPECT_EQ(ping(b, "127.2.0.1")->round_trip_asked_count, 0u) << "a node of the plan";
  EXPECT_EQ(ping(b, "198.51.100.7", "Sealane-Probe: 1\r\n")->round_trip_asked_count, 1u)
      << "anybody can say so";
  for (const char* from : {"127.9.9.9", "10.1.2.3", "172.31.0.1", "192.168.1.1", "169.254.0.1",
                           "100.64.0.1", "::1", "fd00::1", "fe80::1"}) {
    EXPECT_EQ(ping(b, from)->round_trip_asked_count, 0u) << from;
  }
  b.lane.advance(RoundTrips::kEvery);
  EXPECT_EQ(b.measured.size(), 1u);
  for (const char* from :
       {"9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "172.32.0.0", "2a00::1"}) {
    EXPECT_TRUE(is_public(Bench::ip(from))) << from;
  }
  for (const char* from : {"0.0.0.0", "224.0.0.1", "255.255.255.255", "::"}) {
    EXPECT_FALSE(is_public(Bench::ip(from))) << from;
  }
}

TEST(RoundTrips, a_batch_is_bounded) {
  Bench b;
  for (size_t i = 0; i <= RoundTrips::kBatchMax; ++i) {
    ping(b, IpAddress::v4(uint32_t(198u << 24 | i << 8 | 1)).to_string().c_str());
  }
  b.lane.advance(RoundTrips::kEvery);
  EXPECT_EQ(b.measured.size(), RoundTrips::kBatchMax);
  ping(b, "198.51.100.7");
  b.lane.advance(RoundTrips::kEvery);
  EXPECT_EQ(b.measured.size(), RoundTrips::kBatchMax + 1);
}

TEST(RoundTrips, an_unknown_one_is_not_told) {
  Bench b;
  auto client = b.client("198.51.100.7");
  client->send(request("GET /.sealane/ping"));
  b.lane.advance(RoundTrips::kEvery);
  EXPECT_EQ(b.measured_batch_count, 0u);
}

}  // namespace
}  // namespace sealane::edge
