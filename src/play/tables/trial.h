// SPDX-License-Identifier: Apache-2.0
// One trial of the checker: the world, its nodes, who uses them and what was promised to whom.
//   trial.cpp the course of it; clients.cpp what users do; faults.cpp what goes wrong; rules.cpp
//   what must hold in the end
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/dice.h"
#include "play/tables/checker.h"
#include "sim/disk.h"
#include "sim/fabric.h"
#include "sim/world.h"
#include "state/engine.h"
#include "state/replica/replicator.h"

namespace sealane::play {

// One node's process.
class Tables final : public sim::Process {
 public:
  Tables(sim::Node& node, std::string region, const IpAddress& broker,
         const std::vector<std::string>& regions, const std::vector<std::string>& nodes,
         const TableTrial& trial);
  state::Engine& engine() { return *engine_; }
  state::Replicator& replicator() { return *replicator_; }

 private:
  std::unique_ptr<port::Store> store_;
  std::unique_ptr<port::Fabric> fabric_;
  std::unique_ptr<state::Engine> engine_;
  std::unique_ptr<state::Replicator> replicator_;
};

class Trial {
 public:
  explicit Trial(const TableTrial& trial);
  TableVerdict run();

 private:
  static constexpr unsigned kKeys = 6;     // few, so that regions meet on them
  static constexpr unsigned kClients = 3;  // a region
  static constexpr std::string_view kTableName = "conversations";

  struct Member {  // one machine with a node on it
    sim::Node* node = nullptr;
    unsigned region = 0;
    Duration wall_off{};
    uint64_t latest_wall_ms = 0;  // that its clock has ever shown
    bool is_doomed = false;       // its disk will be lost
    bool is_destroyed = false;
    table::Source source = 0;  // of its present log
    // By each log that it has begun, as it was when it died last: how far others have it on disks
    // that will not be lost.
    std::map<table::Source, uint64_t> promised;
    struct Snapshot {
      std::string name;
      table::Vector applied;  // at least
    };
    std::vector<Snapshot> snapshots;
  };
  // What a machine is now, by its name.
  struct Life {
    table::Source source = 0;     // of the log that its node writes; 0: it comes back without, and
    table::Vector goes_back_to;   // with this
  };
  // A user, who may turn to any region.
  struct Session {
    table::Vector seen;
    std::map<unsigned, std::set<std::string>> must_see;  // by key: what it wrote or read
  };
  struct Append {
    state::Position at;
    bool is_acknowledged = false;
    bool is_remote = false;   // and told to be in another region
    bool is_excused = false;  // the only disk that had it is lost
    // What its session had seen when it was stamped; it stands behind all of these. Nothing for a
    // prepended one.
    std::set<std::string> behind;
  };

  void broke(std::string what);
  Tables* at(const Member& member);
  std::vector<Tables*> living();

  // ── clients ──
  void next_operation(unsigned region, Duration in);
  void operate(unsigned region);
  std::string packed_key(unsigned key, bool is_other = false) const;
  using Change = std::function<table::Record(state::Engine&, table::Item&)>;
  // Nothing: it could not be written, or nobody keeps the table here yet.
  std::optional<state::Position> write(Tables& tables, bool is_other, unsigned key,
                                       const Change& change,
                                       std::function<void(Result<table::Ack>)> done);
  void append(Tables& tables, unsigned key, Session& session);
  void append_now(Tables& tables, unsigned key, Session& session, std::set<std::string> behind);
  void put_other(Tables& tables, unsigned key);
  void update_other(Tables& tables, unsigned key);
  void read(Tables& tables, unsigned key, Session& session);
  // What the session brings is waited for; then(stale) unless the process is gone by then.
  void when_reached(Tables& tables, const Session& session,
                    std::function<void(bool is_stale)> then);
  std::vector<std::string> turns_of(Tables& tables, unsigned key);
  table::Item other_item(Tables& tables, unsigned key);

  // ── faults ──
  void next_fault(Instant end);
  void strike();
  void cut(unsigned region, Duration lasts);
  void cut(const sim::Node& a, const sim::Node& b, Duration lasts);
  void down(sim::Node& node, Duration lasts, bool is_power);
  void jump_clock(Member& member);
  void start(sim::Node& node);
  void heal_all();
  void lose_disk();
  void destroy();
  void take_snapshots();
  void restore(Member& member, Duration lasts);
  void note_promises(Member& member);
  // Whether this hello is of the node's present life; what it said in one that it has gone back
  // from is worth nothing any more.
  bool is_of_now(const state::Peer& peer);
  table::Vector said_by(const Member& member);
  // What this member has in its store, of all logs, is about to be lost but for `kept`.
  void give_up(Member& member, table::Vector kept);
  // What this member has in one of its logs is about to be lost: excuses what nobody else has
  // promised to have.
  void excuse(const Member& member, table::Source source);
  void excuse_all(Member& member);
  Member* member_of(const sim::Node& node);
  Member& member_of(std::string_view name);

  // ── rules ──
  void look_at_clock(Member& member);
  bool is_level();
  void wait_until_level();
  void check_appends();
  void check_order(unsigned key, const std::vector<std::string>& turns, const std::string& where);
  void check_equal();
  void check_counts();
  std::map<std::string, std::string> content_of(Tables& tables);
  void count();

  const TableTrial trial_;
  Dice dice_;
  TableVerdict verdict_;
  std::vector<std::string> regions_, names_;
  Session sessions_[4];
  std::map<unsigned, std::map<std::string, Append>> appends_;  // by key
  uint64_t element_count_ = 0;
  bool is_accepting_ = true;
  uint64_t snapshot_count_ = 0;
  std::map<std::string, Life, std::less<>> lives_;
  std::vector<Member> members_;
  std::vector<sim::Node*> brokers_;  // by region
  std::set<const sim::Node*> lost_;  // do not start again
  std::unique_ptr<sim::World> world_;
};

}  // namespace sealane::play
