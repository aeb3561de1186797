// SPDX-License-Identifier: Apache-2.0
// A world file on disk -> a plan, with the zone files beside it and the names of its agents
// resolved.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/result.h"
#include "plan/data.h"
#include "plan/plan.h"

namespace sealane::main {

struct LoadedWorld {
  std::shared_ptr<const plan::Plan> plan;
  std::string text;                           // of the world file
  std::map<std::string, std::string> files;   // zone files by the name that the world gives them
};

// Errors are those of plan::compile (Code::invalid, one mistake a line) or of reading the files.
// Agents given by host name are resolved here, once a load; one that does not resolve is an
// endpoint that is down, not an error.
Result<LoadedWorld> load_world(const std::filesystem::path& path, const plan::Data& data);

// The last world that compiled, kept so that a node starts without anybody's help.
Status save_last_good(const std::filesystem::path& dir, const LoadedWorld& world);
Result<LoadedWorld> load_last_good(const std::filesystem::path& dir, const plan::Data& data);

}  // namespace sealane::main
