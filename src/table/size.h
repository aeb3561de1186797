// SPDX-License-Identifier: Apache-2.0
// How large DynamoDB says things are, and the limits it states ("Service, account, and table
// quotas", "DynamoDB item sizes and formats").
#pragma once

#include <cstddef>
#include <cstdint>

#include "table/value.h"

namespace sealane::table {

struct Record;

inline constexpr size_t kContainerBytes = 3, kElementBytes = 1;  // of a list or a map

inline constexpr size_t kItemBytesMax = 400 * 1024;
inline constexpr size_t kDepthMax = 32;            // nested maps and lists
inline constexpr size_t kHashKeyBytesMax = 2048;
inline constexpr size_t kRangeKeyBytesMax = 1024;
inline constexpr size_t kRequestBytesMax = 16 << 20;
inline constexpr size_t kExpressionBytesMax = 4096;
inline constexpr size_t kExpressionOperatorsMax = 300;
inline constexpr size_t kPageBytesMax = 1 << 20;   // of one Query or Scan
inline constexpr size_t kAttributeNameBytesMax = 65535;

// Attribute names and values: strings and binaries their bytes; numbers about one byte per two
// digits and one more (two for negative ones); null and boolean 1; lists and maps 3, and 1 for each
// element.
size_t size_bytes(const Number& number);
size_t size_bytes(const Value& value);
size_t size_bytes(const Item& item);
// Of a record's item, which is not built for it.
size_t size_bytes(const Record& record);

// Levels of nesting: 1 for a scalar or a set, one more than the deepest element for maps and lists.
// An item's attributes may have kDepthMax; more does not pack, so an update that nests deeper is to
// be refused before.
size_t depth(const Value& value);

// Capacity units: a read is 0.5 per started 4 KiB (1 when strongly consistent, 2 in a transaction),
// a write 1 per started KiB (2 in a transaction).
double read_units(size_t bytes, bool consistent);
double write_units(size_t bytes);

}  // namespace sealane::table
