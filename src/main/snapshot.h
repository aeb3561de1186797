// SPDX-License-Identifier: Apache-2.0
// Snapshots of a node's tables as directories, and the way back from one.
//
//   DIR/snapshot.json   whose it is and what is in it; written last: without it there is no
//   snapshot DIR/tables/         a copy of the store; whoever opens it begins a change log of its
//   own (Engine::open)
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"

namespace sealane::main {

struct SnapshotInfo {
  std::string world, region, node;          // domain, names
  std::string source;                       // the log that the node wrote when it was made
  std::string made;                         // 2026-11-23T02:50:11.123Z
  std::map<std::string, uint64_t> applied;  // by source: at least so far
};

// Both directions of snapshot.json. Errors: `not_found`, `invalid`.
Status write_snapshot_info(const SnapshotInfo& info, const std::filesystem::path& dir);
Result<SnapshotInfo> read_snapshot_info(const std::filesystem::path& dir);

// Moves a finished copy to a place of the operator's choice, over file systems too. Error
// `conflict`: something is there.
Status move_snapshot(const std::filesystem::path& from, const std::filesystem::path& to);

// Puts the snapshot's tables in the place of a stopped node's (`own_dir`/tables); what was there is
// kept beside it, and told in the answer (empty: there was nothing). The snapshot stays as it is
// and can be used again. Errors: `conflict` the node runs; `unavailable` no room, no permission.
Result<std::filesystem::path> restore_tables(const std::filesystem::path& snapshot_dir,
                                             const std::filesystem::path& own_dir,
                                             const std::string& now_text);

}  // namespace sealane::main
