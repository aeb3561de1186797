// SPDX-License-Identifier: Apache-2.0
#include "base/prefix_table.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <queue>
#include <tuple>

namespace sealane {
namespace {

template <typename Key>
constexpr unsigned kBits = std::numeric_limits<Key>::digits;

template <typename Key>
constexpr unsigned top16(Key key) {
  return unsigned(key >> (kBits<Key> - 16));
}

}  // namespace

PrefixTable::PrefixTable(Ranges<uint32_t> v4, Ranges<uint64_t> v6, uint32_t fallback)
    : v4_(std::move(v4)), v6_(std::move(v6)), fallback_(fallback) {}

PrefixTable::Found PrefixTable::find(const IpAddress& ip) const {
  if (v4_.starts.empty()) return {fallback_, 0};  // built without any prefix
  return ip.is_v4() ? v4_.find(ip.v4_bits()) : v6_.find(ip.high());
}

template <typename Key>
PrefixTable::Found PrefixTable::Ranges<Key>::find(Key key) const {
  const unsigned top = top16(key);
  // The range that holds `key` is the last one that starts at or before it.
  const auto begin = starts.begin() + index[top], end = starts.begin() + index[top + 1] + 1;
  const auto after = std::upper_bound(begin, end, key);
  const size_t at = size_t(after - starts.begin()) - 1;
  // The scope must keep `key` apart from the nearest address on either side that lies in another
  // range.
  unsigned scope = 0;
  if (at > 0) scope = unsigned(std::countl_zero(Key(key ^ Key(starts[at] - 1)))) + 1;
  if (at + 1 < starts.size()) {
    scope = std::max(scope, unsigned(std::countl_zero(Key(key ^ starts[at + 1]))) + 1);
  }
  return {values[at], uint8_t(scope)};
}

size_t PrefixTable::memory_bytes() const {
  auto of = [](const auto& r) {
    return r.starts.size() * sizeof(r.starts[0]) + (r.values.size() + r.index.size()) * 4;
  };
  return of(v4_) + of(v6_);
}

void PrefixTable::Builder::add(const Prefix& prefix, uint32_t value) {
  const unsigned rank = 1u + prefix.length;
  if (prefix.base.is_v4()) {
    const uint64_t first = prefix.base.v4_bits();
    v4_.push_back({first, first + (uint64_t{1} << (32 - prefix.length)) - 1, rank, value});
  } else {
    const uint64_t first = prefix.base.high();
    const uint64_t span = prefix.length >= 64  ? 0
                          : prefix.length == 0 ? ~uint64_t{0}
                                               : (uint64_t{1} << (64 - prefix.length)) - 1;
    v6_.push_back({first, first + span, rank, value});
  }
}

void PrefixTable::Builder::add_range(const IpAddress& first, const IpAddress& last,
                                     uint32_t value) {
  SL_ASSERT(first.family() == last.family());
  if (first.is_v4()) {
    v4_.push_back({first.v4_bits(), last.v4_bits(), 0, value});
  } else {
    v6_.push_back({first.high(), last.high(), 0, value});
  }
}

// Sweeps over the edges of the blocks; at each point the visible value is that of the open block
// with the highest (rank, order of addition). O(n log n).
template <typename Key>
PrefixTable::Ranges<Key> PrefixTable::Builder::flatten(std::vector<Block> blocks,
                                                       uint32_t fallback) {
  constexpr uint64_t kMax = std::numeric_limits<Key>::max();
  struct Open {
    unsigned rank;
    size_t order;
    uint64_t last;
    uint32_t value;
    bool operator<(const Open& o) const {
      return std::tie(rank, order) < std::tie(o.rank, o.order);
    }
  };
  SL_ASSERT(blocks.size() <= ~uint32_t{0});
  std::vector<uint32_t> by_first(blocks.size());
  for (size_t i = 0; i < by_first.size(); ++i) by_first[i] = uint32_t(i);
  std::ranges::sort(by_first, {}, [&](uint32_t i) { return std::pair(blocks[i].first, i); });

  Ranges<Key> out;
  auto emit = [&](uint64_t at, uint32_t value) {
    if (!out.starts.empty() && out.values.back() == value) return;
    if (!out.starts.empty() && out.starts.back() == at) {
      out.values.back() = value;
      return;
    }
    out.starts.push_back(Key(at));
    out.values.push_back(value);
  };
  std::priority_queue<Open> open;
  emit(0, fallback);
  size_t next = 0;
  uint64_t at = 0;
  while (true) {
    while (next < by_first.size() && blocks[by_first[next]].first == at) {
      const Block& b = blocks[by_first[next]];
      open.push({b.rank, by_first[next], b.last, b.value});
      ++next;
    }
    while (!open.empty() && open.top().last < at) open.pop();
    emit(at, open.empty() ? fallback : open.top().value);
    // The next point where the view can change: a block begins, or the visible one ends.
    uint64_t step = kMax;
    bool more = false;
    if (next < by_first.size()) step = blocks[by_first[next]].first, more = true;
    if (!open.empty() && open.top().last < kMax && open.top().last + 1 <= step) {
      step = open.top().last + 1, more = true;
    }
    if (!more) break;
    at = step;
  }
  // Two neighbours may have become equal when the later of two blocks at one address replaced a
  // value.
  size_t kept = 0;
  for (size_t i = 0; i < out.starts.size(); ++i) {
    if (kept > 0 && out.values[kept - 1] == out.values[i]) continue;
    out.starts[kept] = out.starts[i], out.values[kept] = out.values[i], ++kept;
  }
  out.starts.resize(kept), out.values.resize(kept);
  out.starts.shrink_to_fit(), out.values.shrink_to_fit();

  out.index.resize(65537);
  size_t range = 0;
  for (unsigned top = 0; top < 65536; ++top) {
    const Key lowest = Key(Key(top) << (kBits<Key> - 16));
    while (range + 1 < kept && out.starts[range + 1] <= lowest) ++range;
    out.index[top] = uint32_t(range);
  }
  out.index[65536] = uint32_t(kept - 1);
  return out;
}

PrefixTable PrefixTable::Builder::build(uint32_t fallback) const {
  return PrefixTable(flatten<uint32_t>(v4_, fallback), flatten<uint64_t>(v6_, fallback), fallback);
}

}  // namespace sealane
