// SPDX-License-Identifier: Apache-2.0
#include "play/stage.h"

#include <fmt/format.h>

#include <algorithm>

namespace sealane::play {
namespace {

constexpr Duration kAccess = 8ms;          // users to the data centre of their own region and back
constexpr Duration kInsideRegion = 500us;  // between two hosts of a region
constexpr Duration kOnOneMachine = 100us;  // worlds on loopback addresses have no distances

using plan::EndpointKind;
using plan::index;

}  // namespace

// ── a node
// ───────────────────────────────────────────────────────────────────────────────────────────

NodeProcess::NodeProcess(sim::Node& node, std::shared_ptr<const plan::Plan> plan,
                         plan::EndpointId self, uint64_t secret)
    : plan_now_(plan),
      plan_(plan),
      view_(
          std::make_shared<const view::View>(view::View::unknown(*plan, node.lane().clock.now()))) {
  const plan::Endpoint& endpoint = plan->endpoint(self);
  const plan::Region& region = plan->region(endpoint.region);
  port::Lane& lane = node.lane();
  health_ = std::make_unique<health::Health>(
      lane, plan_, view_,
      health::Health::Options{.node = endpoint.address.ip, .region = region.name});
  edge_ = std::make_unique<edge::Edge>(
      lane, plan_, view_,
      edge::Options{.region = endpoint.region,
                    .address = endpoint.address.ip,
                    .shared = std::make_shared<edge::Shared>(
                        plan->edge.cache_bytes_max, SipKey{lane.dice.roll(), lane.dice.roll()}),
                    .suspect = [this](plan::EndpointId id,
                                      view::Outcome outcome) { health_->suspect(id, outcome); },
                    .measured =
                        [this, here = endpoint.region](std::span<const edge::RoundTrip> batch) {
                          for (const edge::RoundTrip& trip : batch) {
                            health_->record_rtt(Prefix::of(trip.client, trip.client.bits()), here,
                                                uint32_t(to_us(trip.took)));
                          }
                        }});
  dns_ = std::make_unique<dns::NameServer>(
      lane, plan_, view_,
      dns::NameServerOptions{.at = {endpoint.address.ip, plan->ports.dns},
                             .nsid = {},
                             .cookie_secret = SipKey{secret, ~secret},
                             .tcp = {},
                             .authorities = nullptr});
  // As `sealane serve` does it: nobody is answered before every endpoint has been looked at once.
  health_->on_first_round([this] {
    const Status serving = edge_->start(false);
    SL_ASSERT(serving);
    const Status answering = dns_->start();
    SL_ASSERT(answering);
  });
  health_->start();
}

// ── building
// ─────────────────────────────────────────────────────────────────────────────────────────

Stage::Stage(std::shared_ptr<const plan::Plan> plan, StageOptions options)
    : plan_(std::move(plan)), options_(options) {
  build_matrix();
  for (const plan::Endpoint& endpoint : plan_->endpoints) {
    if (endpoint.kind != EndpointKind::fixed) places_.emplace(endpoint.address.ip, endpoint.region);
  }
  world_ = std::make_unique<sim::World>(sim::WorldOptions{
      .seed = options_.seed,
      .round_trip = [this](const IpAddress& a,
                           const IpAddress& b) { return round_trip_between(a, b); },
      .jitter = options_.jitter,
      .give_up = options_.give_up,
      .trace_max = options_.trace_max});
  for (size_t i = 0; i < plan_->endpoints.size(); ++i) {
    const plan::Endpoint& endpoint = plan_->endpoints[i];
    if (endpoint.kind != EndpointKind::agent) continue;
    agents_.push_back(
        {plan::EndpointId(i), endpoint.region, nullptr, std::make_unique<AgentMood>()});
    AgentMood& mood = *agents_.back().mood;
    mood.region = plan_->region(endpoint.region).name;
    mood.at = endpoint.address;
    mood.think = options_.think;
    agents_.back().node = &world_->add_node(
        {.name = endpoint.name,
         .addresses = {endpoint.address.ip},
         .boot = [&mood](sim::Node& node) { return std::make_unique<Agent>(node.lane(), mood); }});
  }
  for (size_t i = 0; i < plan_->endpoints.size(); ++i) {
    const plan::Endpoint& endpoint = plan_->endpoints[i];
    if (endpoint.kind != EndpointKind::node) continue;
    const auto id = plan::EndpointId(i);
    name_servers_.push_back(id);
    seats_.push_back({.endpoint = id, .region = endpoint.region, .view = {}});
    seats_.back().node = &world_->add_node({.name = endpoint.name,
                                            .addresses = {endpoint.address.ip},
                                            .boot = [this, id](sim::Node& node) {
                                              return std::make_unique<NodeProcess>(
                                                  node, plan_, id, mix64(options_.seed));
                                            }});
  }
}

Stage::~Stage() = default;

void Stage::build_matrix() {
  const size_t count = plan_->regions.size();
  matrix_.assign(count, std::vector<Duration>(count, kInsideRegion));
  for (size_t a = 0; a < count; ++a) {
    for (size_t b = 0; b < a; ++b) {
      // A region's own clients stand where it stands.
      uint32_t rtt_us = 50'000;
      for (const plan::Place& place : plan_->geography.places) {
        if (place.name == plan_->regions[a].name && place.to_region.size() == count) {
          rtt_us = place.to_region[b].rtt_us;
        }
      }
      matrix_[a][b] = matrix_[b][a] = std::chrono::microseconds(std::max(rtt_us, 1u));
    }
  }
}

Duration Stage::round_trip(plan::RegionId a, plan::RegionId b) const {
  return matrix_[index(a)][index(b)];
}

Duration Stage::round_trip_between(const IpAddress& a, const IpAddress& b) const {
  if (a.is_loopback() && b.is_loopback()) return kOnOneMachine;
  const auto from = places_.find(a), to = places_.find(b);
  if (from == places_.end() || to == places_.end()) return 50ms;
  const Duration between = matrix_[index(from->second)][index(to->second)];
  return is_user_.contains(a) || is_user_.contains(b) ? between + kAccess : between;
}

// An address of its own among the clients that the plan knows to be near this region.
IpAddress Stage::user_address(plan::RegionId near) {
  const uint32_t number = ++user_count_;
  IpAddress ip =
      IpAddress::v4(198, 18, uint8_t(number >> 8), uint8_t(number));  // RFC 2544: nobody's
  for (const Prefix& prefix : plan_->region(near).clients) {
    if (!prefix.base.is_v4() || prefix.length > 24) continue;
    ip = IpAddress::v4(prefix.base.v4_bits() + (prefix.length > 16 ? 200 : 200 << 8) + number);
    break;
  }
  places_.insert_or_assign(ip, near);
  is_user_.emplace(ip, true);
  return ip;
}

UserGroup& Stage::add_users(const Users& users, plan::RegionId near) {
  UserOptions options{
      .users = users, .host = plan_->domain, .port = plan_->ports.http, .name_servers = {}};
  std::vector<plan::EndpointId> order = name_servers_;
  std::ranges::stable_sort(
      order, {}, [&](plan::EndpointId id) { return round_trip(near, plan_->endpoint(id).region); });
  for (const plan::EndpointId id : order) {
    options.name_servers.push_back({plan_->endpoint(id).address.ip, plan_->ports.dns});
  }
  const IpAddress ip = user_address(near);
  sim::Node& node =
      world_->add_node({.name = "users near " + plan_->region(near).name,
                        .addresses = {ip},
                        .boot = [&](sim::Node& made) {
                          return std::make_unique<UserGroup>(made, std::move(options));
                        }});
  return static_cast<UserGroup&>(*node.process());
}

void Stage::add_watcher(plan::RegionId near, Duration period, DnsWatcher::Tell tell) {
  std::vector<SocketAddress> servers;
  for (const plan::EndpointId id : name_servers_) {
    servers.push_back({plan_->endpoint(id).address.ip, plan_->ports.dns});
  }
  world_->add_node({.name = "watcher near " + plan_->region(near).name,
                    .addresses = {user_address(near)},
                    .boot = [&](sim::Node& node) {
                      return std::make_unique<DnsWatcher>(node, plan_->domain, servers, period,
                                                          std::move(tell));
                    }});
}

// ── running
// ──────────────────────────────────────────────────────────────────────────────────────────

void Stage::look() {
  for (Seat& seat : seats_) {
    const auto* process = static_cast<const NodeProcess*>(seat.node->process());
    if (process != seat.process_seen) {
      seat.process_seen = process;
      seat.version_seen = 0;
      seat.view = nullptr;
    }
    if (!process || process->view().version() == seat.version_seen) continue;
    seat.version_seen = process->view().version();
    const auto before = std::exchange(seat.view, process->view().get());
    if (on_view) on_view(seat, before ? *before : view::View::unknown(*plan_, seat.view->as_of));
  }
}

void Stage::run_until(Instant end, const std::function<bool()>& stop) {
  world_->run_until(
      [&] {
        look();
        return stop();
      },
      end);
}

// ── faults
// ───────────────────────────────────────────────────────────────────────────────────────────

plan::RegionId Stage::region(const Name& name) const {
  const auto found = plan_->find_region(name.text);
  SL_ASSERT(found);  // check() has been asked
  return *found;
}

bool Stage::is_down(const view::View& view, plan::RegionId region) const {
  const auto& nodes = plan_->region(region).nodes;
  return std::ranges::none_of(nodes, [&](plan::EndpointId id) { return view.healthy(id); });
}

std::optional<plan::RegionId> Stage::region_at(const IpAddress& ip) const {
  const auto id = plan_->find_node(ip);
  if (!id) return std::nullopt;
  return plan_->endpoint(*id).region;
}

std::vector<sim::Node*> Stage::nodes_of(const Target& target) const {
  using Kind = Target::Kind;
  std::vector<sim::Node*> out;
  const bool by_region =
      target.kind == Kind::region || target.kind == Kind::nodes || target.kind == Kind::agents;
  for (const AgentSeat& agent : agents_) {
    const bool hit = by_region ? target.kind != Kind::nodes && agent.region == region(target.region)
                               : target.kind == Kind::agent && agent.mood->at == target.address;
    if (hit) out.push_back(agent.node);
  }
  for (const Seat& seat : seats_) {
    const bool hit = by_region
                         ? target.kind != Kind::agents && seat.region == region(target.region)
                         : target.kind == Kind::node && seat.node->address() == target.address.ip;
    if (hit) out.push_back(seat.node);
  }
  return out;
}

std::vector<AgentMood*> Stage::moods_of(const Target& target) const {
  std::vector<AgentMood*> out;
  for (const AgentSeat& agent : agents_) {
    const bool hit = target.kind == Target::Kind::agent ? agent.mood->at == target.address
                                                        : agent.region == region(target.region);
    if (hit) out.push_back(agent.mood.get());
  }
  return out;
}

// The hosts of a target; "everybody" is every host but those of `other`.
sim::Hosts Stage::hosts_of(const Target& target, const Target& other) const {
  sim::Hosts out;
  const auto add = [&](const sim::Node& node) {
    for (const Prefix& host : sim::World::hosts(node)) out.push_back(host);
  };
  if (target.kind != Target::Kind::everybody) {
    for (const sim::Node* node : nodes_of(target)) add(*node);
    return out;
  }
  const sim::Hosts excepted = hosts_of(other, {});
  for (const auto& node : world_->nodes()) {
    if (std::ranges::find(excepted, Prefix::of(node->address(), node->address().bits())) ==
        excepted.end()) {
      add(*node);
    }
  }
  return out;
}

void Stage::apply(const Fault& fault) {
  sim::World& world = *world_;
  switch (fault.verb) {
    case Verb::kill:
      for (sim::Node* node : nodes_of(fault.target)) world.kill(*node);
      break;
    case Verb::power_off:
      for (sim::Node* node : nodes_of(fault.target)) world.power_off(*node);
      break;
    case Verb::start:
      for (sim::Node* node : nodes_of(fault.target)) world.start(*node);
      break;
    case Verb::freeze:
      for (sim::Node* node : nodes_of(fault.target)) world.freeze(*node);
      break;
    case Verb::thaw:
      for (sim::Node* node : nodes_of(fault.target)) world.thaw(*node);
      break;
    case Verb::clock:
      for (sim::Node* node : nodes_of(fault.target)) world.jump_wall(*node, fault.amount);
      break;
    case Verb::brownout:
      for (AgentMood* mood : moods_of(fault.target)) mood->brownout = fault.status;
      break;
    case Verb::recover:
      for (AgentMood* mood : moods_of(fault.target)) {
        mood->brownout = 0;
        mood->think = options_.think;
      }
      break;
    case Verb::think:
      for (AgentMood* mood : moods_of(fault.target)) mood->think = fault.amount;
      break;
    case Verb::heal:
      world.links().heal_all();
      break;
    case Verb::cut:
    case Verb::slow:
    case Verb::lossy: {
      sim::Impairment there{.from = hosts_of(fault.target, fault.other),
                            .to = hosts_of(fault.other, fault.target),
                            .cut = fault.verb == Verb::cut,
                            .loss = fault.verb == Verb::lossy ? fault.share : 0,
                            .slow = fault.verb == Verb::slow ? fault.amount : Duration{}};
      sim::Impairment back = there;
      std::swap(back.from, back.to);
      world.links().impair(std::move(there));
      if (!fault.one_way) world.links().impair(std::move(back));
      break;
    }
  }
  world.note("scene", fmt::format("{} {}", name(fault.verb), fault.target.region.text));
}

// ── a scene against its world
// ────────────────────────────────────────────────────────────────────────

std::string Stage::check(const Scene& scene, const plan::Plan& plan) {
  std::string mistakes;
  std::vector<std::string> regions;
  for (const plan::Region& region : plan.regions) regions.push_back(region.name);
  const auto look_up = [&](const Name& name) {
    if (name.text.empty() || plan.find_region(name.text)) return;
    mistakes +=
        mistake(scene.file, name.at,
                "the world has no region '" + name.text + "'" + did_you_mean(name.text, regions)) +
        "\n";
  };
  const auto look_up_target = [&](const Target& target, Position at) {
    look_up(target.region);
    const bool is_node = target.kind == Target::Kind::node;
    if (!is_node && target.kind != Target::Kind::agent) return;
    std::vector<std::string> known;
    for (const plan::Endpoint& endpoint : plan.endpoints) {
      if (is_node && endpoint.kind == EndpointKind::node)
        known.push_back(endpoint.address.ip.to_string());
      if (!is_node && endpoint.kind == EndpointKind::agent)
        known.push_back(endpoint.address.to_string());
    }
    const std::string wanted = is_node ? target.address.ip.to_string() : target.address.to_string();
    if (std::ranges::find(known, wanted) != known.end()) return;
    mistakes += mistake(scene.file, at,
                        fmt::format("the world has no {} {}{}", is_node ? "node" : "agent", wanted,
                                    did_you_mean(wanted, known))) +
                "\n";
  };
  for (const Users& users : scene.users) look_up(users.near);
  for (const Fault& fault : scene.faults) {
    look_up_target(fault.target, fault.at);
    look_up_target(fault.other, fault.at);
  }
  for (const Expectation& e : scene.expectations) {
    look_up(e.near);
    look_up(e.region);
    if (e.via) look_up(*e.via);
  }
  if (!mistakes.empty()) mistakes.pop_back();
  return mistakes;
}

}  // namespace sealane::play
