// SPDX-License-Identifier: Apache-2.0
// Writing: what a request, an entry of another node's log, or a piece of a snapshot does to every
// keyspace, in one batch.
#include <algorithm>

#include "state/engine.h"
#include "state/engine_change.h"
#include "state/keyspace.h"
#include "table/packed.h"
#include "table/reconcile.h"

namespace sealane::state {

using port::Keyspace;
using table::Item;
using table::Record;

Result<Position> Engine::commit(std::span<ItemWrite> writes, std::vector<Written>* written,
                                const table::Once* once) {
  if (!refusal_.empty()) return fail(Code::unavailable, refusal_);
  SL_ASSERT(once || !writes.empty());
  RecentTransactions::Done done;
  if (once) done.once = *once;
  if (writes.empty()) {
    done.hlc = next_stamp().hlc;
    Change change(*this);
    keep(change, done, 1);
    SL_CHECK(change.write());
    recent_transactions_.add(done);
    return Position{};
  }
  table::Vector seen;
  for (const table::Reach& reach : applied_) {
    if (reach.source != self()) seen.set({reach.source, 0, reach.hlc});
  }
  table::Stamp latest;
  for (ItemWrite& write : writes) {
    const table::Stamp stamp = std::max(write.delta.cleared, write.delta.live);
    latest = std::max(latest, stamp);
    if (write.table->ttl_attribute.empty()) continue;
    SL_CHECK(Change::read_before(write));
    if (is_expired(*write.table, table::item_of(write.before))) write.delta.cleared = stamp;
  }
  Change change(*this);
  if (written) written->assign(writes.size(), {});
  std::string entry = std::exchange(entry_, {});
  entry.clear();
  table::begin_packed_entry(entry, latest, seen, writes.size());
  for (size_t i = 0; i < writes.size(); ++i) {
    ItemWrite& write = writes[i];
    const size_t delta_at =
        table::append_packed_write(entry, write.table->id, write.key, write.delta);
    SL_CHECK(change.item(write, std::string_view(entry).substr(delta_at),
                         written ? &(*written)[i] : nullptr));
  }
  const Position at{self(), applied_.position(self()) + 1};
  if (once) {
    table::append_packed_once(entry, *once);
    done = {.once = *once, .hlc = latest.hlc, .source = at.source, .position = at.position};
    keep(change, done, 1);
  }
  change.log(at, latest.hlc, entry);
  SL_CHECK(change.write());
  if (once) recent_transactions_.add(done);
  for (const ItemWrite& write : writes) recent_tables_.add(at.position, write.table->id);
  if (on_commit) on_commit(at, entry);
  if (entry.capacity() <= kEntryBytesKept) entry_ = std::move(entry);
  return at;
}

Status Engine::apply(Source source, uint64_t first, std::span<const std::string_view> entries) {
  const uint64_t next = applied_.position(source) + 1;
  if (first > next) return fail(Code::not_found, "entries before this one are missing");
  entries = entries.subspan(std::min<uint64_t>(next - first, entries.size()));
  Status why_not;
  while (why_not && !entries.empty()) {
    SL_TRY(const size_t count, apply_batch(source, entries, why_not));
    entries = entries.subspan(count);
  }
  return why_not;
}

// Applies as many of the next entries as go into one batch: so many. Where that is not all of them,
// the batch is full, the last one changed the catalog, by which the others are read, or the next
// one has to wait, and `why_not` says for what.
Result<size_t> Engine::apply_batch(Source source, std::span<const std::string_view> entries,
                                   Status& why_not) {
  const uint64_t reached = applied_.position(source);
  Change change(*this);
  Made made;
  std::vector<RecentTransactions::Done> done;
  size_t count = 0;
  while (count < entries.size() && change.bytes() < kAppliedBytesPerBatchMax &&
         !change.has_catalog()) {
    auto entry = read_entry(entries[count]);
    if (!entry) {
      why_not = std::unexpected(std::move(entry.error()));
      break;
    }
    std::string blanked;
    if (blank_what_is_elsewhere(*entry)) table::append_packed(blanked, *entry);
    SL_CHECK(fold(change, *entry, made));
    ++count;
    change.log({source, reached + count}, entry->stamp.hlc,
               blanked.empty() ? entries[count - 1] : blanked);
    if (!entry->once) continue;
    done.push_back({*entry->once, entry->stamp.hlc, source, reached + count});
    if (done.back().is_over(wall_ms()))
      done.pop_back();
    else
      keep(change, done.back(), done.size());
  }
  if (count > 0) SL_CHECK(change.write());
  for (const RecentTransactions::Done& each : done) recent_transactions_.add(each);
  return count;
}

// An entry whose time has come.
Result<table::Entry> Engine::read_entry(std::string_view packed) {
  SL_TRY(table::Entry entry, table::take_packed_entry(packed));
  SL_CHECK(hlc_.see(entry.stamp.hlc, wall_ms(), options_.clock_ahead_max_ms));
  const auto is_unknown = [&](const table::Entry::Write& write) {
    return !write.is_blank && !find_table(write.table);
  };
  if (std::ranges::any_of(entry.writes, is_unknown)) {
    // A table that nobody here has heard of: either its document is still on its way, or it is
    // deleted.
    for (const table::Reach& seen : entry.seen) {
      if (seen.source != self() && applied_.hlc(seen.source) < seen.hlc) {
        return fail(Code::unavailable, "its table is not known yet");
      }
    }
  }
  return entry;
}

// Whether there was anything.
bool Engine::blank_what_is_elsewhere(table::Entry& entry) const {
  bool is_blanked = false;
  for (table::Entry::Write& write : entry.writes) {
    const Table* table = write.is_blank ? nullptr : find_table(write.table);
    if (table && (table->id == table::kCatalogId || table->is_in(options_.region))) continue;
    is_blanked = is_blanked || !write.is_blank;
    write = {.table = write.table, .is_blank = true};
  }
  return is_blanked;
}

// Takes the entry's deltas. `made`: what this batch has made of records, which the store does not
// show before it is written.
Status Engine::fold(Change& change, table::Entry& entry, Made& made) {
  table::Witness witness{.self = self(), .has_seen = [&](const table::Stamp& stamp) {
                           return stamp.source == entry.stamp.source || stamp.source == 0 ||
                                  entry.seen.hlc(stamp.source) >= stamp.hlc;
                         }};
  for (table::Entry::Write& write : entry.writes) {
    if (write.is_blank) continue;
    const Table& table = *find_table(write.table);
    const auto [at, is_first] = made.try_emplace(keyspace::item(table.id, write.key));
    if (is_first) {
      SL_TRY(at->second, load(table, write.key));
    }
    witness.discarded.clear();
    at->second = change.item(table, write.key, std::move(at->second), std::move(write.delta),
                             &witness, nullptr);
    // Two regions that make the same table at once lose nothing that anybody would look for.
    if (table.id == table::kCatalogId) continue;
    for (const table::Discarded& what : witness.discarded) change.journal(table, write.key, what);
  }
  return {};
}

Status Engine::see(const table::Vector& shown_there) {
  for (const table::Reach& reach : shown_there) {
    SL_CHECK(hlc_.see(reach.hlc, wall_ms(), options_.clock_ahead_max_ms));
  }
  return {};
}

Status Engine::apply_snapshot(TableId id,
                              std::span<const std::pair<std::string, std::string>> keys_and_records,
                              const table::Vector& shown_there) {
  const Table* table = find_table(id);
  if (!table) return {};
  SL_CHECK(see(shown_there));
  Change change(*this);
  for (const auto& [key, packed] : keys_and_records) {
    std::string_view bytes = packed;
    SL_TRY(Record record, table::take_packed_record(bytes));
    SL_TRY(Record before, load(*table, key));
    change.item(*table, key, std::move(before), std::move(record), nullptr, nullptr);
  }
  table::Vector ahead = ahead_;
  ahead.raise(shown_there);
  change.ahead(ahead);
  SL_CHECK(change.write());
  set_ahead(std::move(ahead));
  return {};
}

Result<std::optional<std::string>> Engine::reconcile(const Piece& piece,
                                                     const table::Vector& seen_there,
                                                     const table::Vector& shown_there) {
  const Table* table = find_table(piece.table);
  if (!table) return std::nullopt;
  // what is missing here was not removed, it has never been here
  if (to_seed_.contains(piece.table)) {
    SL_CHECK(apply_snapshot(piece.table, piece.records, shown_there));
    return std::nullopt;
  }
  SL_CHECK(see(shown_there));
  std::vector<std::pair<std::string, std::string>> ours;
  std::optional<std::string> stopped_at;
  size_t bytes = 0;
  const std::string from = piece.after.empty() ? std::string() : std::string(piece.after) + '\0';
  SL_CHECK(walk_records(piece.table, from, [&](std::string_view key, std::string_view record) {
    if (piece.last && key > *piece.last) return false;
    if (ours.size() == kReconciledPerTurnMax || bytes > kReconciledBytesPerTurnMax) {
      stopped_at = ours.back().first;
      return false;
    }
    bytes += record.size();
    ours.emplace_back(key, record);
    return true;
  }));
  const auto seen_by = [](const table::Vector& vector) -> table::Seen {
    return [&vector](const table::Stamp& stamp) {
      return stamp.source == 0 || vector.hlc(stamp.source) >= stamp.hlc;
    };
  };
  const table::Seen seen_here = seen_by(applied_), by_them = seen_by(seen_there);
  Change change(*this);
  auto mine = ours.begin();
  auto theirs = std::ranges::upper_bound(piece.records, piece.after, {}, [](const auto& each) {
    return std::string_view(each.first);
  });
  if (piece.after.empty()) theirs = piece.records.begin();
  while (mine != ours.end() || theirs != piece.records.end()) {
    const bool is_mine =
        mine != ours.end() && (theirs == piece.records.end() || mine->first <= theirs->first);
    const bool is_theirs =
        theirs != piece.records.end() && (mine == ours.end() || theirs->first <= mine->first);
    const std::string& key = is_mine ? mine->first : theirs->first;
    if (stopped_at && key > *stopped_at) break;
    Record before, there;
    if (is_mine) {
      std::string_view packed = mine->second;
      SL_TRY(before, table::take_packed_record(packed));
    }
    if (is_theirs) {
      std::string_view packed = theirs->second;
      SL_TRY(there, table::take_packed_record(packed));
    }
    Record after = before;
    table::reconcile(after, std::move(there), seen_here, by_them);
    if (after != before) change.replace(*table, key, before, after);
    if (is_mine) ++mine;
    if (is_theirs) ++theirs;
  }
  table::Vector ahead = ahead_;
  ahead.raise(shown_there);
  change.ahead(ahead);
  SL_CHECK(change.write());
  set_ahead(std::move(ahead));
  return stopped_at;
}

// In the store it counts as broken off from the beginning: the process may end at any time.
Status Engine::begin_snapshot() {
  table::Vector counts = broken_off_;
  counts.raise({self(), broken_off_.position(self()) + 1, 0});
  Change change(*this);
  change.broken_off(counts);
  return change.write();
}

void Engine::break_off_snapshot() {
  broken_off_.raise({self(), broken_off_.position(self()) + 1, 0});
}

Status Engine::reach(const table::Vector& applied_by_snapshot, std::span<const TableId> absent,
                     const table::Vector& broken_off_there) {
  Change change(*this);
  table::Vector broken_off = broken_off_;
  broken_off.raise(broken_off_there);
  change.broken_off(broken_off);
  for (const table::Reach& reach : applied_by_snapshot) {
    if (reach.source != self() && reach.position > applied_.position(reach.source))
      change.reach(reach);
  }
  for (const TableId id : to_seed_) change.erase(Keyspace::meta, keyspace::seed(id));
  for (const TableId id : absent) change.put(Keyspace::meta, keyspace::seed(id), {});
  SL_CHECK(change.write());
  to_seed_ = {absent.begin(), absent.end()};
  broken_off_ = std::move(broken_off);
  // Its earlier entries would leave a hole in the copy that is kept here.
  for (const table::Reach& reach : applied_by_snapshot) {
    const uint64_t first = first_kept(reach.source);
    if (reach.source != self() && first != 0 && first <= reach.position) {
      SL_CHECK(trim_log(reach.source, reach.position));
    }
  }
  return {};
}

Status Engine::seeded(TableId id, const table::Vector& applied_by_snapshot) {
  Change change(*this);
  table::Vector ahead = ahead_;
  ahead.raise(applied_);  // what was shown may be shown again
  for (const table::Reach& reach : applied_) {
    if (reach.source == self()) continue;
    const table::Reach* theirs = applied_by_snapshot.find(reach.source);
    if (theirs && theirs->position >= reach.position) continue;
    // Joining what was joined already changes nothing, so going back costs only the way.
    change.reach(theirs ? *theirs : table::Reach{reach.source, 0, 0});
  }
  change.erase(Keyspace::meta, keyspace::seed(id));
  change.ahead(ahead);
  change.broken_off(broken_off_);
  SL_CHECK(change.write());
  set_ahead(std::move(ahead));
  to_seed_.erase(id);
  return {};
}

}  // namespace sealane::state
