// SPDX-License-Identifier: Apache-2.0
// Tables on a store: reads and writes items, keeps indexes, streams, expiry and the change log in
// step with them, in one batch per request. Knows nothing of JSON, HTTP or other nodes; both API
// and replication stand on it. One lane.
//
//   keyspace  key                                       value
//   meta      "identity"                                source, ...
//             "ahead"                                   Vector: what the givers of snapshots had
//             "broken off"                              Vector: see broken_off()
//             "reach/" source                           Reach: how far its log is applied here
//             "adopt/" catalog key                      the document before a change of it that is
//                                                       not followed up yet; empty: there was none
//             "fill/" table, index id                   the next key: an index being filled
//             "seed/" table                             its earlier items must come from elsewhere
//             "owner/" source                           node, region: whose log it is
//             "copied"                                  in copies: who opens one begins a new log
//             "counts"                                  of every table: from an orderly stop
//             "streams/" table                          its Streams
//             "stream sequence"                         the next one, when records were last erased
//   items     table, key                                packed Record
//   index     table, index id, index key, primary key   nothing
//   log       source, position                          packed Entry
//   stream    table, sequence                           packed StreamRecord
//   expiry    'E', second, table, key                   nothing: to be looked at then
//             'T', hlc, table, key                      nothing: traces of a removal, to be purged
//             'D', hlc, token                           of a RecentTransactions::Done the rest
//   journal   sequence                                  packed Lost
// Numbers are big-endian, so that keys order as numbers do.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/dice.h"
#include "base/result.h"
#include "port/store.h"
#include "port/timer.h"
#include "state/progress.h"
#include "state/recent_tables.h"
#include "state/recent_transactions.h"
#include "table/entry.h"
#include "table/schema.h"

namespace sealane::state {

using table::Source;
using table::Table;
using table::TableId;

// A place in a source's log.
struct Position {
  Source source = 0;
  uint64_t position = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

// One item that a request writes, with what the store gave for its key in this same turn: load()'s
// record, or load_raw()'s bytes when nobody had to look into it.
struct ItemWrite {
  const Table* table = nullptr;
  std::string key;        // encode_key()
  table::Record before{};
  std::string before_raw{};
  table::Record delta;    // stamped with Engine::next_stamp()
};

// What an item was and became, for streams and capacity.
struct Written {
  table::Item before, after;  // empty: not there
};

// What was written to a table on this node from turning a stream on to turning it off.
struct Stream {
  static constexpr uint64_t kOpen = UINT64_MAX;

  uint64_t started_ms = 0;  // names it
  table::StreamView view = table::StreamView::off;
  uint64_t first = 0, end = kOpen;  // sequence numbers; kOpen: it is on
  uint64_t ended_ms = 0;
  bool is_open() const { return end == kOpen; }
};

struct StreamRecord {
  enum class Kind : uint8_t { insert, modify, remove } kind = Kind::insert;

  uint64_t sequence = 0;   // ascending in this node
  uint64_t wall_ms = 0;
  bool is_expiry = false;  // removed by TTL
  table::Item keys, before, after;  // images only as the table's StreamView wants them
};

// A value that lost a conflict.
struct Lost {
  uint64_t sequence = 0;
  uint64_t wall_ms = 0;     // when it was noticed here
  std::string table_name;
  table::Item key;
  table::Discarded what;
};

class Engine {
 public:
  static constexpr size_t kJournalMax = 10'000;           // values that lost; the oldest go first
  static constexpr size_t kJournalBytesMax = 64 << 20;    // of them
  // of a value that won, beside the one that lost
  static constexpr size_t kKeptBytesMax = 4096;
  static constexpr uint64_t kStreamKeptMs = 24 * 3600 * 1000;
  static constexpr size_t kStreamsPerTableMax = 16;       // the oldest goes first
  static constexpr size_t kDuePerTurnMax = 256;  // of expired items, and of traces of removals

