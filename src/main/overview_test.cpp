// SPDX-License-Identifier: Apache-2.0
#include "main/overview.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace sealane::main {
namespace {

constexpr std::string_view kStatus =
    R"({"node":"127.1.0.1","region":"us-east-1","ready":true,"draining":false,
  "plan":"00ab","view":7,"endpoints":[
  {"name":"eu-west-1 node 127.2.0.1","kind":"node","region":"eu-west-1","healthy":false,"known":true,"last":"refused","since_ms":2500.5},
  {"name":"us-east-1 agent 127.1.0.1:9001","kind":"agent","region":"us-east-1","healthy":true,"known":true,"last":"ok","since_ms":9}]})";
constexpr std::string_view kMetrics =
    "# HELP x y\n# TYPE sealane_dns_queries_total counter\n"
    "sealane_dns_queries_total{transport=\"udp\"} 40\nsealane_dns_queries_total{transport=\"tcp\"} "
    "2\n"
    "sealane_edge_requests_total{class=\"2xx\"} 100\nsealane_edge_requests_total{class=\"5xx\"} 3\n"
    "sealane_edge_cache_total{result=\"hit\"} 60\nsealane_edge_cache_total{result=\"miss\"} 9\n"
    "sealane_edge_connections_open 5\nsealane_edge_fetches_in_flight 1\n";

Overview two_nodes() {
  Overview out{.domain = "agent.example.test",
               .nodes = {{.region = "us-east-1", .address = "127.1.0.1"},
                         {.region = "eu-west-1", .address = "127.2.0.1"}}};
  EXPECT_TRUE(read_status(kStatus, out.nodes[0]));
  out.nodes[0].traffic = read_metrics(kMetrics);
  out.nodes[1].trouble = "connection refused";
  return out;
}

TEST(Overview, adds_up_what_the_pages_say) {
  const Overview o = two_nodes();
  EXPECT_EQ(o.answered_count(), 1u);
  const NodeReport& node = o.nodes[0];
  EXPECT_TRUE(node.ready);
  EXPECT_EQ(node.plan, "00ab");
  ASSERT_EQ(node.endpoints.size(), 2u);
  EXPECT_EQ(node.endpoints[0].since, 2500500us);
  EXPECT_EQ(node.traffic.dns_query_count, 42u);
  EXPECT_EQ(node.traffic.request_count, 103u);
  EXPECT_EQ(node.traffic.error_count, 3u);
  EXPECT_EQ(node.traffic.hit_count, 60u);
  EXPECT_EQ(node.traffic.client_count, 5u);
  EXPECT_EQ(node.traffic.fetch_count, 1u);
}

TEST(Overview, names_what_is_down_since_when_and_who_says_so) {
  const std::string text = render(two_nodes());
  EXPECT_TRUE(text.starts_with("agent.example.test: 1 of 2 nodes answer\n")) << text;
  EXPECT_TRUE(
      text.contains("eu-west-1 node 127.2.0.1                 2.5 s      refused      127.1.0.1\n"))
      << text;
  EXPECT_TRUE(text.contains("no answer  connection refused\n")) << text;
  Overview well = two_nodes();
  well.nodes[0].endpoints[0].healthy = true;
  EXPECT_TRUE(render(well).ends_with("\nnothing is down\n"));
}

TEST(Overview, shows_traffic_per_second_when_it_was_asked_before) {
  const Overview before = two_nodes();
  Overview now = before;
  now.nodes[0].traffic.dns_query_count += 300;
  now.nodes[0].traffic.request_count = 50;  // started anew
  const std::string text = render(now, Earlier{before, 2s});
  EXPECT_TRUE(text.contains("      150/s       25/s      0/s        0/s        5        1  00ab\n"))
      << text;
}

TEST(Overview, tells_how_far_the_tables_of_each_node_are_behind) {
  Overview world = two_nodes();
  ASSERT_TRUE(read_status(R"({"endpoints":[],"state":{"messaging":"connected","replicas":[
    {"node":"127.2.0.1","region":"eu-west-1","behind_ms":0,"behind_bytes":0,"last_applied_ms":1700000000250},
    {"node":"127.3.0.1","region":"\u001b[2J","behind_ms":2500,"behind_bytes":4096,"last_applied_ms":0}]}})",
                          world.nodes[0]));
  const std::string text = render(world);
  EXPECT_TRUE(text.contains("127.1.0.1        eu-west-1 127.2.0.1                     level      "
                            "      0  2023-11-14T22:13:20.250Z\n"))
      << text;
  EXPECT_TRUE(text.contains("127.1.0.1        ?[2J 127.3.0.1                          2.5 s      "
                            "   4096  never\n"))
      << text;
  const auto said = nlohmann::json::parse(render_json(world));
  EXPECT_EQ(said["nodes"][0]["tables"]["replicas"][1]["behind_bytes"], 4096);
  EXPECT_FALSE(render(two_nodes()).contains("tables at")) << "who keeps none says nothing";
}

TEST(Overview, tells_of_the_server_that_tables_are_handed_to) {
  Overview world = two_nodes();
  ASSERT_TRUE(
      read_status(R"({"endpoints":[],"state":{"engine":"dynamodb","endpoint":"https://d.test",
    "reachable":false,"trouble":"connection refused"}})",
                  world.nodes[0]));
  EXPECT_TRUE(render(world).contains(
      "127.1.0.1        at https://d.test, which does not answer: connection refused\n"))
      << render(world);
  const auto said = nlohmann::json::parse(render_json(world));
  EXPECT_EQ(said["nodes"][0]["tables"]["reachable"], false);
}

TEST(Overview, json_says_the_same) {
  const auto said = nlohmann::json::parse(render_json(two_nodes()));
  EXPECT_EQ(said["nodes"][0]["traffic"]["dns_queries"], 42);
  EXPECT_EQ(said["nodes"][0]["endpoints"][0]["healthy"], false);
  EXPECT_EQ(said["nodes"][1]["reachable"], false);
  EXPECT_EQ(said["nodes"][1]["trouble"], "connection refused");
}

TEST(Overview, other_pages_are_refused_and_nothing_of_them_reaches_the_terminal) {
  NodeReport node;
  for (const char* text :
       {"", "not json", "[]", "{}", R"({"endpoints":1})", R"({"endpoints":[1]})"}) {
    EXPECT_FALSE(read_status(text, node)) << text;
  }
  Overview o{.domain = "d", .nodes = {{.region = "r", .address = "a"}}};
  ASSERT_TRUE(read_status(
      R"({"plan":"\u001b[2J","view":-1,"endpoints":[{"name":"\u001b[31m","last":5,"since_ms":1e300}]})",
      o.nodes[0]));
  EXPECT_FALSE(render(o).contains('\x1b'));
  EXPECT_EQ(read_metrics("sealane_dns_queries_total\n\n }\nsealane_dns_queries_total x\n")
                .dns_query_count,
            0u);
}

}  // namespace
}  // namespace sealane::main
