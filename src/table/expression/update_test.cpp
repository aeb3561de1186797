// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>

#include "table/expression/expression.h"
#include "table/expression/test_values.h"
#include "table/size.h"

namespace sealane::table {
namespace {

constexpr std::string_view kGiven = R"({
  ":s":{"S":"x"}, ":t":{"S":"y"}, ":1":{"N":"1"}, ":half":{"N":"0.5"}, ":big":{"N":"9E125"},
  ":[]":{"L":[]}, ":[c]":{"L":[{"S":"c"}]}, ":[cd]":{"L":[{"S":"c"},{"S":"d"}]},
  ":ss":{"SS":["b","c"]}, ":sa":{"SS":["a"]}, ":ns":{"NS":["1","2.0"]}, ":bs":{"BS":["aGk="]}, ":m":{"M":{}}})";

// JSON cannot name ":[c]" in an expression; the placeholders are words.
Placeholders given() {
  std::string json(kGiven);
  for (auto [from, to] : {std::pair{":[]", ":none"}, {":[c]", ":c"}, {":[cd]", ":cd"}})
    json.replace(json.find(from), std::string_view(from).size(), to);
  return test::placeholders(json);
}

std::string text(const std::vector<Change>& changes) {
  constexpr std::string_view kNames[] = {"set", "removed", "append", "prepend"};
  std::string out;
  for (const Change& change : changes) {
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", kNames[size_t(change.kind)],
                       change.attribute);
    if (!change.elements.empty()) out += fmt::format(" {}", change.elements.size());
  }
  return out;
}

struct Case {
  std::string_view before, expression, after, changes;
};

void check(const Case& c) {
  SCOPED_TRACE(fmt::format("{} on {}", c.expression, c.before));
  Placeholders placeholders = given();
  auto update = parse_update(c.expression, placeholders);
  ASSERT_EQ(test::told(update), "ok");
  Item item = test::item(c.before);
  auto changes = apply(*update, item);
  if (!changes) {
    EXPECT_EQ(changes.error().what, c.after);
    EXPECT_EQ(test::json(item), test::json(test::item(c.before)))
        << "an error leaves the item alone";
    return;
  }
  bool is_json = c.after.starts_with('{');
  EXPECT_EQ(test::json(item), is_json ? test::json(test::item(c.after)) : c.after);
  EXPECT_EQ(text(*changes), c.changes);
}

