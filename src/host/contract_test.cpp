// SPDX-License-Identifier: Apache-2.0
// The shared contract of port/, over real sockets on the loopback interface.
#include <unistd.h>

#include <filesystem>

#include "host/authority.h"
#include "host/lane.h"
#include "host/meter.h"
#include "port/net_contract.h"

namespace sealane::port::contract {
namespace {

struct Quiet final : Log {
  void line(Level, std::string_view, std::string_view) override {}
};

struct HostBench {
  static constexpr bool has_tls = true;

  HostBench()
      : dir(std::filesystem::temp_directory_path() /
            ("sealane-contract-" + std::to_string(::getpid()))),
        lane({.index = 0, .seed = 1, .tls = certificates(), .log = quiet, .meter = meter}) {}
  ~HostBench() { std::filesystem::remove_all(dir); }

  // Both ends live on one loop: the contract speaks of streams, not of threads.
  Lane& client() { return lane.lane(); }
  Lane& server() { return lane.lane(); }
  IpAddress server_ip() { return IpAddress::v4(127, 0, 0, 1); }
  bool run(const std::function<bool()>& done, Duration max) {
    Instant start = lane.loop().now();
    lane.loop().turn(0ms);
    start = lane.loop().now();
    while (!done() && lane.loop().now() - start < max) lane.loop().turn(1ms);
    return done();
  }
  std::shared_ptr<const host::Tls> certificates() {
    const auto ca = host::Authority::open(dir, "contract").value();
    const auto leaf = ca.issue("node", {"agent.example.test"}, {server_ip()}).value();
    return host::Tls::load({leaf.cert_file, leaf.key_file, ca.ca_file()}).value();
  }

  std::filesystem::path dir;
  Quiet quiet;
  host::Registry registry;
  host::Registry::LaneMeter meter{registry};
  host::HostLane lane;
};

INSTANTIATE_TYPED_TEST_SUITE_P(Host, NetContract, HostBench);

}  // namespace
}  // namespace sealane::port::contract
