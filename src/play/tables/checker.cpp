// SPDX-License-Identifier: Apache-2.0
#include "play/tables/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "sim/disk.h"
#include "sim/fabric.h"
#include "sim/world.h"
#include "state/engine.h"
#include "state/replica/replicator.h"
#include "table/size.h"

namespace sealane::play {
namespace {

using state::Engine;
using state::Replicator;
using table::Item;
using table::Value;

constexpr unsigned kKeys = 6;       // few, so that regions meet on them
constexpr unsigned kClients = 3;    // a region
const std::string kTableName = "conversations";

Value text(std::string s) { return Value(std::move(s)); }
std::string key_name(unsigned k) { return fmt::format("session-{}", k); }

table::Table conversations(const std::vector<std::string>& regions, bool ack_remote) {
  table::Table table{.name = kTableName};
  table.key.hash = {"id", table::Type::S};
  table.attribute_definitions = {table.key.hash};
  table.replicas = regions;
  table.merge = table::Merge::conversation;
  table.ack = ack_remote ? table::Ack::remote : table::Ack::local;
  table.id = table::table_id(table.name, 0, table.key);
  return table;
}

// One node's process.
class Tables final : public sim::Process {
 public:
  Tables(sim::Node& node, const IpAddress& broker, const std::vector<std::string>& regions, const TableTrial& trial) {
    auto opened = node.disk().open();
    SL_ASSERT(opened);
    store_ = std::move(*opened);
    fabric_ = node.world().messaging().open(node, broker);
    port::Lane& lane = node.lane();
    auto engine = Engine::open(*store_, lane.clock, lane.dice,
                               {.region = node.name(), .node = node.name(),
                                .machine_boot = trial.is_os_durable ? fmt::format("{}", node.boot_count()) : ""});
    SL_ASSERT(engine);
    engine_ = std::move(*engine);
    const auto durability = trial.is_os_durable ? state::Durability::os : state::Durability::fsync;
    replicator_ = std::make_unique<Replicator>(
        lane, *store_, *fabric_, *engine_,
        Replicator::Options{.node = node.name(), .region = node.name(), .nodes = regions, .durability = durability,
                            .log_bytes_max = 1 << 20});
    (void)engine_->write_table(conversations(regions, trial.ack_remote));
  }
  Engine& engine() { return *engine_; }
  Replicator& replicator() { return *replicator_; }
  const Replicator& replicator() const { return *replicator_; }

 private:
  std::unique_ptr<port::Store> store_;
  std::unique_ptr<port::Fabric> fabric_;
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<Replicator> replicator_;
};

class Trial {
 public:
  explicit Trial(const TableTrial& trial)
      : trial_(trial), dice_(trial.seed), world_({.seed = trial.seed, .round_trip = [](const IpAddress& a, const IpAddress& b) {
                                                    return a.bytes()[2] == b.bytes()[2] ? Duration(400us) : Duration(70ms);
                                                  }}) {
    for (unsigned r = 0; r < trial.region_count; ++r) regions_.push_back(fmt::format("region-{}", char('a' + r)));
    for (unsigned r = 0; r < trial.region_count; ++r) {
      const IpAddress broker = IpAddress::v4(10, 0, uint8_t(r), 9);
      brokers_.push_back(&world_.messaging().add_broker(regions_[r] + "-broker", broker));
      nodes_.push_back(&world_.add_node({.name = regions_[r], .addresses = {IpAddress::v4(10, 0, uint8_t(r), 1)},
                                         .boot = [this, broker, r](sim::Node& node) {
                                           auto tables = std::make_unique<Tables>(node, broker, regions_, trial_);
                                           lives_[r] = tables->engine().self();
                                           return tables;
                                         }}));
      for (unsigned c = 0; c < kClients; ++c) next_operation(r, Duration(dice_.below(100'000'000)));
    }
  }

