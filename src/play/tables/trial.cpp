// SPDX-License-Identifier: Apache-2.0
#include "play/tables/trial.h"

#include <fmt/format.h>

#include <algorithm>

namespace sealane::play {
namespace {

table::Table conversations(std::string_view name, const std::vector<std::string>& regions,
                           table::Ack ack) {
  table::Table table{.name = std::string(name)};
  table.key.hash = {"id", table::Type::S};
  table.attribute_definitions = {table.key.hash};
  table.replicas = regions;
  table.merge = table::Merge::conversation;
  table.ack = ack;
  table.id = table::table_id(table.name, 0, table.key);
  return table;
}

Duration round_trip(const IpAddress& a, const IpAddress& b) {
  return a.bytes()[2] == b.bytes()[2] ? Duration(400us) : Duration(70ms);
}

}  // namespace

Tables::Tables(sim::Node& node, std::string region, const IpAddress& broker,
               const std::vector<std::string>& regions, const std::vector<std::string>& nodes,
               const TableTrial& trial) {
  node.disk().set_sync_time(200us, trial.sync_most);
  auto opened = node.disk().open();
  SL_ASSERT(opened);
  store_ = std::move(*opened);
  fabric_ = node.world().messaging().open(node, broker);
  port::Lane& lane = node.lane();
  auto engine = state::Engine::open(
      *store_, lane.clock, lane.dice,
      {.region = region,
       .node = node.name(),
       .machine_boot = trial.is_os_durable ? fmt::format("{}", node.boot_count()) : ""});
  SL_ASSERT(engine);
  engine_ = std::move(*engine);
  const auto durability = trial.is_os_durable ? state::Durability::os : state::Durability::fsync;
  replicator_ = std::make_unique<state::Replicator>(
      lane, *store_, *fabric_, *engine_,
      state::Replicator::Options{.node = node.name(),
                                 .region = region,
                                 .nodes = nodes,
                                 .durability = durability,
                                 .log_bytes_max = trial.log_bytes_max,
                                 .message_bytes_max = trial.message_bytes_max});
  (void)engine_->write_table(conversations("conversations", regions, trial.ack));
}

Trial::Trial(const TableTrial& trial)
    : trial_(trial),
      dice_(trial.seed),
      world_(std::make_unique<sim::World>(
          sim::WorldOptions{.seed = trial.seed, .round_trip = round_trip})) {
  for (unsigned r = 0; r < trial.region_count; ++r) {
    regions_.push_back(fmt::format("region-{}", char('a' + r)));
    for (unsigned n = 0; n < trial.nodes_per_region; ++n)
      names_.push_back(fmt::format("{}-{}", regions_[r], n + 1));
  }
  for (unsigned r = 0; r < trial.region_count; ++r) {
    const IpAddress broker = IpAddress::v4(10, 0, uint8_t(r), 9);
    brokers_.push_back(&world_->messaging().add_broker(regions_[r] + "-broker", broker));
    for (unsigned n = 0; n < trial.nodes_per_region; ++n) {
      const auto boot = [this, r, broker](sim::Node& node) {
        auto tables =
            std::make_unique<Tables>(node, regions_[r], broker, regions_, names_, trial_);
        lives_[node.name()] = {.source = tables->engine().self()};
        return tables;
      };
      sim::Node& node =
          world_->add_node({.name = names_[r * trial.nodes_per_region + n],
                            .addresses = {IpAddress::v4(10, 0, uint8_t(r), uint8_t(1 + n))},
                            .boot = boot});
      members_.push_back({.node = &node, .region = r});
      look_at_clock(members_.back());
    }
    for (unsigned c = 0; c < kClients; ++c) next_operation(r, Duration(dice_.below(100'000'000)));
  }
  const Member& doomed = members_[dice_.below(members_.size())];
  for (Member& member : members_) {
    member.is_doomed =
        trial.destroys ? member.region == doomed.region : trial.replaces && &member == &doomed;
  }
}

TableVerdict Trial::run() {
  const Instant end = world_->now() + trial_.faults;
  next_fault(end);
  // Once, at a time of its own among the other faults.
  const Instant loss = world_->now() + trial_.faults / 4 +
                       Duration(dice_.below(uint64_t(trial_.faults.count()) / 2));
  if (trial_.destroys) world_->at(loss, [this] { destroy(); });
  if (trial_.replaces) world_->at(loss, [this] { lose_disk(); });
  world_->run_until(end);
  is_accepting_ = false;
  heal_all();
  if (trial_.restores) {
    world_->run_for(6s);  // until what was removed is forgotten, and logs are trimmed
    restore(members_[dice_.below(members_.size())], 100ms);
    heal_all();
  }
  wait_until_level();
  check_appends();
  check_equal();
  check_counts();
  count();
  TableVerdict verdict = std::move(verdict_);
  verdict.trace_hash = world_->trace_hash();
  return verdict;
}

void Trial::broke(std::string what) {
  constexpr size_t kToldMax = 5;
  if (verdict_.broken.size() < kToldMax) verdict_.broken.push_back(std::move(what));
}

Tables* Trial::at(const Member& member) {
  sim::Node& node = *member.node;
  return node.state() == sim::NodeState::running ? dynamic_cast<Tables*>(node.process()) : nullptr;
}

std::vector<Tables*> Trial::living() {
  std::vector<Tables*> all;
  for (const Member& member : members_) {
    if (member.is_destroyed) continue;
    if (Tables* tables = at(member)) all.push_back(tables);
  }
  return all;
}

void Trial::count() {
  for (const Member& member : members_) {
    port::Meter& meter = member.node->lane().meter;
    verdict_.repair_count += meter.counter("sealane_state_repairs_total").get();
    verdict_.snapshot_count += meter.counter("sealane_state_snapshots_total").get();
    verdict_.held_count += meter.counter("sealane_state_held_for_clock_total").get();
  }
  if (verdict_.snapshot_count > 0 && !trial_.replaces && !trial_.restores &&
      trial_.log_bytes_max == TableTrial::kLogBytesAmple) {
    broke(fmt::format("rule 8: {} snapshots, though every log reached back far enough",
                      verdict_.snapshot_count));
  }
}

}  // namespace sealane::play
