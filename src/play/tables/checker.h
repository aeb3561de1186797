// SPDX-License-Identifier: Apache-2.0
// A world of nodes that keep tables, put through random faults in virtual time, and what must hold in it whatever happens
// (in the manner of Jepsen's tests of append-only registers):
//
//   1 no acknowledged append is lost, and no element is there twice
//   2 when the faults are over, all replicas hold the same bytes, within a bound
//   3 who brings a session token never reads the past without being told
//   4 with `ack: remote`, what was acknowledged survives the destruction of its region
//   5 the items are as many as each node counts
//
// Regions are cut off, nodes and message brokers killed, machines lose power, clocks are off by up to two seconds, nodes are
// restored from snapshots of some time ago; all the while clients append, update, put, delete and read in every region.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/time.h"

namespace sealane::play {

struct TableTrial {
  uint64_t seed = 1;
  unsigned region_count = 3;
  Duration faults = 20s;        // how long things go wrong
  Duration level_within = 15s;  // from the end of the faults until all replicas are equal
  bool ack_remote = false;      // and one region is destroyed for good
  bool is_os_durable = false;   // durability: os; a power cut may lose the tail of a log
  bool destroys = false;        // one region vanishes at the end and stays away
  bool restores = false;        // nodes are stopped and come back as they were in a snapshot
};

struct TableVerdict {
  std::vector<std::string> broken;  // which rule, and how; empty: all held
  uint64_t acknowledged_count = 0, refused_count = 0, read_count = 0, stale_count = 0, conflict_count = 0;
  uint64_t repair_count = 0, fault_count = 0, restore_count = 0;
  Duration level_after{};           // how long it took to be level
  uint64_t trace_hash = 0;
};

// The same trial gives the same verdict.
TableVerdict try_tables(const TableTrial& trial);
// What the seed alone decides of the other fields.
TableTrial random_trial(uint64_t seed);

}  // namespace sealane::play
