// SPDX-License-Identifier: Apache-2.0
#include "host/rocks_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include "host/group_sync.h"
#include "host/recent_values.h"
#include "host/rocks_copier.h"
#include "host/socket.h"

namespace sealane::host {
namespace {

using port::Keyspace;
using port::kKeyspaceCount;

// In the order of Keyspace. The names are on disk.
constexpr std::array<const char*, kKeyspaceCount> kNames = {"meta",   "items",  "index",  "log",
                                                            "stream", "expiry", "journal"};

// What the bytes in the store look like. In RocksDB's default column family, which holds nothing
// else.
constexpr std::string_view kFormatKey = "sealane.format";
constexpr std::string_view kFormat = "1";

constexpr const char* kBroken = "the store's log could not be written; open it anew";

rocksdb::Slice slice(std::string_view bytes) { return {bytes.data(), bytes.size()}; }
std::string_view view(const rocksdb::Slice& bytes) { return {bytes.data(), bytes.size()}; }

// An error while the store is open.
Error to_error(const rocksdb::Status& status) {
  if (status.IsIncomplete()) {
    return {Code::limit, "the disk falls behind what is written; try again later"};
  }
  if (status.IsNoSpace()) {
    return {Code::unavailable, "the disk is full: make room (" + status.ToString() + ")"};
  }
  const Code code = status.IsCorruption() ? Code::corrupt : Code::unavailable;
  return {code, "the store's disk: " + status.ToString()};
}

Error to_open_error(const rocksdb::Status& status, const std::string& dir) {
  const std::string text = status.ToString();
  const auto says = [&](std::string_view words) { return text.find(words) != text.npos; };
  if (says("LOCK: Resource temporarily unavailable") || says("lock hold by current process")) {
    return {Code::conflict,
            fmt::format("{} is in use by another process: stop it, or choose another "
                        "directory with --data",
                        dir)};
  }
  if (says("Permission denied") || says("Read-only file system")) {
    return {Code::unavailable,
            fmt::format(
                "no permission to write in {}: give it to this user, or choose another directory "
                "with --data ({})",
                dir, text)};
  }
  if (status.IsNoSpace()) {
    return {Code::unavailable, fmt::format("the disk of {} is full: make room ({})", dir, text)};
  }
  if (says("Column families not opened")) {
    return {
        Code::invalid,
        fmt::format("{} was written by a newer version of Sealane: use that one ({})", dir, text)};
  }
  if (status.IsCorruption() || status.IsInvalidArgument()) {
    return {Code::corrupt,
            fmt::format(
                "{} is damaged: move it away and start again, and the other nodes fill it anew; "
                "without other nodes, restore it from a copy ({})",
                dir, text)};
  }
  return {Code::unavailable, fmt::format("cannot open {}: {}", dir, text)};
}

// Makes the directory and those above it that are missing, each safe from a crash of the machine.
Status make_directories(const std::filesystem::path& dir) {
  std::error_code error;
  if (std::filesystem::is_directory(dir, error)) return {};
  if (std::filesystem::exists(dir, error)) {
    return fail(Code::invalid, dir.string() + " is not a directory; choose another with --data");
  }
  const std::filesystem::path parent = dir.has_parent_path() ? dir.parent_path() : ".";
  SL_CHECK(make_directories(parent));
  std::filesystem::create_directory(dir, error);
  if (error) {
    return fail(Code::unavailable,
                fmt::format("cannot make the directory {}: {}; choose another with --data",
                            dir.string(), error.message()));
  }
  const Fd folder(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || ::fsync(folder.get()) != 0) {
    return fail(Code::unavailable, "cannot sync the directory " + parent.string());
  }
  return {};
}

class RocksBatch final : public port::Batch {
 public:
  RocksBatch(std::span<rocksdb::ColumnFamilyHandle* const> families, int& borrowed_count)
      : families_(families), borrowed_count_(borrowed_count) {
    ++borrowed_count_;
  }
  ~RocksBatch() override { --borrowed_count_; }
  void put(Keyspace space, std::string_view key, std::string_view value) override {
    const rocksdb::Status status = changes_.Put(families_[size_t(space)], slice(key), slice(value));
    SL_ASSERT(status.ok());
  }
  void erase(Keyspace space, std::string_view key) override {
    const rocksdb::Status status = changes_.Delete(families_[size_t(space)], slice(key));
    SL_ASSERT(status.ok());
  }
  void erase_range(Keyspace space, std::string_view first, std::string_view last) override {
    if (last <= first) return;
    const rocksdb::Status status =
        changes_.DeleteRange(families_[size_t(space)], slice(first), slice(last));
    SL_ASSERT(status.ok());
  }
  size_t bytes() const override { return changes_.GetDataSize(); }
  void clear() override { changes_.Clear(); }  // keeps the memory
  rocksdb::WriteBatch& changes() { return changes_; }

