// SPDX-License-Identifier: Apache-2.0
// `sealane up`: every region of a world on this machine, each in a process group of its own so that
// it can truly be killed, frozen or cut off.
//
//   sealane up ── region keeper us-east-1 ── sealane serve (a node) ...
//              │        (process group)   └─ agents that the world file runs
//              └─ region keeper eu-west-1 ── ...
//
// A keeper restarts what ends in its region. Faults come in by a line protocol on a loopback port
// with a token (DATA/run/up.json, mode 0600): "TOKEN kill us-east-1".
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"

namespace sealane::main {

struct UpOptions {
  std::filesystem::path world;
  std::filesystem::path data_dir = ".sealane";
  bool quiet = false;  // no table of addresses
};

// Runs until SIGTERM or SIGINT, then stops everything it started.
Status run_up(const UpOptions& options);

// One region's keeper (a command of its own, started by run_up).
struct KeeperOptions {
  std::filesystem::path world;
  std::string region;
  std::filesystem::path data_dir;
};
Status run_keeper(const KeeperOptions& options);

}  // namespace sealane::main
