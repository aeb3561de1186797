// SPDX-License-Identifier: Apache-2.0
#include "edge/round_trips.h"

namespace sealane::edge {

bool is_public(const IpAddress& ip) {
  if (ip.is_v4()) {
    const uint32_t bits = ip.v4_bits();
    const auto in = [bits](uint32_t base, unsigned length) {
      return (bits ^ base) >> (32 - length) == 0;
    };
    return !in(0x00000000, 8) &&                                                // this host
           !in(0x0a000000, 8) && !in(0xac100000, 12) && !in(0xc0a80000, 16) &&  // RFC 1918
           !in(0x64400000, 10) &&                        // RFC 6598: carriers' NAT
           !in(0x7f000000, 8) && !in(0xa9fe0000, 16) &&  // loopback, link-local
           // multicast and beyond
           bits < 0xe0000000;
  }
  return ip.high() >> 61 == 1;  // 2000::/3, RFC 4291 2.4
}

RoundTrips::RoundTrips(port::Lane& lane, Tell tell)
    : lane_(lane), tell_(std::move(tell)), timer_(lane.timers.make([this] { flush(); })) {}

void RoundTrips::measure(const port::Stream& stream) {
  if (!tell_ || batch_.size() == kBatchMax) return;
  const IpAddress client = stream.peer().ip;
  if (!is_public(client)) return;
  const Duration took = stream.round_trip();
  if (took <= Duration::zero()) return;
  batch_.push_back({client, took});
  if (!timer_->armed()) timer_->arm_at(lane_.clock.now() + kEvery);
}

void RoundTrips::flush() {
  tell_(batch_);
  batch_.clear();
}

}  // namespace sealane::edge
