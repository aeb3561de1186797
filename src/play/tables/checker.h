// SPDX-License-Identifier: Apache-2.0
// A world of nodes that keep tables, put through random faults in virtual time, and what must hold
// in it whatever happens (in the manner of Jepsen's tests of append-only registers):
//
//   1 no acknowledged append is lost, no element is there twice, and none that nobody wrote
//   2 when the faults are over, all replicas hold the same bytes, within a bound
//   3 who brings a session token never reads the past without being told
//   4 with `ack: remote`, what was acknowledged survives the destruction of its region
//   5 a clock that is wrong leads no other node further ahead than clock_ahead_max
//   6 a write shows at once where it was made: nothing that is there already wins against it
//   7 what a session appends after something that it has seen stands behind it
//   8 nobody needs a snapshot while logs have room
//   9 the items are as many as each node counts
//
// Regions and single nodes are cut off, nodes and message brokers killed and frozen, machines lose
// power, clocks are off by up to two seconds, disks are slow, logs so short that who was away needs
// a snapshot; a node may lose its disk and come back as a new one, nodes may be set back to a
// snapshot of some time ago, a region may be destroyed. All the while clients append, update, put,
// delete and read in every region.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"
#include "table/schema.h"

namespace sealane::play {

struct TableTrial {
  static constexpr uint64_t kLogBytesAmple = 16 << 20;  // more than is written in a trial
  uint64_t seed = 1;
  unsigned region_count = 3;
  unsigned nodes_per_region = 1;
  Duration faults = 20s;        // how long things go wrong
  Duration level_within = 15s;  // from the end of the faults until all replicas are equal
  Duration sync_most = 2ms;     // the longest that a disk takes for a sync
  uint64_t log_bytes_max = kLogBytesAmple;
  size_t message_bytes_max = 256 << 10;
  table::Ack ack = table::Ack::local;
  bool is_os_durable = false;  // durability: os; a power cut may lose the tail of a log
  bool destroys = false;       // one region vanishes for good
  bool replaces = false;       // one node comes back with an empty disk
  bool restores = false;       // nodes are stopped and come back as they were in a snapshot
};

struct TableVerdict {
  std::vector<std::string> broken;  // which rule, and how; empty: all held
  uint64_t acknowledged_count = 0, refused_count = 0, read_count = 0, stale_count = 0,
           conflict_count = 0;
  uint64_t fault_count = 0, repair_count = 0, snapshot_count = 0, held_count = 0, restore_count = 0;
  uint64_t excused_count = 0;  // acknowledged with a disk that was then lost, and nowhere else
  Duration level_after{};      // how long it took to be level
  uint64_t trace_hash = 0;
};

// The same trial gives the same verdict.
TableVerdict try_tables(const TableTrial& trial);
// What the seed alone decides of the other fields.
TableTrial random_trial(uint64_t seed);

}  // namespace sealane::play
