// SPDX-License-Identifier: Apache-2.0
// The simulator under the contract of port/.
#include "port/net_contract.h"
#include "sim/world.h"

namespace sealane::port::contract {

struct SimBench {
  static constexpr bool has_tls = true;
  sim::World world{sim::WorldOptions{.seed = 7}};
  sim::Node& a = world.add_node({.name = "client", .addresses = {IpAddress::v4(10, 0, 0, 1)}});
  sim::Node& b = world.add_node({.name = "server", .addresses = {IpAddress::v4(10, 0, 0, 2)}});
  Lane& client() { return a.lane(); }
  Lane& server() { return b.lane(); }
  IpAddress server_ip() const { return b.address(); }
  bool run(const std::function<bool()>& done, Duration max) {
    return world.run_until(done, world.now() + max);
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Sim, NetContract, SimBench);

}  // namespace sealane::port::contract
