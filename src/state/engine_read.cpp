// SPDX-License-Identifier: Apache-2.0
// Walking items, indexes, streams, journal and change logs.
#include "state/engine.h"
#include "state/journal.h"
#include "state/keyspace.h"
#include "state/stream_record.h"

namespace sealane::state {

using port::Keyspace;

namespace {

// Calls `visit(key behind the prefix, value)` from `first` up to but not `last` (both behind the
// prefix), either way.
template <typename Visit>
Status walk_range(const port::Store& store, Keyspace space, const std::string& prefix,
                  std::string_view first, std::string_view last, bool backwards, Visit&& visit) {
  const std::string from = prefix + std::string(first);
  const std::string to = last.empty() ? table::after_prefix(prefix) : prefix + std::string(last);
  // Walking does not change a store; only its calls' bookkeeping does.
  const auto cursor = const_cast<port::Store&>(store).walk(space, from, to);
  backwards ? cursor->seek_backwards(to) : cursor->seek(from);
  for (; cursor->valid(); backwards ? cursor->previous() : cursor->next()) {
    if (!visit(cursor->key().substr(prefix.size()), cursor->value())) return {};
  }
  return cursor->status();
}

}  // namespace

Status Engine::walk(const Table& table, std::string_view first, std::string_view last,
                    bool backwards, const Visit& visit) const {
  Status broken;
  SL_CHECK(walk_range(store_, Keyspace::items, keyspace::u64(table.id), first, last, backwards,
                      [&](std::string_view key, std::string_view record) {
                        if (!table::exists_packed(record)) return true;
                        if (!table.ttl_attribute.empty()) {
                          const auto ttl =
                              table::find_in_packed_record(record, table.ttl_attribute);
                          if (!ttl) {
                            broken = std::unexpected(ttl.error());
                            return false;
                          }
                          if (*ttl && is_past(**ttl)) return true;
                        }
                        return visit(key, record);
                      }));
  return broken;
}

Status Engine::walk_records(TableId id, std::string_view first, const Visit& visit) const {
  return walk_range(store_, Keyspace::items, keyspace::u64(id), first, {}, false, visit);
}

Status Engine::walk_index(const Table& table, const table::Index& index, std::string_view first,
                          std::string_view last, bool backwards, const VisitIndex& visit) const {
  Status broken;
  SL_CHECK(walk_range(store_, Keyspace::index, keyspace::index(table.id, index.id()), first, last,
                      backwards, [&](std::string_view key, std::string_view) {
                        std::string_view primary = key;
                        const auto index_key = table::take_key(primary, index.key);
                        if (!index_key) {
                          broken = std::unexpected(index_key.error());
                          return false;
                        }
                        return visit(key, primary);
                      }));
  return broken;
}

Status Engine::read_stream(TableId id, uint64_t from, uint64_t end,
                           const std::function<bool(const StreamRecord&)>& visit) const {
  if (from >= end) return {};
  Status broken;
  SL_CHECK(walk_range(store_, Keyspace::stream, keyspace::u64(id), keyspace::u64(from),
                      keyspace::u64(end), false, [&](std::string_view, std::string_view value) {
                        const auto record = take_packed_stream_record(value);
                        if (!record) {
                          broken = std::unexpected(record.error());
                          return false;
                        }
                        return visit(*record);
                      }));
  return broken;
}

Status Engine::read_journal(uint64_t before, const std::function<bool(const Lost&)>& visit) const {
  Status broken;
  SL_CHECK(walk_range(store_, Keyspace::journal, {}, {},
                      keyspace::u64(before == 0 ? UINT64_MAX : before), true,
                      [&](std::string_view, std::string_view value) {
                        const auto lost = take_packed_lost(value);
                        if (!lost) {
                          broken = std::unexpected(lost.error());
                          return false;
                        }
                        return visit(*lost);
                      }));
  return broken;
}

Status Engine::read_log(Source source, uint64_t from, size_t bytes_max,
                        const VisitEntry& visit) const {
  std::string prefix;
  keyspace::append_u32(prefix, source);
  uint64_t expected = from;
  return walk_range(store_, Keyspace::log, prefix, keyspace::u64(from), {}, false,
                    [&](std::string_view key, std::string_view value) {
                      uint64_t position = 0;
                      if (!keyspace::take_u64(key, position) || position != expected) return false;
                      if (position != from && value.size() > bytes_max) return false;
                      bytes_max -= std::min(bytes_max, value.size());
                      ++expected;
                      return visit(position, value);
                    });
}

uint64_t Engine::first_kept(Source source) const {
  std::string prefix;
  keyspace::append_u32(prefix, source);
  uint64_t first = 0;
  (void)walk_range(store_, Keyspace::log, prefix, {}, {}, false,
                   [&](std::string_view key, std::string_view) {
                     (void)keyspace::take_u64(key, first);
                     return false;
                   });
  return first;
}

uint64_t Engine::log_bytes(Source source) const {
  const uint64_t first = first_kept(source), last = applied_.position(source);
  return first == 0 || last < first ? 0 : uint64_t(double(last - first + 1) * entry_bytes_);
}

Status Engine::trim_log(Source source, uint64_t up_to) {
  batch_->clear();
  batch_->erase_range(Keyspace::log, keyspace::log(source, 0), keyspace::log(source, up_to + 1));
  return store_.write(*batch_);
}

}  // namespace sealane::state
