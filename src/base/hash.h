// SPDX-License-Identifier: Apache-2.0
// Hashes: mix64 and fnv1a for tables of our own making, SipHash-2-4 (keyed) where outsiders choose
// the input.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace sealane {

// SplitMix64's finalizer: every input bit reaches every output bit.
constexpr uint64_t mix64(uint64_t x) {
  x += 0x9e3779b97f4a7c15;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
  x = (x ^ x >> 27) * 0x94d049bb133111eb;
  return x ^ x >> 31;
}

constexpr uint64_t fnv1a(std::string_view text) {
  uint64_t h = 0xcbf29ce484222325;
  for (const char c : text) h = (h ^ uint8_t(c)) * 0x100000001b3;
  return h;
}

struct SipKey {
  uint64_t k0 = 0, k1 = 0;
};

// SipHash-2-4 (Aumasson, Bernstein 2012); the MAC that RFC 9018 4 takes for DNS cookies.
uint64_t siphash(SipKey key, std::span<const uint8_t> bytes);
inline uint64_t siphash(SipKey key, std::string_view text) {
  return siphash(key, {reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

}  // namespace sealane
