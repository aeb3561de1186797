// SPDX-License-Identifier: Apache-2.0
// An ordered store of bytes on a disk, as a role sees it: a few spaces of keys, batches that are
// written whole or not at all, snapshots to read from, and word of what a crash can no longer take
// away. RocksDB on a real machine, a disk with crashes in the simulator. Belongs to one lane.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace sealane::port {

// Each keyspace is ordered by itself. The numbers are in the bytes on disk: add at the end.
enum class Keyspace : uint8_t {
  meta,      // what this store is: identity, positions, table documents
  items,     // records of tables
  index,     // entries of secondary indexes
  log,       // change log, by source and position
  stream,    // records of table streams
  expiry,    // what is due when
  journal,   // values that lost a conflict
};
inline constexpr size_t kKeyspaceCount = 7;

// Changes that become visible together and survive a crash together. Later changes of a key win
// over earlier ones.
class Batch {
 public:
  virtual ~Batch() = default;
  virtual void put(Keyspace space, std::string_view key, std::string_view value) = 0;
  virtual void erase(Keyspace space, std::string_view key) = 0;
  // Every key from `first` up to but not `last`; none when last <= first.
  virtual void erase_range(Keyspace space, std::string_view first, std::string_view last) = 0;
  virtual size_t bytes() const = 0;
  virtual void clear() = 0;
};

// Walks the keys of one space in order, over the store as it was when the walk was asked for.
// Stands nowhere until the first seek. The views are valid until the next call.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual void seek(std::string_view key) = 0;           // the first key >= this
  virtual void seek_backwards(std::string_view key) = 0; // the last key <= this
  virtual void next() = 0;
  virtual void previous() = 0;
  virtual bool valid() const = 0;
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  // An error of the disk ends the walk early: look here when valid() is false.
  virtual Status status() const = 0;
};

// The store as it was at one moment, whatever is written later. Holding one long keeps old bytes on
// disk.
class Snapshot {
 public:
  virtual ~Snapshot() = default;
};

class Store {
 public:
  static constexpr size_t kSyncsMax = 65536;  // waiting

  // What was asked of sync() and not answered yet is forgotten, not called. Batches, cursors and
  // snapshots are gone before.
  virtual ~Store() = default;
  // False in `found` is not an error; `corrupt` and `unavailable` (disk full, I/O) are. The value
  // is copied.
  virtual Result<bool> get(Keyspace space, std::string_view key, std::string& value) = 0;
  // Lives at most as long as the store and `snapshot`. `first` and `last` bound the walk (last
  // excluded; empty: none).
  virtual std::unique_ptr<Cursor> walk(Keyspace space, std::string_view first,
                                       std::string_view last,
                                       const Snapshot* snapshot = nullptr) = 0;
  virtual std::unique_ptr<Snapshot> snapshot() = 0;
  virtual std::unique_ptr<Batch> batch() = 0;

  // Visible to reads at once. A killed process may lose the last batches, whole ones and in order,
  // until flush() or a sync that began later has ended well. The batch is as it was: clear() it to
  // use it again. Errors: `unavailable` (disk full, I/O) and `limit` (the disk falls behind what is
  // written; try again later). Nothing of the batch is visible then.
  virtual Status write(Batch& batch) = 0;
  // Hands to the operating system what was written: a killed process loses nothing of it any more,
  // only the machine's own crash does. Once for all writes of a turn: that is the reason why
  // write() does not. An error is as that of a sync.
  virtual Status flush() = 0;
  // Calls `done` on this lane, never from inside, once everything written before this call is on
  // the disk itself. Syncs of many callers are made together by another thread; answers come in the
  // order of the calls. Error `limit`: kSyncsMax wait already, and nothing is known. Any other
  // error means that the disk is not to be trusted any more: stop acknowledging. From then on
  // write() and sync() fail until the store is opened anew.
  virtual void sync(std::function<void(Status)> done) = 0;

  static constexpr size_t kCopiesMax = 16;  // that lie beside a store
  // Makes a copy of the whole store as it is at one moment between this call and its answer, while
  // writes go on: cheap, for what does not change is shared with it. `name` ([a-z0-9-], 64 bytes)
  // is its own beside the store; the answer says where it lies. Calls `done` on this lane, never
  // from inside. One at a time. Errors: `conflict` one is being made, or one of that name is there;
  // `limit` kCopiesMax are there; `invalid` no such name; `unavailable` disk full, I/O.
  virtual void copy(std::string_view name, std::function<void(Result<std::string> where)> done) = 0;
  static constexpr bool is_copy_name(std::string_view name) {
    constexpr size_t kBytesMax = 64;
    if (name.empty() || name.size() > kBytesMax) return false;
    for (const char c : name) {
      if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-') return false;
    }
    return true;
  }

  // Rough figures for metrics.
  virtual uint64_t bytes_on_disk() const = 0;
};

}  // namespace sealane::port