  struct Options {
    std::string region, node;  // names of this node's region and of itself
    uint64_t clock_ahead_max_ms = table::HybridClock::kAheadMaxMs;
    // For `durability: os`: names this boot of the machine. After another boot the end of our log
    // may be gone though others have read it, so a new log is begun (and its old end comes back
    // from them). Empty: what was shipped is on the disk.
    std::string machine_boot{};
    // No other node keeps these tables: nobody would read our change log, so none is kept. Who
    // comes later gets a snapshot, as who was away for too long.
    bool is_alone = false;
  };
  ~Engine();
  // Opens what the store holds, or makes it a new one with an identity drawn from `dice`. So it
  // does with a copy of a store: the log that it was copied from may have gone on, and a position
  // must not be used twice.
  static Result<std::unique_ptr<Engine>> open(port::Store& store, port::Clock& clock, Dice& dice,
                                              Options options);

  // ── tables ──
  // nullptr: no such table in this region. Pointers are good until the next change of the catalog
  // (any write).
  const Table* find_table(std::string_view name) const;
  // Also tables that are kept in other regions only, or deleted (for their generation).
  const Table* find_anywhere(std::string_view name) const;
  const Table* find_table(TableId id) const;
  const std::map<std::string, Table, std::less<>>& tables() const { return tables_; }
  // Writes the table's document where it differs from the present one; indexes that came are filled
  // from the items, those that went are emptied, a deleted table's items are erased.
  Result<Position> write_table(const Table& table);

  // ── items ──
  // The record of a key; empty when there is none. Expired items read as they are: see
  // is_expired().
  Result<table::Record> load(const Table& table, std::string_view key) const;
  // The same as the store has it; empty: there is none.
  Result<std::string> load_raw(const Table& table, std::string_view key) const;
  // The bytes of a record, for readers that need no tree. False: none, deleted or expired.
  Result<bool> load_packed(const Table& table, std::string_view key, std::string& bytes) const;
  // The item of a record as readers and writers see it: nothing when its time is over.
  table::Item visible(const Table& table, const table::Record& record) const;
  bool is_expired(const Table& table, const table::Item& item) const;

  table::Stamp next_stamp();
  // All of it or nothing. An item that had expired is cleared first. Writes of one key must not
  // repeat. `written`, if given, gets what each item was and became. `once`, if given, is from then
  // on in recent_transactions(), also when there is nothing to write; the position is none then.
  // Error `unavailable`: the store refused, nothing was written.
  Result<Position> commit(std::span<ItemWrite> writes, std::vector<Written>* written = nullptr,
                          const table::Once* once = nullptr);

  // From now on commit() fails with these words.
  void refuse_writes(std::string why) { refusal_ = std::move(why); }
  bool is_refusing_writes() const { return !refusal_.empty(); }

  // Those of other nodes too, as far as their logs are applied here; not what came by a snapshot.
  const RecentTransactions& recent_transactions() const { return recent_transactions_; }
  // Of our own log.
  const RecentTables& recent_tables() const { return recent_tables_; }

  // ── walking ──
  // Walks items in key order (or backwards) from `first` to `last` (bytes below the table's own
  // prefix; empty: open). `visit` gets key and packed record, and says whether to go on. Deleted
  // and expired items are left out.
  using Visit = std::function<bool(std::string_view key, std::string_view packed_record)>;
  Status walk(const Table& table, std::string_view first, std::string_view last, bool backwards,
              const Visit& visit) const;
  // Every record of a table from a key on, expired and deleted ones too: for snapshots.
  Status walk_records(TableId id, std::string_view first, const Visit& visit) const;
  // The same over an index: `visit` gets the index key with the primary key behind it, and the
  // primary key alone.
  using VisitIndex =
      std::function<bool(std::string_view index_and_primary_key, std::string_view primary_key)>;
  Status walk_index(const Table& table, const table::Index& index, std::string_view first,
                    std::string_view last, bool backwards, const VisitIndex& visit) const;
  // An index that was added to a table with items is filled bit by bit by sweep(), and not to be
  // read before.
  bool is_filling(const Table& table, const table::Index& index) const;
  // Items and their bytes as DynamoDB counts them, exact. Kept in memory, for a put is not to pay
  // for a figure that is seldom asked for: an orderly stop leaves them behind (close), and after
  // any other end the sweep counts anew, bit by bit; until it is through, is_counting() is true and
  // count() tells of the part that it has been through.
  struct Count {
    uint64_t item_count = 0, bytes = 0;
    friend bool operator==(const Count&, const Count&) = default;
  };
  Count count(const Table& table) const;
  bool is_counting(const Table& table) const { return uncounted_.contains(table.id); }
  // An orderly stop: keeps what the next open() would have to find out anew. Nothing may be written
  // after it.
  Status close();

