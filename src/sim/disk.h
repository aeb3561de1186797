// SPDX-License-Identifier: Apache-2.0
// The disk of one simulated node, and port::Store on it. It outlives the node's process: a kill
// loses a random number of the last batches that no flush had covered, a power cut of those that no
// sync had covered, whole batches and in order.
//
// Node::disk() is there from the start; the boot function opens a store on it: node.disk().open().
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/dice.h"
#include "base/time.h"
#include "port/store.h"

namespace sealane::sim {

class Node;
class Disk {
 public:
  // What no sync has covered is bounded here as by the kernel's own write-back.
  static constexpr size_t kUnsyncedMax = 65536;

  Disk(Node& node, Dice dice) : node_(node), dice_(dice) {}

  // One at a time has it open: `conflict`.
  Result<std::unique_ptr<port::Store>> open();

  // ── faults ──
  // Another disk takes its place, an empty one. Nobody may have it open.
  void wipe();
  // Writes fail, reads and syncs go on.
  void set_full(bool full) { full_after_ = full ? 0 : UINT64_MAX; }
  void fill_after(uint64_t batches) { full_after_ = batch_count_ + batches; }  // and full then
  // The next sync that begins fails, and with it the open store: see port::Store::sync().
  void fail_next_sync() { fail_next_sync_ = true; }
  // As an operator does it to a node that is stopped: everything is as it was in that copy. False:
  // there is none.
  bool restore(const std::string& name);
  // How long a sync takes: evenly between these.
  void set_sync_time(Duration least, Duration most);

  // ── evidence ──
  uint64_t batch_count() const { return batch_count_; }       // ever written
  size_t unsynced_count() const { return unsynced_.size(); }  // a power cut may lose them
  uint64_t lost_count() const { return lost_count_; }  // batches lost in kills and power cuts
  uint64_t sync_count() const { return sync_count_; }

 private:
  friend class World;
  friend class StoreImpl;
  friend class CursorImpl;
  friend class SnapshotImpl;

  struct Version {
    uint64_t sequence;
    std::optional<std::string> value;  // nothing: erased
  };
  // By key, the versions that somebody may still read, oldest first; the last is what is there now.
  using Space = std::map<std::string, std::vector<Version>, std::less<>>;
  struct Change {
    port::Keyspace space;
    std::string key;
    std::optional<std::string> value;
  };
  using Copy = std::array<std::map<std::string, std::string>, port::kKeyspaceCount>;
  // A batch that no sync has covered, as what was there before it.
  struct Unsynced {
    uint64_t sequence;
    std::vector<Change> before;
  };

  bool is_full() const { return batch_count_ >= full_after_; }
  void end_life(bool host_stays);
  void lose_all_but(size_t kept_count);  // of unsynced_
  // Makes it visible; what was there before is added to `before`.
  void set(Change change, std::vector<Change>& before);
  void settle(uint64_t sequence);  // all up to this one are on the disk itself
  uint64_t hold();
  void release(uint64_t sequence);
  void drop_unread(port::Keyspace space, Space::iterator it);
  void drop_all_unread();
  Copy content() const;
  // What was there at `sequence`; null: nothing.
  static const std::string* at(const std::vector<Version>& versions, uint64_t sequence);

  Node& node_;
  Dice dice_;
  std::array<Space, port::kKeyspaceCount> spaces_;
  std::map<std::string, Copy> copies_;
  std::set<std::pair<port::Keyspace, std::string>> crowded_;  // keys with more than one value
  std::multiset<uint64_t> held_;                              // what snapshots and cursors look at
  uint64_t sequence_ = 0;
  uint64_t flushed_ = 0;  // up to this one the operating system has them
  std::deque<Unsynced> unsynced_;
  uint64_t batch_count_ = 0, lost_count_ = 0, sync_count_ = 0;
  uint64_t life_ = 0, power_life_ = 0;  // count deaths of the process and of the machine
  uint64_t bytes_ = 0;
  Duration sync_least_ = 200us, sync_most_ = 2ms;
  uint64_t full_after_ = UINT64_MAX;  // a batch_count()
  bool fail_next_sync_ = false, is_open_ = false;
};

}  // namespace sealane::sim
