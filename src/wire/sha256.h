// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104) on OpenSSL's libcrypto: the algorithm is looked
// up once, the context is used again and again, nothing is allocated for a digest.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace sealane::wire {

class Sha256 {
 public:
  static constexpr size_t kBytes = 32;
  static constexpr size_t kBlockBytes = 64;
  using Digest = std::array<uint8_t, kBytes>;
  using Hex = std::array<char, 2 * kBytes>;

  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;

  Digest of(std::string_view bytes);
  Digest hmac(std::span<const uint8_t> key, std::string_view text);

  static Hex hex(const Digest& digest);  // lower case
  // Takes as long for a near miss as for a far one.
  static bool equal(std::string_view a, std::string_view b);

 private:
  Digest of(std::span<const uint8_t> first, std::string_view then);

  struct Engine;
  std::unique_ptr<Engine> engine_;
};

inline std::string_view view(const Sha256::Hex& hex) { return {hex.data(), hex.size()}; }

}  // namespace sealane::wire