  TableVerdict run() {
    const Instant end = world_.now() + trial_.faults;
    next_fault(end);
    world_.run_until(end);
    accepting_ = false;
    if (trial_.destroys) {
      world_.run_for(3s);  // until nobody waits for an acknowledgement any more
      destroy();
    }
    heal_all();
    if (trial_.restores) {
      world_.run_for(6s);  // until what was removed is forgotten, and logs are trimmed
      restore(unsigned(dice_.below(nodes_.size())), 100ms);
      heal_all();
    }
    wait_until_level();
    check_appends();
    check_equal();
    check_counts();
    TableVerdict verdict = std::move(verdict_);
    verdict.trace_hash = world_.trace_hash();
    return verdict;
  }

 private:
  // A user with a session, who may turn to any region.
  struct Session {
    table::Vector seen;
    uint64_t appended_count = 0;                 // acknowledged to this session
    std::map<unsigned, std::set<std::string>> must_see;  // by key: what it wrote or read
  };

  Tables* at(unsigned region) {
    sim::Node& node = *nodes_[region];
    return node.state() == sim::NodeState::running ? dynamic_cast<Tables*>(node.process()) : nullptr;
  }

  void broke(std::string what) {
    if (verdict_.broken.size() < 5) verdict_.broken.push_back(std::move(what));
  }

  // ── clients ──

  void next_operation(unsigned region, Duration in) {
    world_.at(world_.now() + in, [this, region] {
      if (!accepting_) return;
      world_.on_process(*nodes_[region], world_.now(), [this, region] { operate(region); });
      next_operation(region, 10ms + Duration(dice_.below(80'000'000)));
    });
  }

  void operate(unsigned region) {
    Tables* tables = at(region);
    if (!tables) return;
    const unsigned key = unsigned(dice_.below(kKeys));
    Session& session = sessions_[dice_.below(std::size(sessions_))];
    switch (dice_.below(10)) {
      case 0: return put_other(*tables, key);
      case 1: return update(*tables, key);
      case 2:
      case 3:
      case 4: return read(*tables, key, session);
      default: return append(*tables, key, session);
    }
  }

  std::string packed_key(unsigned key, bool is_other = false) {
    return table::encode_key(text(is_other ? "other-" + key_name(key) : key_name(key)), nullptr);
  }

  template <typename Change>
  void write(Tables& tables, const std::string& id, bool is_other, unsigned key, Change&& change,
             std::function<void(Status, state::Position)> done) {
    Engine& engine = tables.engine();
    const table::Table* table = engine.find_table(kTableName);
    if (!table) return;
    auto before = engine.load(*table, packed_key(key, is_other));
    if (!before) return broke("a record does not read back: " + before.error().what);
    Item item = engine.visible(*table, *before);
    item.set("id", text(id));
    state::ItemWrite write{.table = table, .key = packed_key(key, is_other), .before = std::move(*before),
                           .delta = change(engine, item)};
    const auto written = engine.commit(std::span(&write, 1));
    if (!written) return done(std::unexpected(written.error()), {});
    tables.replicator().when_acknowledged(*written, table->ack, 3s,
                                          [at = *written, done = std::move(done)](const Status& status) { done(status, at); });
  }

  void append(Tables& tables, unsigned key, Session& session) {
    const std::string element = fmt::format("{}-{}", tables.engine().self(), ++element_count_);
    const bool in_front = dice_.chance(0.1);
    Engine* engine = &tables.engine();
    attempted_[key].insert(element);
    write(tables, key_name(key), false, key,
          [&](Engine& e, Item& item) {
            table::Change change{.attribute = "turns",
                                 .kind = in_front ? table::Change::Kind::prepend : table::Change::Kind::append,
                                 .elements = {text(element)}};
            item.set("turns", Value(table::List{text(element)}));
            const std::string keys[] = {"id"};
            return table::update_delta(item, std::span(&change, 1), table::Merge::conversation, e.next_stamp(), keys);
          },
          [this, key, element, &session, engine](const Status& status, const state::Position& at) {
            if (!status) return void(++verdict_.refused_count);
            ++verdict_.acknowledged_count;
            acknowledged_[key].emplace(element, at);
            session.must_see[key].insert(element);
            session.seen.raise(engine->applied());
          });
  }

