// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/base64.h"

#include <cstdint>

namespace sealane::wire::dns {
namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string base64_encode(std::string_view bytes) {
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    for (size_t j = 0; j < 3; ++j)
      group = group << 8 | (i + j < bytes.size() ? uint8_t(bytes[i + j]) : 0u);
    for (size_t j = 0; j < 4; ++j) {
      text += i + j > bytes.size() ? '=' : kAlphabet[group >> (18 - 6 * j) & 63];
    }
  }
  return text;
}

Result<std::string> base64_decode(std::string_view text) {
  if (text.size() % 4 != 0)
    return fail(Code::invalid, "base64 is not a multiple of four characters");
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 4) {
    uint32_t group = 0;
    size_t pad_count = 0;
    for (const char c : text.substr(i, 4)) {
      const size_t digit = kAlphabet.find(c);
      const bool is_pad = c == '=' && i + 4 == text.size();
      if (digit == std::string_view::npos && !is_pad)
        return fail(Code::invalid, "base64 has a stray character");
      if (pad_count > 0 && !is_pad) return fail(Code::invalid, "base64 goes on after its padding");
      pad_count += is_pad ? 1 : 0;
      group = group << 6 | (is_pad ? 0 : uint32_t(digit));
    }
    if (pad_count > 2) return fail(Code::invalid, "base64 has too much padding");
    for (size_t j = 0; j + pad_count < 3; ++j) bytes.push_back(char(group >> (16 - 8 * j) & 0xff));
  }
  return bytes;
}

std::string hex_encode(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    text += "0123456789abcdef"[uint8_t(c) >> 4];
    text += "0123456789abcdef"[uint8_t(c) & 15];
  }
  return text;
}

Result<std::string> hex_decode(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Code::invalid, "hex has an odd number of digits");
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if (high < 0 || low < 0) return fail(Code::invalid, "hex has a stray character");
    bytes.push_back(char(high << 4 | low));
  }
  return bytes;
}

}  // namespace sealane::wire::dns
