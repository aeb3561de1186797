// SPDX-License-Identifier: Apache-2.0
// The hashes of what left the small queue lately. Who comes back soon goes straight to the main
// queue.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <unordered_map>
#include <utility>

namespace sealane::cache {

class Ghost {
 public:
  void add(uint64_t hash, size_t count_max);
  // True, and forgotten, if the hash is remembered.
  bool take(uint64_t hash);
  void clear();
  size_t size() const { return places_.size(); }

 private:
  std::deque<std::pair<uint64_t, uint64_t>> order_;  // hash, serial; oldest first
  std::unordered_map<uint64_t, uint64_t> places_;    // hash -> serial
  uint64_t serial_ = 0;
};

}  // namespace sealane::cache
