// SPDX-License-Identifier: Apache-2.0
// What nodes tell of conflicts (ListConflicts), put together and in words: the text of `sealane
// tables conflicts`. Nothing here asks anybody.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace sealane::main {

// One side of a conflict.
struct ConflictSide {
  std::string stamp;   // unique in the world
  uint64_t at_ms = 0;  // unix
  std::string source, region,
      node;           // whose write it was; region and node are empty when nobody knows any more
  std::string value;  // JSON as DynamoDB has it; empty: removed, or to be looked up in the item
  bool is_removed = false;
};

struct Conflict {
  uint64_t noticed_ms = 0;            // unix
  std::string noticed_by;             // the node that tells of it
  std::string table, key, attribute;  // key: JSON
  ConflictSide lost, won;
};

struct ConflictPage {
  std::vector<Conflict> conflicts;  // the latest first
  uint64_t next_before = 0;         // where the next page begins; 0: there is none
};

// A node's answer to ListConflicts. Error: Code::invalid, when it is not what that call answers.
Result<ConflictPage> read_conflicts(std::string_view json, std::string_view node);

// Those of all nodes, each once though both sides tell of it, the latest first, `max` at most.
std::vector<Conflict> join_conflicts(std::vector<Conflict> all, size_t max);

// Values are cut at `kValueShownMax` bytes in text, whole in JSON (one line).
inline constexpr size_t kValueShownMax = 160;
std::string render(const std::vector<Conflict>& conflicts);
std::string render_json(const std::vector<Conflict>& conflicts);

// 2026-11-23T02:50:11.123Z, as it is printed here and given to --before; nothing when it is no such
// time.
std::string time_text(uint64_t unix_ms);
std::optional<uint64_t> parse_time(std::string_view text);

}  // namespace sealane::main
