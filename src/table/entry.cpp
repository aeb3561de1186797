// SPDX-License-Identifier: Apache-2.0
#include "table/entry.h"

#include <algorithm>

#include "table/packed.h"

namespace sealane::table {
namespace {

std::unexpected<Error> corrupt() {
  return fail(Code::corrupt, "an entry of a change log does not read back");
}

// What follows the writes; who does not know it passes over it.
constexpr char kOnce = '\1';

bool is_before(const Reach& reach, Source source) { return reach.source < source; }

}  // namespace

const Reach* Vector::find(Source source) const {
  const auto at = std::lower_bound(all_.begin(), all_.end(), source, is_before);
  return at != all_.end() && at->source == source ? &*at : nullptr;
}

void Vector::set(Reach reach) {
  const auto at = std::lower_bound(all_.begin(), all_.end(), reach.source, is_before);
  if (at != all_.end() && at->source == reach.source) {
    *at = reach;
  } else {
    all_.insert(at, reach);
  }
}

void Vector::raise(const Reach& reach) {
  const Reach* old = find(reach.source);
  set({reach.source, std::max(reach.position, old ? old->position : 0),
       std::max(reach.hlc, old ? old->hlc : 0)});
}

void Vector::erase(Source source) {
  std::erase_if(all_, [&](const Reach& reach) { return reach.source == source; });
}

bool Vector::reaches(const Vector& other) const {
  return std::ranges::all_of(other,
                             [&](const Reach& r) { return position(r.source) >= r.position; });
}

void append_packed(std::string& out, const Vector& vector) {
  append_varint(out, vector.size());
  for (const Reach& reach : vector) {
    append_varint(out, reach.source);
    append_varint(out, reach.position);
    append_varint(out, reach.hlc);
  }
}

Result<Vector> take_packed_vector(std::string_view& bytes) {
  uint64_t count = 0;
  if (!take_varint(bytes, count) || count > bytes.size()) return corrupt();
  Vector vector;
  uint64_t last = 0;
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t source = 0;
    Reach reach;
    if (!take_varint(bytes, source) || !take_varint(bytes, reach.position) ||
        !take_varint(bytes, reach.hlc)) {
      return corrupt();
    }
    if (source > UINT32_MAX || (i > 0 && source <= last)) return corrupt();
    last = source;
    reach.source = Source(source);
    vector.set(reach);
  }
  return vector;
}

void begin_packed_entry(std::string& out, const Stamp& stamp, const Vector& seen,
                        size_t write_count) {
  append_varint(out, stamp.hlc);
  append_varint(out, stamp.source);
  append_packed(out, seen);
  append_varint(out, write_count);
}

size_t append_packed_write(std::string& out, TableId table, std::string_view key,
                           const Record& delta) {
  append_varint(out, table);
  out += '\0';
  append_bytes(out, key);
  const size_t at = out.size();
  append_packed(out, delta);
  return at;
}

void append_packed_once(std::string& out, const Once& once) {
  out += kOnce;
  append_varint(out, once.token);
  append_varint(out, once.request);
}

void append_packed(std::string& out, const Entry& entry) {
  begin_packed_entry(out, entry.stamp, entry.seen, entry.writes.size());
  for (const Entry::Write& write : entry.writes) {
    if (!write.is_blank) {
      append_packed_write(out, write.table, write.key, write.delta);
      continue;
    }
    append_varint(out, write.table);
    out += '\1';
  }
  if (entry.once) append_packed_once(out, *entry.once);
}

Result<Entry> take_packed_entry(std::string_view& bytes) {
  Entry entry;
  uint64_t source = 0, count = 0;
  if (!take_varint(bytes, entry.stamp.hlc) || !take_varint(bytes, source) || source > UINT32_MAX)
    return corrupt();
  entry.stamp.source = Source(source);
  SL_TRY(entry.seen, take_packed_vector(bytes));
  if (!take_varint(bytes, count) || count > bytes.size()) return corrupt();
  for (; count > 0; --count) {
    Entry::Write& write = entry.writes.emplace_back();
    if (!take_varint(bytes, write.table) || bytes.empty() || uint8_t(bytes.front()) > 1)
      return corrupt();
    write.is_blank = bytes.front() == '\1';
    bytes.remove_prefix(1);
    if (write.is_blank) continue;
    std::string_view key;
    if (!take_bytes(bytes, key)) return corrupt();
    write.key = key;
    SL_TRY(write.delta, take_packed_record(bytes));
  }
  if (bytes.starts_with(kOnce)) {
    bytes.remove_prefix(1);
    Once& once = entry.once.emplace();
    if (!take_varint(bytes, once.token) || !take_varint(bytes, once.request)) return corrupt();
  }
  return entry;
}

}  // namespace sealane::table