  // ── streams and journal ──
  // The table's streams that are still kept here, the oldest first; the last one may be on.
  std::span<const Stream> streams(TableId table) const;
  // The records from a sequence number up to but not `end`; `visit` says whether to go on.
  Status read_stream(TableId table, uint64_t from, uint64_t end,
                     const std::function<bool(const StreamRecord&)>& visit) const;
  uint64_t next_stream_sequence() const { return stream_sequence_; }
  // The values that lost, the latest first, from below a sequence number on (0: from the end);
  // `visit` says whether to go on.
  Status read_journal(uint64_t before, const std::function<bool(const Lost&)>& visit) const;
  uint64_t lost_count() const { return lost_count_; }

  // ── replication ──
  Source self() const { return hlc_.source(); }
  // Whose log a source is or was, as its node said of itself; nullptr: nobody has said it here.
  struct Owner {
    std::string node, region;
    friend bool operator==(const Owner&, const Owner&) = default;
  };
  const Owner* owner_of(Source source) const;
  Status note_owner(Source source, const Owner& owner);
  // What is applied here, of every source (self too).
  const table::Vector& applied() const { return applied_; }
  // What reading here may show: more than is applied while the pages of a snapshot come in.
  const table::Vector& shown() const { return ahead_.empty() ? applied_ : shown_; }
  // Of that, what is not in applied().
  const table::Vector& ahead() const { return ahead_; }
  // Both for other threads.
  const Progress& progress() const { return progress_; }
  table::Hlc hlc_now() const;
  // From now on nothing is stamped below this.
  table::Hlc promise_now();
  // What another node says of its clock is believed up to here.
  table::Hlc latest_believed() const;
  // Applies entries of another source's log, the first of which is at this position; those that
  // came already are ignored. An error says why the next one behind applied() is not: `not_found`
  // those before it are missing; later it may be: `conflict` it is stamped too far in the future,
  // `unavailable` its table is not known yet.
  Status apply(Source source, uint64_t first, std::span<const std::string_view> packed_entries);
  Status apply(Source source, uint64_t position, std::string_view packed_entry) {
    return apply(source, position, std::span(&packed_entry, 1));
  }
  // Entries of a source's log from a position on; stops at the end, at `bytes_max`, or when `visit`
  // says so. Empty when the first one is not kept here any more: see first_kept().
  using VisitEntry = std::function<bool(uint64_t position, std::string_view packed_entry)>;
  Status read_log(Source source, uint64_t from, size_t bytes_max, const VisitEntry& visit) const;
  uint64_t first_kept(Source source) const;     // 0: nothing of it is kept
  Status trim_log(Source source, uint64_t up_to);  // erases up to and with this position
  uint64_t log_bytes(Source source) const;         // roughly
  // Called after each commit with the entry's bytes: replication ships it.
  std::function<void(Position, std::string_view packed_entry)> on_commit;
  // Tables that this region began to keep after others had written to them: their items come by
  // snapshot.
  const std::set<TableId>& tables_to_seed() const { return to_seed_; }
  // What came with a snapshot that broke off may be in no log, and so nowhere else. Counts, by the
  // log of the node where that happened, such snapshots whose part is here: who has higher counts
  // has what is missing here (as long as it is ahead()).
  const table::Vector& broken_off() const { return broken_off_; }
  // Before the first page of a snapshot. It ends with reach() or seeded(), or breaks off: by the
  // next call, or when the process ends.
  Status begin_snapshot();
  void break_off_snapshot();
  // Joins records of one table that came in a snapshot of another node, whose shown() was this.
  // `conflict`: stamped too far in the future, try again later.
  Status apply_snapshot(TableId table,
                        std::span<const std::pair<std::string, std::string>> keys_and_records,
                        const table::Vector& shown_there);
  // A piece of a whole snapshot: all records that the other node has of a table behind `after`, up
  // to `last`.
  struct Piece {
    TableId table = 0;
    std::string_view after;              // empty: from the first
    std::optional<std::string_view> last;  // none: to the end of the table
    std::span<const std::pair<std::string, std::string>> records;
  };
  // Makes one of both sides' records, by what each has seen (table/reconcile.h): for a node that
  // was away for so long that the others have forgotten what was removed meanwhile. Bounded work:
  // gives the key behind which to go on, or nothing when the piece is done. `conflict`: as above.
  Result<std::optional<std::string>> reconcile(const Piece& piece, const table::Vector& seen_there,
                                               const table::Vector& shown_there);
  // After a whole snapshot: what its node had applied is applied here too, and what had come to it
  // in parts. `absent`: tables of this region that it did not have.
  Status reach(const table::Vector& applied_by_snapshot, std::span<const TableId> absent = {},
               const table::Vector& broken_off_there = {});
  // After the snapshot of one table: entries that its node had not applied may have been skipped
  // here; they are to be applied once more.
  Status seeded(TableId table, const table::Vector& applied_by_snapshot);