 private:
  const std::span<rocksdb::ColumnFamilyHandle* const> families_;
  rocksdb::WriteBatch changes_;
  int& borrowed_count_;
};

class RocksSnapshot final : public port::Snapshot {
 public:
  RocksSnapshot(rocksdb::DB& db, int& borrowed_count)
      : db_(db), snapshot_(db.GetSnapshot()), borrowed_count_(borrowed_count) {
    ++borrowed_count_;
  }
  ~RocksSnapshot() override {
    db_.ReleaseSnapshot(snapshot_);
    --borrowed_count_;
  }
  const rocksdb::Snapshot* get() const { return snapshot_; }

 private:
  rocksdb::DB& db_;
  const rocksdb::Snapshot* snapshot_;
  int& borrowed_count_;
};

class RocksCursor final : public port::Cursor {
 public:
  RocksCursor(rocksdb::DB& db, rocksdb::ColumnFamilyHandle* family, std::string_view first,
              std::string_view last, const port::Snapshot* snapshot, int& borrowed_count)
      : first_(first), last_(last), borrowed_count_(borrowed_count) {
    rocksdb::ReadOptions options;
    first_bound_ = slice(first_);
    last_bound_ = slice(last_);
    if (!first_.empty()) options.iterate_lower_bound = &first_bound_;
    if (!last_.empty()) options.iterate_upper_bound = &last_bound_;
    if (snapshot) options.snapshot = static_cast<const RocksSnapshot*>(snapshot)->get();
    walk_.reset(db.NewIterator(options, family));
    ++borrowed_count_;
  }
  ~RocksCursor() override { --borrowed_count_; }
  void seek(std::string_view key) override { walk_->Seek(slice(key)); }
  void seek_backwards(std::string_view key) override { walk_->SeekForPrev(slice(key)); }
  void next() override { walk_->Next(); }
  void previous() override { walk_->Prev(); }
  bool valid() const override { return walk_->Valid(); }
  std::string_view key() const override { return view(walk_->key()); }
  std::string_view value() const override { return view(walk_->value()); }
  Status status() const override {
    if (const rocksdb::Status status = walk_->status(); !status.ok()) {
      return std::unexpected(to_error(status));
    }
    return {};
  }

 private:
  const std::string first_, last_;
  rocksdb::Slice first_bound_, last_bound_;  // the iterator refers to them
  std::unique_ptr<rocksdb::Iterator> walk_;
  int& borrowed_count_;
};

// What a batch that was written means to the values that are kept of one keyspace.
class Retold final : public rocksdb::WriteBatch::Handler {
 public:
  Retold(RecentValues& values, uint32_t family_id) : values_(values), family_id_(family_id) {}
  rocksdb::Status PutCF(uint32_t id, const rocksdb::Slice& key,
                        const rocksdb::Slice& value) override {
    if (id == family_id_) values_.keep(view(key), view(value));
    return {};
  }
  rocksdb::Status DeleteCF(uint32_t id, const rocksdb::Slice& key) override {
    if (id == family_id_) values_.forget(view(key));
    return {};
  }
  rocksdb::Status DeleteRangeCF(uint32_t id, const rocksdb::Slice&,
                                const rocksdb::Slice&) override {
    if (id == family_id_) values_.forget_all();
    return {};
  }

