// SPDX-License-Identifier: Apache-2.0
#include "wire/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>

#include "base/result.h"

namespace sealane::wire {

struct Sha256::Engine {
  EVP_MD* algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  EVP_MD_CTX* context = EVP_MD_CTX_new();

  Engine() { SL_ASSERT(algorithm != nullptr && context != nullptr); }
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;
  ~Engine() {
    EVP_MD_CTX_free(context);
    EVP_MD_free(algorithm);
  }
};

Sha256::Sha256() : engine_(std::make_unique<Engine>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;

Sha256::Digest Sha256::of(std::span<const uint8_t> first, std::string_view then) {
  Digest out;
  EVP_MD_CTX* const context = engine_->context;
  const bool fine = EVP_DigestInit_ex2(context, engine_->algorithm, nullptr) == 1 &&
                    EVP_DigestUpdate(context, first.data(), first.size()) == 1 &&
                    EVP_DigestUpdate(context, then.data(), then.size()) == 1 &&
                    EVP_DigestFinal_ex(context, out.data(), nullptr) == 1;
  SL_ASSERT(fine);
  return out;
}

Sha256::Digest Sha256::of(std::string_view bytes) { return of({}, bytes); }

Sha256::Digest Sha256::hmac(std::span<const uint8_t> key, std::string_view text) {
  Digest short_key;
  if (key.size() > kBlockBytes) {
    short_key = of({reinterpret_cast<const char*>(key.data()), key.size()});
    key = short_key;
  }
  std::array<uint8_t, kBlockBytes> block{};
  std::ranges::copy(key, block.begin());
  for (uint8_t& byte : block) byte ^= 0x36;
  const Digest inner = of(block, text);
  for (uint8_t& byte : block) byte ^= 0x36 ^ 0x5c;
  return of(block, {reinterpret_cast<const char*>(inner.data()), inner.size()});
}

Sha256::Hex Sha256::hex(const Digest& digest) {
  static constexpr char kDigits[] = "0123456789abcdef";
  Hex out;
  for (size_t i = 0; i < kBytes; ++i) {
    out[2 * i] = kDigits[digest[i] >> 4];
    out[2 * i + 1] = kDigits[digest[i] & 15];
  }
  return out;
}

bool Sha256::equal(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace sealane::wire
