// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "table/expression/expression.h"
#include "table/expression/test_values.h"
#include "table/size.h"

namespace sealane::table {
namespace {

constexpr std::string_view kGiven = R"({
  ":s":{"S":"x"}, ":n":{"N":"5"}, ":l":{"L":[]}, ":ss":{"SS":["x"]}, ":ns":{"NS":["1"]}, ":bs":{"BS":["aGk="]},
  ":b":{"B":"aGk="}, ":m":{"M":{}}, ":bool":{"BOOL":true}, ":null":{"NULL":true}, "#n":"name", "#a":"a"})";

std::string parse(std::string_view text) {
  Placeholders placeholders = test::placeholders(kGiven);
  return test::told(parse_update(text, placeholders));
}

TEST(UpdateParser, takes_what_dynamodb_takes) {
  constexpr std::string_view kRight[] = {
      "SET a = :s",
      "set a=:s,b=:n",
      "SET #n = :s REMOVE b ADD c :n DELETE d :ss",
      "DELETE d :ss ADD c :ns, e :bs REMOVE b, f[1].g SET a.b[2] = :s",
      "SET a = a + :n",
      "SET a = :n - a.b[0]",
      "SET a=(a+:n)",
      "SET a = (:s)",
      "SET a = (a) - (:n)",
      "SET a = if_not_exists(a, :s)",
      "SET a = if_not_exists(a, :n) + :n",
      "SET a = if_not_exists(a, if_not_exists(b, :n))",
      "SET a = list_append(:l, a)",
      "SET #n = list_append(if_not_exists(#n, :l), :l)",
      "SET a = list_append(list_append(a, :l), b)",
      "SET a.b = :s, a.c = :n",
      "SET a[1] = :s, a[0] = :n",
      "REMOVE a[0], a[1], a[10].b",
      "SET a = b, b = a",
      "SET\na\t=\r:s",
  };
  for (std::string_view text : kRight) EXPECT_EQ(parse(text), "ok") << text;
}

struct Case {
  std::string_view text, says;
};

