// SPDX-License-Identifier: Apache-2.0
// Keeps this node's tables level with those of the other nodes.
//
//   commit -> log -> end of the turn: flushed -> (synced) -> published at once
//          -> others apply it in order, each keeping a copy of the log
//   a gap, or a hello that is ahead -> the missing entries are asked for, from the source or from
//          whoever has them
//   the log does not reach back -> a snapshot, page by page, then the log from there
//
// Nothing is lost when messages are: an entry stays in the log until every configured node has
// passed it (or the log is larger than log_bytes_max; then who is behind gets a snapshot). A
// destroyed node's last entries live on in the copies.
#pragma once

#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "port/fabric.h"
#include "port/lane.h"
#include "port/sessions.h"
#include "port/store.h"
#include "state/engine.h"
#include "state/lag.h"
#include "state/replica/message.h"

namespace sealane::state {

enum class Durability : uint8_t {
  fsync,  // acknowledged and shipped when it is on the disk
  os,     // when the operating system has it: survives kill -9, not the machine
};

struct Peer {  // a node as it says of itself
  std::string node, region;
  Source source = 0;
  table::Hlc now = 0;
  uint64_t bytes_per_entry = 0;
  table::Vector applied, complete, shown, broken_off;
  Instant heard{};
};

class Replicator {
 public:
  static constexpr Duration kTick = 100ms;
  static constexpr Duration kSweepPauseMin = 1ms;
  static constexpr Duration kHelloEvery = 500ms;
  // a peer that is not asked for anything any more
  static constexpr Duration kSilentAfter = 3s;
  // of a silent peer: readers wait for what it may send
  static constexpr Duration kHopeFor = 3 * kHelloEvery;
  static constexpr Duration kReachablePatience = 1s;
  static constexpr Duration kReadTimeout = 2s;
  // between looks at who has waited for too long
  static constexpr Duration kDeadlineStep = 5ms;
  static constexpr size_t kMessageBytesMax = 256 << 10;    // entries are gathered up to this
  // out of order, waiting for a gap to be filled
  static constexpr size_t kPendingBytesMax = 16 << 20;
  static constexpr size_t kSourcesMax = 1024;
  static constexpr size_t kWaitersMax = 65536;
  static constexpr size_t kAskingMax = 1024;               // about sessions, at a time
  static constexpr size_t kSessionsMax = 100'000;          // the longest unheard of is forgotten
  static constexpr size_t kSessionBytesMax = port::Sessions::kSessionBytesMax;

  struct Options {
    std::string node, region;
    std::vector<std::string> nodes;        // all that keep tables by the plan, this one too
    Durability durability = Durability::fsync;
    uint64_t log_bytes_max = 1ull << 30;   // per source
    size_t message_bytes_max = kMessageBytesMax;
  };
  Replicator(port::Lane& lane, port::Store& store, port::Fabric& fabric, Engine& engine,
             Options options);
  ~Replicator();
  void set_nodes(std::vector<std::string> nodes) { options_.nodes = std::move(nodes); }

  // ── waiting ──
  // Calls `done` when the write at `at` is durable here (and, if so wanted, in other regions: of
  // each table that it wrote to, in one that keeps it), with where it is then: local or remote; an
  // error when the disk failed, and for Ack::remote with `timeout` when another region has not
  // confirmed it by then, and at once when none keeps the table (it is written here all the same).
  // Ack::reachable is remote as long as somebody confirms: it waits for kReachablePatience at most,
  // and then for nobody until a region that keeps the table has come as far, nor for regions that
  // are silent.
  using Acknowledged = std::function<void(Result<table::Ack>)>;
  void when_acknowledged(const Position& at, table::Ack ack, Duration timeout, Acknowledged done);
  // Calls `done` when what an answer tells cannot be forgotten any more. The operating system must
  // have all that is here by now, for the process may be killed: at once, or at the end of this
  // turn. And what was written here must be durable, for the power may be cut; what others wrote is
  // so with them. A disk that is broken keeps nobody from reading. An error: not in time.
  using Done = std::function<void(Status)>;
  bool is_kept() const { return !turn_timer_->armed() && is_durable(); }
  void when_kept(Duration timeout, Done done);
  // Calls `done` when everything in `wanted` is applied here (0: at once), or after `timeout`: with
  // how many milliseconds behind we are then (at least 1). What nobody who is there has is not
  // waited for: the last writes of a region that died may come back with it, and until then who has
  // seen them is told so at once.
  void when_reached(table::Vector wanted, Duration timeout,
                    std::function<void(uint64_t stale_ms)> done);

  // Another region with a node that has been heard lately and has all of `wanted`; empty: none.
  std::string region_with(const table::Vector& wanted) const;

  // ── sessions whose clients keep no token ──
  // The client of `session` has seen all that is applied here by now: remembered here and told to
  // the other nodes.
  void note_session(const std::string& session);
  // Calls `done` with what the client of a session has seen, as far as that is known: what is noted
  // here; of one that a stream began at another node (state/session.h), what that node answers. An
  // error: it did not, within `timeout`, so nobody knows. At once where nobody need be asked.
  using Known = std::function<void(const Result<table::Vector>&)>;
  void when_known(const std::string& session, Duration timeout, Known done);

  // ── state ──
  std::vector<Lag> lags() const;  // of the nodes of the plan
  uint64_t lag_ms() const;  // the worst of them
  const std::map<std::string, Peer>& peers() const { return peers_; }

