// SPDX-License-Identifier: Apache-2.0
#include "state/api/keys.h"

#include <fmt/format.h>

#include "state/api/outcome.h"
#include "table/size.h"

namespace sealane::state::api {
namespace {

using table::Item;
using table::KeyAttribute;
using table::KeySchema;
using table::Type;
using table::Value;

bool is_empty(const Value& value) {
  if (const auto* text = value.get<std::string>()) return text->empty();
  if (const auto* binary = value.get<table::Binary>()) return binary->bytes.empty();
  return false;
}

std::string_view kind_of(const Value& value) { return value.is(Type::S) ? "string" : "binary"; }

Outcome<void> check_size(const Value& value, bool is_hash) {
  const size_t bytes = table::size_bytes(value);
  if (is_hash && bytes > table::kHashKeyBytesMax) {
    return invalid_values(fmt::format(
        "Size of hashkey has exceeded the maximum size limit of{} bytes", table::kHashKeyBytesMax));
  }
  if (!is_hash && bytes > table::kRangeKeyBytesMax) {
    return invalid_values(
        fmt::format("Aggregated size of all range keys has exceeded the size limit of {} bytes",
                    table::kRangeKeyBytesMax));
  }
  return {};
}

Outcome<void> check_key_value(const Value& value, const KeyAttribute& attribute, bool is_hash) {
  if (is_empty(value)) {
    return validation(fmt::format(
        "One or more parameter values are not valid. The AttributeValue for a key attribute "
        "cannot contain an empty {} value. Key: {}",
        kind_of(value), attribute.name));
  }
  return check_size(value, is_hash);
}

Outcome<void> check_item_key(const Item& item, const KeyAttribute& attribute, bool is_hash) {
  const Value* value = item.find(attribute.name);
  if (!value) return invalid_values(fmt::format("Missing the key {} in the item", attribute.name));
  if (!value->is(attribute.type)) {
    return invalid_values(fmt::format("Type mismatch for key {} expected: {} actual: {}",
                                      attribute.name, table::name(attribute.type),
                                      table::name(value->type())));
  }
  return check_key_value(*value, attribute, is_hash);
}

Outcome<void> check_index_key(const Item& item, const table::Index& index,
                              const KeyAttribute& attribute, bool is_hash) {
  const Value* value = item.find(attribute.name);
  if (!value) return {};
  if (!value->is(attribute.type)) {
    return invalid_values(fmt::format(
        "Type mismatch for Index Key {} Expected: {} Actual: {} IndexName: {}", attribute.name,
        table::name(attribute.type), table::name(value->type()), index.name));
  }
  if (is_empty(*value)) {
    return validation(fmt::format(
        "One or more parameter values are not valid. A value specified for a secondary index "
        "key is not supported. The AttributeValue for a key attribute cannot contain an empty "
        "{} value. IndexName: {}, IndexKey: {}",
        kind_of(*value), index.name, attribute.name));
  }
  return check_size(*value, is_hash);
}

}  // namespace

std::vector<std::string> key_names(const KeySchema& key) {
  std::vector<std::string> names{key.hash.name};
  if (key.range) names.push_back(key.range->name);
  return names;
}

bool is_key_attribute(const KeySchema& key, std::string_view name) {
  return key.hash.name == name || (key.range && key.range->name == name);
}

Outcome<std::string> check_key(const Item& key, const Table& table) {
  const auto mismatch = [] {
    return validation("The provided key element does not match the schema");
  };
  if (key.size() != (table.key.range ? 2 : 1)) return mismatch();
  const Value* hash = key.find(table.key.hash.name);
  if (!hash || !hash->is(table.key.hash.type)) return mismatch();
  SL_CHECK(check_key_value(*hash, table.key.hash, true));
  if (!table.key.range) return table::encode_key(*hash, nullptr);
  const Value* range = key.find(table.key.range->name);
  if (!range || !range->is(table.key.range->type)) return mismatch();
  SL_CHECK(check_key_value(*range, *table.key.range, false));
  return table::encode_key(*hash, range);
}

Outcome<void> check_index_keys(const Item& item, const Table& table) {
  for (const table::Index& index : table.indexes) {
    SL_CHECK(check_index_key(item, index, index.key.hash, true));
    if (index.key.range) SL_CHECK(check_index_key(item, index, *index.key.range, false));
  }
  return {};
}

Outcome<std::string> check_item(const Item& item, const Table& table) {
  SL_CHECK(check_item_key(item, table.key.hash, true));
  if (table.key.range) SL_CHECK(check_item_key(item, *table.key.range, false));
  SL_CHECK(check_index_keys(item, table));
  return table::encode_key(*item.find(table.key.hash.name),
                           table.key.range ? item.find(table.key.range->name) : nullptr);
}

Item key_item(const Item& item, const Table& table, const table::Index* index) {
  Item key;
  const auto take = [&](const KeySchema& schema) {
    for (const std::string& name : key_names(schema)) {
      if (const Value* value = item.find(name)) key.set(name, *value);
    }
  };
  take(table.key);
  if (index) take(index->key);
  return key;
}

}  // namespace sealane::state::api
