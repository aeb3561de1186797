// SPDX-License-Identifier: Apache-2.0
// Keys of the engine's keyspaces (engine.h has the table): big-endian numbers, then bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "table/entry.h"

namespace sealane::state::keyspace {

inline void append_u64(std::string& out, uint64_t n) {
  for (int shift = 56; shift >= 0; shift -= 8) out += char(n >> shift);
}
inline void append_u32(std::string& out, uint32_t n) {
  for (int shift = 24; shift >= 0; shift -= 8) out += char(n >> shift);
}
// Takes one from the front; false when the bytes are too few.
[[nodiscard]] inline bool take_u64(std::string_view& bytes, uint64_t& n) {
  if (bytes.size() < 8) return false;
  n = 0;
  for (size_t i = 0; i < 8; ++i) n = n << 8 | uint8_t(bytes[i]);
  bytes.remove_prefix(8);
  return true;
}
[[nodiscard]] inline bool take_u32(std::string_view& bytes, uint32_t& n) {
  if (bytes.size() < 4) return false;
  n = 0;
  for (size_t i = 0; i < 4; ++i) n = n << 8 | uint8_t(bytes[i]);
  bytes.remove_prefix(4);
  return true;
}

inline std::string u64(uint64_t n) {
  std::string out;
  append_u64(out, n);
  return out;
}

inline std::string item(table::TableId id, std::string_view key) {
  std::string out = u64(id);
  out += key;
  return out;
}
inline std::string index(table::TableId id, uint32_t index_id, std::string_view rest = {}) {
  std::string out = u64(id);
  append_u32(out, index_id);
  out += rest;
  return out;
}
inline std::string log(table::Source source, uint64_t position) {
  std::string out;
  append_u32(out, source);
  append_u64(out, position);
  return out;
}
inline std::string stream(table::TableId id, uint64_t sequence) {
  std::string out = u64(id);
  append_u64(out, sequence);
  return out;
}
constexpr char kDone = 'D', kExpires = 'E', kTrace = 'T';
inline std::string due(char kind, uint64_t when, table::TableId id, std::string_view key) {
  std::string out(1, kind);
  append_u64(out, when);
  append_u64(out, id);
  out += key;
  return out;
}
inline std::string done(table::Hlc hlc, uint64_t token) { return due(kDone, hlc, token, {}); }
inline std::string reach(table::Source source) {
  std::string out = "reach/";
  append_u32(out, source);
  return out;
}
constexpr std::string_view kAdoptPrefix = "adopt/";
inline std::string adopt(std::string_view catalog_key) {
  return std::string(kAdoptPrefix).append(catalog_key);
}
inline std::string fill(table::TableId id, uint32_t index_id) {
  std::string out = "fill/";
  append_u64(out, id);
  append_u32(out, index_id);
  return out;
}
inline std::string owner(table::Source source) {
  std::string out = "owner/";
  append_u32(out, source);
  return out;
}
constexpr std::string_view kCopied = "copied", kCounts = "counts", kOwnerPrefix = "owner/",
                           kAhead = "ahead", kBrokenOff = "broken off";
constexpr std::string_view kIdentity = "identity", kReachPrefix = "reach/", kFillPrefix = "fill/",
                           kSeedPrefix = "seed/";
constexpr std::string_view kStreamsPrefix = "streams/", kStreamSequence = "stream sequence";
inline std::string streams(table::TableId id) { return std::string(kStreamsPrefix) + u64(id); }
inline std::string seed(table::TableId id) { return std::string(kSeedPrefix) + u64(id); }

}  // namespace sealane::state::keyspace
