// SPDX-License-Identifier: Apache-2.0
// RocksStore and the ways in which a machine fails: killed processes, torn logs, full and broken
// disks.
#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>

#include "base/dice.h"
#include "host/files.h"
#include "host/process.h"
#include "host/rocks_store.h"
#include "host/socket.h"
#include "host/test_lane.h"

namespace {
std::atomic<bool> g_fdatasync_fails{false};
}

// Stands before the C library's for this program and the libraries it loads.
extern "C" int fdatasync(int fd) {
  if (g_fdatasync_fails) {
    errno = EIO;
    return -1;
  }
  return int(::syscall(SYS_fdatasync, fd));
}

namespace sealane::host {
namespace {

using port::Keyspace;
namespace fs = std::filesystem;

constexpr uint64_t kSeed = 20260102;
constexpr uint64_t kWindow =
    50;  // items that stay; older ones are erased by the batch that adds one

std::string key_of(uint64_t n) { return fmt::format("{:012}", n); }
std::string value_of(uint64_t n) {
  return std::string(200 + n % 700, char('a' + n % 26)) + key_of(n);
}

RocksStore::Options small_store(const fs::path& dir) {
  // So small that keyspaces are written out and logs change all the time.
  return {.dir = dir,
          .write_buffer_bytes = 128 << 10,
          .write_buffers_bytes_max = 512 << 10,
          .room_bytes_min = 4 << 20};
}

std::unique_ptr<RocksStore> open(const fs::path& dir, TestLane& lane) {
  auto store = RocksStore::open(small_store(dir), lane.lane());
  EXPECT_TRUE(store) << store.error().what;
  return store ? std::move(*store) : nullptr;
}

// Batch n, over three keyspaces.
Status write_batch(port::Store& store, uint64_t n) {
  const auto batch = store.batch();
  batch->put(Keyspace::items, key_of(n), value_of(n));
  batch->put(Keyspace::log, key_of(n), value_of(n));
  if (n > kWindow) batch->erase(Keyspace::items, key_of(n - kWindow));
  if (n % 100 == 0) batch->erase_range(Keyspace::log, key_of(0), key_of(n - 100));
  batch->put(Keyspace::meta, "last", std::to_string(n));
  return store.write(*batch);
}

// A store this small falls behind now and then: try again, as a role does.
Status write_soon(port::Store& store, TestLane& lane, uint64_t n) {
  Status status = write_batch(store, n);
  for (int i = 0; i < 10'000 && !status && status.error().code == Code::limit; ++i) {
    lane.host.loop().turn(1ms);
    status = write_batch(store, n);
  }
  return status;
}

uint64_t last_of(port::Store& store) {
  std::string last;
  return *store.get(Keyspace::meta, "last", last) ? std::stoull(last) : 0;
}

// Every batch up to the last is whole and nothing of a later one is there. Returns the last.
uint64_t check(port::Store& store) {
  const uint64_t last = last_of(store);
  const auto expect = [&](Keyspace space, uint64_t first) {
    const auto cursor = store.walk(space, {}, {}, nullptr);
    cursor->seek({});
    for (uint64_t n = first; n <= last; ++n, cursor->next()) {
      ASSERT_TRUE(cursor->valid()) << n << " of " << last << " is missing";
      ASSERT_EQ(cursor->key(), key_of(n));
      ASSERT_EQ(cursor->value(), value_of(n));
    }
    EXPECT_FALSE(cursor->valid()) << cursor->key() << " is of a batch that is not there: " << last;
    EXPECT_TRUE(cursor->status());
  };
  const uint64_t trimmed = last / 100 * 100;
  expect(Keyspace::items, last > kWindow ? last - kWindow + 1 : 1);
  expect(Keyspace::log, trimmed > 100 ? trimmed - 100 : 1);
  return last;
}

// The body of the process that is killed: writes for ever, and tells which batches are flushed or
// synced.
TEST(RocksCrash, DISABLED_child_that_writes_until_it_is_killed) {
  const char* dir = ::getenv("SEALANE_TEST_DIR");
  const char* pipe = ::getenv("SEALANE_TEST_PIPE");
  if (!dir || !pipe) GTEST_SKIP() << "run by a_killed_process_loses_nothing_that_was_acknowledged";
  TestLane lane;
  const auto store = open(dir, lane);
  ASSERT_TRUE(store);
  const int out = std::atoi(pipe);
  for (uint64_t n = last_of(*store) + 1;; ++n) {
    const Status written = write_soon(*store, lane, n);
    ASSERT_TRUE(written) << written.error().what;
    if (n % 5 == 0) {
      ASSERT_TRUE(store->flush());
      ASSERT_EQ(::write(out, &n, sizeof n), ssize_t(sizeof n));
    }
    if (n % 7 == 0) {
      store->sync([out, n](const Status& status) {
        ASSERT_TRUE(status);
        ASSERT_EQ(::write(out, &n, sizeof n), ssize_t(sizeof n));
      });
    }
    lane.host.loop().turn(0ms);
  }
}

pid_t start_child(const char* test, const fs::path& dir, int pipe_end) {
  return spawn({.command = {own_executable().string(),
                            std::string("--gtest_filter=RocksCrash.DISABLED_") + test,
                            "--gtest_also_run_disabled_tests"},
                .set_env = {{"SEALANE_TEST_DIR", dir.string()},
                            {"SEALANE_TEST_PIPE", std::to_string(pipe_end)}},
                .output = dir.string() + ".output",
                .parent_death_signal = SIGKILL})
      .value();
}

TEST(RocksCrash, a_killed_process_loses_nothing_that_was_acknowledged) {
  TestDirectory dir;
  Dice dice(kSeed);
  uint64_t last = 0;
  for (int round = 0; round < 6; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const Fd in(ends[0]);
    Fd out(ends[1]);
    ASSERT_EQ(::fcntl(out.get(), F_SETFD, 0), 0);
    const pid_t child =
        start_child("child_that_writes_until_it_is_killed", dir.path() / "store", out.get());
    out.close();
    uint64_t told = 0, acknowledged = 0, heard_count = 0;
    for (const uint64_t enough = 1 + dice.below(200); heard_count < enough; ++heard_count) {
      ASSERT_EQ(::read(in.get(), &told, sizeof told), ssize_t(sizeof told))
          << read_file((dir.path() / "store").string() + ".output").value_or("");
      acknowledged = std::max(acknowledged, told);
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(in.get(), &told, sizeof told) == ssize_t(sizeof told)) {
      acknowledged = std::max(acknowledged, told);
    }
    TestLane lane;
    const auto store = open(dir.path() / "store", lane);
    ASSERT_TRUE(store);
    const uint64_t now = check(*store);
    ASSERT_FALSE(HasFailure()) << "seed " << kSeed << " round " << round;
    EXPECT_GE(now, acknowledged);
    EXPECT_GT(now, last);
    last = now;
  }
}

fs::path newest_log(const fs::path& dir) {
  fs::path newest;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (entry.path().extension() == ".log" && entry.path().filename() > newest.filename()) {
      newest = entry.path();
    }
  }
  return newest;
}

TEST(RocksCrash, a_torn_log_is_read_up_to_the_tear) {
  Dice dice(kSeed);
  for (int round = 0; round < 12; ++round) {
    TestDirectory dir;
    const uint64_t written = 20 + dice.below(400);
    {
      TestLane lane;
      const auto store = open(dir.path(), lane);
      for (uint64_t n = 1; n <= written; ++n) ASSERT_TRUE(write_soon(*store, lane, n));
    }
    const fs::path log = newest_log(dir.path());
    const uint64_t bytes = fs::file_size(log), torn = dice.below(bytes + 1);
    if (round % 2 == 0) {
      fs::resize_file(log, torn);
    } else {  // the file's length was written, its last blocks were not
      std::fstream file(log, std::ios::in | std::ios::out | std::ios::binary);
      file.seekp(std::streamoff(torn));
      file << std::string(bytes - torn, round % 4 == 1 ? '\0' : '\x5a');
    }
    TestLane lane;
    const auto store = open(dir.path(), lane);
    ASSERT_TRUE(store) << "seed " << kSeed << " round " << round;
    EXPECT_LE(check(*store), written);
    ASSERT_FALSE(HasFailure()) << "seed " << kSeed << " round " << round << " torn at " << torn
                               << " of " << bytes;
    const uint64_t next = last_of(*store) + 1;
    ASSERT_TRUE(write_soon(*store, lane, next));
    EXPECT_EQ(check(*store), next) << "and goes on from there";
  }
}

// In a mount namespace of its own, with a disk of 200 MiB.
TEST(RocksCrash, DISABLED_child_with_a_small_disk) {
  const char* dir = ::getenv("SEALANE_TEST_DIR");
  if (!dir) GTEST_SKIP() << "run by a_full_disk_is_an_error_and_loses_nothing";
  fs::create_directories(dir);
  if (::unshare(CLONE_NEWNS) != 0 && ::unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) ::_exit(77);
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::_exit(77);
  if (::mount("tmpfs", dir, "tmpfs", 0, "size=200m") != 0) ::_exit(77);
  const fs::path filler = fs::path(dir) / "filler", store_dir = fs::path(dir) / "store";
  ASSERT_TRUE(write_file(filler, std::string(100 << 20, 'x')));

  TestLane lane;
  // With the reserve of a real one.
  const auto open_it = [&] { return RocksStore::open({.dir = store_dir}, lane.lane()).value(); };
  std::unique_ptr<RocksStore> store = open_it();
  uint64_t n = 1;
  Status status;
  const std::string large(64 << 10, 'x');  // beside the batches: nobody erases it
  for (; n < 5000; ++n) {
    status = write_soon(*store, lane, n);
    if (!status) break;
    const auto batch = store->batch();
    batch->put(Keyspace::journal, key_of(n), large);
    status = store->write(*batch);
    if (!status && status.error().code != Code::limit) {
      ++n;
      break;
    }
  }
  ASSERT_FALSE(status) << "200 MiB hold no " << n << " batches";
  EXPECT_EQ(status.error().code, Code::unavailable) << status.error().what;
  EXPECT_NE(status.error().what.find("full"), std::string::npos) << status.error().what;
  EXPECT_EQ(check(*store), n - 1) << "reads go on, and what failed is not there";

  fs::remove(filler);
  ASSERT_TRUE(lane.run([&] { return bool(write_batch(*store, n)); }, 20s))
      << "writes go on when there is room: " << write_batch(*store, n).error().what;
  std::optional<Status> synced;
  store->sync([&](const Status& with) { synced = with; });
  ASSERT_TRUE(lane.run([&] { return synced.has_value(); }, 5s));
  EXPECT_TRUE(*synced) << synced->error().what;
  store.reset();
  store = open_it();
  EXPECT_EQ(check(*store), n);
}

TEST(RocksCrash, a_full_disk_is_an_error_and_loses_nothing) {
  TestDirectory dir;
  const pid_t child = start_child("child_with_a_small_disk", dir.path() / "disk", 0);
  int status = -1;
  ::waitpid(child, &status, 0);
  if (WIFEXITED(status) && WEXITSTATUS(status) == 77) GTEST_SKIP() << "no mount namespaces here";
  EXPECT_EQ(status, 0) << read_file((dir.path() / "disk").string() + ".output").value_or("");
}

TEST(RocksCrash, a_failed_sync_is_remembered) {
  TestDirectory dir;
  TestLane lane;
  auto store = open(dir.path(), lane);
  const auto sync = [&] {
    std::optional<Status> outcome;
    store->sync([&](const Status& status) { outcome = status; });
    EXPECT_TRUE(lane.run([&] { return outcome.has_value(); }, 5s));
    return outcome.value_or(Status{});
  };
  ASSERT_TRUE(write_batch(*store, 1));
  EXPECT_TRUE(sync());
  ASSERT_TRUE(write_batch(*store, 2));
  g_fdatasync_fails = true;
  const Status failed = sync();
  g_fdatasync_fails = false;
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Code::unavailable);
  EXPECT_FALSE(sync()) << "the next fsync would say that all is well, and nobody knows that";
  EXPECT_FALSE(write_batch(*store, 3));
  EXPECT_EQ(check(*store), 2u) << "reads go on";
  store.reset();
  store = open(dir.path(), lane);
  EXPECT_EQ(check(*store), 2u);
  ASSERT_TRUE(write_batch(*store, 3));
  EXPECT_TRUE(sync());
}

