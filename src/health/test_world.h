// SPDX-License-Identifier: Apache-2.0
// The world of this room's tests, in virtual time.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "health/fake_lane.h"
#include "health/health.h"

namespace sealane::health {

using plan::EndpointId;
using plan::EndpointKind;
using view::Outcome;
using view::View;

// A plan of one region "us" (our node 127.1.0.1 and agents) and one "eu" (nodes only, as far as we
// see).
struct World {
  FakeLane fake;
  port::Lane lane = fake.lane();
  std::shared_ptr<plan::Plan> plan = std::make_shared<plan::Plan>();
  std::optional<Published<plan::Plan>> plans;
  std::optional<Published<View>> views;
  std::optional<Health> health;

  explicit World(uint64_t seed = 1) : fake(seed) {
    plan->regions.resize(2);
    plan->regions[0].name = "us", plan->regions[1].name = "eu";
    add(EndpointKind::node, 0, {IpAddress::v4(127, 1, 0, 1), 8080});
  }
  EndpointId add(EndpointKind kind, uint16_t region, SocketAddress address) {
    plan::Endpoint e;
    e.kind = kind, e.region = plan::RegionId{region}, e.address = address;
    e.name = address.to_string();
    e.host = kind == EndpointKind::node ? address.ip.to_string() : address.to_string();
    const EndpointId id{uint16_t(plan->endpoints.size())};
    auto& r = plan->regions[region];
    (kind == EndpointKind::node ? r.nodes : r.agents).push_back(id);
    plan->endpoints.push_back(e);
    return id;
  }
  EndpointId agent(unsigned n = 1) {
    return add(EndpointKind::agent, 0, {IpAddress::v4(127, 1, uint8_t(n >> 8), uint8_t(n)), 9001});
  }
  plan::Endpoint& endpoint(EndpointId id) { return plan->endpoints[plan::index(id)]; }
  plan::Check& check(EndpointId id) { return endpoint(id).check; }
  void serve(EndpointId id, FakeServer server) {
    fake.servers[endpoint(id).address] = std::move(server);
  }
  FakeLane::Seen& seen(EndpointId id) { return fake.seen[endpoint(id).address]; }
  void start() {
    plans.emplace(plan);
    views.emplace(std::make_shared<const View>(View::unknown(*plan, fake.time())));
    health.emplace(lane, *plans, *views, Health::Options{IpAddress::v4(127, 1, 0, 1), "us"});
    health->start();
  }
  void run(Duration d) { fake.run_for(d); }
  std::shared_ptr<const View> view() const { return views->get(); }
  bool healthy(EndpointId id) const { return view()->healthy(id); }
  // How long after now the endpoint's published state becomes `wanted`.
  Duration until(EndpointId id, bool wanted, Duration most) {
    const Instant from = fake.time();
    std::optional<Duration> took;
    fake.after_each = [&] {
      if (!took && healthy(id) == wanted) took = fake.time() - from;
    };
    fake.run_for(most);
    fake.after_each = nullptr;
    EXPECT_TRUE(took.has_value()) << "not within " << to_ms(most) << " ms";
    return took.value_or(most);
  }
};

}  // namespace sealane::health
