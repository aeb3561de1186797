// SPDX-License-Identifier: Apache-2.0
// The configuration of a region's nats-server: the nodes of the region connect to it, and gateways
// join it with the servers of the other regions. Core messaging only: no JetStream, no cluster.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"

namespace sealane::host {

struct NatsConfig {
  std::string region;     // names the server and its gateway
  SocketAddress listen;   // for the region's nodes
  SocketAddress gateway;  // for the servers of other regions
  struct Remote {
    std::string region;
    SocketAddress at;  // its gateway
  };
  std::vector<Remote> remotes;  // every other region; unknown ones are turned away
  std::string user, password;   // what nodes show
  // PEM files. Gateways speak TLS and show each other certificates of the same CA.
  std::filesystem::path ca_file, cert_file, key_file;
  bool tls_for_nodes = false;  // with the same certificate; nodes are known by their password
  std::filesystem::path pid_file, log_file;
  SocketAddress monitor;  // pages for a look inside, on loopback only; port 0: none
};

// The text of the file, or `invalid` with what is wrong.
Result<std::string> nats_config_text(const NatsConfig& config);
// Writes it so that only this user can read it: it holds the password.
Status write_nats_config(const NatsConfig& config, const std::filesystem::path& file);

}  // namespace sealane::host
