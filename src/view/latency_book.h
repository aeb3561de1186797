// SPDX-License-Identifier: Apache-2.0
// Collects measured round-trip times, client prefix to region, and makes LatencySamples of them: a
// moving average a cell, a bounded number of prefixes (the one not heard of for longest goes first,
// and nobody is remembered for longer than kForgetAfter), and a new table at most once a second and
// only when a reader could notice the difference.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <span>
#include <tuple>
#include <vector>

#include "base/time.h"
#include "view/view.h"

namespace sealane::view {

class LatencyBook {
 public:
  static constexpr size_t kPrefixesMax = 16'384;
  static constexpr unsigned kBitsV4Max =
      24;  // longer prefixes are widened: no single users in the table
  static constexpr unsigned kBitsV6Max = 48;
  static constexpr uint32_t kRttMaxUs = 10'000'000;  // what takes longer measures something else
  static constexpr Duration kRebuildEvery = 1s;
  static constexpr Duration kForgetAfter = 1h;  // networks move; what nobody measures is not known

  explicit LatencyBook(size_t region_count) : region_count_(region_count) {}

  // One sample, in microseconds. Nonsense (0, above kRttMaxUs, no such region) is ignored.
  void record(const Prefix& prefix, plan::RegionId region, uint32_t rtt_us, Instant now);
  // True when rebuild() would give something new and the last one is at least kRebuildEvery ago.
  bool due(Instant now) const;
  // The table of everything collected and not yet old. `places`: where the plan thinks that
  // addresses are.
  LatencySamples rebuild(Instant now, const PrefixTable& places = PrefixTable());
  // A new plan: `to[i]` is where the old region i went, or -1 for gone.
  void change_regions(std::span<const int> to, size_t region_count);
  size_t prefix_count() const { return rows_.size(); }

 private:
  struct Key {
    IpAddress base;
    uint8_t length;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  struct Row {
    std::vector<uint32_t> average_us;    // by region, 0: none
    std::vector<uint32_t> published_us;  // as the last table has it
    std::list<Key>::iterator used;
    Instant heard{};
  };
  Row& row(const Key& key);
  bool oldest_is_stale(Instant now) const;

  size_t region_count_;
  std::map<Key, Row> rows_;  // ordered, not hashed: clients choose the keys
  std::list<Key> by_use_;    // the latest first
  bool changed_ = false;
  bool built_ = false;
  Instant built_at_{};
};

}  // namespace sealane::view
