// SPDX-License-Identifier: Apache-2.0
#include "sim/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/result.h"
#include "sim/disk.h"
#include "sim/fabric.h"
#include "sim/lane.h"
#include "sim/stream.h"

namespace sealane::sim {

// ── nodes
// ────────────────────────────────────────────────────────────────────────────────────────────

Node::Node(World& world, NodeOptions options, uint32_t id)
    : world_(world), options_(std::move(options)), id_(id) {
  SL_ASSERT(!options_.addresses.empty() && options_.lane_count > 0);
  // Up to some 11 days, like machines that booted at different times.
  clock_offset_ = Duration(int64_t(world.dice_.below(1'000'000'000'000'000)));
  for (unsigned i = 0; i < options_.lane_count; ++i) {
    lanes_.push_back(std::make_unique<LaneImpl>(*this, i, world.dice_.fork()));
  }
  // Of its own making, so that a world without disks rolls as it always did.
  disk_ = std::make_unique<Disk>(*this, Dice(mix64(world.options_.seed ^ mix64(~uint64_t(id)))));
}

Node::~Node() = default;

port::Lane& Node::lane(unsigned index) { return lanes_[index]->lane(); }

// ── the world
// ────────────────────────────────────────────────────────────────────────────────────────

World::World(WorldOptions options)
    : options_(std::move(options)),
      dice_(options_.seed),
      links_(options_.round_trip, options_.jitter, dice_.fork()),
      messaging_(std::make_unique<Messaging>(*this, Dice(mix64(~options_.seed)))) {}

World::~World() {
  closing_ = true;
  for (auto& node : nodes_) end_life(*node, false);
  events_ = Events{};  // what waits there refers to nodes
}

Node& World::add_node(NodeOptions options) {
  nodes_.push_back(
      std::unique_ptr<Node>(new Node(*this, std::move(options), uint32_t(nodes_.size()))));
  Node& node = *nodes_.back();
  for (const IpAddress& ip : node.addresses()) by_address_[ip].push_back(&node);
  if (node.options_.boot) node.process_ = node.options_.boot(node);
  return node;
}

std::span<Node* const> World::at(const IpAddress& ip) const {
  const auto it = by_address_.find(ip);
  if (it == by_address_.end()) return {};
  return it->second;
}

void World::at(Instant when, Action action) { events_.at(std::max(when, now_), std::move(action)); }

void World::step() {
  Instant when;
  Action action = events_.pop(when);
  now_ = when;
  ++event_count_;
  record(uint64_t(when.time_since_epoch().count()));
  action();
}

void World::run_until(Instant end) {
  while (!events_.empty() && events_.next() <= end) step();
  now_ = std::max(now_, end);
}

bool World::run_until(const std::function<bool()>& done, Instant end) {
  if (done()) return true;
  while (!events_.empty() && events_.next() <= end) {
    step();
    if (done()) return true;
  }
  now_ = std::max(now_, end);
  return done();
}

void World::on_process(Node& node, Instant when, Action action) {
  at(when, [this, &node, life = node.life_, action = std::move(action)]() mutable {
    if (node.life_ != life) return;
    if (node.state_ == NodeState::frozen) {
      node.deferred_.push_back(std::move(action));
      return;
    }
    record(node.id_);
    action();
  });
}

// ── faults
// ───────────────────────────────────────────────────────────────────────────────────────────

void World::end_life(Node& node, bool host_stays) {
  ++node.life_;
  node.deferred_.clear();
  // The kernel loses its side of each connection first: what the process destroys afterwards is
  // silent.
  auto connections = std::exchange(node.connections_, {});
  for (auto& [id, weak] : connections) {
    if (const auto connection = weak.lock()) connection->node_died(node, host_stays && !closing_);
  }
  for (auto& lane : node.lanes_) lane->net_impl().clear();
  node.disk_->end_life(host_stays);  // a store that is destroyed in order has flushed
  node.process_.reset();
  messaging_->node_died(node, host_stays && !closing_);
}

void World::kill(Node& node) {
  if (node.state_ == NodeState::killed || node.state_ == NodeState::off) return;
  note(node.name(), "killed");
  node.state_ = NodeState::killed;
  end_life(node, true);
}

void World::power_off(Node& node) {
  ++node.boot_count_;
  if (node.state_ == NodeState::off) return;
  note(node.name(), "powered off");
  node.state_ = NodeState::off;
  end_life(node, false);
}

void World::start(Node& node) {
  if (node.state_ != NodeState::killed && node.state_ != NodeState::off) return;
  note(node.name(), "started");
  node.state_ = NodeState::running;
  if (node.options_.boot) node.process_ = node.options_.boot(node);
}

void World::freeze(Node& node) {
  if (node.state_ != NodeState::running) return;
  note(node.name(), "frozen");
  node.state_ = NodeState::frozen;
}

void World::thaw(Node& node) {
  if (node.state_ != NodeState::frozen) return;
  note(node.name(), "thawed");
  node.state_ = NodeState::running;
  for (Action& action : std::exchange(node.deferred_, {}))
    on_process(node, now_, std::move(action));
}

std::pair<ImpairmentId, ImpairmentId> World::cut(const Hosts& a, const Hosts& b) {
  const ImpairmentId there = links_.impair({.from = a, .to = b, .cut = true});
  return {there, links_.impair({.from = b, .to = a, .cut = true})};
}

Hosts World::hosts(const Node& node) {
  Hosts out;
  for (const IpAddress& ip : node.addresses()) out.push_back(Prefix::of(ip, ip.bits()));
  return out;
}

// ── evidence
// ─────────────────────────────────────────────────────────────────────────────────────────

void World::note(std::string_view who, std::string_view text) {
  record(fnv1a(text));
  if (!is_tracing()) return;
  const double at_s = double(now_.time_since_epoch().count()) / 1e9;
  trace_.push_back(fmt::format("{:10.6f}s {:<24} {}", at_s, who, text));
  if (trace_.size() > options_.trace_max) trace_.pop_front();
}

std::string World::trace() const {
  std::string out;
  for (const std::string& line : trace_) out += line + '\n';
  return out;
}

}  // namespace sealane::sim
