// SPDX-License-Identifier: Apache-2.0
#include "table/value.h"

#include <gtest/gtest.h>

#include <map>

#include "table/sample_value.h"

namespace sealane::table {
namespace {

TEST(Value, forms_and_types_stand_in_the_same_order) {
  const std::pair<Value::Form, Type> cases[] = {
      {std::string("x"), Type::S}, {Number(1), Type::N},      {Binary{"x"}, Type::B},
      {StringSet{"x"}, Type::SS},  {NumberSet{{}}, Type::NS}, {BinarySet{{}}, Type::BS},
      {Item(), Type::M},           {List(), Type::L},         {Null{}, Type::null},
      {true, Type::boolean},
  };
  for (const auto& [form, type] : cases) EXPECT_EQ(Value(form).type(), type) << name(type);
  EXPECT_EQ(name(Type::null), "NULL");
  EXPECT_EQ(name(Type::boolean), "BOOL");
}

TEST(Item, behaves_as_a_map_ordered_by_name) {
  for (uint64_t seed = 0; seed < 50; ++seed) {
    SCOPED_TRACE(seed);
    Dice dice(seed);
    Item item;
    std::map<std::string, Value> model;
    for (int step = 0; step < 100; ++step) {
      const std::string name = roll_text(dice);
      if (dice.chance(0.6)) {
        const Value value = roll_value(dice, 2);
        item.set(name, value);
        model[name] = value;
      } else {
        EXPECT_EQ(item.erase(name), model.erase(name) == 1);
      }
      const Value* found = std::as_const(item).find(name);
      ASSERT_EQ(found != nullptr, model.contains(name));
      if (found) {
        EXPECT_EQ(*found, model[name]);
      }
    }
    ASSERT_EQ(item.size(), model.size());
    EXPECT_TRUE(std::equal(
        item.begin(), item.end(), model.begin(),
        [](const auto& a, const auto& b) { return a.name == b.first && a.value == b.second; }));
  }
}

TEST(Item, names_that_are_appended_must_ascend) {
  Item item;
  item.append("a", Value());
  item.append("b", Value());
  EXPECT_DEATH(item.append("b", Value()), "assertion failed");
}

}  // namespace
}  // namespace sealane::table
