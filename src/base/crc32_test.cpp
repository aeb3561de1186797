// SPDX-License-Identifier: Apache-2.0
#include "base/crc32.h"

#include <gtest/gtest.h>

#include <string>

#include "base/dice.h"

namespace sealane {
namespace {

// The definition, bit by bit.
uint32_t slowly(std::string_view bytes) {
  uint32_t crc = ~uint32_t{0};
  for (const char c : bytes) {
    crc ^= uint8_t(c);
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
  }
  return ~crc;
}

TEST(Crc32, known_values) {
  EXPECT_EQ(crc32(""), 0u);
  EXPECT_EQ(crc32("123456789"), 0xcbf43926u) << "the check value of CRC-32/ISO-HDLC";
  EXPECT_EQ(crc32("a"), 0xe8b7be43u);
  EXPECT_EQ(crc32("{}"), 2745614147u) << "x-amz-crc32 of DynamoDB's empty answer";
  EXPECT_EQ(crc32("The quick brown fox jumps over the lazy dog"), 0x414fa339u);
  EXPECT_EQ(crc32(std::string(32, '\0')), 0x190a55adu);
  EXPECT_EQ(crc32(std::string(1u << 20, '\0')), 0xa738ea1cu);
}

TEST(Crc32, every_length_and_place_is_as_the_definition_says) {
  Dice dice(3);
  std::string text(700, 0);
  for (char& c : text) c = char(dice.roll());
  for (size_t at = 0; at < 17; ++at) {
    for (size_t size = 0; size < 400; ++size) {
      const auto part = std::string_view(text).substr(at, size);
      ASSERT_EQ(crc32(part), slowly(part)) << at << " " << size;
    }
  }
}

TEST(Crc32, pieces_make_the_whole) {
  Dice dice(4);
  std::string text(5000, 0);
  for (char& c : text) c = char(dice.roll());
  const uint32_t whole = crc32(text);
  EXPECT_EQ(whole, slowly(text));
  for (int i = 0; i < 200; ++i) {
    uint32_t crc = 0;
    for (std::string_view rest = text; !rest.empty();) {
      const size_t n = std::min(size_t(dice.below(300)), rest.size());
      crc = crc32(rest.substr(0, n), crc);
      rest.remove_prefix(n);
    }
    ASSERT_EQ(crc, whole);
  }
}

}  // namespace
}  // namespace sealane
