// SPDX-License-Identifier: Apache-2.0
// port::Store on RocksDB: a column family a keyspace, one write-ahead log for all of them, so that
// a batch across keyspaces is whole or absent after any crash.
#pragma once

#include <filesystem>
#include <memory>

#include "port/lane.h"
#include "port/store.h"

namespace sealane::host {

class GroupSync;
class RocksCopier;

class RocksStore final : public port::Store {
 public:
  struct Options {
    std::filesystem::path dir;                  // made when it is not there
    // where copy() puts them: one directory each; the same disk
    std::filesystem::path copies_dir{};
    size_t cache_bytes = 32 << 20;              // blocks read, their indexes and filters
    size_t write_buffer_bytes = 8 << 20;        // of one keyspace, before it is written out
    size_t write_buffers_bytes_max = 32 << 20;  // of all keyspaces
    size_t log_bytes_max = 64 << 20;  // write-ahead log; past it the oldest keyspace is written out
    // Of the disk, for compaction and the log. With less, writes are refused before the disk is
    // full: RocksDB does not come back well from a log that it could not write.
    uint64_t room_bytes_min = 64 << 20;
    int open_files_max = 256;
    int background_thread_count = 2;
  };

  // Errors say what to do: `conflict` another process has it open, `corrupt`, `invalid` it was
  // written by a newer version or the path is no directory, `unavailable` no permission, disk full,
  // I/O. What the lane's metrics see: sealane_store_syncs_total, sealane_store_sync_callers_total.
  static Result<std::unique_ptr<RocksStore>> open(const Options& options, port::Lane& lane);
  ~RocksStore() override;

  Result<bool> get(port::Keyspace space, std::string_view key, std::string& value) override;
  std::unique_ptr<port::Cursor> walk(port::Keyspace space, std::string_view first,
                                     std::string_view last,
                                     const port::Snapshot* snapshot) override;
  std::unique_ptr<port::Snapshot> snapshot() override;
  std::unique_ptr<port::Batch> batch() override;
  Status write(port::Batch& batch) override;
  Status flush() override;
  void sync(std::function<void(Status)> done) override;
  // The answer is the copy's directory; the store itself is `tables` in it.
  void copy(std::string_view name, std::function<void(Result<std::string>)> done) override;
  uint64_t bytes_on_disk() const override;

 private:
  struct Database;
  RocksStore(std::unique_ptr<Database> database, const Options& options, port::Lane& lane);
  bool has_room(size_t bytes);

  const std::filesystem::path dir_;
  const uint64_t room_bytes_min_;
  uint64_t unchecked_bytes_ = 0;  // written since the disk's room was looked at
  bool is_full_ = true;           // not looked at yet
  bool has_unflushed_ = false;
  std::unique_ptr<Database> database_;
  std::unique_ptr<GroupSync> syncer_;
  std::unique_ptr<RocksCopier> copier_;
};

}  // namespace sealane::host
