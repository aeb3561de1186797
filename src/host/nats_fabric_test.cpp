// SPDX-License-Identifier: Apache-2.0
// The contract of port::Fabric over a real nats-server, and over two that are joined by gateways.
#include "host/nats_fabric.h"

#include <gtest/gtest.h>

#include "host/nats_process.h"
#include "host/test_lane.h"
#include "port/fabric_contract.h"

namespace sealane::port::contract {

struct NatsBench {
  host::TestDirectory dir;
  host::TestLane lane;
  IpAddress ip = IpAddress::v4(127, 60, 0, 1);
  uint16_t port = host::free_port(ip);
  std::unique_ptr<host::NatsProcess> server;
  std::unique_ptr<Fabric> fabrics[3];

  NatsBench() {
    const auto config = dir.path() / "nats.conf";
    EXPECT_TRUE(host::write_file(
        config, "listen: " + SocketAddress{ip, port}.to_string() + "\nmax_payload: 2MB\n"));
    server = std::make_unique<host::NatsProcess>(config);
    for (auto& fabric : fabrics) {
      fabric = host::NatsFabric::open(
                   {.servers = {"nats://" + SocketAddress{ip, port}.to_string()}}, lane.lane())
                   .value();
    }
  }
  Fabric& a() { return *fabrics[0]; }
  Fabric& b() { return *fabrics[1]; }
  Fabric& c() { return *fabrics[2]; }
  bool run(const std::function<bool()>& done, Duration max) { return lane.run(done, max); }
  void close_a() { fabrics[0].reset(); }
  void lose_server() { server->kill(); }
  void restore_server() { server->start(); }
};

INSTANTIATE_TYPED_TEST_SUITE_P(Nats, FabricContract, NatsBench);

}  // namespace sealane::port::contract
