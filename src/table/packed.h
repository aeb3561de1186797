// SPDX-License-Identifier: Apache-2.0
// Values as the bytes that are stored and shipped: a type byte, then what the type needs, lengths
// as LEB128 varints, numbers as their canonical text. Equal values pack to equal bytes.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "table/value.h"

namespace sealane::table {

// Varints, shared by every packed form of this room.
void append_varint(std::string& out, uint64_t value);
// Takes one from the front of `bytes`; false when it is cut short, longer than 64 bits or not the
// shortest.
[[nodiscard]] bool take_varint(std::string_view& bytes, uint64_t& value);
// A length as varint, then the bytes.
void append_bytes(std::string& out, std::string_view bytes);
[[nodiscard]] bool take_bytes(std::string_view& from, std::string_view& bytes);

void append_packed(std::string& out, const Value& value);
// Takes one value from the front of `bytes`; error `corrupt`. Depth is bounded as in items
// (kDepthMax in size.h).
Result<Value> take_packed(std::string_view& bytes);
// Steps over one value without building it; of the value it checks the shape, not the order of its
// elements.
[[nodiscard]] bool skip_packed(std::string_view& bytes);
// Adds to `size` what size_bytes() counts for the value.
[[nodiscard]] bool skip_packed(std::string_view& bytes, size_t& size);

// Item: count, then name and value of each.
void append_packed(std::string& out, const Item& item);
Result<Item> take_packed_item(std::string_view& bytes);

// Writes one packed value from the front of `bytes` as DynamoDB JSON ({"S":"..."}) without building
// a tree: the path of GetItem and Query. False when the bytes are corrupt (the output is then to be
// thrown away).
[[nodiscard]] bool append_packed_as_json(std::string& out, std::string_view& bytes);
// The same for a packed item: {"name":{"S":".."},...}.
[[nodiscard]] bool append_packed_item_as_json(std::string& out, std::string_view& bytes);

}  // namespace sealane::table
