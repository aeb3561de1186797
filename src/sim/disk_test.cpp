// SPDX-License-Identifier: Apache-2.0
// The contract of port::Store on the simulated disk, and what only it can do: crashes on purpose.
#include "sim/disk.h"

#include <gtest/gtest.h>

#include <memory>

#include "port/store_contract.h"
#include "sim/world.h"

namespace sealane::port::contract {

struct SimStoreBench {
  sim::World world{sim::WorldOptions{.seed = 7}};
  sim::Node& node = world.add_node({.name = "n", .addresses = {IpAddress::v4(10, 0, 0, 1)}});
  std::unique_ptr<Store> opened = node.disk().open().value();
  Store& store() { return *opened; }
  bool run(const std::function<bool()>& done, Duration max) {
    return world.run_until(done, world.now() + max);
  }
  void close() { opened.reset(); }
  void reopen() {
    close();
    opened = node.disk().open().value();
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sim, StoreContract, SimStoreBench);

}  // namespace sealane::port::contract