// ── what open() says ─────────────────────────────────────────────────────────────────────────────

Error error_of(const fs::path& dir) {
  TestLane lane;
  const auto store = RocksStore::open({.dir = dir}, lane.lane());
  EXPECT_FALSE(store);
  return store ? Error{} : store.error();
}

bool says(const Error& error, std::string_view words) {
  return error.what.find(words) != std::string::npos;
}

TEST(RocksOpen, a_directory_in_use_is_a_conflict) {
  TestDirectory dir;
  TestLane lane;
  const auto store = open(dir.path(), lane);
  const Error error = error_of(dir.path());
  EXPECT_EQ(error.code, Code::conflict);
  EXPECT_TRUE(says(error, "in use by another process")) << error.what;
}

TEST(RocksOpen, a_file_in_the_way_is_invalid) {
  TestDirectory dir;
  ASSERT_TRUE(write_file(dir.path() / "file", "x"));
  EXPECT_EQ(error_of(dir.path() / "file").code, Code::invalid);
  const Error below = error_of(dir.path() / "file" / "store");
  EXPECT_TRUE(says(below, "not a directory")) << below.what;
}

TEST(RocksOpen, damage_is_told_with_what_to_do) {
  TestDirectory dir;
  TestLane lane;
  auto store = open(dir.path(), lane);
  for (uint64_t n = 1; n <= 300; ++n) ASSERT_TRUE(write_soon(*store, lane, n));
  store.reset();
  ASSERT_TRUE(write_file(dir.path() / "CURRENT", "nonsense"));
  const Error error = error_of(dir.path());
  EXPECT_EQ(error.code, Code::corrupt);
  EXPECT_TRUE(says(error, "move it away")) << error.what;
}

