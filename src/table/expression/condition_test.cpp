// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>

#include "table/expression/expression.h"
#include "table/expression/test_values.h"
#include "table/size.h"

namespace sealane::table {
namespace {

constexpr std::string_view kItem = R"({
  "s":{"S":"hello"}, "e":{"S":""}, "u":{"S":"\u00e9\ud834\udd1e"}, "n":{"N":"5"}, "n2":{"N":"5.0"},
  "b":{"B":"aGVsbG8="},
  "ss":{"SS":["b","a"]}, "ss2":{"SS":["a","b"]}, "ns":{"NS":["1","2.0"]}, "bs":{"BS":["aGk="]},
  "l":{"L":[{"S":"x"},{"N":"1"},{"L":[]},{"NS":["1","2"]}]}, "l2":{"L":[]},
  "m":{"M":{"k":{"S":"v"},"l":{"L":[{"M":{"deep":{"N":"1"}}}]}}},
  "t":{"BOOL":true}, "f":{"BOOL":false}, "z":{"NULL":true}})";
constexpr std::string_view kGiven = R"({
  ":hello":{"S":"hello"}, ":hell":{"S":"hell"}, ":ell":{"S":"ell"},
  ":empty":{"S":""}, ":zz":{"S":"zz"},
  ":3":{"N":"3"}, ":4":{"N":"4"}, ":5":{"N":"5"}, ":6":{"N":"6"}, ":1":{"N":"1"}, ":2":{"N":"2"},
  ":0":{"N":"0"},
  ":five":{"S":"5"}, ":bhello":{"B":"aGVsbG8="}, ":bhell":{"B":"aGVsbA=="}, ":bell":{"B":"ZWxs"},
  ":bhi":{"B":"aGk="}, ":ab":{"SS":["a","b"]}, ":a":{"S":"a"},
  ":ns12":{"NS":["2","1"]}, ":x":{"S":"x"},
  ":emptyl":{"L":[]},
  ":m":{"M":{"l":{"L":[{"M":{"deep":{"N":"1.0"}}}]},"k":{"S":"v"}}},
  ":true":{"BOOL":true}, ":null":{"NULL":true},
  ":tS":{"S":"S"}, ":tN":{"S":"N"}, ":tB":{"S":"B"}, ":tSS":{"S":"SS"},
  ":tNS":{"S":"NS"}, ":tBS":{"S":"BS"},
  ":tL":{"S":"L"}, ":tM":{"S":"M"}, ":tBOOL":{"S":"BOOL"}, ":tNULL":{"S":"NULL"}, "#size":"size"})";

bool is_true(std::string_view text) {
  Placeholders placeholders = test::placeholders(kGiven);
  auto condition = parse_condition(text, placeholders, kConditionExpression);
  EXPECT_EQ(test::told(condition), "ok") << text;
  return condition && holds(*condition, test::item(kItem));
}

TEST(Condition, holds_as_in_dynamodb) {
  constexpr std::string_view kTrue[] = {
      // equality: within one type, sets in any order, numbers by value, maps and lists deeply
      "s = :hello", "n = :5", "n = n2", "b = :bhello", "ss = :ab", "ss = ss2", "ns = :ns12",
      "l2 = :emptyl", "m = :m", "t = :true", "z = :null", "e = :empty", "l[3] = ns",
      "s <> :hell", "n <> :five", "gone <> :5", "gone <> absent", "ss <> ns",
      // order
      "n < :6", "n <= :5", "n > :4", "n >= :5", "s < :zz", "s > :hell", "b > :bhell", ":4 < n",
      "n BETWEEN :5 AND :6", "n BETWEEN :4 AND :5", ":5 BETWEEN n AND n2", "s BETWEEN :a AND :zz",
      // membership
      "n IN (:4, :5)", "n IN (:five, n2)", "ss IN (:ab)", ":x IN (l[0])",
      // functions
      "attribute_exists(s)", "attribute_exists(z)", "attribute_exists(m.l[0].deep)",
      "attribute_not_exists(gone)", "attribute_not_exists(m.gone)",
      "attribute_not_exists(l[9])", "attribute_not_exists(s.k)", "attribute_not_exists(m[0])",
      "attribute_not_exists(l.k)", "attribute_type(s, :tS)", "attribute_type(n, :tN)",
      "attribute_type(b, :tB)", "attribute_type(ss, :tSS)", "attribute_type(ns, :tNS)",
      "attribute_type(bs, :tBS)", "attribute_type(l, :tL)", "attribute_type(m, :tM)",
      "attribute_type(t, :tBOOL)", "attribute_type(z, :tNULL)", "attribute_type(:5, :tN)",
      "attribute_type(size(s), :tN)", "begins_with(s, :hell)", "begins_with(s, :empty)",
      "begins_with(b, :bhell)", "begins_with(:hello, s)", "contains(s, :ell)",
      "contains(s, :empty)", "contains(b, :bell)", "contains(ss, :a)", "contains(ns, :2)",
      "contains(bs, :bhi)", "contains(l, :x)", "contains(l, :1)", "contains(l, :emptyl)",
      "contains(l, :ns12)", "contains(:hello, :ell)",
      // sizes: strings in UTF-16 code units, binaries in bytes, the rest in elements
      "size(s) = :5", "size(u) = :3", "size(e) = :0", "size(b) = :5", "size(ss) = :2",
      "size(l) = :4", "size(l2) = :0", "size(m) = :2", "size(m.l) = :1", "size(:hello) = :5",
      "size(s) > size(ss)", "size(s) IN (:4, :5)", "size(s) BETWEEN :4 AND :6",
      // logic: NOT binds closest, then AND, then OR
      "NOT n = :4", "n = :5 OR n = :4 AND n = :6", "NOT n = :4 AND n = :5", "not not n = :5",
      "not (n = :4 or n = :6)", "(n = :5 or n = :4) and s = :hello",
  };
  for (std::string_view text : kTrue) EXPECT_TRUE(is_true(text)) << text;
}

