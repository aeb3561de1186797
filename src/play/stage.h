// SPDX-License-Identifier: Apache-2.0
// A plan on the simulator: each node a process with the roles health, dns and edge, wired as
// `sealane serve` wires them; each agent a process of its own, on the address that the plan gives
// it; users and watchers near regions; and the verbs of the scene language on all of them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/snapshot.h"
#include "dns/name_server.h"
#include "edge/edge.h"
#include "health/health.h"
#include "plan/plan.h"
#include "play/agent.h"
#include "play/scene.h"
#include "play/users.h"
#include "sim/world.h"
#include "view/view.h"

namespace sealane::play {

struct StageOptions {
  uint64_t seed = 1;
  Duration think = 5ms;
  double jitter = 0.05;
  size_t trace_max = 0;
  Duration give_up = 60s;  // of TCP
};

// What runs on a Sealane node.
class NodeProcess final : public sim::Process {
 public:
  NodeProcess(sim::Node& node, std::shared_ptr<const plan::Plan> plan, plan::EndpointId self,
              uint64_t secret);

  const plan::Plan& plan() const { return *plan_now_; }
  const Published<view::View>& view() const { return view_; }
  const edge::Edge& edge() const { return *edge_; }

 private:
  std::shared_ptr<const plan::Plan> plan_now_;
  Published<plan::Plan> plan_;
  Published<view::View> view_;
  std::unique_ptr<health::Health> health_;
  std::unique_ptr<dns::NameServer> dns_;
  std::unique_ptr<edge::Edge> edge_;
};

class Stage {
 public:
  // One node of the plan, through all its lives.
  struct Seat {
    plan::EndpointId endpoint{};
    plan::RegionId region{};
    sim::Node* node = nullptr;
    const sim::Process* process_seen = nullptr;
    uint64_t version_seen = 0;
    std::shared_ptr<const view::View> view;  // the newest; null while the process is dead
  };
  struct AgentSeat {
    plan::EndpointId endpoint{};
    plan::RegionId region{};
    sim::Node* node = nullptr;
    std::unique_ptr<AgentMood> mood;
  };

  Stage(std::shared_ptr<const plan::Plan> plan, StageOptions options);
  ~Stage();

  sim::World& world() { return *world_; }
  const plan::Plan& plan() const { return *plan_; }
  const std::vector<Seat>& seats() const { return seats_; }
  const std::vector<AgentSeat>& agents() const { return agents_; }

  UserGroup& add_users(const Users& users, plan::RegionId near);
  // Samples arrive as `tell(sample)`; sample.server is a position in name_servers().
  void add_watcher(plan::RegionId near, Duration period, DnsWatcher::Tell tell);
  const std::vector<plan::EndpointId>& name_servers() const { return name_servers_; }

  // Called whenever a node has published a new View, after the event that made it do so.
  std::function<void(const Seat& seat, const view::View& before)> on_view;
  // Runs the world and calls on_view; stops early when `stop` says so.
  void run_until(Instant end, const std::function<bool()>& stop = [] { return false; });

  // Names of regions, addresses of nodes and agents in the scene that the plan does not have.
  static std::string check(const Scene& scene, const plan::Plan& plan);
  void apply(const Fault& fault);

  plan::RegionId region(const Name& name) const;
  // True when no node of the region is healthy in this view.
  bool is_down(const view::View& view, plan::RegionId region) const;
  // The region whose node has this address.
  std::optional<plan::RegionId> region_at(const IpAddress& ip) const;
  // There and back between the data centres of two regions, by RegionId.
  const std::vector<std::vector<Duration>>& distances() const { return matrix_; }
  Duration round_trip(plan::RegionId a, plan::RegionId b) const;

 private:
  std::vector<sim::Node*> nodes_of(const Target& target) const;
  std::vector<AgentMood*> moods_of(const Target& target) const;
  sim::Hosts hosts_of(const Target& target, const Target& other) const;
  Duration round_trip_between(const IpAddress& a, const IpAddress& b) const;
  void build_matrix();
  IpAddress user_address(plan::RegionId near);
  void look();

  std::shared_ptr<const plan::Plan> plan_;
  StageOptions options_;
  std::vector<std::vector<Duration>> matrix_;   // by RegionId
  std::map<IpAddress, plan::RegionId> places_;  // of hosts; users too
  std::map<IpAddress, bool> is_user_;
  std::vector<Seat> seats_;
  std::vector<AgentSeat> agents_;
  std::vector<plan::EndpointId> name_servers_;
  uint32_t user_count_ = 0;
  std::unique_ptr<sim::World> world_;  // last: the first to go
};

}  // namespace sealane::play