  // ── copies ──
  // Makes a copy of the store that may be opened elsewhere, or here again later: see
  // port::Store::copy().
  void copy(std::string_view name, std::function<void(Result<std::string> where)> done);

  // ── sweeping ──
  // What every replica has applied: removals before it leave no trace, items that expired before it
  // are erased. Bounded work per call; true: there is more to do.
  Result<bool> sweep(table::Hlc stable);

 private:
  class Change;  // one batch in the making: engine_write.cpp
  static constexpr size_t kFilledPerTurnMax = 1000;
  static constexpr size_t kCountedPerTurnMax = 2000;            // and
  static constexpr size_t kCountedBytesPerTurnMax = 1 << 20;
  static constexpr size_t kOwnersMax = 1024;
  static constexpr size_t kAppliedBytesPerBatchMax = 1 << 20;   // and one entry
  static constexpr size_t kForgottenPerTurnMax = 1000;          // of recent_transactions_
  static constexpr uint64_t kStreamsTrimmedEveryMs = 60'000;
  static constexpr size_t kTrimmedPerTurnMax = 1000;            // and
  static constexpr size_t kTrimmedBytesPerTurnMax = 1 << 20;
  static constexpr size_t kReconciledPerTurnMax = 1000;         // and
  static constexpr size_t kReconciledBytesPerTurnMax = 4 << 20;
  static constexpr size_t kEntryBytesKept = 64 << 10;  // of entry_

