// SPDX-License-Identifier: Apache-2.0
// A small world around one edge, for tests: region `us` (where the edge is) with two agents, `eu`
// with one node and one agent, `ap` an edge location without agents.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <set>
#include <string>

#include "edge/edge.h"
#include "port/fake_net.h"

namespace sealane::edge {

namespace fake = port::fake;

struct Bench {
  enum : uint16_t { us_node, eu_node, ap_node, us_agent_1, us_agent_2, eu_agent };

  static IpAddress ip(const char* text) { return IpAddress::parse(text).value(); }

  static plan::Plan sample_plan() {
    using plan::Endpoint;
    using plan::EndpointKind;
    plan::Plan plan;
    plan.domain = "agent.example.test";
    const auto add = [&](EndpointKind kind, uint16_t region, const char* address, uint16_t port) {
      const std::string host = kind == EndpointKind::node
                                   ? std::string(address)
                                   : std::string(address) + ":" + std::to_string(port);
      Endpoint e;
      e.kind = kind;
      e.region = plan::RegionId{region};
      e.address = {ip(address), port};
      e.host = host;
      e.name = host;
      plan.endpoints.push_back(e);
      return plan::EndpointId(plan.endpoints.size() - 1);
    };
    const char* names[] = {"us", "eu", "ap"};
    const char* nodes[] = {"127.1.0.1", "127.2.0.1", "127.3.0.1"};
    for (uint16_t r = 0; r < 3; ++r) {
      plan::Region region;
      region.name = names[r];
      region.nodes = {add(EndpointKind::node, r, nodes[r], 8080)};
      region.node_group = plan::GroupId{r};
      plan.regions.push_back(region);
      plan::Group group;
      group.name = std::string("region ") + names[r];
      group.members = {{.target = r, .region = plan::RegionId{r}}};
      plan.groups.push_back(group);
    }
    plan.regions[0].agents = {add(EndpointKind::agent, 0, "127.1.0.1", 9001),
                              add(EndpointKind::agent, 0, "127.1.0.1", 9002)};
    plan.regions[1].agents = {add(EndpointKind::agent, 1, "127.2.0.1", 9001)};
    const auto failover = [&](const char* name, std::vector<uint16_t> groups) {
      plan::Group group;
      group.name = name;
      group.policy = plan::Policy::failover;
      for (const uint16_t g : groups) {
        plan::Member member;
        member.kind = plan::Member::Kind::group;
        member.target = g;
        group.members.push_back(member);
      }
      plan.groups.push_back(group);
      return plan::GroupId(plan.groups.size() - 1);
    };
    plan.public_group = failover("agent.example.test", {0, 1});
    plan.names.push_back({plan.domain, plan.public_group});
    plan.names.push_back({"agent-us.example.test", failover("agent-us", {0, 3})});
    plan.names.push_back({"agent-eu.example.test", failover("agent-eu", {1, 3})});
    plan::Place unknown;
    unknown.name = "unknown";
    plan.geography.places.push_back(unknown);
    plan.edge.cache = {
        {.pattern = "/docs/*",
         .mode = plan::CacheRule::Mode::clamp,
         .ttl_min = 60s,
         .ttl_default = 300s,
         .ttl_max = 3600s},
        {.pattern = "/api/*", .mode = plan::CacheRule::Mode::rfc9111},
    };
    return plan;
  }

  explicit Bench(
      const std::function<void(plan::Plan&)>& change = [](plan::Plan&) {}, uint16_t region = 0,
      port::Sessions* sessions = nullptr) {
    plan::Plan plan = sample_plan();
    change(plan);
    plan_ = plan;
    view_ = view::View::unknown(plan, Instant{});
    plans.emplace(std::make_shared<const plan::Plan>(plan));
    views.emplace(std::make_shared<const view::View>(view_));
    shared = std::make_shared<Shared>(plan.edge.cache_bytes_max, SipKey{1, 2});
    Options options{.region = plan::RegionId{region}, .address = plan.endpoints[region].address.ip,
                    .shared = shared,
                    .suspect = [this](plan::EndpointId id, view::Outcome outcome) {
                      suspected.emplace_back(uint16_t(id), outcome);
                    },
                    .measured = [this](std::span<const RoundTrip> batch) {
                      ++measured_batch_count;
                      measured.insert(measured.end(), batch.begin(), batch.end());
                    },
                    .sessions = sessions};
    edge.emplace(lane.lane, *plans, *views, std::move(options));
    EXPECT_TRUE(edge->start(true));
  }

  void set_health(uint16_t endpoint, bool healthy) {
    view_.endpoints[endpoint].healthy = healthy;
    views->publish(std::make_shared<const view::View>(view_));
  }
  // What SIGHUP does: another plan, and the view that health makes for it.
  void reload(const std::function<void(plan::Plan&)>& change) {
    change(plan_);
    view_ = view::View::unknown(plan_, lane.lane.clock.now());
    plans->publish(std::make_shared<const plan::Plan>(plan_));
    views->publish(std::make_shared<const view::View>(view_));
  }
  std::shared_ptr<fake::Peer> client(const char* from = "192.0.2.9", bool tls = false) {
    return lane.call({ip(from), 50000}, tls);
  }
  // A connection that the edge made, opened.
  std::shared_ptr<fake::Peer> origin() {
    auto peer = lane.next_connect();
    if (peer) peer->open_up();
    return peer;
  }

  plan::Plan plan_;
  view::View view_;
  fake::Lane lane;
  std::optional<Published<plan::Plan>> plans;
  std::optional<Published<view::View>> views;
  std::shared_ptr<Shared> shared;
  std::vector<std::pair<uint16_t, view::Outcome>> suspected;
  std::vector<RoundTrip> measured;
  size_t measured_batch_count = 0;
  std::optional<Edge> edge;
};

// "GET /x HTTP/1.1\r\nHost: agent.example.test\r\n" + lines + "\r\n" + body
inline std::string request(const std::string& line, const std::string& lines = "",
                           const std::string& body = "",
                           const std::string& host = "agent.example.test") {
  return line + " HTTP/1.1\r\nHost: " + host + "\r\n" + lines + "\r\n" + body;
}
inline std::string answer(const std::string& body, const std::string& lines = "",
                          const std::string& status = "200 OK") {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         lines + "\r\n" + body;
}
inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}
inline int status(const std::string& text) {
  return text.starts_with("HTTP/1.1 ") ? std::stoi(text.substr(9, 3)) : 0;
}
inline std::string body(const std::string& text) {
  const size_t at = text.find("\r\n\r\n");
  return at == std::string::npos ? "" : text.substr(at + 4);
}

}  // namespace sealane::edge
