// SPDX-License-Identifier: Apache-2.0
// The file is judged by the server itself, and the servers by messages that pass between them.
#include "host/nats_config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "host/authority.h"
#include "host/nats_fabric.h"
#include "host/nats_process.h"
#include "host/test_lane.h"
#include "port/fabric_contract.h"

namespace sealane::host {
namespace {

// Two regions with a server each, joined by gateways with TLS; nodes speak TLS too.
struct TwoRegions {
  TestDirectory dir;
  NatsConfig configs[2];
  std::unique_ptr<NatsProcess> servers[2];
  std::string ca_file;

  TwoRegions() {
    const auto authority = Authority::open(dir.path() / "tls", "test").value();
    ca_file = authority.ca_file().string();
    const IpAddress ips[2] = {IpAddress::v4(127, 60, 1, 1), IpAddress::v4(127, 60, 1, 2)};
    for (int i = 0; i < 2; ++i) {
      NatsConfig& config = configs[i];
      config.region = i == 0 ? "eu" : "us";
      const auto leaf =
          authority.issue("nats-" + config.region, {"nats." + config.region + ".test"}, {ips[i]})
              .value();
      config.listen = {ips[i], free_port(ips[i])};
      config.gateway = {ips[i], free_port(ips[i])};
      config.user = "node";
      config.password = "a $DOLLAR, a { and a # in it";
      config.ca_file = authority.ca_file();
      config.cert_file = leaf.cert_file;
      config.key_file = leaf.key_file;
      config.tls_for_nodes = true;
      config.pid_file = dir.path() / (config.region + ".pid");
      config.log_file = dir.path() / (config.region + ".log");
    }
    for (int i = 0; i < 2; ++i) {
      configs[i].remotes = {{configs[1 - i].region, configs[1 - i].gateway}};
      EXPECT_TRUE(write_nats_config(configs[i], file(i)));
    }
  }
  void start() {
    for (int i = 0; i < 2; ++i) servers[i] = std::make_unique<NatsProcess>(file(i));
  }
  std::filesystem::path file(int i) const { return dir.path() / (configs[i].region + ".conf"); }
  NatsOptions client(int i) const {
    return {.servers = {"tls://" + configs[i].listen.to_string()},
            .name = "test",
            .user = configs[i].user,
            .password = configs[i].password,
            .ca_file = ca_file,
            .tls_name = "nats." + configs[i].region + ".test"};
  }
};

int judge(const std::filesystem::path& config) {
  const pid_t pid = spawn({.command = {"nats-server", "-t", "-c", config.string()},
                           .set_env = {},
                           .output = config.string() + ".judged"})
                        .value();
  int status = -1;
  ::waitpid(pid, &status, 0);
  return status;
}

TEST(NatsConfig, the_server_accepts_what_is_written) {
  TwoRegions world;
  EXPECT_EQ(judge(world.file(0)), 0) << read_file(world.file(0).string() + ".judged").value();
  NatsConfig alone = world.configs[0];
  alone.remotes.clear();
  alone.gateway = {};
  alone.tls_for_nodes = false;
  alone.ca_file = alone.cert_file = alone.key_file = "";
  alone.monitor = {IpAddress::v4(127, 0, 0, 1), 8222};
  alone.listen.ip = IpAddress::parse("::1").value();
  const auto file = world.dir.path() / "alone.conf";
  ASSERT_TRUE(write_nats_config(alone, file));
  EXPECT_EQ(judge(file), 0) << read_file(file.string() + ".judged").value();
  ASSERT_TRUE(write_file(file, "listen: [\n"));
  EXPECT_NE(judge(file), 0) << "the judge can say no";
}

TEST(NatsConfig, only_its_user_can_read_it) {
  TwoRegions world;
  struct stat what{};
  ASSERT_EQ(::stat(world.file(0).c_str(), &what), 0);
  EXPECT_EQ(what.st_mode & 0777, 0600u);
}

TEST(NatsConfig, what_cannot_work_is_refused_in_words) {
  const TwoRegions world;
  struct Case {
    const char* words;
    std::function<void(NatsConfig&)> break_it;
  };
  const Case cases[] = {
      {"name of its region", [](NatsConfig& c) { c.region.clear(); }},
      {"port for its nodes", [](NatsConfig& c) { c.listen.port = 0; }},
      {"user and a password", [](NatsConfig& c) { c.password.clear(); }},
      {"port for its gateway", [](NatsConfig& c) { c.gateway.port = 0; }},
      {"TLS needs", [](NatsConfig& c) { c.key_file.clear(); }},
      {"loopback only", [](NatsConfig& c) { c.monitor = {IpAddress::v4(192, 0, 2, 1), 80}; }},
      {"control character", [](NatsConfig& c) { c.password = "a\nuser: b"; }},
      {"stands twice", [](NatsConfig& c) { c.remotes.push_back(c.remotes[0]); }},
      {"stands twice", [](NatsConfig& c) { c.remotes[0].region = c.region; }},
      {"without a name or a port", [](NatsConfig& c) { c.remotes[0].at.port = 0; }},
  };
  for (const Case& one : cases) {
    NatsConfig config = world.configs[0];
    one.break_it(config);
    const auto text = nats_config_text(config);
    ASSERT_FALSE(text) << one.words;
    EXPECT_EQ(text.error().code, Code::invalid);
    EXPECT_NE(text.error().what.find(one.words), std::string::npos) << text.error().what;
  }
}

}  // namespace
}  // namespace sealane::host

namespace sealane::port::contract {

// The first member in one region, the other two in another.
struct GatewayBench {
  host::TwoRegions world;
  host::TestLane lane;
  std::unique_ptr<Fabric> fabrics[3];
  GatewayBench() {
    world.start();
    for (int i = 0; i < 3; ++i) {
      fabrics[i] = host::NatsFabric::open(world.client(i == 0 ? 0 : 1), lane.lane()).value();
    }
  }
  Fabric& a() { return *fabrics[0]; }
  Fabric& b() { return *fabrics[1]; }
  Fabric& c() { return *fabrics[2]; }
  bool run(const std::function<bool()>& done, Duration max) { return lane.run(done, max); }
  void close_a() { fabrics[0].reset(); }
  void lose_server() {
    for (auto& server : world.servers) server->kill();
  }
  void restore_server() {
    for (auto& server : world.servers) server->start();
  }
};

INSTANTIATE_TYPED_TEST_SUITE_P(NatsGateways, FabricContract, GatewayBench);

}  // namespace sealane::port::contract
