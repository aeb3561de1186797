// SPDX-License-Identifier: Apache-2.0
#include "view/latency_book.h"

#include <algorithm>

namespace sealane::view {
namespace {

constexpr double kNewShare = 0.25;  // of the latest sample in the average: half-life of 2.4 samples

// What a reader could notice: 5 %, and at least half a millisecond.
bool noticeable(uint32_t published_us, uint32_t now_us) {
  const uint32_t apart = std::max(published_us, now_us) - std::min(published_us, now_us);
  return apart > std::max<uint32_t>(published_us / 20, 500) || (published_us == 0) != (now_us == 0);
}

}  // namespace

LatencyBook::Row& LatencyBook::row(const Key& key) {
  if (const auto found = rows_.find(key); found != rows_.end()) {
    by_use_.splice(by_use_.begin(), by_use_, found->second.used);
    return found->second;
  }
  if (rows_.size() >= kPrefixesMax) {
    rows_.erase(by_use_.back());
    by_use_.pop_back();
    changed_ = true;
  }
  by_use_.push_front(key);
  Row& fresh = rows_[key];
  fresh.average_us.assign(region_count_, 0);
  fresh.published_us.assign(region_count_, 0);
  fresh.used = by_use_.begin();
  return fresh;
}

void LatencyBook::record(const Prefix& prefix, plan::RegionId region, uint32_t rtt_us,
                         Instant now) {
  const size_t column = plan::index(region);
  if (rtt_us == 0 || rtt_us > kRttMaxUs || column >= region_count_) return;
  const unsigned bits =
      std::min<unsigned>(prefix.length, prefix.base.is_v4() ? kBitsV4Max : kBitsV6Max);
  Row& at = row({prefix.base.masked(bits), uint8_t(bits)});
  at.heard = now;
  uint32_t& average = at.average_us[column];
  average = average == 0
                ? rtt_us
                : uint32_t(double(average) * (1 - kNewShare) + double(rtt_us) * kNewShare + 0.5);
  if (noticeable(at.published_us[column], average)) changed_ = true;
}

bool LatencyBook::oldest_is_stale(Instant now) const {
  return !by_use_.empty() && now - rows_.at(by_use_.back()).heard > kForgetAfter;
}

bool LatencyBook::due(Instant now) const {
  return (changed_ || oldest_is_stale(now)) && (!built_ || now - built_at_ >= kRebuildEvery);
}

LatencySamples LatencyBook::rebuild(Instant now, const PrefixTable& places) {
  while (oldest_is_stale(now)) {
    rows_.erase(by_use_.back());
    by_use_.pop_back();
  }
  LatencySamples samples;
  PrefixTable::Builder builder;
  samples.rows.reserve(rows_.size());
  samples.places.reserve(rows_.size());
  for (auto& [key, row] : rows_) {
    row.published_us = row.average_us;
    samples.rows.push_back(row.average_us);
    samples.places.push_back(places.find(key.base).value);
    builder.add({key.base, key.length}, uint32_t(samples.rows.size()));
  }
  if (!rows_.empty()) samples.table = builder.build(0);
  changed_ = false;
  built_ = true;
  built_at_ = now;
  return samples;
}

void LatencyBook::change_regions(std::span<const int> to, size_t region_count) {
  auto moved = [&](const std::vector<uint32_t>& old) {
    std::vector<uint32_t> next(region_count, 0);
    for (size_t i = 0; i < old.size() && i < to.size(); ++i) {
      if (to[i] >= 0) next[size_t(to[i])] = old[i];
    }
    return next;
  };
  for (auto& [key, row] : rows_) {
    row.average_us = moved(row.average_us);
    row.published_us = moved(row.published_us);
  }
  region_count_ = region_count;
  changed_ = !rows_.empty();
  built_ = false;  // rows by the old regions must not stand for a second more
}

}  // namespace sealane::view
