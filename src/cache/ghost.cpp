// SPDX-License-Identifier: Apache-2.0
#include "cache/ghost.h"

namespace sealane::cache {

void Ghost::add(uint64_t hash, size_t count_max) {
  places_[hash] = ++serial_;
  order_.emplace_back(hash, serial_);
  // An entry of order_ whose serial is no longer the hash's was taken or added again: it is a husk.
  while (!order_.empty()) {
    const auto [oldest, serial] = order_.front();
    const auto place = places_.find(oldest);
    const bool is_husk = place == places_.end() || place->second != serial;
    if (!is_husk && places_.size() <= count_max) break;
    if (!is_husk) places_.erase(place);
    order_.pop_front();
  }
}

bool Ghost::take(uint64_t hash) { return places_.erase(hash) > 0; }

void Ghost::clear() {
  order_.clear();
  places_.clear();
}

}  // namespace sealane::cache
