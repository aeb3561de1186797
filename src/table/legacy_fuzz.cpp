// SPDX-License-Identifier: Apache-2.0
// Any JSON as each of the parameters from before expressions: parsed, and what parses is carried
// out on an item.
#include <cstdint>

#include "table/expression/test_values.h"
#include "table/legacy.h"

using namespace sealane;
using namespace sealane::table;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Item kItem = test::item(R"({
    "s":{"S":"hello"}, "n":{"N":"5"}, "b":{"B":"aGk="}, "ss":{"SS":["a","b"]}, "ns":{"NS":["1"]},
    "l":{"L":[{"S":"x"}]}, "m":{"M":{"k":{"S":"v"}}}, "z":{"NULL":true}})");
  static const KeySchema kSchema{{"s", Type::S}, KeyAttribute{"n", Type::N}};
  simdjson::dom::parser parser;
  simdjson::dom::element json;
  simdjson::padded_string text(reinterpret_cast<const char*>(data), size);
  if (parser.parse(text).get(json) != simdjson::SUCCESS) return 0;

  for (bool is_any : {false, true}) {
    if (auto condition = condition_from_expected(json, is_any)) {
      (void)holds(*condition, kItem);
      (void)holds(*condition, Item());
    }
    if (auto condition = condition_from_filter(json, is_any)) {
      (void)holds(*condition, kItem);
      (void)first_key_attribute(*condition, kSchema);
      (void)to_key_condition(*condition, kSchema);
    }
  }
  if (auto update = update_from_attribute_updates(json)) {
    Item item = kItem;
    if (!apply(*update, item)) SL_ASSERT(item == kItem);
  }
  if (auto projection = projection_from_attributes_to_get(json))
    for (const auto& attribute : project(kItem, *projection)) SL_ASSERT(kItem.find(attribute.name));
  return 0;
}
