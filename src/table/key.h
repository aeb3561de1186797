// SPDX-License-Identifier: Apache-2.0
// Primary and index keys as bytes whose order (memcmp) is DynamoDB's: within one hash key, strings
// and binaries by their bytes, numbers by value. Hash keys come first by a 16-bit hash, so that a
// Scan's segments are ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "table/value.h"

namespace sealane::table {

struct KeyAttribute {
  std::string name;
  Type type = Type::S;  // S, N or B
  friend bool operator==(const KeyAttribute&, const KeyAttribute&) = default;
};

struct KeySchema {
  KeyAttribute hash;
  std::optional<KeyAttribute> range;
  friend bool operator==(const KeySchema&, const KeySchema&) = default;
};

// One key attribute, so that no encoding is a prefix of another: strings and binaries with 00 as 00
// FF and ended by 00 01, numbers as Number::append_ordered.
void append_ordered(std::string& out, const Value& value);
Result<Value> take_ordered(std::string_view& bytes, Type type);

// 16 bits of the hash key's hash: the same on every node and release, for the bytes are on disk.
uint16_t hash_of(const Value& hash_key);

// hash16 (big-endian), hash key, range key. `range` may be null when the schema has none.
std::string encode_key(const Value& hash, const Value* range);
// What all keys of one hash key begin with.
std::string encode_key_prefix(const Value& hash);
// The key attributes of an encoded key; takes them from the front of `bytes`.
Result<Item> take_key(std::string_view& bytes, const KeySchema& schema);

// The smallest string that is greater than every string that begins with `prefix`; empty: there is
// none.
std::string after_prefix(std::string prefix);

// The encoded key of an item, or nullopt when an attribute of the key is missing or of another type
// (an item without an index's key is not in that index).
std::optional<std::string> key_of(const Item& item, const KeySchema& schema);

}  // namespace sealane::table
