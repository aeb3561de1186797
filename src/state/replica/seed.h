// SPDX-License-Identifier: Apache-2.0
// A snapshot of another node that is being read, page by page.
#pragma once

#include <optional>
#include <string>

#include "state/replica/replicator.h"

namespace sealane::state {

struct Replicator::Seed {
  table::TableId only = 0;               // one table; 0: everything
  std::string node;                      // who gives it
  ReadSnapshot next;
  std::optional<table::Vector> applied;  // of the first page: what the snapshot has for certain
  table::Vector broken_off;              // of the first page
  std::vector<table::TableId> absent;
  bool is_asking = false;
  // Of a whole snapshot: the page that is being worked into the store, and how far.
  std::optional<SnapshotPage> page;
  table::TableId at_table = 0;
  std::string at_key;
  size_t failure_count = 0;
  static constexpr size_t kFailuresMax = 5;  // then somebody else is asked
  size_t held_count = 0;                     // how often this page was stamped too far ahead
  static constexpr size_t kHeldMax = 30;     // ticks
};

}  // namespace sealane::state