  // Items of their own, that are put, changed and deleted as in any table.
  void put_other(Tables& tables, unsigned key) {
    const bool deletes = dice_.chance(0.3);
    write(tables, "other-" + key_name(key), true, key,
          [&](Engine& e, Item& item) {
            if (deletes) return table::delete_delta(e.next_stamp());
            item.set("a", text(std::to_string(dice_.below(1000))));
            return table::put_delta(item, e.next_stamp());
          },
          [](const Status&, const state::Position&) {});
  }

  void update(Tables& tables, unsigned key) {
    const std::string name(1, char('a' + dice_.below(3)));
    const bool removes = dice_.chance(0.2);
    write(tables, "other-" + key_name(key), true, key,
          [&](Engine& e, Item& item) {
            removes ? void(item.erase(name)) : item.set(name, text(std::to_string(dice_.below(1000))));
            const table::Change change{.attribute = name, .kind = removes ? table::Change::Kind::removed
                                                                          : table::Change::Kind::set};
            const std::string keys[] = {"id"};
            return table::update_delta(item, std::span(&change, 1), table::Merge::attribute, e.next_stamp(), keys);
          },
          [](const Status&, const state::Position&) {});
  }

  void read(Tables& tables, unsigned key, Session& session) {
    // What the session knew when it asked: what it learns meanwhile elsewhere is not owed by this answer.
    const auto owed = session.must_see[key];
    const sim::Node* node = nullptr;
    for (const sim::Node* each : nodes_) {
      if (each->process() == &tables) node = each;
    }
    tables.replicator().when_reached(session.seen, 300ms, [this, &tables, node, key, &session, owed](uint64_t stale_ms) {
      if (node->process() != &tables) return;  // shut down
      ++verdict_.read_count;
      if (stale_ms > 0) return void(++verdict_.stale_count);
      const auto turns = turns_of(tables, key);
      const std::set<std::string> there(turns.begin(), turns.end());
      for (const std::string& element : owed) {
        if (!there.contains(element)) {
          return broke(fmt::format("rule 3: a session read {} in {} without {} and was not told", key_name(key),
                                   node->name(), element));
        }
      }
      // It is told when the node cannot forget it any more.
      tables.replicator().when_kept([&tables, node, key, &session, there, seen = tables.engine().applied()] {
        if (node->process() != &tables) return;
        session.must_see[key].insert(there.begin(), there.end());
        session.seen.raise(seen);
      });
    });
  }

  std::vector<std::string> turns_of(Tables& tables, unsigned key) {
    std::vector<std::string> all;
    const table::Table* table = tables.engine().find_table(kTableName);
    if (!table) return all;
    const auto record = tables.engine().load(*table, packed_key(key));
    if (!record) return all;
    const Item item = table::item_of(*record);
    const Value* turns = item.find("turns");
    if (!turns || !turns->get<table::List>()) return all;
    for (const Value& each : *turns->get<table::List>()) all.push_back(*each.get<std::string>());
    return all;
  }

  // ── faults ──

