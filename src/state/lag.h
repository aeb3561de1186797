// SPDX-License-Identifier: Apache-2.0
// How far behind another node's writes this one is: for DescribeTable, the status page and the
// metrics.
#pragma once

#include <cstdint>
#include <string>

#include "table/stamp.h"

namespace sealane::state {

struct Lag {
  std::string node, region;
  table::Source source = 0;
  uint64_t applied = 0, announced = 0;  // positions in its log
  uint64_t bytes = 0;                   // missing, roughly
  uint64_t last_applied_ms = 0;         // stamp of the last applied entry, unix; 0: none
  uint64_t behind_ms = 0;               // 0: level with what it last announced
  uint64_t silent_ms = 0;               // since it was last heard
};

}  // namespace sealane::state
