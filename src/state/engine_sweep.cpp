// SPDX-License-Identifier: Apache-2.0
// What is done a little at a time in the background: counting items, filling new indexes, erasing
// what has expired, forgetting removals that every replica knows of, trimming streams (in
// engine_stream.cpp).
//
// An item whose time is over is invisible at once on every replica, by the same rule on the same
// value; a write to it begins it anew. Its bytes go only when every replica has passed that second,
// so that a renewal that is still on its way from another region finds the item and wins. No
// replica tells another of an expiry: there is nothing to tell.
#include <algorithm>

#include "state/engine.h"
#include "state/engine_change.h"
#include "state/keyspace.h"

namespace sealane::state {

using port::Keyspace;
using table::Item;
using table::Record;

namespace {

// It is reported where it is read, and must not keep the others from going.
bool is_damaged(const Result<Record>& record) {
  return !record && record.error().code == Code::corrupt;
}

}  // namespace

Result<bool> Engine::sweep(table::Hlc stable) {
  const Status adopted = adopt_all();
  SL_CHECK(forget_transactions());
  SL_TRY(const bool more_to_count, count_items());
  SL_TRY(const bool more_to_fill, fill_indexes());
  SL_TRY(const bool more_traces, purge_traces(stable));
  SL_TRY(const bool more_expired, erase_expired(stable));
  SL_TRY(const bool more_to_trim, trim_streams());
  SL_CHECK(adopted);
  return more_to_count || more_to_fill || more_traces || more_expired || more_to_trim;
}

// What is written meanwhile below the mark is counted by the write, what is written above it is
// found here: so the sum is exact whenever this is through.
Result<bool> Engine::count_items() {
  if (uncounted_.empty()) return false;
  const auto at = uncounted_.begin();
  size_t left = kCountedPerTurnMax, bytes = 0;
  Count found;
  std::string next;
  SL_CHECK(walk_records(at->first, at->second, [&](std::string_view key, std::string_view packed) {
    if (left-- == 0 || bytes > kCountedBytesPerTurnMax) {
      next = key;
      return false;
    }
    bytes += packed.size();
    const auto record = table::take_packed_record(packed);
    if (!record) return true;  // reported where it is read
    found.item_count += uint64_t{record->exists()};
    found.bytes += table::size_bytes(*record);
    return true;
  }));
  Count& count = counts_[at->first];
  count.item_count += found.item_count;
  count.bytes += found.bytes;
  if (next.empty()) {
    uncounted_.erase(at);
  } else {
    at->second = std::move(next);
  }
  return !uncounted_.empty();
}

// Index id 0 stands for the table's TTL attribute. What has expired is filled in too: its bytes are
// to go some day, and a write or a renewal on its way may bring it back with the index keys that it
// had, which then are taken to be there.
Result<bool> Engine::fill_indexes() {
  if (filling_.empty()) return false;
  const auto [id, index_id] = *filling_.begin();
  const Table* table = find_table(id);
  const table::Index* index = nullptr;
  if (table) {
    for (const table::Index& each : table->indexes) index = each.id() == index_id ? &each : index;
  }
  const std::string mark = keyspace::fill(id, index_id);
  batch_->clear();
  std::string from;
  SL_TRY(const bool found, store_.get(Keyspace::meta, mark, from));
  size_t left = kFilledPerTurnMax;
  std::string next;
  if (table && found && (index || index_id == 0)) {
    // Other replicas may have yet to hear of the TTL, and write to what is past by it. Before all
    // have passed this second, nothing that was there is erased.
    const uint64_t now_s = table::ms_of(hlc_now()) / 1000;
    SL_CHECK(walk_records(id, from, [&](std::string_view key, std::string_view packed) {
      if (left-- == 0) {
        next = key;
        return false;
      }
      if (!table::exists_packed(packed)) return true;
      const auto record = table::take_packed_record(packed);
      if (!record) return true;  // reported where it is read
      const Item item = table::item_of(*record);
      if (index) {
        if (const auto index_key = table::key_of(item, index->key)) {
          batch_->put(Keyspace::index, keyspace::index(id, index_id, *index_key).append(key), {});
        }
      } else if (const auto second = expiry_s(*table, item)) {
        const uint64_t when = std::max(*second, now_s);
        note_due(*batch_, keyspace::due(keyspace::kExpires, when, id, key));
      }
      return true;
    }));
  }
  next.empty() ? batch_->erase(Keyspace::meta, mark) : batch_->put(Keyspace::meta, mark, next);
  SL_CHECK(store_.write(*batch_));
  if (next.empty()) filling_.erase({id, index_id});
  return !filling_.empty();
}

void Engine::note_due(port::Batch& batch, const std::string& mark) {
  std::string& from = due_from_[mark.front()];
  if (mark < from) from = mark;
  batch.put(Keyspace::expiry, mark, {});
}

Result<std::vector<std::string>> Engine::next_due(char kind, const std::string& last) {
  std::string& from = due_from_[kind];
  if (from.empty()) from = kind;
  std::vector<std::string> due;
  if (from >= last) return due;
  const auto cursor = store_.walk(Keyspace::expiry, from, last);
  for (cursor->seek(from); cursor->valid() && due.size() < kDuePerTurnMax; cursor->next()) {
    due.emplace_back(cursor->key());
  }
  SL_CHECK(cursor->status());
  return due;
}

Result<bool> Engine::purge_traces(table::Hlc stable) {
  SL_TRY(const auto due,
         next_due(keyspace::kTrace, keyspace::due(keyspace::kTrace, stable, 0, {})));
  if (due.empty()) return false;
  batch_->clear();
  for (const std::string& mark : due) {
    std::string_view rest = mark;
    rest.remove_prefix(1);
    uint64_t hlc = 0;
    TableId id = 0;
    if (!keyspace::take_u64(rest, hlc) || !keyspace::take_u64(rest, id)) continue;
    batch_->erase(Keyspace::expiry, mark);
    const Table* table = find_table(id);
    if (!table) continue;
    auto loaded = load(*table, rest);
    if (is_damaged(loaded)) continue;
    SL_TRY(Record record, std::move(loaded));
    const Record was = record;
    if (table::purge(record, stable)) {
      batch_->erase(Keyspace::items, keyspace::item(id, rest));
    } else if (record != was) {
      std::string bytes;
      table::append_packed(bytes, record);
      batch_->put(Keyspace::items, keyspace::item(id, rest), bytes);
    }
  }
  SL_CHECK(store_.write(*batch_));
  due_from_[keyspace::kTrace] = due.back() + '\0';
  return due.size() == kDuePerTurnMax;
}

Result<bool> Engine::erase_expired(table::Hlc stable) {
  SL_TRY(const auto due,
         next_due(keyspace::kExpires,
                  keyspace::due(keyspace::kExpires, table::ms_of(stable) / 1000, 0, {})));
  if (due.empty()) return false;
  Change change(*this);
  for (const std::string& mark : due) {
    std::string_view rest = mark;
    rest.remove_prefix(1);
    uint64_t second = 0;
    TableId id = 0;
    if (!keyspace::take_u64(rest, second) || !keyspace::take_u64(rest, id)) continue;
    change.erase(Keyspace::expiry, mark);
    const Table* table = find_table(id);
    if (!table) continue;
    auto loaded = load(*table, rest);
    if (is_damaged(loaded)) continue;
    SL_TRY(const Record record, std::move(loaded));
    const Item item = table::item_of(record);
    // It may have got a later time since.
    const auto over = expiry_s(*table, item);
    if (over && *over <= second && is_expired(*table, item)) change.expire(*table, rest, item);
  }
  SL_CHECK(change.write());
  due_from_[keyspace::kExpires] = due.back() + '\0';
  return due.size() == kDuePerTurnMax;
}

}  // namespace sealane::state
