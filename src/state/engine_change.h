// SPDX-License-Identifier: Apache-2.0
// One batch of the engine in the making: what writing, replication and sweeping have in common.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "state/engine.h"
#include "state/journal.h"
#include "state/keyspace.h"
#include "state/stream_record.h"
#include "table/size.h"

namespace sealane::state {

// One batch in the making. Nothing of the engine changes before write() has succeeded.
class Engine::Change {
 public:
  explicit Change(Engine& engine) : engine_(engine), batch_(*engine.batch_) { batch_.clear(); }

  // Sees to it that what is there is read.
  static Status read_before(ItemWrite& write) {
    if (write.before_raw.empty()) return {};
    std::string_view bytes = write.before_raw;
    SL_TRY(write.before, table::take_packed_record(bytes));
    write.before_raw.clear();
    return {};
  }

  // What a request does to one item; `packed_delta` are the bytes of its delta. Nearly all writes
  // of whole items are newer than what is there, and nobody looks at what they replace: then no
  // tree is built, and the delta is stored as it is.
  Status item(ItemWrite& write, std::string_view packed_delta, Written* written) {
    const Table& table = *write.table;
    if (!has_readers(table, written) && table.id != table::kCatalogId &&
        write.before == table::Record{}) {
      table::Outline before;
      if (!write.before_raw.empty()) {
        SL_TRY(before, table::outline_of_packed_record(write.before_raw));
      }
      if (table::replaces(write.delta, before.latest)) {
        if (engine_.has_counted(table.id, write.key)) {
          Count& count = counts_[table.id];
          count.item_count += uint64_t{1} - uint64_t{before.exists};
          count.bytes += table::size_bytes(write.delta) - before.size_bytes;
        }
        batch_.put(port::Keyspace::items, keyspace::item(table.id, write.key), packed_delta);
        return {};
      }
    }
    SL_CHECK(read_before(write));
    item(table, write.key, std::move(write.before), std::move(write.delta), nullptr, written);
    return {};
  }

  // Folds `delta` into `before` and puts what comes out of it, which it gives, everywhere it
  // belongs.
  table::Record item(const Table& table, std::string_view key, table::Record before,
                     table::Record delta, table::Witness* witness, Written* written) {
    const bool is_read = has_readers(table, written);
    Count uncounted;  // what the sweep has yet to count, it will find as it is then
    // Differences, in arithmetic modulo 2^64.
    Count& count = engine_.has_counted(table.id, key) ? counts_[table.id] : uncounted;
    count.item_count -= uint64_t{before.exists()};
    count.bytes -= table::size_bytes(before);
    Written change;
    if (is_read) change.before = table::item_of(before);
    table::Hlc trace = latest_removal(delta);
    table::Record& after = before;
    table::join(after, std::move(delta), witness);
    count.item_count += uint64_t{after.exists()};
    count.bytes += table::size_bytes(after);
    bytes_.clear();
    table::append_packed(bytes_, after);
    batch_.put(port::Keyspace::items, keyspace::item(table.id, key), bytes_);
    // Removals leave stamps behind until every replica has passed them.
    if (!after.exists()) trace = std::max({trace, after.cleared.hlc, after.live.hlc});
    if (trace > 0)
      engine_.note_due(batch_, keyspace::due(keyspace::kTrace, trace, table.id, key));
    if (table.id == table::kCatalogId) catalog_keys_.emplace_back(key);
    if (!is_read) return before;
    change.after = table::item_of(after);
    indexes(table, key, change.before, change.after);
    expiry(table, key, change.before, change.after);
    stream(table, key, change);
    if (!written) return before;
    if (engine_.is_expired(table, change.before)) change.before = {};
    if (engine_.is_expired(table, change.after)) change.after = {};
    *written = std::move(change);
    return before;
  }

  // Puts another record in place of one; an empty one erases it.
  void replace(const Table& table, std::string_view key, const table::Record& before,
               const table::Record& after) {
    if (engine_.has_counted(table.id, key)) {
      Count& count = counts_[table.id];
      count.item_count += uint64_t{after.exists()} - uint64_t{before.exists()};
      count.bytes += table::size_bytes(after) - table::size_bytes(before);
    }
    if (after == table::Record{}) {
      batch_.erase(port::Keyspace::items, keyspace::item(table.id, key));
    } else {
      bytes_.clear();
      table::append_packed(bytes_, after);
      batch_.put(port::Keyspace::items, keyspace::item(table.id, key), bytes_);
      table::Hlc trace = latest_removal(after);
      if (!after.exists()) trace = std::max({trace, after.cleared.hlc, after.live.hlc});
      if (trace > 0)
        engine_.note_due(batch_, keyspace::due(keyspace::kTrace, trace, table.id, key));
    }
    if (table.id == table::kCatalogId) catalog_keys_.emplace_back(key);
    if (!has_followers(table)) return;
    const Written change{table::item_of(before), table::item_of(after)};
    indexes(table, key, change.before, change.after);
    expiry(table, key, change.before, change.after);
    stream(table, key, change);
  }

