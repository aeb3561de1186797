// SPDX-License-Identifier: Apache-2.0
// Keys that requests bring, held against the schemas of their tables and indexes, in AWS's words.
#pragma once

#include <string>

#include "state/api/api.h"
#include "table/key.h"
#include "table/schema.h"

namespace sealane::state::api {

// A Key parameter: exactly the table's key attributes. Gives the encoded key.
Outcome<std::string> check_key(const table::Item& key, const Table& table);
// An item to be put: it has the key attributes, and those of indexes that are there are of their
// type.
Outcome<std::string> check_item(const table::Item& item, const Table& table);
// The attributes of an item that are keys of indexes: type, not empty, not too large.
Outcome<void> check_index_keys(const table::Item& item, const Table& table);

// The names of the table's key attributes.
std::vector<std::string> key_names(const table::KeySchema& key);
bool is_key_attribute(const table::KeySchema& key, std::string_view name);
// The attributes that LastEvaluatedKey has: the table's key, and the index's when there is one.
table::Item key_item(const table::Item& item, const Table& table, const table::Index* index);

}  // namespace sealane::state::api
