// SPDX-License-Identifier: Apache-2.0
#include "base/hash.h"

#include <gtest/gtest.h>

#include <array>

namespace sealane {
namespace {

// The vectors of the SipHash paper, appendix A, and of the reference implementation.
TEST(SipHash, gives_the_published_vectors) {
  const SipKey key{0x0706050403020100, 0x0f0e0d0c0b0a0908};
  std::array<uint8_t, 15> in;
  for (uint8_t i = 0; i < in.size(); ++i) in[i] = i;
  EXPECT_EQ(siphash(key, in), 0xa129ca6149be45e5u);
  EXPECT_EQ(siphash(key, std::span<const uint8_t>{}), 0x726fdb47dd0e0e31u);
}

}  // namespace
}  // namespace sealane
