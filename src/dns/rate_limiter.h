// SPDX-License-Identifier: Apache-2.0
// Response rate limiting: how many answers of one kind a network gets in a second over UDP, so that
// we are no use to somebody who sends queries with a stolen source address. Each lane counts for
// itself.
//
// One bucket is one number, the "theoretical arrival time" of the generic cell rate algorithm
// (ITU-T I.371): an idle bucket lies in the past, is worth nothing and may be reused, so a small
// table is enough.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/hash.h"
#include "base/ip.h"
#include "base/time.h"

namespace sealane::dns {

class RateLimiter {
 public:
  // slip: answer with TC and nothing else, so that a real client comes back over TCP.
  enum class Verdict : uint8_t { pass, slip, drop };
  static constexpr size_t kBucketsMax = 32768;
  static constexpr size_t kWays = 4;

  // At most `per_second_max` answers a second and a second's worth at once; 0: no limit.
  RateLimiter(uint32_t per_second_max, uint64_t seed);
  void set_limit(uint32_t per_second_max);
  bool enabled() const { return interval_ > Duration::zero(); }

  // `client`'s network (/24 or /56) is about to get an answer of this kind. Of those over the limit
  // every second one slips.
  Verdict check(const IpAddress& client, uint8_t kind, Instant now);

 private:
  struct Bucket {
    uint64_t key = 0;
    Instant free_at{};  // the theoretical arrival time
    uint32_t over_count = 0;
  };
  Bucket& find(uint64_t key);

  Duration interval_{};  // between two answers at the limit
  uint64_t seed_;        // so that nobody can aim at another network's bucket
  std::vector<Bucket> buckets_;
};

}  // namespace sealane::dns