TEST(Condition, does_not_hold_as_in_dynamodb) {
  constexpr std::string_view kFalse[] = {
      "s = :hell", "n = :five", "gone = :5", "gone = absent", "ss = ns", "t = f", "z = f",
      "n <> n2", "m <> :m", "ss <> :ab",
      // what is missing or of another type has no order
      "gone < :5", ":5 < gone", "n < :hello", "n > :hello", "ss < :5", "m <= m.l", "z <= t",
      "n BETWEEN :6 AND :6", "n BETWEEN :a AND :zz", "gone BETWEEN :4 AND :6",
      "n IN (:4, :6)", "gone IN (:5, absent)", "n IN (:five)",
      "attribute_exists(gone)", "attribute_exists(l[4])", "attribute_exists(s[0])",
      "attribute_not_exists(z)", "attribute_type(s, :tN)", "attribute_type(gone, :tNULL)",
      "begins_with(s, :ell)", "begins_with(n, :five)", "begins_with(ss, :a)",
      "begins_with(gone, :a)", "begins_with(b, :hell)", "contains(s, :zz)", "contains(n, :5)",
      "contains(ss, :1)", "contains(ss, :ab)", "contains(m, :x)", "contains(gone, :a)",
      "contains(l, :2)", "contains(s, :bell)",
      // size of what has none is missing
      "size(n) = :1", "size(t) = :1", "size(z) = :0", "size(gone) = :0", "size(n) < :6",
      "NOT n = :5", "NOT n = :5 AND n = :5", "(n = :5 or n = :4) and s = :hell",
  };
  for (std::string_view text : kFalse) EXPECT_FALSE(is_true(text)) << text;
}

TEST(Condition, an_item_that_is_not_there_has_no_attributes) {
  Placeholders placeholders = test::placeholders(kGiven);
  auto holds_of_nothing = [&](std::string_view text) {
    return holds(*parse_condition(text, placeholders, kConditionExpression), Item());
  };
  EXPECT_TRUE(holds_of_nothing("attribute_not_exists(id)"));
  EXPECT_TRUE(holds_of_nothing("id <> :5"));
  EXPECT_FALSE(holds_of_nothing("id = :5"));
}

// A text of 'a's in which 'aa..ab' is looked for 300 times: quadratic search would take hours, not
// a blink.
TEST(Condition, three_hundred_operators_on_the_largest_item_stay_linear) {
  Item item;
  item.set("s", Value(std::string(kItemBytesMax - 1, 'a')));
  Placeholders placeholders;
  ASSERT_TRUE(placeholders.add_value(":p", Value(std::string(kItemBytesMax / 2, 'a') + "b")));
  std::string text = "contains(s,:p)";
  for (int i = 1; i < 150; ++i) text += " or contains(s,:p)";
  auto condition = parse_condition(text, placeholders, kConditionExpression);
  ASSERT_EQ(test::told(condition), "ok");
  auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(holds(*condition, item));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

}  // namespace
}  // namespace sealane::table