  // An item whose time is over on every replica.
  void expire(const Table& table, std::string_view key, const table::Item& old) {
    batch_.erase(port::Keyspace::items, keyspace::item(table.id, key));
    indexes(table, key, old, {});
    if (engine_.has_counted(table.id, key)) {
      Count& count = counts_[table.id];
      count.item_count -= 1;
      count.bytes -= table::size_bytes(old);
    }
    stream_record(table, key, {old, {}}, true);
  }

  void log(const Position& at, table::Hlc hlc, std::string_view packed_entry) {
    if (!engine_.options_.is_alone) {
      batch_.put(port::Keyspace::log, keyspace::log(at.source, at.position), packed_entry);
      engine_.entry_bytes_ += (double(packed_entry.size()) - engine_.entry_bytes_) / 64;
    }
    reach({at.source, at.position, hlc});
  }

  // The last one of a source counts.
  void reach(const table::Reach& reach) {
    if (!reached_.empty() && reached_.back().source == reach.source) reached_.pop_back();
    reached_.push_back(reach);
  }

  void ahead(const table::Vector& ahead) { vector(keyspace::kAhead, ahead); }
  void broken_off(const table::Vector& counts) { vector(keyspace::kBrokenOff, counts); }

  void journal(const Table& table, std::string_view key, const table::Discarded& what) {
    Lost lost{.sequence = engine_.journal_sequence_ + lost_.size(), .wall_ms = engine_.wall_ms(),
              .table_name = table.name, .what = what};
    if (what.kept && table::size_bytes(*what.kept) > kKeptBytesMax) {
      lost.what.kept.reset();
      lost.what.is_elsewhere = true;
    }
    std::string_view bytes = key;
    if (auto attributes = table::take_key(bytes, table.key)) lost.key = std::move(*attributes);
    bytes_.clear();
    append_packed(bytes_, lost);
    batch_.put(port::Keyspace::journal, keyspace::u64(lost.sequence), bytes_);
    lost_.emplace_back(lost.sequence, bytes_.size());
    lost_bytes_ += bytes_.size();
    const auto& kept = engine_.journaled_;
    while (forgotten_count_ < kept.size() &&
           (kept.size() - forgotten_count_ + lost_.size() > kJournalMax ||
            engine_.journal_bytes_ - forgotten_bytes_ + lost_bytes_ > kJournalBytesMax)) {
      const auto& [oldest, size] = kept[forgotten_count_++];
      batch_.erase(port::Keyspace::journal, keyspace::u64(oldest));
      forgotten_bytes_ += size;
    }
  }

  void erase(port::Keyspace space, std::string_view key) { batch_.erase(space, key); }
  void put(port::Keyspace space, std::string_view key, std::string_view value) {
    batch_.put(space, key, value);
  }

  size_t bytes() const { return batch_.bytes(); }
  bool has_catalog() const { return !catalog_keys_.empty(); }

  // Writes the batch, then lets the engine know.
  Status write() {
    for (const table::Reach& reach : reached_) {
      bytes_.clear();
      keyspace::append_u64(bytes_, reach.position);
      keyspace::append_u64(bytes_, reach.hlc);
      batch_.put(port::Keyspace::meta, keyspace::reach(reach.source), bytes_);
    }
    for (const std::string& key : catalog_keys_) SL_CHECK(engine_.note_adoption(batch_, key));
    if (engine_.has_kept_counts_) batch_.erase(port::Keyspace::meta, keyspace::kCounts);
    SL_CHECK(engine_.store_.write(batch_));
    engine_.has_kept_counts_ = false;
    for (const auto& [id, count] : counts_) {
      Count& kept = engine_.counts_[id];
      kept.item_count += count.item_count;
      kept.bytes += count.bytes;
    }
    for (const table::Reach& reach : reached_) {
      engine_.applied_.set(reach);
      engine_.progress_.raise(reach.source, reach.position);
    }
    if (!engine_.ahead_.empty()) engine_.set_ahead(std::move(engine_.ahead_));
    engine_.stream_sequence_ += stream_count_;
    engine_.journal_sequence_ += lost_.size();
    engine_.lost_count_ += lost_.size();
    engine_.journaled_.erase(engine_.journaled_.begin(),
                             engine_.journaled_.begin() + ptrdiff_t(forgotten_count_));
    engine_.journaled_.insert(engine_.journaled_.end(), lost_.begin(), lost_.end());
    engine_.journal_bytes_ += lost_bytes_ - forgotten_bytes_;
    if (catalog_keys_.empty()) return {};
    engine_.to_adopt_.insert(catalog_keys_.begin(), catalog_keys_.end());
    catalog_keys_.clear();
    (void)engine_.adopt_all();  // the change itself is written; the sweep tries again
    return {};
  }

