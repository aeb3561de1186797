// SPDX-License-Identifier: Apache-2.0
#include "host/rocks_copier.h"

#include <fmt/format.h>
#include <pthread.h>
#include <rocksdb/db.h>
#include <rocksdb/utilities/checkpoint.h>

#include <system_error>
#include <utility>

#include "port/store.h"

namespace sealane::host {
namespace {

namespace fs = std::filesystem;

Status write_copy(rocksdb::DB& db, const fs::path& place) {
  std::error_code error;
  fs::create_directories(place, error);
  if (error) return fail(Code::unavailable, fmt::format("{}: {}", place.string(), error.message()));
  rocksdb::Checkpoint* made = nullptr;
  rocksdb::Status status = rocksdb::Checkpoint::Create(&db, &made);
  const std::unique_ptr<rocksdb::Checkpoint> checkpoint(made);
  // 0: writes out what is in memory first, so that all but the log's last bytes is links.
  if (status.ok()) status = checkpoint->CreateCheckpoint((place / "tables").string(), 0);
  if (status.ok()) return {};
  fs::remove_all(place, error);
  return fail(Code::unavailable,
              fmt::format("no copy in {}: {}", place.string(), status.ToString()));
}

}  // namespace

RocksCopier::RocksCopier(rocksdb::DB& db, fs::path dir, port::Lane& lane)
    : db_(db), dir_(std::move(dir)), lane_(lane), alive_(std::make_shared<Alive>(this)) {}

RocksCopier::~RocksCopier() {
  alive_->copier = nullptr;
  is_ending_ = true;
  if (thread_.joinable()) thread_.join();
}

Status RocksCopier::check(std::string_view name) const {
  if (!port::Store::is_copy_name(name)) {
    return fail(Code::invalid,
                "a snapshot's name has lower-case letters, digits and hyphens, 64 at most");
  }
  if (is_running_) return fail(Code::conflict, "a snapshot is being made: wait for it");
  std::error_code error;
  if (fs::exists(dir_ / name, error)) {
    return fail(Code::conflict, fmt::format("{} is there already", (dir_ / name).string()));
  }
  size_t count = 0;
  for (fs::directory_iterator it(dir_, error), end; !error && it != end; it.increment(error))
    ++count;
  if (count >= port::Store::kCopiesMax) {
    return fail(Code::limit,
                fmt::format("{} holds {} snapshots: move some elsewhere", dir_.string(), count));
  }
  return {};
}

void RocksCopier::make(std::string_view name, Done done) {
  if (const Status status = check(name); !status) {
    return answer(std::move(done), std::unexpected(status.error()));
  }
  is_running_ = true;
  if (thread_.joinable()) thread_.join();  // the last one has ended
  thread_ = std::thread([this, place = dir_ / name, alive = alive_, &inbox = lane_.inbox,
                         done = std::move(done)]() mutable {
    const Status status = write_copy(db_, place);
    const auto tell = [alive, status, place, done = std::move(done)] {
      if (alive->copier == nullptr) return;
      alive->copier->is_running_ = false;
      done(status ? Result<std::string>(place.string()) : std::unexpected(status.error()));
    };
    // A full inbox: the lane is about to empty it, unless it has ended.
    while (!inbox.post(tell) && !is_ending_) std::this_thread::yield();
  });
  pthread_setname_np(thread_.native_handle(), "store-copy");
}

void RocksCopier::answer(Done done, Result<std::string> outcome) {
  const bool posted =
      lane_.inbox.post([alive = alive_, done = std::move(done), outcome = std::move(outcome)] {
        if (alive->copier != nullptr) done(outcome);
      });
  SL_ASSERT(posted);  // see GroupSync::refuse
}

}  // namespace sealane::host
