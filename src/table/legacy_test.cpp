// SPDX-License-Identifier: Apache-2.0
#include "table/legacy.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "table/expression/test_values.h"

namespace sealane::table {
namespace {

constexpr std::string_view kItem = R"({
  "s":{"S":"hello"}, "n":{"N":"5"}, "b":{"B":"aGk="}, "ss":{"SS":["a","b"]}, "l":{"L":[{"N":"2"}]}, "z":{"NULL":true},
  "a.b":{"S":"dots"}})";

template <typename Parse>
auto with(std::string_view json, Parse parse) {
  simdjson::dom::parser parser;
  return parse(simdjson::dom::element(parser.parse(simdjson::padded_string(json))));
}

// "true", "false", or the error.
std::string expected(std::string_view json, bool is_any = false) {
  auto condition = with(json, [&](auto e) { return condition_from_expected(e, is_any); });
  if (!condition) return condition.error().what;
  return holds(*condition, test::item(kItem)) ? "true" : "false";
}

std::string filter(std::string_view attribute, std::string_view op, std::string_view values) {
  std::string json = fmt::format(
      R"({{"{}":{{"ComparisonOperator":"{}","AttributeValueList":[{}]}}}})", attribute, op, values);
  auto condition = with(json, [](auto e) { return condition_from_filter(e, false, "ScanFilter"); });
  if (!condition) return condition.error().what;
  return holds(*condition, test::item(kItem)) ? "true" : "false";
}

struct Case {
  std::string_view attribute, op, values, result;
};

TEST(Legacy, every_comparison_operator) {
  constexpr Case kCases[] = {
      {"s", "EQ", R"({"S":"hello"})", "true"},
      {"s", "EQ", R"({"N":"5"})", "false"},
      {"gone", "EQ", R"({"N":"5"})", "false"},
      {"ss", "EQ", R"({"SS":["b","a"]})", "true"},
      {"l", "EQ", R"({"L":[{"N":"2.0"}]})", "true"},
      {"a.b", "EQ", R"({"S":"dots"})", "true"},
      {"s", "NE", R"({"S":"hello"})", "false"},
      {"s", "NE", R"({"N":"5"})", "true"},
      {"gone", "NE", R"({"N":"5"})", "true"},
      {"n", "LE", R"({"N":"5"})", "true"},
      {"n", "LT", R"({"N":"5"})", "false"},
      {"n", "GE", R"({"N":"5"})", "true"},
      {"n", "GT", R"({"N":"4"})", "true"},
      {"n", "GT", R"({"S":"4"})", "false"},
      {"z", "NOT_NULL", "", "true"},
      {"gone", "NOT_NULL", "", "false"},
      {"z", "NULL", "", "false"},
      {"gone", "NULL", "", "true"},
      {"s", "CONTAINS", R"({"S":"ell"})", "true"},
      {"ss", "CONTAINS", R"({"S":"a"})", "true"},
      {"l", "CONTAINS", R"({"N":"2"})", "true"},
      {"gone", "CONTAINS", R"({"N":"2"})", "false"},
      {"s", "NOT_CONTAINS", R"({"S":"ell"})", "false"},
      {"s", "NOT_CONTAINS", R"({"N":"2"})", "true"},
      // as DynamoDB has it, what is not there neither contains nor does not
      {"gone", "NOT_CONTAINS", R"({"N":"2"})", "false"},
      {"s", "BEGINS_WITH", R"({"S":"hell"})", "true"},
      {"n", "BEGINS_WITH", R"({"S":"5"})", "false"},
      {"n", "IN", R"({"N":"1"},{"N":"5"})", "true"},
      {"n", "IN", R"({"N":"1"})", "false"},
      {"n", "BETWEEN", R"({"N":"5"},{"N":"9"})", "true"},
      {"n", "BETWEEN", R"({"N":"6"},{"N":"9"})", "false"},
  };
  for (const Case& c : kCases) {
    EXPECT_EQ(filter(c.attribute, c.op, c.values), c.result) << c.attribute << c.op << c.values;
    std::string json =
        fmt::format(R"({{"{}":{{"ComparisonOperator":"{}","AttributeValueList":[{}]}}}})",
                    c.attribute, c.op, c.values);
    EXPECT_EQ(expected(json), c.result) << json;
  }
}