TEST(RocksOpen, a_newer_format_is_not_touched) {
  TestDirectory dir;
  TestLane lane;
  open(dir.path(), lane).reset();
  const auto change = [&](auto&& with) {
    rocksdb::DB* db = nullptr;
    std::vector<std::string> names;
    ASSERT_TRUE(rocksdb::DB::ListColumnFamilies({}, dir.path().string(), &names).ok());
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names)
      families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    ASSERT_TRUE(rocksdb::DB::Open({}, dir.path().string(), families, &handles, &db).ok());
    with(*db);
    for (rocksdb::ColumnFamilyHandle* handle : handles) db->DestroyColumnFamilyHandle(handle);
    delete db;
  };
  change([](rocksdb::DB& db) { ASSERT_TRUE(db.Put({}, "sealane.format", "2").ok()); });
  Error error = error_of(dir.path());
  EXPECT_EQ(error.code, Code::invalid);
  EXPECT_TRUE(says(error, "format 2")) << error.what;
  change([](rocksdb::DB& db) {
    ASSERT_TRUE(db.Put({}, "sealane.format", "1").ok());
    rocksdb::ColumnFamilyHandle* fresh = nullptr;
    ASSERT_TRUE(db.CreateColumnFamily({}, "a_later_idea", &fresh).ok());
    db.DestroyColumnFamilyHandle(fresh);
  });
  error = error_of(dir.path());
  EXPECT_EQ(error.code, Code::invalid);
  EXPECT_TRUE(says(error, "newer version")) << error.what;
}

}  // namespace
}  // namespace sealane::host
