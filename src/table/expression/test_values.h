// SPDX-License-Identifier: Apache-2.0
// Items, values and placeholders out of JSON, for the tests and fuzz targets beside this file.
#pragma once

#include <simdjson.h>

#include <string>
#include <string_view>

#include "table/attribute_json.h"
#include "table/expression/expression.h"

namespace sealane::table::test {

inline Item item(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::element element;
  SL_ASSERT(parser.parse(simdjson::padded_string(json)).get(element) == simdjson::SUCCESS);
  auto result = item_from_json(element);
  SL_ASSERT(result);
  return *result;
}

inline std::string json(const Item& item) {
  std::string out;
  append_json(out, item);
  return out;
}

// {":v":{"S":"x"},"#n":"name"}: values and names in one object.
inline Placeholders placeholders(std::string_view json) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  SL_ASSERT(parser.parse(simdjson::padded_string(json)).get_object().get(object) ==
            simdjson::SUCCESS);
  Placeholders result;
  for (auto [name, element] : object) {
    if (name.starts_with('#')) {
      SL_ASSERT(result.add_name(name, std::string_view(element)));
    } else {
      auto value = value_from_json(element);
      SL_ASSERT(value && result.add_value(name, *value));
    }
  }
  return result;
}

// What an error says, or "ok".
template <typename T>
std::string told(const Result<T>& result) {
  return result ? "ok" : result.error().what;
}

}  // namespace sealane::table::test
