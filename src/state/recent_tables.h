// SPDX-License-Identifier: Apache-2.0
// Which tables the last entries of our own log wrote: who waits until another region has an entry
// waits for regions that keep these.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "table/entry.h"

namespace sealane::state {

class RecentTables {
 public:
  static constexpr size_t kMax = 16384;  // pairs of an entry and a table, 16 bytes each

  // Positions ascend.
  void add(uint64_t position, table::TableId table) {
    if (ring_.empty()) ring_.resize(kMax);
    if (count_ > 0 && at(count_ - 1) == std::pair(position, table)) return;
    at(count_++) = {position, table};
  }
  // Sorted, each once; empty: that was too long ago.
  void find(uint64_t position, std::vector<table::TableId>& tables) const {
    tables.clear();
    const uint64_t oldest = count_ > kMax ? count_ - kMax : 0;
    for (uint64_t i = count_; i > oldest && at(i - 1).first >= position; --i) {
      if (at(i - 1).first == position) tables.push_back(at(i - 1).second);
    }
    // a part of it may be overwritten
    if (oldest > 0 && at(oldest).first >= position) tables.clear();
    std::ranges::sort(tables);
    const auto twice = std::ranges::unique(tables);
    tables.erase(twice.begin(), twice.end());
  }

 private:
  using Pair = std::pair<uint64_t, table::TableId>;
  Pair& at(uint64_t i) { return ring_[i % kMax]; }
  const Pair& at(uint64_t i) const { return ring_[i % kMax]; }

  std::vector<Pair> ring_;
  uint64_t count_ = 0;
};

}  // namespace sealane::state