TEST(Legacy, refuses_values_in_aws_words) {
  constexpr Case kCases[] = {
      {"a", "EQ", "", "Invalid number of argument(s) for the EQ ComparisonOperator"},
      {"a", "NULL", R"({"S":"x"})",
       "Invalid number of argument(s) for the NULL ComparisonOperator"},
      {"a", "IN", "", "Invalid number of argument(s) for the IN ComparisonOperator"},
      {"a", "BETWEEN", R"({"N":"1"})",
       "Invalid number of argument(s) for the BETWEEN ComparisonOperator"},
      {"a", "IN", R"({"N":"1"},{"S":"x"})",
       "AttributeValues inside AttributeValueList must be of same type"},
      {"a", "LT", R"({"SS":["x"]})",
       "ComparisonOperator LT is not valid for SS AttributeValue type"},
      {"a", "CONTAINS", R"({"L":[]})",
       "ComparisonOperator CONTAINS is not valid for L AttributeValue type"},
      {"a", "BEGINS_WITH", R"({"N":"1"})",
       "ComparisonOperator BEGINS_WITH is not valid for N AttributeValue type"},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(filter(c.attribute, c.op, c.values),
              "One or more parameter values were invalid: " + std::string(c.result));
  EXPECT_EQ(filter("a", "BETWEEN", R"({"N":"2"},{"N":"1"})"),
            "The BETWEEN condition was provided a range where the lower bound is greater than the "
            "upper bound");
  EXPECT_EQ(
      filter("a", "LIKE", ""),
      "1 validation error detected: Value 'LIKE' at 'scanFilter.a.member.comparisonOperator' "
      "failed to satisfy constraint: Member must satisfy enum value set: [IN, NULL, BETWEEN, LT, "
      "NOT_CONTAINS, EQ, GT, NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS]");
}

struct ExpectedCase {
  std::string_view json, result;
};

TEST(Legacy, expected_with_exists_and_value) {
  constexpr ExpectedCase kCases[] = {
      {R"({})", "true"},
      {R"({"s":{"Value":{"S":"hello"}}})", "true"},
      {R"({"s":{"Exists":true,"Value":{"S":"hello"}}})", "true"},
      {R"({"s":{"Exists":true,"Value":{"S":"x"}}})", "false"},
      {R"({"s":{"Exists":false}})", "false"},
      {R"({"gone":{"Exists":false}})", "true"},
      {R"({"n":{"ComparisonOperator":"GT","Value":{"N":"4"}}})", "true"},
      {R"({"s":{"Exists":null,"Value":{"S":"hello"},"AttributeValueList":null}})", "true"},
      {R"({"s":{"Exists":true}})",
       "One or more parameter values were invalid: Value must be provided when Exists is true for "
       "Attribute: s"},
      {R"({"s":{}})",
       "One or more parameter values were invalid: Value must be provided when Exists is null for "
       "Attribute: s"},
      {R"({"s":{"Exists":false,"Value":{"S":"x"}}})",
       "One or more parameter values were invalid: Value cannot be used when Exists is false for "
       "Attribute: s"},
      {R"({"s":{"Value":{"S":"x"},"AttributeValueList":[]}})",
       "One or more parameter values were invalid: Value and AttributeValueList cannot be used "
       "together for Attribute: s"},
      {R"({"s":{"AttributeValueList":[]}})",
       "One or more parameter values were invalid: AttributeValueList can only be used with a "
       "ComparisonOperator for Attribute: s"},
      {R"({"s":{"Exists":true,"ComparisonOperator":"NULL"}})",
       "One or more parameter values were invalid: Exists and ComparisonOperator cannot be used "
       "together for Attribute: s"},
      {R"({"s":{"ComparisonOperator":"EQ"}})",
       "One or more parameter values were invalid: Value or AttributeValueList must be used with "
       "ComparisonOperator: EQ for Attribute: s"},
      {R"([])",
       "SerializationException: Unrecognized collection type java.util.Map<java.lang.String, "
       "com.amazonaws.dynamodb.v20120810.ExpectedAttributeValue>"},
      {R"({"s":"x"})", "SerializationException: Unexpected field type"},
      {R"({"s":{"ComparisonOperator":5}})",
       "SerializationException: NUMBER_VALUE cannot be converted to String"},
  };
  for (const ExpectedCase& c : kCases) EXPECT_EQ(expected(c.json), c.result) << c.json;
}

TEST(Legacy, conditional_operator_joins) {
  constexpr std::string_view kOneOfTwo = R"({"s":{"Value":{"S":"hello"}},"n":{"Value":{"N":"6"}}})";
  EXPECT_EQ(expected(kOneOfTwo, false), "false");
  EXPECT_EQ(expected(kOneOfTwo, true), "true");
  EXPECT_EQ(expected("{}", true), "true");
}

TEST(Legacy, key_conditions_become_key_conditions) {
  const KeySchema schema{{"pk", Type::S}, KeyAttribute{"sk", Type::N}};
  auto key = [&](std::string_view json) -> std::string {
    auto condition =
        with(json, [](auto e) { return condition_from_filter(e, false, "KeyConditions"); });
    if (!condition) return condition.error().what;
    auto result = to_key_condition(*condition, schema);
    return result ? fmt::format("{} {}", *result->hash.get<std::string>(), size_t(result->test))
                  : result.error().what;
  };
  constexpr std::string_view kPk =
      R"("pk":{"ComparisonOperator":"EQ","AttributeValueList":[{"S":"p"}]})";
  auto both = [&](std::string_view range) { return fmt::format("{{{},{}}}", kPk, range); };
  EXPECT_EQ(key(fmt::format("{{{}}}", kPk)), "p 0");
  EXPECT_EQ(
      key(both(
          R"("sk":{"ComparisonOperator":"BETWEEN","AttributeValueList":[{"N":"1"},{"N":"2"}]})")),
      fmt::format("p {}", size_t(KeyCondition::Test::between)));
  EXPECT_EQ(key(both(R"("sk":{"ComparisonOperator":"NE","AttributeValueList":[{"N":"1"}]})")),
            "Attempted conditional constraint is not an indexable operation");
  EXPECT_EQ(key(both(R"("sk":{"ComparisonOperator":"NOT_NULL"})")),
            "Attempted conditional constraint is not an indexable operation");
  EXPECT_EQ(key(both(R"("other":{"ComparisonOperator":"EQ","AttributeValueList":[{"N":"1"}]})")),
            "Query condition missed key schema element: sk");
  EXPECT_EQ(key("{}"), "Query condition missed key schema element: pk");
}

struct UpdateCase {
  std::string_view before, updates, after;
};

TEST(Legacy, attribute_updates_put_add_and_delete) {
  constexpr UpdateCase kCases[] = {
      {R"({})", R"({"a":{"Value":{"S":"x"}}})", R"({"a":{"S":"x"}})"},
      {R"({})", R"({"a":{"Action":"PUT","Value":{"S":"x"}}})", R"({"a":{"S":"x"}})"},
      {R"({"a":{"S":"x"}})", R"({"a":{"Action":"DELETE"}})", R"({})"},
      {R"({"a":{"SS":["x","y"]}})", R"({"a":{"Action":"DELETE","Value":{"SS":["x"]}}})",
       R"({"a":{"SS":["y"]}})"},
      {R"({"a":{"SS":["x"]}})", R"({"a":{"Action":"DELETE","Value":{"SS":["x"]}}})", R"({})"},
      {R"({"a":{"N":"5"}})", R"({"a":{"Action":"ADD","Value":{"N":"-2"}}})", R"({"a":{"N":"3"}})"},
      {R"({})", R"({"a":{"Action":"ADD","Value":{"N":"-2"}}})", R"({"a":{"N":"-2"}})"},
      {R"({"a":{"SS":["x"]}})", R"({"a":{"Action":"ADD","Value":{"SS":["y"]}}})",
       R"({"a":{"SS":["x","y"]}})"},
      {R"({"a":{"L":[{"S":"x"}]}})", R"({"a":{"Action":"ADD","Value":{"L":[{"S":"y"}]}}})",
       R"({"a":{"L":[{"S":"x"},{"S":"y"}]}})"},
      {R"({})", R"({"a":{"Action":"ADD","Value":{"L":[{"S":"y"}]}}})",
       R"({"a":{"L":[{"S":"y"}]}})"},
      // of two with one name the last counts
      {R"({})", R"({"a":{"Value":{"S":"1"}},"a":{"Value":{"S":"2"}}})", R"({"a":{"S":"2"}})"},
      {R"({"a":{"S":"x"}})", R"({"a":{"Action":"ADD","Value":{"N":"1"}}})",
       "Type mismatch for attribute to update"},
      {R"({"a":{"S":"x"}})", R"({"a":{"Action":"ADD","Value":{"L":[]}}})",
       "Type mismatch for attribute to update"},
      {R"({"a":{"NS":["1"]}})", R"({"a":{"Action":"DELETE","Value":{"SS":["x"]}}})",
       "Type mismatch for attribute to update"},
      {R"({})", R"({"a":{"Action":"PUT"}})",
       "One or more parameter values were invalid: Only DELETE action is allowed when no attribute "
       "value is specified"},
      {R"({})", R"({"a":{"Action":"DELETE","Value":{"S":"x"}}})",
       "One or more parameter values were invalid: DELETE action with value is not supported for "
       "the "
       "type S"},
      {R"({})", R"({"a":{"Action":"ADD","Value":{"S":"x"}}})",
       "One or more parameter values were invalid: ADD action is not supported for the type S"},
      {R"({})", R"({"a":{"Action":"APPEND","Value":{"S":"x"}}})",
       "1 validation error detected: Value 'APPEND' at 'attributeUpdates.a.member.action' failed "
       "to "
       "satisfy constraint: Member must satisfy enum value set: [ADD, PUT, DELETE]"},
  };
  for (const UpdateCase& c : kCases) {
    auto update = with(c.updates, update_from_attribute_updates);
    Item item = test::item(c.before);
    auto changes = update ? apply(*update, item) : std::unexpected(update.error());
    EXPECT_EQ(changes ? test::json(item) : changes.error().what,
              c.after.starts_with('{') ? test::json(test::item(c.after)) : c.after)
        << c.updates;
  }
}

TEST(Legacy, an_added_list_is_an_append) {
  auto update =
      with(R"({"l":{"Action":"ADD","Value":{"L":[{"S":"y"}]}}})", update_from_attribute_updates);
  Item item;
  auto changes = apply(*update, item);
  ASSERT_TRUE(changes);
  ASSERT_EQ(changes->size(), 1U);
  EXPECT_EQ(changes->front().kind, Change::Kind::append);
  EXPECT_EQ(changes->front().elements.size(), 1U);
}

TEST(Legacy, attributes_to_get_are_top_level_names) {
  auto get = [](std::string_view json) {
    auto projection = with(json, projection_from_attributes_to_get);
    return projection ? test::json(project(test::item(kItem), *projection))
                      : projection.error().what;
  };
  EXPECT_EQ(get(R"(["n","a.b","gone"])"),
            test::json(test::item(R"({"n":{"N":"5"},"a.b":{"S":"dots"}})")));
  EXPECT_EQ(get(R"(["n","s","n"])"),
            "One or more parameter values were invalid: Duplicate value in attribute name: n");
  EXPECT_EQ(
      get("[]"),
      "1 validation error detected: Value '[]' at 'attributesToGet' failed to satisfy constraint: "
      "Member must have length greater than or equal to 1");
  EXPECT_EQ(get("[1]"), "SerializationException: NUMBER_VALUE cannot be converted to String");
  std::string most = "\"a0\"";
  for (int i = 1; i < 255; ++i) most += fmt::format(",\"a{}\"", i);
  EXPECT_EQ(get("[" + most + "]"), "{}");
  EXPECT_TRUE(get("[" + most + ",\"n\"]").contains("length less than or equal to 255"));
}

}  // namespace
}  // namespace sealane::table
