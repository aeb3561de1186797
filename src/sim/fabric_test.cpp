// SPDX-License-Identifier: Apache-2.0
// The contract of port::Fabric in the simulator, and what only it can do: cuts, frozen brokers,
// seeds.
#include "sim/fabric.h"

#include <gtest/gtest.h>

#include "port/fabric_contract.h"

namespace sealane::port::contract {

struct SimFabricBench {
  sim::World world{sim::WorldOptions{.seed = 7}};
  IpAddress at = IpAddress::v4(10, 0, 0, 9);
  sim::Node& broker = world.messaging().add_broker("broker", at);
  std::unique_ptr<Fabric> fabrics[3] = {open("a", 1), open("b", 2), open("c", 3)};
  std::unique_ptr<Fabric> open(const char* name, uint8_t last) {
    sim::Node& node = world.add_node({.name = name, .addresses = {IpAddress::v4(10, 0, 0, last)}});
    return world.messaging().open(node, at);
  }
  Fabric& a() { return *fabrics[0]; }
  Fabric& b() { return *fabrics[1]; }
  Fabric& c() { return *fabrics[2]; }
  bool run(const std::function<bool()>& done, Duration max) {
    return world.run_until(done, world.now() + max);
  }
  void close_a() { fabrics[0].reset(); }
  void lose_server() { world.kill(broker); }
  void restore_server() { world.start(broker); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sim, FabricContract, SimFabricBench);

}  // namespace sealane::port::contract