 private:
  RecentValues& values_;
  const uint32_t family_id_;
};

rocksdb::ColumnFamilyOptions family_options(const RocksStore::Options& options,
                                            const std::shared_ptr<rocksdb::Cache>& cache,
                                            std::optional<Keyspace> space) {
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = cache;
  table.block_size = 8 << 10;
  // Within the cache, so that its size is the bound of all of it.
  table.cache_index_and_filter_blocks = true;
  table.pin_l0_filter_and_index_blocks_in_cache = true;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(10));  // 1 % false positives
  table.format_version = 5;

  rocksdb::ColumnFamilyOptions family;
  family.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  family.write_buffer_size = options.write_buffer_bytes;
  family.arena_block_size = std::min<size_t>(256 << 10, options.write_buffer_bytes / 8);
  // Bursts are taken by memory. A write that would have to wait is refused
  // (WriteOptions::no_slowdown), so the first limit, where RocksDB begins to slow writers down,
  // must not come before the last one.
  family.max_write_buffer_number = 8;
  family.level0_file_num_compaction_trigger = 4;
  family.level0_slowdown_writes_trigger = 40;
  family.level0_stop_writes_trigger = 40;
  family.target_file_size_base = 16 << 20;
  family.max_bytes_for_level_base = 64 << 20;
  family.level_compaction_dynamic_level_bytes = true;
  const auto supported = rocksdb::GetSupportedCompressions();
  const bool has_lz4 = std::ranges::find(supported, rocksdb::kLZ4Compression) != supported.end();
  family.compression = has_lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
  if (space == Keyspace::items) {
    // A write first looks for what is there, and new items are not.
    family.memtable_whole_key_filtering = true;
    family.memtable_prefix_bloom_size_ratio = 0.05;
  }
  if (space == Keyspace::log) {
    // Goes within seconds, in ranges: work on its order would be for nothing.
    family.level0_file_num_compaction_trigger = 16;
    family.compression = rocksdb::kNoCompression;
  }
  return family;
}

rocksdb::DBOptions database_options(const RocksStore::Options& options) {
  rocksdb::DBOptions db;
  db.create_if_missing = true;
  db.create_missing_column_families = true;
  db.db_write_buffer_size = options.write_buffers_bytes_max;
  db.max_total_wal_size = options.log_bytes_max;
  db.max_open_files = options.open_files_max;
  db.max_background_jobs = options.background_thread_count;
  db.max_subcompactions = 1;
  db.bytes_per_sync = 1 << 20;  // written out steadily, so that a sync does not meet a mountain
  // A crash of the machine may leave anything behind the last synced byte of the log. What comes
  // before the first damage is a prefix of what was written; it is taken, and nothing after it.
  db.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
  db.manual_wal_flush = true;  // see flush(); at most a MiB waits, then it goes by itself
  db.allow_concurrent_memtable_write = false;  // one lane writes
  db.enable_write_thread_adaptive_yield = false;
  db.avoid_unnecessary_blocking_io = true;  // obsolete files are deleted by another thread
  db.skip_stats_update_on_db_open = true;
  db.stats_dump_period_sec = 0;  // an idle node stays asleep
  db.stats_persist_period_sec = 0;
  db.info_log_level = rocksdb::WARN_LEVEL;
  db.max_log_file_size = 1 << 20;
  db.keep_log_file_num = 4;
  return db;
}

}  // namespace

