// SPDX-License-Identifier: Apache-2.0
// From an address to a value by longest prefix, with the scope: the shortest prefix length around
// the asked address inside which the answer stays the same (what RFC 7871 7.2.1 wants back as SCOPE
// PREFIX-LENGTH).
//
// Prefixes and ranges are laid over each other once, when the table is built, into disjoint ranges
// sorted by their first address. A lookup is one index step on the top 16 bits and a short binary
// search: no pointers, 8 bytes a range for IPv4, 12 for IPv6 (whose lower 64 bits no routing table
// uses).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ip.h"

namespace sealane {

class PrefixTable {
 public:
  struct Found {
    uint32_t value = 0;
    uint8_t scope_bits = 0;  // 0 to 32 (IPv4), 0 to 64 (IPv6)
  };

  // Every address without a prefix of its own has `fallback`.
  explicit PrefixTable(uint32_t fallback = 0) : PrefixTable({}, {}, fallback) {}
  Found find(const IpAddress& ip) const;
  uint32_t fallback() const { return fallback_; }
  size_t range_count() const { return v4_.starts.size() + v6_.starts.size(); }
  size_t memory_bytes() const;

  class Builder;

 private:
  template <typename Key>
  struct Ranges {
    std::vector<Key> starts;       // ascending, starts[0] == 0
    std::vector<uint32_t> values;  // of the range that begins at the same index
    // 65,537: the range that holds the first address with these top 16 bits
    std::vector<uint32_t> index;
    Found find(Key key) const;
  };
  PrefixTable(Ranges<uint32_t> v4, Ranges<uint64_t> v6, uint32_t fallback);

  Ranges<uint32_t> v4_;
  Ranges<uint64_t> v6_;
  uint32_t fallback_ = 0;
};

class PrefixTable::Builder {
 public:
  // A longer prefix wins over a shorter one, whatever the order of the calls; of two equal ones the
  // later.
  void add(const Prefix& prefix, uint32_t value);
  // All addresses from `first` to `last`, both included and of one family. Ranges lie below every
  // prefix; of two overlapping ranges the later wins. IPv6 ranges are taken by their upper 64 bits.
  void add_range(const IpAddress& first, const IpAddress& last, uint32_t value);
  PrefixTable build(uint32_t fallback) const;

 private:
  struct Block {
    uint64_t first, last;
    unsigned rank;   // painted in ascending rank, so the highest stays visible
    uint32_t value;
  };
  template <typename Key>
  static Ranges<Key> flatten(std::vector<Block> blocks, uint32_t fallback);
  std::vector<Block> v4_, v6_;
};

}  // namespace sealane
