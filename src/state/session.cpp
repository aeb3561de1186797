// SPDX-License-Identifier: Apache-2.0
#include "state/session.h"

#include <fmt/format.h>

#include <charconv>

#include "table/packed.h"

namespace sealane::state {
namespace {

constexpr std::string_view kDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr char kVersion = 1;

// RFC 4648 5, without padding.
std::string to_base64url(std::string_view bytes) {
  std::string out;
  uint32_t held = 0;
  unsigned bits = 0;
  for (const char c : bytes) {
    held = held << 8 | uint8_t(c);
    for (bits += 8; bits >= 6; bits -= 6) out += kDigits[held >> (bits - 6) & 63];
  }
  if (bits > 0) out += kDigits[held << (6 - bits) & 63];
  return out;
}

bool from_base64url(std::string_view text, std::string& out) {
  uint32_t held = 0;
  unsigned bits = 0;
  for (const char c : text) {
    const size_t digit = kDigits.find(c);
    if (digit == kDigits.npos) return false;
    held = held << 6 | uint32_t(digit);
    bits += 6;
    if (bits >= 8) out += char(held >> (bits -= 8));
  }
  return bits < 6;
}

}  // namespace

std::string to_token(const table::Vector& applied) {
  std::string bytes(1, kVersion);
  for (const table::Reach& reach : applied) {
    table::append_varint(bytes, reach.source);
    table::append_varint(bytes, reach.position);
  }
  return to_base64url(bytes);
}

Result<table::Vector> from_token(std::string_view token) {
  const auto invalid = [] { return fail(Code::invalid, "not a session token"); };
  std::string decoded;
  if (token.size() > kTokenBytesMax || !from_base64url(token, decoded)) return invalid();
  std::string_view bytes = decoded;
  if (bytes.empty() || bytes.front() != kVersion) return invalid();
  bytes.remove_prefix(1);
  table::Vector seen;
  while (!bytes.empty()) {
    uint64_t source = 0, position = 0;
    if (!table::take_varint(bytes, source) || source > UINT32_MAX ||
        !table::take_varint(bytes, position))
      return invalid();
    seen.raise(table::Reach{table::Source(source), position, 0});
  }
  return seen;
}

std::string stream_session(table::Source source, uint32_t random) {
  return fmt::format("{:08x}{:08x}", source, random);
}

std::optional<table::Source> source_of_session(std::string_view session) {
  if (session.size() != 16) return std::nullopt;
  table::Source source = 0;
  const char* const end = session.data() + 8;
  if (std::from_chars(session.data(), end, source, 16).ptr != end) return std::nullopt;
  return source;
}

}  // namespace sealane::state
