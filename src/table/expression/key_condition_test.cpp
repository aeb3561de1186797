// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "table/expression/compare.h"
#include "table/expression/expression.h"
#include "table/expression/test_values.h"

namespace sealane::table {
namespace {

constexpr std::string_view kGiven = R"({
  ":p":{"S":"p"}, ":1":{"N":"1"}, ":5":{"N":"5"}, ":s":{"S":"s"}, ":z":{"S":"z"}, ":e":{"S":""}, ":bool":{"BOOL":true},
  "#pk":"pk", "#size":"size"})";
const KeySchema kHash{{"pk", Type::S}, std::nullopt};
const KeySchema kString{{"pk", Type::S}, KeyAttribute{"sk", Type::S}};
const KeySchema kNumber{{"pk", Type::S}, KeyAttribute{"sk", Type::N}};

// "pk p" and the test of the range key, or the error.
std::string parse(std::string_view text, const KeySchema& schema) {
  Placeholders placeholders = test::placeholders(kGiven);
  auto result = parse_key_condition(text, placeholders, schema);
  if (!result) return result.error().what;
  constexpr std::string_view kTests[] = {
      "", " =", " <", " <=", " >", " >=", " between", " begins_with"};
  std::string out = *result->hash.get<std::string>() + std::string(kTests[size_t(result->test)]);
  auto show = [](const Value& value) {
    if (auto* number = value.get<Number>()) return number->to_string();
    return *value.get<std::string>();
  };
  if (result->test != KeyCondition::Test::none) out += " " + show(result->low);
  if (result->test == KeyCondition::Test::between) out += " " + show(result->high);
  return out;
}

struct Case {
  const KeySchema& schema;
  std::string_view text, result;
};

TEST(KeyCondition, is_a_hash_key_and_a_range) {
  const Case kCases[] = {
      {kHash, "pk = :p", "p"},
      {kHash, "(#pk = :p)", "p"},
      {kHash, ":p = pk", "p"},
      {kString, "pk = :p", "p"},
      {kString, "pk = :p AND sk = :s", "p = s"},
      {kString, "sk < :s and pk = :p", "p < s"},
      {kString, "(#pk = :p AND (sk <= :s))", "p <= s"},
      {kString, "pk = :p AND sk > :s", "p > s"},
      {kString, "pk = :p AND sk >= :s", "p >= s"},
      {kString, "pk = :p AND :s <= sk", "p >= s"},
      {kString, "pk = :p AND :s > sk", "p < s"},
      {kString, "pk = :p AND sk BETWEEN :s AND :z", "p between s z"},
      {kString, "pk = :p AND begins_with(sk, :s)", "p begins_with s"},
      {kNumber, "pk = :p AND sk BETWEEN :1 AND :5", "p between 1 5"},
  };
  for (const Case& c : kCases) EXPECT_EQ(parse(c.text, c.schema), c.result) << c.text;
}

// AWS puts its usual beginning before what any expression may have wrong, and none before what only
// key conditions may.
bool speaks_of_key_conditions(std::string_view result) {
  return result.find("KeyConditionExpression") != result.npos &&
         result.find("one condition per key") == result.npos;
}
constexpr std::string_view kInvalid = "Invalid KeyConditionExpression: ";

TEST(KeyCondition, refuses_what_is_no_range_of_keys) {
  const Case kCases[] = {
      {kString, "", "The expression can not be empty;"},
      {kString, "pk = :p OR sk = :s", "Invalid operator used in KeyConditionExpression: OR"},
      {kString, "NOT pk = :p", "Invalid operator used in KeyConditionExpression: NOT"},
      {kString, "pk <> :p", "Invalid operator used in KeyConditionExpression: <>"},
      {kString, "pk IN (:p)", "Invalid operator used in KeyConditionExpression: IN"},
      {kString, "pk = :p AND attribute_exists(sk)",
       "Invalid operator used in KeyConditionExpression: attribute_exists"},
      {kString, "pk = :p AND contains(sk, :s)",
       "Invalid operator used in KeyConditionExpression: contains"},
      {kString, "size(pk) = :1", "KeyConditionExpressions cannot contain nested operations"},
      {kString, "pk = :p AND sk.foo = :s",
       "KeyConditionExpressions cannot have conditions on nested attributes"},
      {kString, "pk = sk",
       "Invalid condition in KeyConditionExpression: Multiple attribute names used in one "
       "condition"},
      {kString, ":p = :p",
       "Invalid condition in KeyConditionExpression: No key attribute specified"},
      {kString, "pk = :p AND :s BETWEEN sk AND :z",
       "Invalid condition in KeyConditionExpression: BETWEEN operator must have the key attribute "
       "as "
       "its first operand"},
      {kString, "pk = :p AND begins_with(:s, sk)",
       "Invalid condition in KeyConditionExpression: begins_with operator must have the key "
       "attribute "
       "as its first operand"},
      {kNumber, "pk = :p AND sk > :1 AND sk < :5",
       "KeyConditionExpressions must only contain one condition per key"},
      {kString, "pk = :p AND begins_with(sk, :1)",
       "Incorrect operand type for operator or function; operator or function: begins_with, "
       "operand "
       "type: N"},
      {kNumber, "pk = :p AND :bool >= sk",
       "Incorrect operand type for operator or function; operator or function: >=, operand type: "
       "BOOL"},
      {kNumber, "pk = :p AND sk BETWEEN :bool AND :bool",
       "Incorrect operand type for operator or function; operator or function: BETWEEN, operand "
       "type: "
       "BOOL"},
      {kString, "pk = :undefined AND begins_with(sk, :1)",
       "An expression attribute value used in expression is not defined; attribute value: "
       ":undefined"},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(
        parse(c.text, c.schema),
        (speaks_of_key_conditions(c.result) ? "" : std::string(kInvalid)) + std::string(c.result))
        << c.text;
}

TEST(KeyCondition, refuses_what_does_not_fit_the_schema) {
  constexpr std::string_view kMismatch =
      "One or more parameter values were invalid: Condition parameter type does not match schema "
      "type";
  const Case kCases[] = {
      {kString, "sk = :s", "Query condition missed key schema element: pk"},
      {kString, "pk = :p AND extra = :s", "Query condition missed key schema element: sk"},
      {kString, "pk > :p", "Query key condition not supported"},
      {kString, "begins_with(pk, :p)", "Query key condition not supported"},
      {kString, "pk = :1", kMismatch},
      {kNumber, "pk = :p AND sk = :s", kMismatch},
      {kNumber, "pk = :p AND sk = :bool", kMismatch},
      {kNumber, "pk = :p AND begins_with(sk, :s)", kMismatch},
      {kNumber, "pk = :p AND sk > :1 AND extra = :5",
       "The number of query conditions (3) exceeds the number of key attributes defined in the "
       "schema "
       "(2)"},
      {kHash, "pk = :p AND sk = :s",
       "The number of query conditions (2) exceeds the number of key attributes defined in the "
       "schema "
       "(1)"},
      {kString, "pk = :e",
       "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
       "contain an empty string value. Key: pk"},
  };
  for (const Case& c : kCases) EXPECT_EQ(parse(c.text, c.schema), c.result) << c.text;
}

}  // namespace
}  // namespace sealane::table
