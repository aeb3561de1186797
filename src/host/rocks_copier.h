// SPDX-License-Identifier: Apache-2.0
// Copies of an open RocksDB while it is written to: its files do not change once they are written,
// so a copy is links to them and the end of the log. A thread of its own for each, for RocksDB
// writes out what is in memory first.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "base/result.h"
#include "port/lane.h"

namespace rocksdb {
class DB;
}

namespace sealane::host {

class RocksCopier {
 public:
  using Done = std::function<void(Result<std::string>)>;
  RocksCopier(rocksdb::DB& db, std::filesystem::path dir, port::Lane& lane);
  // Waits for a copy that is under way; who asked for it is not answered.
  ~RocksCopier();
  RocksCopier(const RocksCopier&) = delete;
  RocksCopier& operator=(const RocksCopier&) = delete;

  // See port::Store::copy(). On the lane.
  void make(std::string_view name, Done done);

 private:
  struct Alive {
    RocksCopier* copier;
  };
  Status check(std::string_view name) const;
  void answer(Done done, Result<std::string> outcome);

  rocksdb::DB& db_;
  const std::filesystem::path dir_;
  port::Lane& lane_;
  std::shared_ptr<Alive> alive_;  // of the lane
  bool is_running_ = false;       // of the lane
  std::atomic<bool> is_ending_{false};
  std::thread thread_;
};

}  // namespace sealane::host
