// SPDX-License-Identifier: Apache-2.0
// How DynamoDB compares values: only within one type; strings and binaries by their bytes, numbers
// by value; sets, lists and maps only for equality (which is Value's ==, the canonical form makes
// sets equal in any order).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "table/value.h"

namespace sealane::table {

// Strings, numbers and binaries.
bool has_order(Type type);
// False when the types differ or have no order.
bool is_less(const Value& a, const Value& b);
bool is_less_or_equal(const Value& a, const Value& b);
// Strings and binaries.
bool begins_with(const Value& value, const Value& prefix);
// A string in a string, bytes in bytes, an element in a set or a list. Linear in both.
bool contains(const Value& value, const Value& part);
// What the function size() says: UTF-16 code units of strings (seen at DynamoDB: size of
// "\u00E9\U0001D11E" is 3), bytes of binaries, elements of sets, lists and maps; none for the rest.
std::optional<Number> size_of(const Value& value);

// The type that is called "NS" and so on on the wire.
std::optional<Type> type_named(std::string_view name);
// "STRING", "NUMBER_SET" and so on, as some error messages have it.
std::string_view long_name(Type type);
// As in error messages: "AttributeValue: {N:5}".
std::string describe(const Value& value);

}  // namespace sealane::table
