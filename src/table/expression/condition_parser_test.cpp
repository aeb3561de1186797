// SPDX-License-Identifier: Apache-2.0
// What AWS says to conditions that are wrong. The messages are those of DynamoDB as pinned by its
// public conformance suites (dynalite's, ScyllaDB's, dynamodb-conformance) and as users report
// them.
#include <gtest/gtest.h>

#include "table/expression/expression.h"
#include "table/expression/test_values.h"
#include "table/size.h"

namespace sealane::table {
namespace {

constexpr std::string_view kGiven = R"({
  ":s":{"S":"x"}, ":s2":{"S":"a"}, ":n":{"N":"5"}, ":m":{"N":"7"}, ":b":{"B":"aGk="}, ":l":{"L":[]},
  ":t":{"S":"SS"}, ":bool":{"BOOL":true}, ":null":{"NULL":true}, ":ss":{"SS":["x"]},
  "#n":"name", "#size":"size"})";

std::string parse(std::string_view text, std::string_view parameter = kConditionExpression) {
  Placeholders placeholders = test::placeholders(kGiven);
  return test::told(parse_condition(text, placeholders, parameter));
}

TEST(ConditionParser, takes_what_dynamodb_takes) {
  constexpr std::string_view kRight[] = {
      "a = :s",
      "a=:s",
      "(a = :s)",
      "NOT a = :s",
      "not (a=:s)",
      "not not a = :s",
      "a = :s AND b = :s OR c = :s",
      "a = :s and(b = :s)or(c = :s)",
      "(a = :s) AND ((b = :s) OR (c = :s))",
      "((a = :s) and (c = :s))",
      "(a = :s and (c = :s))",
      "(a) = :s",
      "a = (:s)",
      "((a) = :s)",
      "(size(a)) = :n",
      "( ( size ( #n )) < b.Maximum )",
      "a BETWEEN :n AND :m",
      "a between :n and :m and c = :s",
      ":n BETWEEN a AND b",
      "a IN (:s)",
      "a in (:s, b, c.d)",
      "a in ((:s), :n)",
      "attribute_exists(a)",
      "attribute_exists((a))",
      "attribute_not_exists (a.b[3])",
      "attribute_type(a, :t)",
      "attribute_type(:n, :t)",
      "begins_with(a, :b)",
      "begins_with(:s, a)",
      "begins_with(a, b)",
      "contains(a, :l)",
      "contains(size(a), :n)",
      "contains(a, size(b))",
      "size(a) > size(b)",
      "size(:s) = :n",
      "#n.#n[0].#size = :s",
      "a [ 1 ] . b = :s",
      "a[01] = :s",
      "aNOTb = :s",
      "a\t=\r\n:s",
      "a <> :l",
      "a = :null",
      "a < b",
      "a_.b_1 = :s",
  };
  for (std::string_view text : kRight) EXPECT_EQ(parse(text), "ok") << text;
}

struct Case {
  std::string_view text, says;
};

TEST(ConditionParser, syntax_errors_name_the_token_and_its_neighbours) {
  constexpr Case kCases[] = {
      {"foo", R"~(token: "<EOF>", near: "foo")~"},
      {"a = :s AND", R"~(token: "<EOF>", near: "AND")~"},
      {"a = ", R"~(token: "<EOF>", near: "=")~"},
      {"a = = :s", R"~(token: "=", near: "= = :s")~"},
      {"a IN ()", R"~(token: ")", near: "()")~"},
      {"a IN :s", R"~(token: ":s", near: "IN :s")~"},
      {"(a = :s", R"~(token: "<EOF>", near: ":s")~"},
      {"a = :s)", R"~(token: ")", near: ":s)")~"},
      {"[object Object] = :s", R"~(token: "[", near: "[object")~"},
      {"a = :s AND __typename = :s", R"~(token: "_", near: "AND __")~"},
      {"a = 'x'", R"~(token: "'", near: "= 'x")~"},
      {"a = 5", R"~(token: "5", near: "= 5")~"},
      {"a-b = :s", R"~(token: "-", near: "a-b")~"},
      {"a.1 = :s", R"~(token: "1", near: ".1 =")~"},
      {"a[x] = :s", R"~(token: "x", near: "[x]")~"},
      {"a[-1] = :s", R"~(token: "-", near: "[-1")~"},
      {"a[1 = :s", R"~(token: "=", near: "1 = :s")~"},
      {"# = :s", R"~(token: "#", near: "# =")~"},
      {"a = :", R"~(token: ":", near: "= :")~"},
      {"a = :s OR b", R"~(token: "<EOF>", near: "b")~"},
      {"a OR b = :s", R"~(token: "OR", near: "a OR b")~"},
      {"(a = :s) = b", R"~(token: "=", near: ") = b")~"},
      {"a = (b = :s)", R"~(token: "<EOF>", near: ")")~"},
      {"a BETWEEN :n", R"~(token: "<EOF>", near: ":n")~"},
      {"a BETWEEN :n OR :m", R"~(token: "OR", near: ":n OR :m")~"},
      {"and = :s", R"~(token: "and", near: "and =")~"},
      {"(a.b).c = :s", R"~(token: ".", near: ").c")~"},
      {"size() = :n", R"~(token: ")", near: "() =")~"},
      {"a = :s b", R"~(token: "b", near: ":s b")~"},
      {"a = \xC3\xA9", "token: \"\xC3\xA9\", near: \"= \xC3\xA9\""},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(parse(c.text), "Invalid ConditionExpression: Syntax error; " + std::string(c.says));
}

