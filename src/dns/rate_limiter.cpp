// SPDX-License-Identifier: Apache-2.0
#include "dns/rate_limiter.h"

#include <algorithm>
#include <span>

namespace sealane::dns {

RateLimiter::RateLimiter(uint32_t per_second_max, uint64_t seed) : seed_(seed) {
  set_limit(per_second_max);
}

void RateLimiter::set_limit(uint32_t per_second_max) {
  interval_ =
      per_second_max == 0 ? Duration::zero() : std::max(Duration(1s) / per_second_max, Duration(1));
  if (enabled() && buckets_.empty()) buckets_.resize(kBucketsMax);
}

RateLimiter::Bucket& RateLimiter::find(uint64_t key) {
  const std::span set = std::span(buckets_).subspan(key % (kBucketsMax / kWays) * kWays, kWays);
  for (Bucket& bucket : set) {
    if (bucket.key == key) return bucket;
  }
  // The one that has been idle for longest; when none is idle, the one that is least over.
  Bucket& oldest = *std::ranges::min_element(set, {}, &Bucket::free_at);
  oldest = {.key = key};
  return oldest;
}

RateLimiter::Verdict RateLimiter::check(const IpAddress& client, uint8_t kind, Instant now) {
  const uint64_t network = client.is_v4() ? client.v4_bits() >> 8 : client.high() >> 8 | 1ull << 63;
  Bucket& bucket = find(mix64(mix64(network ^ seed_) + kind));
  if (bucket.free_at <= now + Duration(1s) - interval_) {
    bucket.free_at = std::max(bucket.free_at, now) + interval_;
    return Verdict::pass;
  }
  return ++bucket.over_count % 2 == 0 ? Verdict::slip : Verdict::drop;
}

}  // namespace sealane::dns
