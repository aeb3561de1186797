// SPDX-License-Identifier: Apache-2.0
// Child processes: started in a process group, ended with their parent.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"

namespace sealane::host {

struct Spawn {
  // command[0]: a path, or a name looked up beside us, then in PATH
  std::vector<std::string> command;
  std::map<std::string, std::string> set_env; // added to our own environment
  // standard output and error are appended here; empty: ours
  std::filesystem::path output;
  bool own_group = false;                     // a new process group with the child's pid
  // sent to the child when the thread that spawned it ends
  int parent_death_signal = 0;
};

// The child's pid. A program that cannot be executed is an error here, not an exit code later.
Result<pid_t> spawn(const Spawn& what);

// Where this program itself is.
std::filesystem::path own_executable();

}  // namespace sealane::host