  Engine(port::Store& store, port::Clock& clock, Options options, Source self);
  Status load_reach();
  // Empty when there is none.
  Result<table::Vector> load_vector(std::string_view key) const;
  void set_ahead(table::Vector ahead);
  // Heeds what the giver of a snapshot may show; `conflict`: it is too far ahead of this clock.
  Status see(const table::Vector& shown_there);
  Status load_catalog();
  Status load_sequences();
  Status load_owners();
  Status load_counts();
  Status load_transactions();
  // Puts it into the batch, as the last of `count` of it, in place of the oldest where there are
  // too many; who writes the batch then adds it to recent_transactions_.
  void keep(Change& change, const RecentTransactions::Done& done, size_t count);
  Status forget_transactions();
  uint64_t wall_ms() const;
  static std::optional<uint64_t> expiry_s(const table::Value& ttl);
  std::optional<uint64_t> expiry_s(const Table& table, const table::Item& item) const;
  bool is_past(const table::Value& ttl) const;
  using Made = std::unordered_map<std::string, table::Record>;  // by keyspace::item()
  Result<size_t> apply_batch(Source source, std::span<const std::string_view> entries,
                             Status& why_not);
  Result<table::Entry> read_entry(std::string_view packed);
  bool blank_what_is_elsewhere(table::Entry& entry) const;
  Status fold(Change& change, table::Entry& entry, Made& made);
  // What else changes with a table's document takes batches of its own. So the one that changes the
  // document notes what it was before, and whoever ends in between finds that at the next start;
  // what a full disk refused is tried again by the sweep.
  Status note_adoption(port::Batch& batch, std::string_view catalog_key);
  Status adopt_all();
  // Takes over a table's document as it is in the store now.
  Status adopt(const std::string& catalog_key);
  Status adopt(const Table* before, Table after);
  Status erase_items(TableId id);
  Result<bool> count_items();
  // Whether the item of this key is in counts_ already.
  bool has_counted(TableId id, std::string_view key) const {
    if (uncounted_.empty()) return true;
    const auto at = uncounted_.find(id);
    return at == uncounted_.end() || key < at->second;
  }
  Result<bool> fill_indexes();
  // Notes in `batch` what is to be looked at, and when: at `mark`, a keyspace::due().
  void note_due(port::Batch& batch, const std::string& mark);
  // The next marks of a kind below `last`.
  Result<std::vector<std::string>> next_due(char kind, const std::string& last);
  Result<bool> purge_traces(table::Hlc stable);
  Result<bool> erase_expired(table::Hlc stable);
  Status load_streams();
  Status follow_stream(const Table& table);
  Result<bool> trim_streams();
  Result<bool> trim_stream(TableId id, size_t& records_left, size_t& bytes_left);
  void keep_stream_sequence();

  port::Store& store_;
  port::Clock& clock_;
  const Options options_;
  table::HybridClock hlc_;
  const Table catalog_;                               // the system table of tables
  std::map<std::string, Table, std::less<>> tables_;  // by name, deleted ones too
  std::map<TableId, const Table*> by_id_;             // those that are not deleted
  std::set<std::pair<TableId, uint32_t>> filling_;
  std::set<std::string> to_adopt_;                    // keys of the catalog
  std::set<TableId> to_seed_;
  table::Vector applied_;
  // of givers of snapshots, until it is applied here; and
  table::Vector ahead_;
  table::Vector shown_;                               // with what is applied
  table::Vector broken_off_;
  Progress progress_;
  std::map<TableId, Count> counts_;
  // the first key that count_items() has not seen
  std::map<TableId, std::string> uncounted_;
  // those of the last stop lie in the store still
  bool has_kept_counts_ = false;
  std::map<Source, Owner> owners_;
  RecentTransactions recent_transactions_;
  RecentTables recent_tables_;
  uint64_t stream_sequence_ = 1, journal_sequence_ = 1, lost_count_ = 0;
  std::deque<std::pair<uint64_t, size_t>> journaled_;  // sequence and bytes of what the journal has
  size_t journal_bytes_ = 0;                          // their sum
  double entry_bytes_ = 512;                          // of a log entry, a moving average
  std::map<TableId, std::vector<Stream>> streams_;
  uint64_t streams_trimmed_ms_ = 0;
  std::set<TableId> to_trim_;                         // what is left of it
  // Of each kind, below which no mark is left: a disk passes what was erased from the front of a
  // queue slowly.
  std::map<char, std::string> due_from_;
  std::unique_ptr<port::Batch> batch_;                // reused
  std::string entry_;                                 // the memory of the last log entry, reused
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::string refusal_;                               // why nothing is written any more
  size_t copying_count_ = 0;                          // calls of copy() that are not answered
};

}  // namespace sealane::state