TEST(Update, set) {
  constexpr Case kCases[] = {
      {R"({})", "SET a = :s", R"({"a":{"S":"x"}})", "set a"},
      {R"({"a":{"N":"1"}})", "SET a = :s", R"({"a":{"S":"x"}})", "set a"},
      {R"({"a":{"S":"1"},"b":{"S":"2"}})", "SET a = b, b = a", R"({"a":{"S":"2"},"b":{"S":"1"}})",
       "set a, set b"},
      {R"({"a":{"N":"41"}})", "SET a = a + :1", R"({"a":{"N":"42"}})", "set a"},
      {R"({"a":{"N":"1"},"b":{"N":"3"}})", "SET a = b - a", R"({"a":{"N":"2"},"b":{"N":"3"}})",
       "set a"},
      {R"({"a":{"N":"1"}})", "SET a = (a - :half)", R"({"a":{"N":"0.5"}})", "set a"},
      {R"({})", "SET a = if_not_exists(a, :1) + :1", R"({"a":{"N":"2"}})", "set a"},
      {R"({"a":{"N":"5"}})", "SET a = if_not_exists(a, :1) + :1", R"({"a":{"N":"6"}})", "set a"},
      {R"({"b":{"S":"b"}})", "SET a = if_not_exists(a, if_not_exists(b, :s))",
       R"({"a":{"S":"b"},"b":{"S":"b"}})", "set a"},
      {R"({"m":{"M":{}}})", "SET m.k = :s, m.l = :none",
       R"({"m":{"M":{"k":{"S":"x"},"l":{"L":[]}}}})", "set m"},
      {R"({"l":{"L":[{"M":{}}]}})", "SET l[0].k = :s", R"({"l":{"L":[{"M":{"k":{"S":"x"}}}]}})",
       "set l"},
      // beyond the end is the end, in order of the indexes
      {R"({"l":{"L":[{"S":"a"}]}})", "SET l[9] = :s", R"({"l":{"L":[{"S":"a"},{"S":"x"}]}})",
       "set l"},
      {R"({"l":{"L":[{"S":"a"}]}})", "SET l[10] = :t, l[9] = :s, l[0] = :1",
       R"({"l":{"L":[{"N":"1"},{"S":"x"},{"S":"y"}]}})", "set l"},
      {R"({"l":{"L":[]}})", "SET l[0] = :s", R"({"l":{"L":[{"S":"x"}]}})", "set l"},
      // errors
      {R"({})", "SET a = b",
       "The provided expression refers to an attribute that does not exist in the item", ""},
      {R"({})", "SET a = a + :1",
       "The provided expression refers to an attribute that does not exist in the item", ""},
      {R"({"a":{"S":"1"}})", "SET b = :s, a = a + :1",
       "An operand in the update expression has an incorrect data type", ""},
      {R"({"a":{"N":"9E125"}})", "SET a = a + :big",
       "Number overflow. Attempting to store a number with magnitude larger than supported range",
       ""},
      {R"({})", "SET m.k = :s",
       "The document path provided in the update expression is invalid for update", ""},
      {R"({"m":{"S":"x"}})", "SET m.k = :s",
       "The document path provided in the update expression is invalid for update", ""},
      {R"({"m":{"M":{}}})", "SET m[0] = :s",
       "The document path provided in the update expression is invalid for update", ""},
      {R"({"m":{"M":{}}})", "SET m.k.l = :s",
       "The document path provided in the update expression is invalid for update", ""},
      {R"({"l":{"L":[]}})", "SET l.k = :s",
       "The document path provided in the update expression is invalid for update", ""},
  };
  for (const Case& c : kCases) check(c);
}

TEST(Update, lists_grow_at_one_end) {
  constexpr std::string_view kOne = R"({"l":{"L":[{"S":"a"}]}})";
  constexpr Case kCases[] = {
      {kOne, "SET l = list_append(l, :cd)", R"({"l":{"L":[{"S":"a"},{"S":"c"},{"S":"d"}]}})",
       "append l 2"},
      {kOne, "SET l = list_append(:cd, l)", R"({"l":{"L":[{"S":"c"},{"S":"d"},{"S":"a"}]}})",
       "prepend l 2"},
      {kOne, "SET l = list_append(if_not_exists(l, :none), :c), b = :s",
       R"({"b":{"S":"x"},"l":{"L":[{"S":"a"},{"S":"c"}]}})", "append l 1, set b"},
      {R"({})", "SET l = list_append(if_not_exists(l, :none), :c)", R"({"l":{"L":[{"S":"c"}]}})",
       "append l 1"},
      {R"({})", "SET l = list_append(:c, if_not_exists(l, :none))", R"({"l":{"L":[{"S":"c"}]}})",
       "prepend l 1"},
      // an empty append still makes the list
      {R"({})", "SET l = list_append(if_not_exists(l, :none), :none)", R"({"l":{"L":[]}})",
       "append l"},
      // what looks alike and is not: another default, another list, a nested one, two lists of the
      // item
      {R"({})", "SET l = list_append(if_not_exists(l, :cd), :c)",
       R"({"l":{"L":[{"S":"c"},{"S":"d"},{"S":"c"}]}})", "set l"},
      {kOne, "SET k = list_append(l, :c)",
       R"({"k":{"L":[{"S":"a"},{"S":"c"}]},"l":{"L":[{"S":"a"}]}})", "set k"},
      {kOne, "SET l = list_append(l, l)", R"({"l":{"L":[{"S":"a"},{"S":"a"}]}})", "set l"},
      {kOne, "SET l = list_append(list_append(:c, l), :cd)",
       R"({"l":{"L":[{"S":"c"},{"S":"a"},{"S":"c"},{"S":"d"}]}})", "set l"},
      {R"({"m":{"M":{"l":{"L":[]}}}})", "SET m.l = list_append(m.l, :c)",
       R"({"m":{"M":{"l":{"L":[{"S":"c"}]}}}})", "set m"},
      {R"({})", "SET l = list_append(l, :c)",
       "The provided expression refers to an attribute that does not exist in the item", ""},
      {R"({"l":{"S":"x"}})", "SET l = list_append(l, :c)",
       "An operand in the update expression has an incorrect data type", ""},
      {R"({"l":{"SS":["x"]}})", "SET l = list_append(if_not_exists(l, :none), :c)",
       "An operand in the update expression has an incorrect data type", ""},
      {R"({"l":{"S":"x"}})", "SET k = list_append(l, :c)",
       "An operand in the update expression has an incorrect data type", ""},
  };
  for (const Case& c : kCases) check(c);
}