 private:
  // Does anybody look at the item itself? Most writes are of tables where nobody does, and then
  // none is built.
  static bool has_readers(const Table& table, const Written* written) {
    return written || has_followers(table);
  }
  // Whether anything is kept that follows the items.
  static bool has_followers(const Table& table) {
    return !table.indexes.empty() || !table.ttl_attribute.empty() ||
           table.stream != table::StreamView::off;
  }

  void vector(std::string_view key, const table::Vector& vector) {
    bytes_.clear();
    table::append_packed(bytes_, vector);
    batch_.put(port::Keyspace::meta, key, bytes_);
  }

  void indexes(const Table& table, std::string_view key, const table::Item& old,
               const table::Item& now) {
    for (const table::Index& index : table.indexes) {
      const auto from = table::key_of(old, index.key), to = table::key_of(now, index.key);
      if (from == to) continue;
      if (from)
        batch_.erase(port::Keyspace::index,
                     keyspace::index(table.id, index.id(), *from).append(key));
      if (to)
        batch_.put(port::Keyspace::index, keyspace::index(table.id, index.id(), *to).append(key),
                   {});
    }
  }

  void expiry(const Table& table, std::string_view key, const table::Item& old,
              const table::Item& now) {
    const auto from = engine_.expiry_s(table, old), to = engine_.expiry_s(table, now);
    if (from == to) return;
    if (from)
      batch_.erase(port::Keyspace::expiry, keyspace::due(keyspace::kExpires, *from, table.id, key));
    if (to) engine_.note_due(batch_, keyspace::due(keyspace::kExpires, *to, table.id, key));
  }

  static table::Hlc latest_removal(const table::Record& delta) {
    table::Hlc latest = 0;
    for (const table::Cell& cell : delta.cells) {
      if (cell.is_removed()) latest = std::max(latest, cell.stamp.hlc);
    }
    return latest;
  }

  // Inserts and removals of an item take turns in a stream: one that has expired is removed by the
  // sweep, or before that by what begins it anew.
  void stream(const Table& table, std::string_view key, const Written& change) {
    if (table.stream == table::StreamView::off) return;
    if (!engine_.is_expired(table, change.before) || engine_.is_expired(table, change.after)) {
      stream_record(table, key, change, false);
      return;
    }
    stream_record(table, key, {change.before, {}}, true);
    stream_record(table, key, {{}, change.after}, false);
  }
  void stream_record(const Table& table, std::string_view key, const Written& change,
                     bool is_expiry) {
    if (table.stream == table::StreamView::off || change.before == change.after) return;
    StreamRecord record{.sequence = engine_.stream_sequence_ + stream_count_,
                        .wall_ms = engine_.wall_ms(),
                        .is_expiry = is_expiry};
    using Kind = StreamRecord::Kind;
    record.kind = change.before.empty()  ? Kind::insert
                  : change.after.empty() ? Kind::remove
                                         : Kind::modify;
    std::string_view bytes = key;
    if (auto attributes = table::take_key(bytes, table.key)) record.keys = std::move(*attributes);
    using View = table::StreamView;
    const bool has_both = table.stream == View::new_and_old_images;
    if (has_both || table.stream == View::old_image) record.before = change.before;
    if (has_both || table.stream == View::new_image) record.after = change.after;
    ++stream_count_;
    bytes_.clear();
    append_packed(bytes_, record);
    batch_.put(port::Keyspace::stream, keyspace::stream(table.id, record.sequence), bytes_);
  }

  Engine& engine_;
  port::Batch& batch_;
  std::string bytes_;
  std::map<TableId, Count> counts_;
  std::vector<table::Reach> reached_;
  std::vector<std::string> catalog_keys_;
  uint64_t stream_count_ = 0;
  std::vector<std::pair<uint64_t, size_t>> lost_;  // for the journal: sequence and bytes
  size_t lost_bytes_ = 0;
  // the oldest of the journal, which go for them
  size_t forgotten_count_ = 0, forgotten_bytes_ = 0;
};

}  // namespace sealane::state