TEST(ConditionParser, says_what_is_wrong_in_aws_words) {
  constexpr Case kCases[] = {
      {"", "The expression can not be empty;"},
      {" \t", "The expression can not be empty;"},
      {"((a = :s))", "The expression has redundant parentheses;"},
      {"((a = :s and b = :s))", "The expression has redundant parentheses;"},
      {"not ((a = :s))", "The expression has redundant parentheses;"},
      {"((attribute_exists(a)))", "The expression has redundant parentheses;"},
      {"((a)) = :s", "The expression has redundant parentheses;"},
      {"a = :undefined",
       "An expression attribute value used in expression is not defined; attribute value: "
       ":undefined"},
      {"#u.b = :s",
       "An expression attribute name used in the document path is not defined; attribute name: #u"},
      {"size(#u) = :s",
       "An expression attribute name used in the document path is not defined; attribute name: #u"},
      {"name = :s", "Attribute name is a reserved keyword; reserved keyword: name"},
      {"a.Size = :s", "Attribute name is a reserved keyword; reserved keyword: Size"},
      {"exists(a)", "Invalid function name; function: exists"},
      {"ATTRIBUTE_EXISTS(a)", "Invalid function name; function: ATTRIBUTE_EXISTS"},
      {"if_not_exists(a, :s)",
       "The function is not allowed in a condition expression; function: if_not_exists"},
      {"attribute_exists(a, b)",
       "Incorrect number of operands for operator or function; operator or function: "
       "attribute_exists, number of operands: 2"},
      {"contains(a)",
       "Incorrect number of operands for operator or function; operator or function: contains, "
       "number of operands: 1"},
      {"size(a, b) = :n",
       "Incorrect number of operands for operator or function; operator or function: size, number "
       "of operands: 2"},
      {"attribute_exists(:s)",
       "Operator or function requires a document path; operator or function: attribute_exists"},
      {"attribute_not_exists(size(a))",
       "Operator or function requires a document path; operator or function: attribute_not_exists"},
      {"begins_with(a, :n)",
       "Incorrect operand type for operator or function; operator or function: begins_with, "
       "operand "
       "type: N"},
      {"begins_with(size(a), :s)",
       "Incorrect operand type for operator or function; operator or function: begins_with, "
       "operand "
       "type: N"},
      {"attribute_type(a, :n)",
       "Incorrect operand type for operator or function; operator or function: attribute_type, "
       "operand type: N"},
      {"attribute_type(a, b)",
       "Incorrect operand type for operator or function; operator or function: attribute_type, "
       "operand type: {NS,SS,L,BS,N,M,B,BOOL,NULL,S}"},
      {"attribute_type(a, :s)",
       "Invalid attribute type name found; type: x, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}"},
      {"size(:n) = :n",
       "Incorrect operand type for operator or function; operator or function: size, operand type: "
       "N"},
      {"size(size(a)) = :n",
       "Incorrect operand type for operator or function; operator or function: size, operand type: "
       "N"},
      {"a < :bool",
       "Incorrect operand type for operator or function; operator or function: <, operand type: "
       "BOOL"},
      {":l >= a",
       "Incorrect operand type for operator or function; operator or function: >=, operand type: "
       "L"},
      {"a BETWEEN :ss AND :ss",
       "Incorrect operand type for operator or function; operator or function: BETWEEN, operand "
       "type: SS"},
      {"a BETWEEN :m AND :n",
       "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
       "lower "
       "bound operand: AttributeValue: {N:7}, upper bound operand: AttributeValue: {N:5}"},
      {"a BETWEEN :s AND :n",
       "The BETWEEN operator requires same data type for lower and upper bounds; lower bound "
       "operand: AttributeValue: {S:x}, upper bound operand: AttributeValue: {N:5}"},
      {"size(a)",
       "The function is not allowed to be used this way in an expression; function: size"},
      {"a = :s AND size(b)",
       "The function is not allowed to be used this way in an expression; function: size"},
      {"NOT size(b)",
       "The function is not allowed to be used this way in an expression; function: size"},
      {"a = attribute_exists(b)",
       "The function is not allowed to be used this way in an expression; function: "
       "attribute_exists"},
      {"size(attribute_exists(b)) = :n",
       "The function is not allowed to be used this way in an expression; function: "
       "attribute_exists"},
      {"a in (contains(a, b))",
       "The function is not allowed to be used this way in an expression; function: contains"},
      {"a.b[1] = a.b[1]",
       "The first operand must be distinct from the remaining operands for this operator or "
       "function; operator: =, first operand: [a, b, [1]]"},
      {"contains(a, a)",
       "The first operand must be distinct from the remaining operands for this operator or "
       "function; operator: contains, first operand: [a]"},
      {"a[4294967296] = :s", "List index is not within the allowable range; index: [4294967296]"},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(parse(c.text), "Invalid ConditionExpression: " + std::string(c.says)) << c.text;
  EXPECT_EQ(parse("", kFilterExpression),
            "Invalid FilterExpression: The expression can not be empty;");
}

// First by kind, then by place; of what is wrong within a clause, the first wrong clause.
TEST(ConditionParser, of_several_mistakes_reports_the_one_that_aws_reports) {
  constexpr Case kCases[] = {
      {"foo(a) AND ((b = :s))", "The expression has redundant parentheses;"},
      {"name = :s AND foo(a)", "Invalid function name; function: foo"},
      {"a = :u AND name = :s", "Attribute name is a reserved keyword; reserved keyword: name"},
      {"a = :u AND begins_with(a, :n)",
       "An expression attribute value used in expression is not defined; attribute value: :u"},
      {"begins_with(a, :n) AND a = :u",
       "Incorrect operand type for operator or function; operator or function: begins_with, "
       "operand "
       "type: N"},
      {"a = :u AND #u = :s",
       "An expression attribute value used in expression is not defined; attribute value: :u"},
      {":u < #u",
       "An expression attribute value used in expression is not defined; attribute value: :u"},
      {"begins_with(#u, :n)",
       "An expression attribute name used in the document path is not defined; attribute name: #u"},
      {"((a = :u)) AND", R"~(Syntax error; token: "<EOF>", near: "AND")~"},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(parse(c.text), "Invalid ConditionExpression: " + std::string(c.says)) << c.text;
}

TEST(ConditionParser, an_expression_has_at_most_4096_bytes) {
  std::string text = "a = :s";
  text.resize(kExpressionBytesMax, ' ');
  EXPECT_EQ(parse(text), "ok");
  EXPECT_EQ(parse(text + " "),
            "Invalid ConditionExpression: Expression size has exceeded the maximum allowed size; "
            "expression size: 4097");
}

// `clause` and `join` repeated: n clauses hold n of the one and n - 1 of the other.
std::string repeated(std::string_view clause, std::string_view join, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text.append(i ? join : "").append(clause);
  return text;
}

TEST(ConditionParser, an_expression_has_at_most_300_operators) {
  std::string text = "not " + repeated("a<b", " or ", 150);  // 150 <, 149 OR, 1 NOT
  EXPECT_EQ(parse(text), "ok");
  EXPECT_EQ(parse("not " + text),
            "Invalid ConditionExpression: The expression contains too many operators; operator "
            "count: 301");
}

TEST(ConditionParser, nesting_is_as_deep_as_operators_allow_and_no_deeper) {
  auto nested = [](size_t depth) {
    std::string text;
    for (size_t i = 0; i < depth; ++i) text += "a<b or (";
    return text + "a<b" + std::string(depth, ')');
  };
  EXPECT_EQ(parse(nested(149)), "ok");
  EXPECT_EQ(parse(nested(150)),
            "Invalid ConditionExpression: The expression contains too many operators; operator "
            "count: 301");
  std::string text = std::string(2000, '(') + "a<b" + std::string(2000, ')');
  EXPECT_EQ(parse(text), "Invalid ConditionExpression: The expression has redundant parentheses;");
}

TEST(ConditionParser, in_takes_at_most_100_values) {
  EXPECT_EQ(parse("a IN (" + repeated(":s", ",", 100) + ")"), "ok");
  EXPECT_EQ(
      parse("a IN (" + repeated(":s", ",", 101) + ")"),
      "Invalid ConditionExpression: The IN operator is provided with too many operands; number "
      "of operands: 101");
}

TEST(ConditionParser, first_key_attribute_finds_keys_wherever_they_stand) {
  KeySchema schema{{"id", Type::S}, KeyAttribute{"ts", Type::N}};
  Placeholders placeholders = test::placeholders(kGiven);
  auto found = [&](std::string_view text) -> std::string {
    auto condition = parse_condition(text, placeholders, kFilterExpression);
    if (!condition) return condition.error().what;
    const std::string* name = first_key_attribute(*condition, schema);
    return name ? *name : "";
  };
  EXPECT_EQ(found("a = :s AND NOT (b = :s OR size(id) = :n)"), "id");
  EXPECT_EQ(found("a IN (:s, ts)"), "ts");
  EXPECT_EQ(found("a.id = :s"), "");
}

}  // namespace
}  // namespace sealane::table
