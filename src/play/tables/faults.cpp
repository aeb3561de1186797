// SPDX-License-Identifier: Apache-2.0
// What goes wrong.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "play/tables/trial.h"

namespace sealane::play {

void Trial::next_fault(Instant end) {
  const Instant when = world_->now() + Duration(dice_.below(2'500'000'000));
  if (when >= end) return;
  world_->at(when, [this, end] {
    ++verdict_.fault_count;
    strike();
    next_fault(end);
  });
}

void Trial::strike() {
  Member& member = members_[dice_.below(members_.size())];
  const Duration lasts = 100ms + Duration(dice_.below(6'000'000'000));
  sim::Node& node = *member.node;
  sim::Node& broker = *brokers_[member.region];
  switch (dice_.below(trial_.restores ? 12 : 8)) {
    case 0:
    case 1:
      return cut(member.region, lasts);
    case 2:
      return down(node, lasts, false);
    case 3:
      return down(node, lasts, true);
    case 4:
      return down(broker, lasts, false);
    case 5:
      if (node.state() != sim::NodeState::running) return;
      world_->freeze(node);
      return world_->at(world_->now() + lasts, [this, &node] {
        if (node.state() == sim::NodeState::frozen) world_->thaw(node);
      });
    case 6:
      return cut(node, broker, lasts);
    case 8:
    case 9:
      return take_snapshots();
    case 10:
    case 11:
      return restore(member, lasts);
    default:
      jump_clock(member);
  }
}

// ── the network ──

void Trial::cut(unsigned region, Duration lasts) {
  const auto hosts_of = [&](unsigned r) {
    std::vector<const sim::Node*> hosts{brokers_[r]};
    for (const Member& member : members_) {
      if (member.region == r) hosts.push_back(member.node);
    }
    return hosts;
  };
  for (unsigned other = 0; other < regions_.size(); ++other) {
    if (other == region) continue;
    for (const sim::Node* from : hosts_of(region)) {
      for (const sim::Node* to : hosts_of(other)) cut(*from, *to, lasts);
    }
  }
}

void Trial::cut(const sim::Node& a, const sim::Node& b, Duration lasts) {
  const auto [there, back] = world_->cut(sim::World::hosts(a), sim::World::hosts(b));
  world_->at(world_->now() + lasts, [this, there, back] {
    world_->links().heal(there);
    world_->links().heal(back);
  });
}

// ── processes, machines, clocks ──

void Trial::down(sim::Node& node, Duration lasts, bool is_power) {
  if (node.state() != sim::NodeState::running) return;
  if (Member* member = member_of(node)) {
    note_promises(*member);
    if (is_power && trial_.is_os_durable) {
      excuse(*member, member->source);
      if (trial_.restores) give_up(*member, said_by(*member));
    }
  }
  is_power ? world_->power_off(node) : world_->kill(node);
  world_->at(world_->now() + lasts, [this, &node] { start(node); });
}

void Trial::jump_clock(Member& member) {
  look_at_clock(member);
  const auto off = Duration(int64_t(dice_.below(4'000'000'000)) - 2'000'000'000);
  world_->jump_wall(*member.node, off - member.wall_off);
  member.wall_off = off;
}

void Trial::start(sim::Node& node) {
  if (lost_.contains(&node)) return;
  if (node.state() == sim::NodeState::killed || node.state() == sim::NodeState::off)
    world_->start(node);
}

void Trial::heal_all() {
  world_->links().heal_all();
  for (Member& member : members_) {
    look_at_clock(member);
    world_->jump_wall(*member.node, -std::exchange(member.wall_off, Duration{}));
    for (sim::Node* node : {member.node, brokers_[member.region]}) {
      if (node->state() == sim::NodeState::frozen) world_->thaw(*node);
      start(*node);
    }
  }
}

// ── what does not come back ──

// A machine is replaced: the same name and address, an empty disk.
void Trial::lose_disk() {
  for (Member& member : members_) {
    if (!member.is_doomed) continue;
    excuse_all(member);
    if (member.node->state() != sim::NodeState::off) world_->power_off(*member.node);
    member.node->disk().wipe();
    world_->at(world_->now() + 100ms + Duration(dice_.below(6'000'000'000)),
               [this, &member] { start(*member.node); });
  }
}

void Trial::destroy() {
  for (Member& member : members_) {
    if (!member.is_doomed) continue;
    excuse_all(member);
    if (member.node->state() != sim::NodeState::off) world_->power_off(*member.node);
    member.is_destroyed = true;
    lost_.insert(member.node);
    sim::Node& broker = *brokers_[member.region];
    if (lost_.insert(&broker).second && broker.state() == sim::NodeState::running)
      world_->kill(broker);
  }
  // At times it takes the power of all with it.
  if (!dice_.chance(0.5)) return;
  for (const Member& member : members_)
    down(*member.node, 100ms + Duration(dice_.below(2'000'000'000)), true);
}

// ── what comes back from the past ──

void Trial::take_snapshots() {
  for (Member& member : members_) {
    Tables* tables = at(member);
    if (!tables) continue;
    const std::string name = fmt::format("{}", ++snapshot_count_);
    const auto done = [&member, name, applied = tables->engine().applied()](const auto& where) {
      if (where) member.snapshots.push_back({name, applied});
    };
    tables->engine().copy(name, done);
  }
}

void Trial::restore(Member& member, Duration lasts) {
  if (!at(member) || member.snapshots.empty()) return;
  const Member::Snapshot& snapshot = member.snapshots[dice_.below(member.snapshots.size())];
  give_up(member, snapshot.applied);
  ++verdict_.restore_count;
  sim::Node& node = *member.node;
  world_->kill(node);
  if (!node.disk().restore(snapshot.name))
    broke("a snapshot is not there any more: " + snapshot.name);
  world_->at(world_->now() + lasts, [this, &node] { start(node); });
}

// ── what is excused ──

Trial::Member* Trial::member_of(const sim::Node& node) {
  const auto at = std::ranges::find(members_, &node, &Member::node);
  return at == members_.end() ? nullptr : &*at;
}

Trial::Member& Trial::member_of(std::string_view name) {
  return *std::ranges::find_if(members_,
                               [&](const Member& member) { return member.node->name() == name; });
}

// Whom this one has heard to have its writes on disk: what hellos promise.
void Trial::note_promises(Member& member) {
  Tables* tables = dynamic_cast<Tables*>(member.node->process());
  if (!tables) return;  // as it was when it died
  member.source = tables->engine().self();
  member.promised.try_emplace(member.source, 0);
  for (const auto& [name, peer] : tables->replicator().peers()) {
    if (member_of(name).is_doomed || !is_of_now(peer)) continue;
    for (auto& [source, promised] : member.promised)
      promised = std::max(promised, peer.applied.position(source));
  }
}

void Trial::excuse(const Member& member, table::Source source) {
  const auto promised = member.promised.find(source);
  for (auto& [key, appends] : appends_) {
    for (auto& [element, append] : appends) {
      if (append.at.source == source && append.at.position > promised->second && !append.is_remote)
        append.is_excused = true;
    }
  }
}

bool Trial::is_of_now(const state::Peer& peer) {
  const auto life = lives_.find(peer.node);
  return life != lives_.end() && peer.source == life->second.source;
}

// What hellos of its present life have promised that this member has.
table::Vector Trial::said_by(const Member& member) {
  table::Vector said;
  for (const Member& other : members_) {
    Tables* tables = at(other);
    if (!tables) continue;
    for (const auto& [name, peer] : tables->replicator().peers()) {
      if (name == member.node->name() && is_of_now(peer)) said.raise(peer.applied);
    }
  }
  return said;
}

// Lost may be writes of logs that nobody goes on with, and that no other node has said to have.
void Trial::give_up(Member& going, table::Vector kept) {
  lives_[going.node->name()] = {.source = 0, .goes_back_to = kept};
  std::set<table::Source> written;
  for (Member& member : members_) {
    const Life& life = lives_[member.node->name()];
    if (life.source != 0) written.insert(life.source);
    kept.raise(life.goes_back_to);
    if (&member != &going) kept.raise(said_by(member));
    for (auto& [source, promised] : member.promised) promised = 0;  // as others say from now on
  }
  for (auto& [key, appends] : appends_) {
    for (auto& [element, append] : appends) {
      if (!written.contains(append.at.source) &&
          append.at.position > kept.position(append.at.source))
        append.is_excused = true;
    }
  }
}

void Trial::excuse_all(Member& member) {
  note_promises(member);
  for (const auto& [source, promised] : member.promised) excuse(member, source);
}

}  // namespace sealane::play