 private:
  // Of each table that a write wrote to, the other regions that keep it.
  using Keepers = std::vector<std::vector<std::string>>;
  struct Waiter {
    uint64_t position;
    Instant deadline;
    Acknowledged done;
    Instant local_from = Instant::max();  // from then on it is enough that it is here
  };
  struct Shower { Instant deadline; Done done; };
  struct Reader {
    table::Vector seen;    // what it wants to find here
    table::Vector wanted;  // of that, what can come
    Instant deadline;
    std::function<void(uint64_t)> done;
  };
  struct Incoming {                        // of one source
    std::map<uint64_t, std::string> pending;  // by position: came before what belongs before it
    bool is_reading = false;               // a repair is under way
    Instant retry_at{};                    // not before
    Instant behind_since{};                // when somebody was first seen to be ahead of us
    size_t attempt_count = 0;              // whom to ask next
  };
  struct Seed;                             // a snapshot being read

  // outgoing
  // All that is written here.
  bool is_durable() const { return durable_ >= engine_.applied().position(engine_.self()); }
  void when_durable(Instant deadline, Done done);
  void committed(const Position& at, std::string_view packed_entry);
  void end_turn();
  void broken(const Status& status);
  void sync();
  void synced(uint64_t position, const Status& status);
  void publish();
  void hello();
  void say(const Hello& hello);
  // incoming
  void on_log(std::string_view bytes);
  void on_hello(std::string_view bytes);
  void on_ack(std::string_view bytes);
  void on_session(std::string_view bytes);
  void on_asked(const port::Fabric::Message& message);
  void remember(const std::string& session, const table::Vector& seen);
  void on_read(const port::Fabric::Message& message);
  void on_snapshot(const port::Fabric::Message& message);
  bool apply(Source source, uint64_t first, std::span<const std::string_view> entries);
  void drain(Source source);
  void repair(Source source);
  void read_log(Source source, uint64_t from);
  void repaired(Source source, const std::string& node, const Result<std::string_view>& answer);
  void begin_seed(table::TableId only, const std::string& node);
  void read_page();
  void on_page(const Result<std::string_view>& answer);
  void work_on_page();
  void failed_on_page(const Error& error);
  Result<bool> reconcile_step();
  void end_page(bool is_last, table::TableId next_table, const std::string& next_after);
  void give_up_seed(std::string_view why);
  void send_acks();
  // housekeeping
  void tick();
  void sweep();
  void go_on_sweeping();
  void note_progress();
  void wait(Reader reader);
  void release_readers();
  bool can_come(const table::Reach& reach) const;
  void release_writers();
  uint64_t stale_ms(const table::Vector& wanted) const;
  void await(Instant deadline);
  void at_deadline();
  void await_disk(const Position& at, Instant deadline, Acknowledged done);
  void await_other_regions(const Position& at, table::Ack ack, Instant deadline,
                           Acknowledged done);
  void note_overdue(Instant now);
  bool is_reachable(const Keepers& keepers) const;
  std::vector<std::string> other_keepers(TableId table) const;
  uint64_t confirmed_by(const std::string& region) const;
  uint64_t confirmed(const Keepers& keepers) const;
  size_t writer_count() const;
  bool is_plan_node(std::string_view name) const;
  uint64_t behind_ms(const Peer& peer) const;
  table::Hlc stable() const;
  void trim();
  const Peer* peer_of(Source source) const;
  std::vector<const Peer*> who_has(Source source, uint64_t position) const;
  bool shows_orphans(const Peer& peer) const;
  bool is_heard(const Peer& peer) const;
  bool is_hoped_for(const Peer& peer) const;

  port::Lane& lane_;
  port::Store& store_;
  port::Fabric& fabric_;
  Engine& engine_;
  Options options_;
  std::map<std::string, Peer> peers_;      // by node
  std::map<Source, Incoming> incoming_;
  std::unique_ptr<Seed> seed_;
  std::deque<std::pair<uint64_t, std::string>> outbox_;  // committed, not yet published
  size_t outbox_bytes_ = 0;
  uint64_t durable_ = 0;                   // a position of our own log
  std::map<std::string, uint64_t, std::less<>> remote_;  // the same, of other regions
  // Regions that a write with Ack::reachable has waited for in vain, until they have its position.
  std::map<std::string, uint64_t, std::less<>> overdue_;
  table::Hlc durable_hlc_ = 0;
  bool is_syncing_ = false;
  Status disk_;
  // by position: wait for the disk; for other regions too, apart by who may confirm, none empty
  std::deque<Waiter> writers_;
  std::map<Keepers, std::deque<Waiter>> remote_writers_;
  std::multimap<std::pair<Source, uint64_t>, Reader> readers_;  // by the first that they miss
  std::vector<Shower> showers_;            // wait for the end of the turn
  table::Vector complete_;
  Hello safe_;  // the last one whose sync has ended: what it says is on the disk
  bool is_greeting_ = false;
  std::list<std::string> session_order_;   // the latest first
  struct Session {
    table::Vector seen;
    std::list<std::string>::iterator place;
  };
  std::unordered_map<std::string, Session> sessions_;
  size_t asking_count_ = 0;
  std::set<Source> owes_ack_;
  size_t pending_bytes_ = 0;               // of all sources
  Instant next_hello_{}, next_trim_{};
  // what deadline_timer_ is armed for; nobody may be waiting any more
  Instant next_deadline_{};
  Instant swept_at_{};                     // when the last piece of sweeping began
  bool is_sweep_timed_ = false;            // how long it took has been seen
  std::unique_ptr<port::Timer> turn_timer_, tick_timer_, sweep_timer_, deadline_timer_, seed_timer_;
  std::vector<std::unique_ptr<port::Fabric::Subscription>> subscriptions_;
  std::shared_ptr<bool> alive_;            // for answers that come when we are gone
  port::Counter& applied_counter_;
  port::Counter& published_counter_;
  port::Counter& repair_counter_;
  port::Counter& snapshot_counter_;
  port::Counter& held_counter_;
  port::Counter& alone_counter_;
};

}  // namespace sealane::state
