// SPDX-License-Identifier: Apache-2.0
// The streams of tables. They are this node's own, as their sequence numbers are: each begins and
// ends with what this node had written when it heard of it, and the numbers between tell which one
// a record belongs to. An ended stream can be read for as long as its records are kept.
//
// A number must never be given twice, for consumers keep them: where records are erased, the next
// one is noted in the same batch; else it is found behind the records.
#include <algorithm>

#include "state/engine.h"
#include "state/keyspace.h"
#include "state/stream_record.h"

namespace sealane::state {

using port::Keyspace;

namespace {

std::string pack(std::span<const Stream> streams) {
  std::string bytes;
  for (const Stream& stream : streams) {
    keyspace::append_u64(bytes, stream.started_ms);
    keyspace::append_u32(bytes, uint32_t(stream.view));
    keyspace::append_u64(bytes, stream.first);
    keyspace::append_u64(bytes, stream.end);
    keyspace::append_u64(bytes, stream.ended_ms);
  }
  return bytes;
}

bool unpack(std::string_view bytes, std::vector<Stream>& streams) {
  while (!bytes.empty()) {
    Stream& stream = streams.emplace_back();
    uint32_t view = 0;
    if (!keyspace::take_u64(bytes, stream.started_ms) || !keyspace::take_u32(bytes, view) ||
        !keyspace::take_u64(bytes, stream.first) || !keyspace::take_u64(bytes, stream.end) ||
        !keyspace::take_u64(bytes, stream.ended_ms) ||
        view > uint32_t(table::StreamView::new_and_old_images)) {
      return false;
    }
    stream.view = table::StreamView(view);
  }
  return true;
}

}  // namespace

Status Engine::load_streams() {
  std::string next;
  SL_TRY(const bool found, store_.get(Keyspace::meta, keyspace::kStreamSequence, next));
  std::string_view bytes = next;
  if (found && !keyspace::take_u64(bytes, stream_sequence_))
    return fail(Code::corrupt, "the number of the next stream record does not read back");
  {
    // From the last record of each table to that of the one before.
    const auto cursor = store_.walk(Keyspace::stream, {}, {});
    cursor->seek_backwards(keyspace::stream(UINT64_MAX, UINT64_MAX));
    while (cursor->valid()) {
      std::string_view key = cursor->key();
      TableId id = 0;
      uint64_t sequence = 0;
      if (!keyspace::take_u64(key, id) || !keyspace::take_u64(key, sequence))
        return fail(Code::corrupt, "the key of a stream record does not read back");
      stream_sequence_ = std::max(stream_sequence_, sequence + 1);
      cursor->seek_backwards(keyspace::u64(id));
    }
    SL_CHECK(cursor->status());
  }
  {
    const auto prefix = keyspace::kStreamsPrefix;
    const auto cursor =
        store_.walk(Keyspace::meta, prefix, table::after_prefix(std::string(prefix)));
    for (cursor->seek(prefix); cursor->valid(); cursor->next()) {
      std::string_view key = cursor->key().substr(prefix.size());
      TableId id = 0;
      if (!keyspace::take_u64(key, id) || !unpack(cursor->value(), streams_[id]))
        return fail(Code::corrupt, "the streams of a table do not read back");
    }
    SL_CHECK(cursor->status());
  }
  // A crash may have come between a table's document and this.
  for (const auto& [id, table] : by_id_) {
    if (table->is_in(options_.region)) SL_CHECK(follow_stream(*table));
  }
  return {};
}

std::span<const Stream> Engine::streams(TableId id) const {
  const auto at = streams_.find(id);
  return at == streams_.end() ? std::span<const Stream>() : at->second;
}

// Ends the table's stream and begins another, as its document says now.
Status Engine::follow_stream(const Table& table) {
  const bool is_on = table.stream != table::StreamView::off;
  const auto before = streams(table.id);
  const Stream* last = before.empty() ? nullptr : &before.back();
  const bool is_open = last && last->is_open();
  const bool is_same = last && last->started_ms == table.stream_started_ms;
  if (is_on ? is_open && is_same && last->view == table.stream : !is_open) return {};
  std::vector<Stream> now(before.begin(), before.end());
  if (is_open && !(is_on && is_same)) {
    now.back().end = stream_sequence_;
    now.back().ended_ms = wall_ms();
  }
  if (is_on && is_same) {  // two regions turned it on and off at a time
    now.back().view = table.stream;
    now.back().end = Stream::kOpen;
  } else if (is_on) {
    now.push_back({.started_ms = table.stream_started_ms,
                   .view = table.stream,
                   .first = now.empty() ? 0 : stream_sequence_});
  }
  batch_->clear();
  if (now.size() > kStreamsPerTableMax) {
    batch_->erase_range(Keyspace::stream, keyspace::stream(table.id, now[0].first),
                        keyspace::stream(table.id, now[0].end));
    keep_stream_sequence();
    now.erase(now.begin());
  }
  batch_->put(Keyspace::meta, keyspace::streams(table.id), pack(now));
  SL_CHECK(store_.write(*batch_));
  streams_[table.id] = std::move(now);
  return {};
}

void Engine::keep_stream_sequence() {
  batch_->put(Keyspace::meta, keyspace::kStreamSequence, keyspace::u64(stream_sequence_));
}

Result<bool> Engine::trim_streams() {
  const uint64_t now = wall_ms();
  if (to_trim_.empty() && now - streams_trimmed_ms_ >= kStreamsTrimmedEveryMs) {
    streams_trimmed_ms_ = now;
    for (const auto& [id, streams] : streams_) to_trim_.insert(id);
  }
  size_t records_left = kTrimmedPerTurnMax, bytes_left = kTrimmedBytesPerTurnMax;
  while (!to_trim_.empty() && records_left > 0 && bytes_left > 0) {
    const TableId id = *to_trim_.begin();
    const auto is_done = trim_stream(id, records_left, bytes_left);
    if (!is_done || *is_done) to_trim_.erase(id);  // what is damaged is told of once a minute
    if (!is_done) return std::unexpected(is_done.error());
  }
  return !to_trim_.empty();
}

// Erases the oldest records, up to the first one that is to be kept; false: there may be more.
Result<bool> Engine::trim_stream(TableId id, size_t& records_left, size_t& bytes_left) {
  std::vector<Stream>& streams = streams_[id];
  if (streams.empty()) return true;
  const uint64_t now = wall_ms(), first = streams.front().first;
  uint64_t kept_from = first;
  bool is_done = true;
  {
    const std::string from = keyspace::stream(id, first);
    const auto cursor = store_.walk(Keyspace::stream, from, table::after_prefix(keyspace::u64(id)));
    for (cursor->seek(from); cursor->valid(); cursor->next()) {
      if (records_left == 0 || bytes_left == 0) {
        is_done = false;
        break;
      }
      --records_left;
      bytes_left -= std::min(bytes_left, cursor->value().size());
      SL_TRY(const StreamRecordPlace place, place_of_packed_stream_record(cursor->value()));
      if (place.wall_ms + kStreamKeptMs > now) break;
      kept_from = place.sequence + 1;
    }
    SL_CHECK(cursor->status());
  }
  records_left -= std::min<size_t>(records_left, 1);  // looking takes time too
  // A stream that has ended goes with its last record, and not before its day is over.
  const auto is_over = [&](const Stream& stream) {
    return is_done && !stream.is_open() && stream.ended_ms + kStreamKeptMs <= now;
  };
  const auto left = std::ranges::find_if_not(streams, is_over);
  if (left == streams.begin() && kept_from == first) return is_done;
  std::vector<Stream> kept(left, streams.end());
  if (!kept.empty()) kept.front().first = std::max(kept.front().first, kept_from);
  batch_->clear();
  const uint64_t end = std::max(kept_from, left == streams.begin() ? 0 : std::prev(left)->end);
  batch_->erase_range(Keyspace::stream, keyspace::stream(id, first), keyspace::stream(id, end));
  keep_stream_sequence();
  batch_->put(Keyspace::meta, keyspace::streams(id), pack(kept));
  SL_CHECK(store_.write(*batch_));
  streams = std::move(kept);
  return is_done;
}

}  // namespace sealane::state
