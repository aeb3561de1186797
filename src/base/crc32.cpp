// SPDX-License-Identifier: Apache-2.0
#include "base/crc32.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace sealane {
namespace {

constexpr uint32_t kPolynomial = 0xedb88320;  // reflected

// kTables[k][b]: what byte b does when k more bytes follow it ("slicing by 8", Kounavis and Berry
// 2005).
constexpr auto kTables = [] {
  std::array<std::array<uint32_t, 256>, 8> t{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = crc & 1 ? crc >> 1 ^ kPolynomial : crc >> 1;
    t[0][b] = crc;
  }
  for (size_t k = 1; k < 8; ++k) {
    for (size_t b = 0; b < 256; ++b) t[k][b] = t[k - 1][b] >> 8 ^ t[0][t[k - 1][b] & 0xff];
  }
  return t;
}();

// `crc` here and below: the register, that is the CRC inverted.
uint32_t by_tables(uint32_t crc, std::string_view bytes) {
  const char* at = bytes.data();
  size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    uint64_t word;
    std::memcpy(&word, at, 8);
    word ^= crc;
    crc = 0;
    for (unsigned k = 0; k < 8; ++k) crc ^= kTables[7 - k][word >> 8 * k & 0xff];
  }
  for (; left > 0; ++at, --left) crc = crc >> 8 ^ kTables[0][(crc ^ uint8_t(*at)) & 0xff];
  return crc;
}

#if defined(__x86_64__)
#define SL_PCLMUL __attribute__((target("pclmul,sse4.1")))

constexpr size_t kFoldedMin = 64;

SL_PCLMUL inline __m128i load(const char* at) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

// Carries `x` over as many bits as the two constants of `by` stand for, and adds what is found
// there.
SL_PCLMUL inline __m128i fold(__m128i x, __m128i by, __m128i there) {
  const __m128i low = _mm_clmulepi64_si128(x, by, 0x00), high = _mm_clmulepi64_si128(x, by, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), there);
}

// Folding with carry-less multiplication, then Barrett reduction. Method and constants: Gopal et
// al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ Instruction", Intel 2009, for
// the reflected polynomial. A multiple of 16 bytes, kFoldedMin at least.
SL_PCLMUL uint32_t by_folding(uint32_t crc, std::string_view bytes) {
  const __m128i by_512 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
  const __m128i by_128 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
  const __m128i by_64 = _mm_set_epi64x(0, 0x163cd6124);
  const __m128i barrett = _mm_set_epi64x(0x1f7011641, 0x1db710641);
  const __m128i low_words = _mm_setr_epi32(-1, 0, -1, 0);

  const char* at = bytes.data();
  const char* const end = at + bytes.size();
  __m128i x0 = _mm_xor_si128(load(at), _mm_cvtsi32_si128(int(crc)));
  __m128i x1 = load(at + 16), x2 = load(at + 32), x3 = load(at + 48);
  for (at += 64; end - at >= 64; at += 64) {
    x0 = fold(x0, by_512, load(at));
    x1 = fold(x1, by_512, load(at + 16));
    x2 = fold(x2, by_512, load(at + 32));
    x3 = fold(x3, by_512, load(at + 48));
  }
  x0 = fold(x0, by_128, x1);
  x0 = fold(x0, by_128, x2);
  x0 = fold(x0, by_128, x3);
  for (; at != end; at += 16) x0 = fold(x0, by_128, load(at));

  // 128 bits to 64, to 32.
  x0 = _mm_xor_si128(_mm_srli_si128(x0, 8), _mm_clmulepi64_si128(x0, by_128, 0x10));
  x0 = _mm_xor_si128(_mm_srli_si128(x0, 4),
                     _mm_clmulepi64_si128(_mm_and_si128(x0, low_words), by_64, 0x00));
  __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(x0, low_words), barrett, 0x10);
  quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, low_words), barrett, 0x00);
  return uint32_t(_mm_extract_epi32(_mm_xor_si128(x0, quotient), 1));
}
#endif

}  // namespace

uint32_t crc32(std::string_view bytes, uint32_t before) {
  uint32_t crc = ~before;
#if defined(__x86_64__)
  if (bytes.size() >= kFoldedMin && __builtin_cpu_supports("pclmul") &&
      __builtin_cpu_supports("sse4.1")) {
    const size_t folded = bytes.size() & ~size_t{15};
    crc = by_folding(crc, bytes.substr(0, folded));
    bytes.remove_prefix(folded);
  }
#endif
  return ~by_tables(crc, bytes);
}

}  // namespace sealane