TEST(Update, remove) {
  constexpr std::string_view kList =
      R"({"l":{"L":[{"S":"0"},{"S":"1"},{"L":[{"S":"20"},{"S":"21"}]},{"S":"3"}]}})";
  constexpr Case kCases[] = {
      {R"({"a":{"S":"x"},"b":{"S":"y"}})", "REMOVE a", R"({"b":{"S":"y"}})", "removed a"},
      {R"({"b":{"S":"y"}})", "REMOVE a", R"({"b":{"S":"y"}})", "removed a"},
      {R"({"m":{"M":{"a":{"S":"x"},"b":{"S":"y"}}}})", "REMOVE m.a",
       R"({"m":{"M":{"b":{"S":"y"}}}})", "set m"},
      {R"({"m":{"M":{}}})", "REMOVE m.a", R"({"m":{"M":{}}})", "set m"},
      // every index means the list as it was
      {kList, "REMOVE l[0], l[1]", R"({"l":{"L":[{"L":[{"S":"20"},{"S":"21"}]},{"S":"3"}]}})",
       "set l"},
      {kList, "REMOVE l[3], l[0], l[2][1]", R"({"l":{"L":[{"S":"1"},{"L":[{"S":"20"}]}]}})",
       "set l"},
      {kList, "REMOVE l[2][0], l[2][1], l[1]", R"({"l":{"L":[{"S":"0"},{"L":[]},{"S":"3"}]}})",
       "set l"},
      {kList, "REMOVE l[4], l[99]", kList, "set l"},
      {kList, "REMOVE l[0] SET l[1] = :s, l[7] = :t",
       R"({"l":{"L":[{"S":"x"},{"L":[{"S":"20"},{"S":"21"}]},{"S":"3"},{"S":"y"}]}})", "set l"},
      {kList, "REMOVE l[4] SET l[7] = :t",
       R"({"l":{"L":[{"S":"0"},{"S":"1"},{"L":[{"S":"20"},{"S":"21"}]},{"S":"3"},{"S":"y"}]}})",
       "set l"},
      {R"({})", "REMOVE m.a",
       "The document path provided in the update expression is invalid for update", ""},
      {R"({"m":{"S":"x"}})", "REMOVE m[0]",
       "The document path provided in the update expression is invalid for update", ""},
  };
  for (const Case& c : kCases) check(c);
}

