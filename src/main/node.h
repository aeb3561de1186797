// SPDX-License-Identifier: Apache-2.0
// One node: a control lane (health, admin pages, reload) and N data lanes (DNS, edge), wired
// together by the two published snapshots. The calling thread is the control lane.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "base/ip.h"
#include "base/time.h"

namespace sealane::main {

struct NodeOptions {
  std::filesystem::path world;
  std::string region;
  IpAddress node;                                // empty: the region's first
  std::filesystem::path data_dir = ".sealane";
  std::set<std::string> roles{"dns", "edge", "health", "state"};
  Duration drain_max = 30s;                      // after SIGTERM, for requests that are under way
};

// Serves until SIGTERM or SIGINT has drained it. SIGHUP reads the world file again; a world that
// does not compile is refused as a whole and the old plan goes on. SIGUSR1 cuts the node's network
// off from everything outside its region and SIGUSR2 heals it: for drills. Returns when drained; an
// error when it cannot start.
Status run_node(const NodeOptions& options);

}  // namespace sealane::main
