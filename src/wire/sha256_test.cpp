// SPDX-License-Identifier: Apache-2.0
#include "wire/sha256.h"

#include <gtest/gtest.h>

#include <string>

namespace sealane::wire {
namespace {

std::string hex(const Sha256::Digest& digest) { return std::string(view(Sha256::hex(digest))); }
std::span<const uint8_t> bytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

TEST(Sha256, the_examples_of_fips_180) {
  Sha256 sha;
  EXPECT_EQ(hex(sha.of("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha.of("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(sha.of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  EXPECT_EQ(hex(sha.of(std::string(1'000'000, 'a'))),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// RFC 4231 4: cases 1, 2, 4, 6 (a key longer than a block) and 7.
TEST(Sha256, the_hmac_cases_of_rfc_4231) {
  Sha256 sha;
  EXPECT_EQ(hex(sha.hmac(bytes(std::string(20, '\x0b')), "Hi There")),
            "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
  EXPECT_EQ(hex(sha.hmac(bytes("Jefe"), "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  std::string key;
  for (char c = 1; c <= 25; ++c) key += c;
  EXPECT_EQ(hex(sha.hmac(bytes(key), std::string(50, '\xcd'))),
            "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
  const std::string long_key(131, '\xaa');
  EXPECT_EQ(
      hex(sha.hmac(bytes(long_key), "Test Using Larger Than Block-Size Key - Hash Key First")),
      "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
  EXPECT_EQ(hex(sha.hmac(bytes(long_key),
                         "This is a test using a larger than block-size key and a larger than "
                         "block-size data. The "
                         "key needs to be hashed before being used by the HMAC algorithm.")),
            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

TEST(Sha256, equal_texts_are_equal) {
  EXPECT_TRUE(Sha256::equal("", ""));
  EXPECT_TRUE(Sha256::equal("abc", "abc"));
  EXPECT_FALSE(Sha256::equal("abc", "abd"));
  EXPECT_FALSE(Sha256::equal("abc", "ab"));
}

}  // namespace
}  // namespace sealane::wire
