// SPDX-License-Identifier: Apache-2.0
#include "cache/index.h"

#include <algorithm>

#include "base/result.h"

namespace sealane::cache {
namespace {

constexpr uint8_t kVisitsMax = 3;  // two bits
constexpr uint8_t kPromoteAt =
    2;  // seen again twice in the small queue: it belongs to the main one
constexpr uint64_t kSmallShare = 10;  // the small queue's share is one part in so many
// An insertion may throw out so many others; when that frees too little (other lanes hold the same
// objects), it is refused.
constexpr int kEvictedPerPutMax = 256;
constexpr size_t kFirstSlots = 1024;

constexpr uint32_t tag_of(uint64_t hash) { return uint32_t(hash >> 32); }

}  // namespace

Index::Index(IndexLimits limits, std::shared_ptr<Budget> budget)
    : limits_(limits), budget_(std::move(budget)), slots_(kFirstSlots), nodes_(1) {}

Index::Found Index::find(const Key& key, std::span<const wire::http::Field> request, Instant now) {
  Found out;
  const uint32_t at = lookup(key);
  if (at == 0) {
    ++counts_.misses;
    return out;
  }
  Node& node = nodes_[at];
  out.pass = now < node.pass_until;
  out.back_off = now < node.back_off_until;
  for (const auto& stored : node.variants) {
    if (!selects(stored->vary, request)) continue;
    out.stored = &stored;
    if (node.visits < kVisitsMax) ++node.visits;
    ++counts_.hits;
    return out;
  }
  ++counts_.misses;
  return out;
}

bool Index::put(const Key& key, const std::shared_ptr<const Stored>& stored) {
  const uint64_t bytes = stored->memory_bytes();
  // An object as large as the small queue would sweep it.
  if (bytes > limits_.bytes_max / kSmallShare) {
    ++counts_.refused;
    purge(key);  // what was stored before is no longer what the origin says
    return false;
  }
  uint32_t at = lookup(key);
  if (at != 0) {
    auto& variants = nodes_[at].variants;
    const auto same = std::find_if(variants.begin(), variants.end(), [&](const auto& other) {
      return other->vary.names == stored->vary.names && other->vary.values == stored->vary.values;
    });
    uint64_t left = nodes_[at].bytes;
    if (same != variants.end()) {
      left -= (*same)->memory_bytes();
      variants.erase(same);
    } else if (variants.size() == kVariantsMax) {
      left -= variants.back()->memory_bytes();
      variants.pop_back();
    }
    resize_node(at, left);
  }
  if (!make_room(bytes + (at == 0 ? entry_bytes(key) : 0), at == 0 ? 1 : 0, at)) {
    ++counts_.refused;
    if (at != 0 && nodes_[at].variants.empty()) remove(at);
    return false;
  }
  if (at == 0) at = take_node(key);
  Node& node = nodes_[at];
  // A control block of this lane's own around the shared pointer: counting references of one hit
  // never touches a cache line of another lane.
  auto own = std::make_shared<std::shared_ptr<const Stored>>(stored);
  node.variants.insert(node.variants.begin(), std::shared_ptr<const Stored>(own, stored.get()));
  node.pass_until = {};
  node.back_off_until = {};
  resize_node(at, node.bytes + bytes);
  ++counts_.puts;
  return true;
}

void Index::mark_pass(const Key& key, Instant until) {
  uint32_t at = lookup(key);
  if (at == 0) {
    if (!make_room(entry_bytes(key), 1, 0)) return;
    at = take_node(key);
  }
  Node& node = nodes_[at];
  for (const auto& stored : node.variants) resize_node(at, node.bytes - stored->memory_bytes());
  node.variants.clear();
  node.pass_until = until;
}

void Index::mark_back_off(const Key& key, Instant until) {
  if (const uint32_t at = lookup(key)) nodes_[at].back_off_until = until;
}

bool Index::purge(const Key& key) {
  const uint32_t at = lookup(key);
  if (at == 0) return false;
  remove(at);
  ++counts_.purged;
  return true;
}

uint64_t Index::purge(std::string_view service, std::string_view pattern) {
  const bool is_prefix = pattern.ends_with('*');
  std::string wanted(service);
  wanted.push_back('\n');
  append_target(wanted, pattern.substr(0, pattern.size() - size_t(is_prefix)));
  uint64_t gone = 0;
  for (uint32_t at = 1; at < nodes_.size(); ++at) {
    if (nodes_[at].queue == Queue::none) continue;
    const std::string& key = nodes_[at].key;
    if (is_prefix ? !key.starts_with(wanted) : key != wanted) continue;
    remove(at);
    ++gone;
  }
  counts_.purged += gone;
  return gone;
}

void Index::clear() {
  slots_.assign(kFirstSlots, Slot{});
  nodes_.resize(1);
  free_.clear();
  small_ = main_ = List{};
  ghost_.clear();
  counts_.entries = counts_.bytes = 0;
}

// ── the table: linear probing, kept at most half full
// ────────────────────────────────────────────────

uint32_t Index::lookup(const Key& key) const {
  const size_t mask = slots_.size() - 1;
  for (size_t i = key.hash & mask; slots_[i].node != 0; i = (i + 1) & mask) {
    if (slots_[i].tag == tag_of(key.hash) && nodes_[slots_[i].node].key == key.text)
      return slots_[i].node;
  }
  return 0;
}

uint32_t Index::take_node(const Key& key) {
  if ((counts_.entries + 1) * 2 > slots_.size()) grow();
  uint32_t at = 0;
  if (free_.empty()) {
    at = uint32_t(nodes_.size());
    nodes_.emplace_back();
  } else {
    at = free_.back();
    free_.pop_back();
  }
  Node& node = nodes_[at];
  node.key = key.text;
  node.hash = key.hash;
  node.visits = 0;
  node.pass_until = node.back_off_until = {};
  node.bytes = 0;

  const size_t mask = slots_.size() - 1;
  size_t i = key.hash & mask;
  while (slots_[i].node != 0) i = (i + 1) & mask;
  slots_[i] = {tag_of(key.hash), at};
  ++counts_.entries;
  link(at, ghost_.take(key.hash) ? Queue::main : Queue::small);
  resize_node(at, entry_bytes(key));
  return at;
}

void Index::grow() {
  std::vector<Slot> old(slots_.size() * 2);
  old.swap(slots_);
  const size_t mask = slots_.size() - 1;
  for (const Slot& slot : old) {
    if (slot.node == 0) continue;
    size_t i = nodes_[slot.node].hash & mask;
    while (slots_[i].node != 0) i = (i + 1) & mask;
    slots_[i] = slot;
  }
}

// Closes the gap: every slot after it that would no longer be reached moves back into it.
void Index::erase_slot(uint32_t node) {
  const size_t mask = slots_.size() - 1;
  size_t gap = nodes_[node].hash & mask;
  while (slots_[gap].node != node) gap = (gap + 1) & mask;
  for (size_t i = (gap + 1) & mask; slots_[i].node != 0; i = (i + 1) & mask) {
    const size_t home = nodes_[slots_[i].node].hash & mask;
    if (((i - home) & mask) < ((i - gap) & mask)) continue;
    slots_[gap] = slots_[i];
    gap = i;
  }
  slots_[gap] = {};
}

void Index::remove(uint32_t at) {
  unlink(at);
  erase_slot(at);
  Node& node = nodes_[at];
  counts_.bytes -= node.bytes;
  --counts_.entries;
  node = Node{};
  free_.push_back(at);
}

// ── the queues
// ───────────────────────────────────────────────────────────────────────────────────────

void Index::link(uint32_t at, Queue queue) {
  Node& node = nodes_[at];
  List& to = list(queue);
  node.queue = queue;
  node.previous = 0;
  node.next = to.newest;
  if (to.newest != 0) nodes_[to.newest].previous = at;
  to.newest = at;
  if (to.oldest == 0) to.oldest = at;
  to.bytes += node.bytes;
  ++to.count;
}

void Index::unlink(uint32_t at) {
  Node& node = nodes_[at];
  List& from = list(node.queue);
  (node.previous != 0 ? nodes_[node.previous].next : from.newest) = node.next;
  (node.next != 0 ? nodes_[node.next].previous : from.oldest) = node.previous;
  from.bytes -= node.bytes;
  --from.count;
  node.queue = Queue::none;
}

void Index::resize_node(uint32_t at, uint64_t bytes) {
  Node& node = nodes_[at];
  list(node.queue).bytes += bytes - node.bytes;  // modulo 2^64, so shrinking works too
  counts_.bytes += bytes - node.bytes;
  node.bytes = bytes;
}

bool Index::make_room(uint64_t bytes, uint32_t entries, uint32_t keep) {
  for (int evicted = 0; evicted <= kEvictedPerPutMax; ++evicted) {
    const bool fits = counts_.bytes + bytes <= limits_.bytes_max &&
                      counts_.entries + entries <= limits_.entries_max && !budget_->over();
    if (fits) return true;
    if (!evict_one(keep)) break;
  }
  return false;
}

// S3-FIFO, algorithm 1. One that `keep` names is being written to and stays.
//
//   small queue full, or main empty: its oldest   visits >= 2  -> main queue
//                                                 else         -> out, its hash into the ghost
//   else: the main queue's oldest                 visits >= 1  -> to its front, visits - 1
//                                                 else         -> out
bool Index::evict_one(uint32_t keep) {
  // Every step takes a visit away or moves on for good, so this many steps find a victim if there
  // is one.
  const uint64_t steps_max = 5 * (uint64_t(small_.count) + main_.count) + 1;
  for (uint64_t step = 0; step < steps_max; ++step) {
    const bool from_small =
        small_.count > 0 && (main_.count == 0 || small_.bytes > limits_.bytes_max / kSmallShare ||
                             small_.count > limits_.entries_max / kSmallShare);
    const uint32_t at = from_small ? small_.oldest : main_.oldest;
    if (at == 0) return false;
    Node& node = nodes_[at];
    if (from_small && node.visits < kPromoteAt && at != keep) {
      ghost_.add(node.hash, std::max<size_t>(main_.count, small_.count));
    } else if (from_small) {
      unlink(at);
      node.visits = 0;
      link(at, Queue::main);
      continue;
    } else if (node.visits > 0 || at == keep) {
      unlink(at);
      if (node.visits > 0) --node.visits;
      link(at, Queue::main);
      continue;
    }
    remove(at);
    ++counts_.evicted;
    return true;
  }
  return false;
}

std::vector<std::string> Index::keys(const List& from) const {
  std::vector<std::string> out;
  for (uint32_t at = from.oldest; at != 0; at = nodes_[at].previous) out.push_back(nodes_[at].key);
  return out;
}
std::vector<std::string> Index::small_keys() const { return keys(small_); }
std::vector<std::string> Index::main_keys() const { return keys(main_); }

}  // namespace sealane::cache
