// SPDX-License-Identifier: Apache-2.0
// Any text as each kind of expression: parsed, and what parses is carried out on an item. The item
// after an update must read back as it was written.
#include <algorithm>
#include <cstdint>

#include "table/expression/test_values.h"
#include "table/packed.h"

using namespace sealane;
using namespace sealane::table;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Item kItem = test::item(R"({
    "s":{"S":"hello"}, "n":{"N":"5"}, "b":{"B":"aGk="}, "ss":{"SS":["a","b"]}, "ns":{"NS":["1","2"]},
    "bs":{"BS":["aGk="]}, "l":{"L":[{"S":"x"},{"M":{"k":{"N":"1"}}},{"L":[{"S":"y"},{"NULL":true}]}]},
    "m":{"M":{"k":{"S":"v"},"l":{"L":[{"M":{}}]},"ss":{"SS":["a"]}}}, "t":{"BOOL":true}, "z":{"NULL":true}})");
  static const Placeholders kGiven = test::placeholders(R"({
    ":s":{"S":"hell"}, ":n":{"N":"5"}, ":b":{"B":"aA=="}, ":ss":{"SS":["a","c"]}, ":ns":{"NS":["2"]},
    ":l":{"L":[{"S":"x"}]}, ":e":{"L":[]}, ":m":{"M":{"k":{"S":"v"}}}, ":t":{"S":"SS"}, "#n":"name", "#l":"l", "#m":"m"})");
  static const KeySchema kSchema{{"s", Type::S}, KeyAttribute{"n", Type::N}};
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Placeholders placeholders = kGiven;

  if (auto condition = parse_condition(text, placeholders, kConditionExpression)) {
    bool is_true = holds(*condition, kItem);
    Condition negation{.kind = Condition::Kind::not_, .children = {*condition}};
    SL_ASSERT(holds(negation, kItem) != is_true);
    (void)holds(*condition, Item());
    (void)first_key_attribute(*condition, kSchema);
    (void)to_key_condition(*condition, kSchema);
  }
  (void)parse_key_condition(text, placeholders, kSchema);
  if (auto projection = parse_projection(text, placeholders)) {
    Item part = project(kItem, *projection);
    SL_ASSERT(project(part, {}).empty());
    for (const auto& attribute : part) SL_ASSERT(kItem.find(attribute.name));
  }
  if (auto update = parse_update(text, placeholders)) {
    Item item = kItem;
    auto changes = apply(*update, item);
    if (!changes) SL_ASSERT(item == kItem);
    std::string packed;
    append_packed(packed, item);
    std::string_view bytes = packed;
    auto again = take_packed_item(bytes);
    SL_ASSERT(again && *again == item);
    // Whatever differs is told.
    for (const auto& attribute : item) {
      const Value* old = kItem.find(attribute.name);
      bool is_told = changes && std::ranges::any_of(*changes, [&](const Change& change) {
                       return change.attribute == attribute.name;
                     });
      SL_ASSERT(is_told || (old && *old == attribute.value));
    }
  }
  return 0;
}
