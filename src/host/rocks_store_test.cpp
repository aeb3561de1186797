// SPDX-License-Identifier: Apache-2.0
// The contract of port::Store on RocksDB, and the ways in which opening it fails.
#include "host/rocks_store.h"

#include <gtest/gtest.h>

#include "host/test_lane.h"
#include "port/store_contract.h"

namespace sealane::port::contract {

struct RocksBench {
  host::TestDirectory dir;
  host::TestLane lane;
  std::unique_ptr<Store> opened;
  RocksBench() { reopen(); }
  Store& store() { return *opened; }
  bool run(const std::function<bool()>& done, Duration max) { return lane.run(done, max); }
  void close() { opened.reset(); }
  void restore(const std::string& where) {
    close();
    std::filesystem::remove_all(dir.path() / "store");
    std::filesystem::rename(std::filesystem::path(where) / "tables", dir.path() / "store");
    reopen();
  }
  void reopen() {
    close();
    opened = host::RocksStore::open({.dir = dir.path() / "store"}, lane.lane()).value();
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Host, StoreContract, RocksBench);

}  // namespace sealane::port::contract
