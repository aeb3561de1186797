// SPDX-License-Identifier: Apache-2.0
// AttributeValues between DynamoDB's JSON ({"S": "x"}, {"N": "1"}, {"M": {...}}) and trees. Parsing
// is from simdjson's DOM (the request is parsed once, whole; see wire limits in size.h), writing is
// by appending.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "table/value.h"

namespace sealane::table {

// Errors of code `invalid` are DynamoDB's: `what` is the whole message, and a
// SerializationException when the JSON's shape is wrong, a ValidationException when its meaning is;
// the prefix tells which (kSerialization).
inline constexpr std::string_view kSerialization = "SerializationException: ";

Result<Value> value_from_json(simdjson::dom::element json);
// An item or a key: an object of AttributeValues.
Result<Item> item_from_json(simdjson::dom::element json);
// Of an attribute at any level: what every item's names are held to.
Status check_attribute_name(std::string_view name);

void append_json(std::string& out, const Value& value);
void append_json(std::string& out, const Item& item);       // {"name":{"S":".."},...}
void append_json_string(std::string& out, std::string_view text);  // quoted and escaped
void append_base64(std::string& out, std::string_view bytes);
Result<std::string> from_base64(std::string_view text);  // strict: padding, no blanks

}  // namespace sealane::table