struct RocksStore::Database {
  std::string dir;
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* plain = nullptr;  // RocksDB's default, for our own marks
  std::array<rocksdb::ColumnFamilyHandle*, kKeyspaceCount> families{};
  rocksdb::ReadOptions read;
  rocksdb::WriteOptions write;
  std::optional<RecentValues> items;  // of Keyspace::items
  std::atomic<bool> is_broken{false};  // a flush failed: RocksDB must not be asked for another
  int borrowed_count = 0;             // batches, cursors and snapshots

  ~Database() {
    SL_ASSERT(borrowed_count == 0);
    if (!db) return;
    if (!is_broken) (void)db->FlushWAL(/*sync=*/false);  // an error was told where it mattered
    for (rocksdb::ColumnFamilyHandle* family : families) db->DestroyColumnFamilyHandle(family);
    db->DestroyColumnFamilyHandle(plain);
    db->Close();
  }

  // Reads the mark of the format, or writes it into a fresh store.
  Status check_format() {
    std::string format;
    rocksdb::Status status = db->Get(read, plain, slice(kFormatKey), &format);
    if (status.IsNotFound()) {
      rocksdb::WriteOptions durable;
      durable.sync = true;
      status = db->Put(durable, plain, slice(kFormatKey), slice(kFormat));
      format = kFormat;
    }
    if (!status.ok()) return std::unexpected(to_open_error(status, dir));
    if (format == kFormat) return {};
    return fail(Code::invalid,
                fmt::format("{} has the format {}, and this version of Sealane knows {}: use "
                            "the version that wrote it",
                            dir, format, kFormat));
  }
};

Result<std::unique_ptr<RocksStore>> RocksStore::open(const Options& options, port::Lane& lane) {
  SL_CHECK(make_directories(options.dir));
  const auto cache = rocksdb::NewLRUCache(options.cache_bytes, /*num_shard_bits=*/2);
  std::vector<rocksdb::ColumnFamilyDescriptor> wanted{
      {rocksdb::kDefaultColumnFamilyName, family_options(options, cache, {})}};
  for (size_t i = 0; i < kKeyspaceCount; ++i) {
    wanted.emplace_back(kNames[i], family_options(options, cache, Keyspace(i)));
  }

  auto database = std::make_unique<Database>();
  database->dir = options.dir.string();
  database->write.no_slowdown = true;
  database->items.emplace(cache);
  rocksdb::DB* db = nullptr;
  std::vector<rocksdb::ColumnFamilyHandle*> families;
  const rocksdb::Status status =
      rocksdb::DB::Open(database_options(options), database->dir, wanted, &families, &db);
  if (!status.ok()) return std::unexpected(to_open_error(status, database->dir));
  database->db.reset(db);
  database->plain = families[0];
  std::copy(families.begin() + 1, families.end(), database->families.begin());
  SL_CHECK(database->check_format());
  return std::unique_ptr<RocksStore>(new RocksStore(std::move(database), options, lane));
}

RocksStore::RocksStore(std::unique_ptr<Database> database, const Options& options, port::Lane& lane)
    : dir_(options.dir), room_bytes_min_(options.room_bytes_min), database_(std::move(database)) {
  syncer_ = std::make_unique<GroupSync>(
      [database = database_.get()]() -> Status {
        if (database->is_broken) return fail(Code::unavailable, kBroken);
        const rocksdb::Status status = database->db->FlushWAL(/*sync=*/true);
        if (!status.ok()) return std::unexpected(to_error(status));
        return {};
      },
      lane);
  std::filesystem::path copies = options.copies_dir;
  if (copies.empty()) copies = options.dir.string() + ".copies";
  copier_ = std::make_unique<RocksCopier>(*database_->db, copies, lane);
}

RocksStore::~RocksStore() = default;

