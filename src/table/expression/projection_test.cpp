// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "table/expression/expression.h"
#include "table/expression/test_values.h"

namespace sealane::table {
namespace {

constexpr std::string_view kItem = R"({
  "a":{"S":"x"}, "name":{"S":"n"}, "l":{"L":[{"S":"0"},{"M":{"k":{"S":"1k"},"j":{"S":"1j"}}},{"S":"2"},{"L":[{"S":"30"}]}]},
  "m":{"M":{"a":{"S":"ma"},"b":{"S":"mb"},"l":{"L":[{"S":"ml0"},{"S":"ml1"}]}}}})";
constexpr std::string_view kGiven = R"({"#n":"name","#m":"m","#dots":"a.b"})";

std::string projected(std::string_view text) {
  Placeholders placeholders = test::placeholders(kGiven);
  auto projection = parse_projection(text, placeholders);
  if (!projection) return projection.error().what;
  return test::json(project(test::item(kItem), *projection));
}

struct Case {
  std::string_view text, result;
};

TEST(Projection, keeps_what_the_paths_lead_to) {
  constexpr Case kCases[] = {
      {"a", R"({"a":{"S":"x"}})"},
      {"a,#n", R"({"a":{"S":"x"},"name":{"S":"n"}})"},
      {"gone", R"({})"},
      {"#dots", R"({})"},
      {"a.b", R"({})"},
      {"a[0]", R"({})"},
      {"m.a", R"({"m":{"M":{"a":{"S":"ma"}}}})"},
      {"#m.l[1], #m.a", R"({"m":{"M":{"a":{"S":"ma"},"l":{"L":[{"S":"ml1"}]}}}})"},
      {"m.gone", R"({})"},
      {"m[0]", R"({})"},
      {"l.k", R"({})"},
      // elements move together, in their order
      {"l[2], l[0]", R"({"l":{"L":[{"S":"0"},{"S":"2"}]}})"},
      {"l[1].j, l[3][0], l[9]", R"({"l":{"L":[{"M":{"j":{"S":"1j"}}},{"L":[{"S":"30"}]}]}})"},
      {"l[1].gone, l[2]", R"({"l":{"L":[{"S":"2"}]}})"},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(projected(c.text), test::json(test::item(c.result))) << c.text;
}

TEST(Projection, says_what_is_wrong_in_aws_words) {
  constexpr Case kCases[] = {
      {"", "The expression can not be empty;"},
      {"a,", R"~(Syntax error; token: "<EOF>", near: ",")~"},
      {"a b", R"~(Syntax error; token: "b", near: "a b")~"},
      {"a-b", R"~(Syntax error; token: "-", near: "a-b")~"},
      {":v", R"~(Syntax error; token: ":v", near: ":v")~"},
      {"(a)", R"~(Syntax error; token: "(", near: "(a")~"},
      {"name", "Attribute name is a reserved keyword; reserved keyword: name"},
      {"#u",
       "An expression attribute name used in the document path is not defined; attribute name: #u"},
      {"a, m, m.a",
       "Two document paths overlap with each other; must remove or rewrite one of these paths; "
       "path "
       "one: [m], path two: [m, a]"},
      {"#n, #n",
       "Two document paths overlap with each other; must remove or rewrite one of these paths; "
       "path "
       "one: [name], path two: [name]"},
      {"m.a, m[0]",
       "Two document paths conflict with each other; must remove or rewrite one of these paths; "
       "path "
       "one: [m, a], path two: [m, [0]]"},
  };
  for (const Case& c : kCases)
    EXPECT_EQ(projected(c.text), "Invalid ProjectionExpression: " + std::string(c.result))
        << c.text;
}

}  // namespace
}  // namespace sealane::table