TEST(Update, add_and_delete) {
  constexpr Case kCases[] = {
      {R"({})", "ADD a :1", R"({"a":{"N":"1"}})", "set a"},
      {R"({"a":{"N":"-1"}})", "ADD a :1", R"({"a":{"N":"0"}})", "set a"},
      {R"({})", "ADD a :ss", R"({"a":{"SS":["b","c"]}})", "set a"},
      {R"({"a":{"SS":["a","b"]}})", "ADD a :ss", R"({"a":{"SS":["a","b","c"]}})", "set a"},
      {R"({"a":{"NS":["2","10"]}})", "ADD a :ns", R"({"a":{"NS":["1","2","10"]}})", "set a"},
      {R"({"a":{"BS":["aG8="]}})", "ADD a :bs", R"({"a":{"BS":["aGk=","aG8="]}})", "set a"},
      {R"({"m":{"M":{"n":{"N":"1"}}}})", "ADD m.n :1, m.o :1",
       R"({"m":{"M":{"n":{"N":"2"},"o":{"N":"1"}}}})", "set m"},
      {R"({"l":{"L":[{"N":"1"}]}})", "ADD l[0] :1, l[5] :1", R"({"l":{"L":[{"N":"2"},{"N":"1"}]}})",
       "set l"},
      {R"({"a":{"S":"x"}})", "ADD a :1",
       "An operand in the update expression has an incorrect data type", ""},
      {R"({"a":{"NS":["1"]}})", "ADD a :ss",
       "An operand in the update expression has an incorrect data type", ""},
      {R"({})", "ADD m.n :1",
       "The document path provided in the update expression is invalid for update", ""},
      {R"({"a":{"SS":["a","b"]}})", "DELETE a :ss", R"({"a":{"SS":["a"]}})", "set a"},
      {R"({"a":{"SS":["b","c"]}})", "DELETE a :ss", R"({})", "removed a"},
      {R"({"a":{"SS":["x"]}})", "DELETE a :ss", R"({"a":{"SS":["x"]}})", "set a"},
      {R"({"a":{"NS":["1","2","3"]}})", "DELETE a :ns", R"({"a":{"NS":["3"]}})", "set a"},
      {R"({"m":{"M":{"a":{"SS":["b"]}}}})", "DELETE m.a :ss", R"({"m":{"M":{}}})", "set m"},
      {R"({"l":{"L":[{"SS":["b"]},{"S":"z"}]}})", "DELETE l[0] :ss REMOVE l[1]",
       R"({"l":{"L":[]}})", "set l"},
      // nothing was there, nothing is: no change that could bury another region's write
      {R"({})", "DELETE a :ss", R"({})", ""},
      {R"({"a":{"NS":["1"]}})", "DELETE a :ss",
       "An operand in the update expression has an incorrect data type", ""},
      {R"({"a":{"S":"1"}})", "DELETE a :ss",
       "An operand in the update expression has an incorrect data type", ""},
  };
  for (const Case& c : kCases) check(c);
}

TEST(Update, what_it_writes_is_not_nested_deeper_than_an_item_may_be) {
  Placeholders placeholders;
  Value deep(Item{});
  for (size_t i = 2; i < kDepthMax; ++i) {  // 31 levels in the end
    List list;
    list.push_back(std::move(deep));
    deep = Value(std::move(list));
  }
  ASSERT_TRUE(placeholders.add_value(":v", deep));
  Item item = test::item(R"({"m":{"M":{"m":{"M":{}}}}})");
  EXPECT_TRUE(apply(*parse_update("SET m.k = :v", placeholders), item));
  EXPECT_EQ(
      test::told(apply(*parse_update("SET m.m.k = :v", placeholders), item)),
      "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels "
      "beyond supported limit");
}

// The largest list and the longest expression: a second at most, and no copy of the list for each
// mention.
TEST(Update, the_longest_expression_on_the_largest_item_stays_linear) {
  List list(kItemBytesMax / 2);
  Item item;
  item.set("l", Value(std::move(list)));
  Placeholders placeholders;
  std::string removes = "REMOVE l[0]";
  for (int i = 1; removes.size() < kExpressionBytesMax - 10; ++i)
    removes += fmt::format(",l[{}]", i);
  std::string copies = "SET a0=l";
  for (int i = 1; copies.size() < kExpressionBytesMax - 10; ++i) copies += fmt::format(",a{}=l", i);
  auto begin = std::chrono::steady_clock::now();
  auto update = parse_update(copies, placeholders);
  ASSERT_EQ(test::told(update), "ok");
  EXPECT_EQ(test::told(apply(*update, item)),
            "Item size to update has exceeded the maximum allowed size");
  update = parse_update(removes, placeholders);
  ASSERT_EQ(test::told(update), "ok");
  EXPECT_TRUE(apply(*update, item));
  EXPECT_EQ(item.find("l")->get<List>()->size(), kItemBytesMax / 2 - update->removes.size());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace sealane::table