  void next_fault(Instant end) {
    const Instant when = world_.now() + Duration(dice_.below(2'500'000'000));
    if (when >= end) return;
    world_.at(when, [this, end] {
      ++verdict_.fault_count;
      strike();
      next_fault(end);
    });
  }

  void strike() {
    const unsigned r = unsigned(dice_.below(nodes_.size()));
    const Duration lasts = 100ms + Duration(dice_.below(6'000'000'000));
    sim::Node& node = *nodes_[r];
    sim::Node& broker = *brokers_[r];
    switch (dice_.below(trial_.restores ? 11 : 7)) {
      case 0:
      case 1: return cut(r, lasts);
      case 2: return down(node, lasts, false);
      case 3: return down(node, lasts, true);
      case 4: return down(broker, lasts, false);
      case 5:
        if (node.state() != sim::NodeState::running) return;
        world_.freeze(node);
        return world_.at(world_.now() + lasts, [this, &node] {
          if (node.state() == sim::NodeState::frozen) world_.thaw(node);
        });
      case 7:
      case 8:
        for (unsigned each = 0; each < nodes_.size(); ++each) take_snapshot(each);
        return;
      case 9:
      case 10: return restore(r, lasts);
      default: {
        const auto by = Duration(int64_t(dice_.below(4'000'000'000)) - 2'000'000'000);
        world_.jump_wall(node, by - wall_off_[r]);
        wall_off_[r] = by;
      }
    }
  }

  void cut(unsigned r, Duration lasts) {
    for (unsigned other = 0; other < nodes_.size(); ++other) {
      if (other == r) continue;
      for (sim::Node* from : {nodes_[r], brokers_[r]}) {
        for (sim::Node* to : {nodes_[other], brokers_[other]}) {
          const auto [there, back] = world_.cut(sim::World::hosts(*from), sim::World::hosts(*to));
          world_.at(world_.now() + lasts, [this, there, back] {
            world_.links().heal(there);
            world_.links().heal(back);
          });
        }
      }
    }
  }

  void down(sim::Node& node, Duration lasts, bool is_power) {
    if (node.state() != sim::NodeState::running) return;
    is_power ? world_.power_off(node) : world_.kill(node);
    world_.at(world_.now() + lasts, [this, &node] { start(node); });
  }

  void take_snapshot(unsigned r) {
    Tables* tables = at(r);
    if (!tables) return;
    const std::string name = fmt::format("{}", ++snapshot_count_);
    const table::Vector applied = tables->engine().applied();
    tables->engine().copy(name, [this, r, name, applied](const Result<std::string>& where) {
      if (where) snapshots_[r].push_back({name, applied});
    });
  }

  void restore(unsigned r, Duration lasts) {
    Tables* tables = at(r);
    const auto& kept = snapshots_[r];
    if (!tables || kept.empty()) return;
    const Snapshot& snapshot = kept[dice_.below(kept.size())];
    give_up(r, *tables, snapshot.applied);
    ++verdict_.restore_count;
    sim::Node& node = *nodes_[r];
    world_.kill(node);
    if (!node.disk().restore(snapshot.name)) broke("a snapshot is not there any more: " + snapshot.name);
    world_.at(world_.now() + lasts, [this, &node] { start(node); });
  }

  // What may be lost when a node goes back to a snapshot: writes that are not in it, that no other node has said to have on
  // its disk, and whose own log, if a node still goes on with it, is that of this node.
  void give_up(unsigned r, Tables& going, const table::Vector& in_snapshot) {
    table::Vector kept = in_snapshot;
    for (unsigned other = 0; other < nodes_.size(); ++other) {
      if (other != r && lives_[other] == 0) kept.raise(goes_back_to_[other]);
      const Tables* tables = at(other);
      for (const auto& [name, peer] : (tables ? *tables : going).replicator().peers()) {
        // What a node said in a life that it has gone back from is worth nothing any more.
        const auto of = size_t(std::ranges::find(regions_, name) - regions_.begin());
        if (of != r && peer.source == lives_[unsigned(of)]) kept.raise(peer.applied);
      }
    }
    lives_[r] = 0;  // of the next one nothing is written yet
    goes_back_to_[r] = in_snapshot;
    std::set<table::Source> living;
    for (const auto& [node, source] : lives_) living.insert(source);
    for (auto& [key, elements] : acknowledged_) {
      std::erase_if(elements, [&](const auto& each) {
        const state::Position& at = each.second;
        return !living.contains(at.source) && at.position > kept.position(at.source);
      });
    }
  }

  void start(sim::Node& node) {
    if (&node == destroyed_) return;
    if (node.state() == sim::NodeState::killed || node.state() == sim::NodeState::off) world_.start(node);
  }

  void heal_all() {
    world_.links().heal_all();
    for (unsigned r = 0; r < nodes_.size(); ++r) {
      world_.jump_wall(*nodes_[r], -std::exchange(wall_off_[r], Duration{}));
      for (sim::Node* node : {nodes_[r], brokers_[r]}) {
        if (node == destroyed_) continue;
        if (node->state() == sim::NodeState::frozen) world_.thaw(*node);
        start(*node);
      }
    }
  }

  void destroy() {
    const unsigned r = unsigned(dice_.below(nodes_.size()));
    destroyed_ = nodes_[r];
    world_.power_off(*destroyed_);
    world_.kill(*brokers_[r]);
  }

  // ── at the end ──

  std::vector<Tables*> living() {
    std::vector<Tables*> all;
    for (unsigned r = 0; r < nodes_.size(); ++r) {
      if (nodes_[r] == destroyed_) continue;
      if (Tables* tables = at(r)) all.push_back(tables);
    }
    return all;
  }

  bool is_level() {
    const auto all = living();
    const size_t expected = nodes_.size() - (destroyed_ ? 1 : 0);
    if (all.size() != expected) return false;
    for (Tables* tables : all) {
      for (const table::Reach& reach : tables->engine().applied()) {
        for (Tables* other : all) {
          if (other->engine().applied().position(reach.source) != reach.position) return false;
        }
      }
    }
    return true;
  }

  void wait_until_level() {
    const Instant healed = world_.now();
    const bool level = world_.run_until([&] { return is_level(); }, healed + trial_.level_within);
    verdict_.level_after = world_.now() - healed;
    if (!level) {
      std::string where;
      for (Tables* tables : living()) {
        for (const table::Reach& reach : tables->engine().applied()) where += fmt::format(" {:08x}:{}", reach.source, reach.position);
        where += ";";
      }
      broke(fmt::format("rule 2: not level {} s after the faults:{}", to_ms(trial_.level_within) / 1000, where));
    }
    for (Tables* tables : living()) verdict_.conflict_count += tables->engine().lost_count();
  }

  void check_counts() {
    for (Tables* tables : living()) {
      Engine& engine = tables->engine();
      const table::Table* table = engine.find_table(kTableName);
      if (!table) continue;
      world_.run_until([&] { return !engine.is_counting(*table); }, world_.now() + 5s);
      Engine::Count truth;
      (void)engine.walk_records(table->id, {}, [&](std::string_view, std::string_view packed) {
        const auto record = table::take_packed_record(packed);
        truth.item_count += uint64_t{record && record->exists()};
        truth.bytes += record ? table::size_bytes(*record) : 0;
        return true;
      });
      const Engine::Count count = engine.count(*table);
      if (engine.is_counting(*table) || count != truth) {
        broke(fmt::format("rule 5: {:08x} counts {} items of {} bytes where there are {} of {}", engine.self(),
                          count.item_count, count.bytes, truth.item_count, truth.bytes));
      }
    }
  }

  void check_appends() {
    for (Tables* tables : living()) {
      for (unsigned key = 0; key < kKeys; ++key) {
        const auto turns = turns_of(*tables, key);
        const std::set<std::string> there(turns.begin(), turns.end());
        if (there.size() != turns.size()) broke("rule 1: an element is there twice in " + key_name(key));
        // Without ack: remote the last moments of a destroyed region may be gone; with `durability: os` those of a machine
        // that lost power.
        const bool may_lose = (trial_.destroys && !trial_.ack_remote) || (trial_.is_os_durable && !trial_.ack_remote);
        for (const auto& [element, at] : acknowledged_[key]) {
          if (!may_lose && !there.contains(element)) broke(fmt::format("rule 1: {} of {} is lost", element, key_name(key)));
        }
        for (const std::string& element : turns) {
          if (!attempted_[key].contains(element)) broke("rule 1: an element that nobody wrote: " + element);
        }
      }
    }
  }

  // By key, the records as bytes; traces of removals go when each node gets round to it, so they do not count.
  std::map<std::string, std::string> content_of(Tables& tables) {
    std::map<std::string, std::string> content;
    const table::Table* table = tables.engine().find_table(kTableName);
    if (!table) {
      broke("rule 2: a table is missing");
      return content;
    }
    (void)tables.engine().walk(*table, {}, {}, false, [&](std::string_view key, std::string_view packed) {
      std::string_view view = packed;
      auto record = table::take_packed_record(view);
      if (!record) {
        broke("a record does not read back");
        return false;
      }
      if (!table::purge(*record, UINT64_MAX)) table::append_packed(content[std::string(key)], *record);
      return true;
    });
    return content;
  }

  static std::string words_of(std::string_view packed) {
    auto record = packed.empty() ? table::Record{} : *table::take_packed_record(packed);
    const auto stamp = [](const table::Stamp& s) { return fmt::format("{}+{}/{:08x}", s.hlc >> 16, s.hlc & 0xffff, s.source); };
    std::string out = fmt::format("cleared {} live {}", stamp(record.cleared), stamp(record.live));
    for (const table::Cell& cell : record.cells) {
      out += fmt::format(" {}@{}", cell.name, stamp(cell.stamp));
      for (const table::Element& e : cell.elements) out += fmt::format(" {}", stamp(e.id));
    }
    return out;
  }

  void check_equal() {
    const auto all = living();
    if (all.empty()) return;
    const auto first = content_of(*all.front());
    for (Tables* tables : all) {
      const auto other = content_of(*tables);
      if (other == first) continue;
      std::set<std::string> keys;
      for (const auto& [key, bytes] : first) keys.insert(key);
      for (const auto& [key, bytes] : other) keys.insert(key);
      for (const std::string& key : keys) {
        const auto a = first.contains(key) ? first.at(key) : "", b = other.contains(key) ? other.at(key) : "";
        if (a != b) {
          broke(fmt::format("rule 2: replicas that are level hold different bytes: {:08x} has {}, {:08x} has {}",
                            all.front()->engine().self(), words_of(a), tables->engine().self(), words_of(b)));
        }
      }
    }
  }

  const TableTrial trial_;
  Dice dice_;
  TableVerdict verdict_;
  std::vector<std::string> regions_;
  Session sessions_[4];
  std::map<unsigned, std::map<std::string, state::Position>> acknowledged_;  // by key: elements, and where they were written
  std::map<unsigned, std::set<std::string>> attempted_;
  struct Snapshot {
    std::string name;
    table::Vector applied;  // at least
  };
  std::map<unsigned, std::vector<Snapshot>> snapshots_;  // by region
  uint64_t snapshot_count_ = 0;
  std::map<unsigned, table::Source> lives_;  // by region: the log that its node writes; 0: it goes back to
  std::map<unsigned, table::Vector> goes_back_to_;  // this
  std::map<unsigned, Duration> wall_off_;
  uint64_t element_count_ = 0;
  bool accepting_ = true;
  sim::Node* destroyed_ = nullptr;
  std::vector<sim::Node*> nodes_, brokers_;
  sim::World world_;
};

}  // namespace

TableTrial random_trial(uint64_t seed) {
  Dice dice(mix64(seed));
  TableTrial trial{.seed = seed};
  trial.region_count = 2 + unsigned(dice.below(2));
  trial.ack_remote = dice.chance(0.25);
  trial.destroys = trial.ack_remote || dice.chance(0.15);
  trial.is_os_durable = !trial.ack_remote && dice.chance(0.25);
  trial.restores = !trial.destroys && dice.chance(0.5);
  return trial;
}

TableVerdict try_tables(const TableTrial& trial) { return Trial(trial).run(); }

}  // namespace sealane::play