TEST(UpdateParser, syntax_errors_name_the_token_and_its_neighbours) {
  constexpr Case kCases[] = {
      {"INVALID SYNTAX HERE", R"~(token: "INVALID", near: "INVALID SYNTAX")~"},
      {"ADD hits : incr", R"~(token: ":", near: "hits : incr")~"},
      {"SET _123 = :n", R"~(token: "_", near: "SET _123")~"},
      {"SET a = :s, #, b = :s", R"~(token: "#", near: ", #,")~"},
      {"SET", R"~(token: "<EOF>", near: "SET")~"},
      {"SET a = :s,", R"~(token: "<EOF>", near: ",")~"},
      {"SET a", R"~(token: "<EOF>", near: "a")~"},
      {"SET a = :n +", R"~(token: "<EOF>", near: "+")~"},
      {"SET a = a + b + :n", R"~(token: "+", near: "b + :n")~"},
      {"SET a = (a + b) + :n", R"~(token: "+", near: ") + :n")~"},
      {"SET a = if_not_exists(a, b + :n)", R"~(token: "+", near: "b + :n")~"},
      {"SET a = :s SET", R"~(token: "<EOF>", near: "SET")~"},
      {"SET (a) = :s", R"~(token: "(", near: "SET (a")~"},
      {"SET a = 5", R"~(token: "5", near: "= 5")~"},
      {"SET set = :s", R"~(token: "set", near: "SET set =")~"},
      {"SET a = remove", R"~(token: "remove", near: "= remove")~"},
      {"seta = :s", R"~(token: "seta", near: "seta =")~"},
      {"SET a = :s; REMOVE b", R"~(token: ";", near: ":s; REMOVE")~"},
      {"REMOVE a b", R"~(token: "b", near: "a b")~"},
      {"REMOVE :s", R"~(token: ":s", near: "REMOVE :s")~"},
      {"ADD a b", R"~(token: "b", near: "a b")~"},
      {"ADD a (:n)", R"~(token: "(", near: "a (:n")~"},
      {"ADD a :n b :n", R"~(token: "b", near: ":n b :n")~"},
      {"SET a = list_append()", R"~(token: ")", near: "()")~"},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(parse(c.text), "Invalid UpdateExpression: Syntax error; " + std::string(c.says));
}

TEST(UpdateParser, says_what_is_wrong_in_aws_words) {
  constexpr Case kCases[] = {
      {"", "The expression can not be empty;"},
      {"SET a = :s SET b = :s",
       "The \"SET\" section can only be used once in an update expression;"},
      {"remove a remove b",
       "The \"REMOVE\" section can only be used once in an update expression;"},
      {"SET name = :s", "Attribute name is a reserved keyword; reserved keyword: name"},
      {"SET #u = :s",
       "An expression attribute name used in the document path is not defined; attribute name: #u"},
      {"SET a = :u",
       "An expression attribute value used in expression is not defined; attribute value: :u"},
      {"ADD a :u",
       "An expression attribute value used in expression is not defined; attribute value: :u"},
      {"SET a = foo(:s)", "Invalid function name; function: foo"},
      {"SET a = LIST_APPEND(a, :l)", "Invalid function name; function: LIST_APPEND"},
      {"SET a = size(b)", "The function is not allowed in an update expression; function: size"},
      {"SET a = if_not_exists(a)",
       "Incorrect number of operands for operator or function; operator or function: "
       "if_not_exists, "
       "number of operands: 1"},
      {"SET a = list_append(a, :l, :l)",
       "Incorrect number of operands for operator or function; operator or function: list_append, "
       "number of operands: 3"},
      {"SET a = if_not_exists(:s, a)",
       "Operator or function requires a document path; operator or function: if_not_exists"},
      {"SET a = list_append(a, :s)",
       "Incorrect operand type for operator or function; operator or function: list_append, "
       "operand "
       "type: S"},
      {"SET a = a + :s",
       "Incorrect operand type for operator or function; operator or function: +, operand type: S"},
      {"SET a = :l - a",
       "Incorrect operand type for operator or function; operator or function: -, operand type: L"},
      {"ADD a :s",
       "Incorrect operand type for operator or function; operator: ADD, operand type: STRING, "
       "typeSet: ALLOWED_FOR_ADD_OPERAND"},
      {"ADD a :bool",
       "Incorrect operand type for operator or function; operator: ADD, operand type: BOOL, "
       "typeSet: "
       "ALLOWED_FOR_ADD_OPERAND"},
      {"DELETE a :l",
       "Incorrect operand type for operator or function; operator: DELETE, operand type: LIST, "
       "typeSet: ALLOWED_FOR_ADD_OPERAND"},
      {"DELETE a :n",
       "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, "
       "typeSet: ALLOWED_FOR_ADD_OPERAND"},
      {"SET a = :s, a = :n",
       "Two document paths overlap with each other; must remove or rewrite one of these paths; "
       "path "
       "one: [a], path two: [a]"},
      {"SET a = :s REMOVE #a.b",
       "Two document paths overlap with each other; must remove or rewrite one of these paths; "
       "path "
       "one: [a], path two: [a, b]"},
      {"REMOVE a.b[1].c SET a.b = :s",
       "Two document paths overlap with each other; must remove or rewrite one of these paths; "
       "path "
       "one: [a, b, [1], c], path two: [a, b]"},
      {"SET a.b = :s, a[1] = :s",
       "Two document paths conflict with each other; must remove or rewrite one of these paths; "
       "path "
       "one: [a, b], path two: [a, [1]]"},
      {"SET a[1] = :s, c = :s, a.b = :s",
       "Two document paths conflict with each other; must remove or rewrite one of these paths; "
       "path "
       "one: [a, [1]], path two: [a, b]"},
      // of several clashes the earliest in the text
      {"SET b = :s, a.c = :s, a.b = :s REMOVE a",
       "Two document paths overlap with each other; must remove or rewrite one of these paths; "
       "path "
       "one: [a, c], path two: [a]"},
      // of several mistakes the first by kind
      {"SET #u = :u",
       "An expression attribute name used in the document path is not defined; attribute name: #u"},
      {"SET a = list_append(a, :s) DELETE b :n",
       "Incorrect operand type for operator or function; operator: DELETE, operand type: NUMBER, "
       "typeSet: ALLOWED_FOR_ADD_OPERAND"},
      {"SET a = :u, a = foo(:s)", "Invalid function name; function: foo"},
      {"SET a = foo(name)", "Attribute name is a reserved keyword; reserved keyword: name"},
      {"SET a = :u SET #u = :s",
       "The \"SET\" section can only be used once in an update expression;"},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(parse(c.text), "Invalid UpdateExpression: " + std::string(c.says)) << c.text;
}

TEST(UpdateParser, an_expression_has_at_most_300_operators_and_so_many_parentheses) {
  std::string text = "SET a0 = a0 + :n";
  for (int i = 1; i < 299; ++i) text += fmt::format(",a{}=b+:n", i);
  EXPECT_EQ(parse(text + ",z=b+:n"), "ok");
  EXPECT_EQ(parse(text + ",z=b+:n,y=b-:n"),
            "Invalid UpdateExpression: The expression contains too many operators; operator count: "
            "301");
  auto nested = [](size_t depth) {
    return "SET a = " + std::string(depth, '(') + ":n" + std::string(depth, ')');
  };
  EXPECT_EQ(parse(nested(kExpressionOperatorsMax)), "ok");
  EXPECT_EQ(parse(nested(kExpressionOperatorsMax + 1)),
            "Invalid UpdateExpression: The expression has redundant parentheses;");
}

TEST(UpdateParser, attributes_of_names_each_attribute_once) {
  Placeholders placeholders = test::placeholders(kGiven);
  auto update = parse_update("SET a.b = :s, a.c = :s REMOVE d[0], d[1] ADD e :n DELETE f.g :ss",
                             placeholders);
  ASSERT_TRUE(update);
  EXPECT_EQ(attributes_of(*update), (std::vector<std::string>{"a", "d", "e", "f"}));
}

}  // namespace
}  // namespace sealane::table
