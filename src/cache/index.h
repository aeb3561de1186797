// SPDX-License-Identifier: Apache-2.0
// What one lane has in its cache: an open-addressing table over S3-FIFO queues (Yang et al., "FIFO
// queues are all you need for cache eviction", SOSP 2023): a hit stores a 2-bit counter and moves
// nothing; one visit of a scan leaves from the small queue without touching the main one.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "cache/ghost.h"
#include "cache/stored.h"

namespace sealane::cache {

struct IndexLimits {
  uint64_t bytes_max = 256ull << 20;
  uint32_t entries_max = 1u << 18;  // keys; also those that only carry a mark
};

struct IndexCounts {
  uint64_t entries = 0, bytes = 0, hits = 0, misses = 0, puts = 0, evicted = 0, purged = 0,
           refused = 0;
};

class Index {
 public:
  static constexpr size_t kVariantsMax = 8;  // answers under one key; the oldest gives way

  Index(IndexLimits limits, std::shared_ptr<Budget> budget);
  Index(const Index&) = delete;
  Index& operator=(const Index&) = delete;

  struct Found {
    // Valid until the next call that changes the index; copy it to keep it. The copy's count is
    // this lane's own: lanes that share an object do not share its reference count.
    const std::shared_ptr<const Stored>* stored = nullptr;
    bool pass = false;      // hit-for-miss: do not wait for anybody, fetch and do not store
    bool back_off = false;  // the origin failed a moment ago: serve stale rather than ask again
  };
  Found find(const Key& key, std::span<const wire::http::Field> request, Instant now);

  // Takes the place of the variant with the same Vary values. False: too large, or no room.
  bool put(const Key& key, const std::shared_ptr<const Stored>& stored);
  // The origin's answer must not be stored: what was stored before goes, and the key passes for a
  // while.
  void mark_pass(const Key& key, Instant until);
  void mark_back_off(const Key& key, Instant until);
  // All variants under this key.
  bool purge(const Key& key);
  // `pattern` is a path and query as in a request; with a `*` at its end, all that begin so. Case
  // matters. Returns the number of keys that went. Looks at every key: some milliseconds at
  // entries_max.
  uint64_t purge(std::string_view service, std::string_view pattern);
  void clear();

  const IndexCounts& counts() const { return counts_; }
  // For tests: the keys from the next victim to the newest.
  std::vector<std::string> small_keys() const;
  std::vector<std::string> main_keys() const;

 private:
  enum class Queue : uint8_t { none, small, main };
  struct Node {
    std::string key;
    uint64_t hash = 0;
    std::vector<std::shared_ptr<const Stored>> variants;  // newest first
    Instant pass_until{}, back_off_until{};
    uint64_t bytes = 0;
    uint32_t previous = 0, next = 0;  // towards newer, towards older; 0: none
    uint8_t visits = 0;               // 0 to 3
    Queue queue = Queue::none;
  };
  struct List {
    uint32_t newest = 0, oldest = 0;
    uint64_t bytes = 0;
    uint32_t count = 0;
  };
  struct Slot {
    uint32_t tag = 0;   // upper half of the hash
    uint32_t node = 0;  // 0: empty
  };

  static uint64_t entry_bytes(const Key& key) { return sizeof(Node) + key.text.size(); }
  uint32_t lookup(const Key& key) const;
  uint32_t take_node(const Key& key);
  void link(uint32_t node, Queue queue);
  void unlink(uint32_t node);
  void resize_node(uint32_t node, uint64_t bytes);
  void remove(uint32_t node);
  void erase_slot(uint32_t node);
  void grow();
  bool make_room(uint64_t bytes, uint32_t entries, uint32_t keep);
  bool evict_one(uint32_t keep);
  List& list(Queue queue) { return queue == Queue::small ? small_ : main_; }
  std::vector<std::string> keys(const List& from) const;

  const IndexLimits limits_;
  const std::shared_ptr<Budget> budget_;
  std::vector<Slot> slots_;  // a power of two, at most half full
  std::vector<Node> nodes_;  // nodes_[0] is nobody
  std::vector<uint32_t> free_;
  List small_, main_;
  Ghost ghost_;
  IndexCounts counts_;
};

}  // namespace sealane::cache