Result<bool> RocksStore::get(Keyspace space, std::string_view key, std::string& value) {
  const bool is_kept = space == Keyspace::items;
  if (is_kept && database_->items->find(key, value)) return true;
  // A value in memory is copied straight into `value`; one in the cache stays pinned there until it
  // is.
  rocksdb::PinnableSlice found(&value);
  const rocksdb::Status status =
      database_->db->Get(database_->read, database_->families[size_t(space)], slice(key), &found);
  if (status.ok()) {
    if (found.IsPinned()) value.assign(found.data(), found.size());
    if (is_kept) database_->items->keep(key, value);
    return true;
  }
  if (status.IsNotFound()) return false;
  return std::unexpected(to_error(status));
}

std::unique_ptr<port::Cursor> RocksStore::walk(Keyspace space, std::string_view first,
                                               std::string_view last,
                                               const port::Snapshot* snapshot) {
  return std::make_unique<RocksCursor>(*database_->db, database_->families[size_t(space)], first,
                                       last, snapshot, database_->borrowed_count);
}

std::unique_ptr<port::Snapshot> RocksStore::snapshot() {
  return std::make_unique<RocksSnapshot>(*database_->db, database_->borrowed_count);
}

std::unique_ptr<port::Batch> RocksStore::batch() {
  return std::make_unique<RocksBatch>(database_->families, database_->borrowed_count);
}

// Looks now and then while there is room, and each time while there is none.
bool RocksStore::has_room(size_t bytes) {
  unchecked_bytes_ += bytes;
  if (!is_full_ && unchecked_bytes_ < room_bytes_min_ / 16) return true;
  struct statvfs disk{};
  if (::statvfs(dir_.c_str(), &disk) != 0) return true;  // the write will tell
  unchecked_bytes_ = 0;
  is_full_ = uint64_t(disk.f_bavail) * disk.f_frsize < room_bytes_min_;
  return !is_full_;
}

Status RocksStore::write(port::Batch& batch) {
  if (!syncer_->health()) return syncer_->health();
  if (database_->is_broken) return fail(Code::unavailable, kBroken);
  rocksdb::WriteBatch& changes = static_cast<RocksBatch&>(batch).changes();
  if (!has_room(changes.GetDataSize())) {
    return fail(Code::unavailable, fmt::format("the disk of {} is full: make room, {} MiB at least",
                                               dir_.string(), room_bytes_min_ >> 20));
  }
  const rocksdb::Status status = database_->db->Write(database_->write, &changes);
  if (!status.ok()) {
    // Nothing was written when it is only too early; else who knows.
    if (!status.IsIncomplete()) database_->items->forget_all();
    return std::unexpected(to_error(status));
  }
  Retold retold(*database_->items, database_->families[size_t(Keyspace::items)]->GetID());
  SL_ASSERT(changes.Iterate(&retold).ok());
  has_unflushed_ = true;
  return {};
}

Status RocksStore::flush() {
  if (!syncer_->health()) return syncer_->health();
  if (database_->is_broken) return fail(Code::unavailable, kBroken);
  if (!std::exchange(has_unflushed_, false)) return {};
  const rocksdb::Status status = database_->db->FlushWAL(/*sync=*/false);
  if (status.ok()) return {};
  database_->is_broken = true;
  return std::unexpected(to_error(status));
}

void RocksStore::sync(std::function<void(Status)> done) { syncer_->add(std::move(done)); }

void RocksStore::copy(std::string_view name, std::function<void(Result<std::string>)> done) {
  copier_->make(name, std::move(done));
}

uint64_t RocksStore::bytes_on_disk() const {
  // The log holds at least what has not been written out of memory yet.
  uint64_t sum = 0, memory = 0;
  for (rocksdb::ColumnFamilyHandle* family : database_->families) {
    uint64_t bytes = 0;
    if (database_->db->GetIntProperty(family, rocksdb::DB::Properties::kTotalSstFilesSize,
                                      &bytes)) {
      sum += bytes;
    }
    if (database_->db->GetIntProperty(family, rocksdb::DB::Properties::kCurSizeAllMemTables,
                                      &memory)) {
      sum += memory;
    }
  }
  return sum;
}

}  // namespace sealane::host
