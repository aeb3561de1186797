// SPDX-License-Identifier: Apache-2.0
// Key conditions: a condition that names one hash key and perhaps one range of its range key (AWS
// developer guide, "Key condition expressions for the Query operation").
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "table/expression/expression.h"

namespace sealane::table {
namespace {

constexpr std::string_view kParameter = "KeyConditionExpression";
using Kind = Condition::Kind;

struct Word {
  Kind kind;
  std::string_view text;
};
// What a condition may do and a key condition may not.
constexpr Word kRefused[] = {
    {Kind::any_of, "OR"},
    {Kind::not_, "NOT"},
    {Kind::in, "IN"},
    {Kind::ne, "<>"},
    {Kind::attribute_exists, "attribute_exists"},
    {Kind::attribute_not_exists, "attribute_not_exists"},
    {Kind::attribute_type, "attribute_type"},
    {Kind::contains, "contains"},
};

struct TestOf {
  Kind kind;
  KeyCondition::Test test, flipped;  // `:v < key` is key > :v
};
constexpr TestOf kTests[] = {
    {Kind::eq, KeyCondition::Test::eq, KeyCondition::Test::eq},
    {Kind::lt, KeyCondition::Test::lt, KeyCondition::Test::gt},
    {Kind::le, KeyCondition::Test::le, KeyCondition::Test::ge},
    {Kind::gt, KeyCondition::Test::gt, KeyCondition::Test::lt},
    {Kind::ge, KeyCondition::Test::ge, KeyCondition::Test::le},
    {Kind::between, KeyCondition::Test::between, KeyCondition::Test::none},
    {Kind::begins_with, KeyCondition::Test::begins_with, KeyCondition::Test::none},
};

using Clauses = std::vector<const Condition*>;

// The clauses between the ANDs; an any_of or a not_ is one clause.
void collect(const Condition& condition, Clauses& out) {
  if (condition.kind != Kind::all_of) return out.push_back(&condition);
  for (const Condition& child : condition.children) collect(child, out);
}

// nullptr: none, or more than one, or no bare attribute.
const Operand* key_operand(const Condition& clause) {
  const Operand* key = nullptr;
  for (const Operand& operand : clause.operands) {
    if (operand.kind == Operand::Kind::value) continue;
    if (key || operand.kind != Operand::Kind::path || !operand.path.steps.empty()) return nullptr;
    key = &operand;
  }
  return key;
}

bool names(const Condition& clause, std::string_view attribute) {
  const Operand* key = key_operand(clause);
  return key && key->path.attribute == attribute;
}

// ── what only the text form says
// ────────────────────────────────────────────────────────────────────

Status check_clause(const Condition& clause) {
  // These name the parameter themselves, where they do.
  auto refuse = [](std::string what) { return fail(Code::invalid, std::move(what)); };
  auto refused = std::ranges::find(kRefused, clause.kind, &Word::kind);
  if (refused != std::end(kRefused))
    return refuse(fmt::format("Invalid operator used in {}: {}", kParameter, refused->text));
  size_t path_count = 0;
  for (const Operand& operand : clause.operands) {
    if (operand.kind == Operand::Kind::size)
      return refuse("KeyConditionExpressions cannot contain nested operations");
    if (operand.kind != Operand::Kind::path) continue;
    if (++path_count > 1)
      return refuse(fmt::format(
          "Invalid condition in {}: Multiple attribute names used in one condition", kParameter));
    if (!operand.path.steps.empty())
      return refuse("KeyConditionExpressions cannot have conditions on nested attributes");
  }
  bool wants_key_first = clause.kind == Kind::between || clause.kind == Kind::begins_with;
  if (wants_key_first && clause.operands[0].kind != Operand::Kind::path)
    return refuse(fmt::format(
        "Invalid condition in {}: {} operator must have the key attribute as its first operand",
        kParameter, clause.kind == Kind::between ? "BETWEEN" : "begins_with"));
  if (path_count == 0)
    return refuse(fmt::format("Invalid condition in {}: No key attribute specified", kParameter));
  return {};
}

Status check_text_form(const Condition& condition) {
  Clauses clauses;
  collect(condition, clauses);
  for (size_t i = 0; i < clauses.size(); ++i) {
    SL_CHECK(check_clause(*clauses[i]));
    for (size_t j = 0; j < i; ++j)
      if (names(*clauses[j], key_operand(*clauses[i])->path.attribute))
        return fail(Code::invalid,
                    fmt::format("Invalid {}: KeyConditionExpressions must only contain one "
                                "condition per key",
                                kParameter));
  }
  return {};
}

// ── what both forms say
// ─────────────────────────────────────────────────────────────────────────────

struct KeyTest {
  KeyCondition::Test test = KeyCondition::Test::none;
  std::array<const Value*, 2> values = {};  // the second for between only
};

Status check_value(const Value& value, const KeyAttribute& key) {
  if (value.type() != key.type)
    return fail(Code::invalid,
                "One or more parameter values were invalid: Condition parameter type does not "
                "match schema type");
  auto* text = value.get<std::string>();
  auto* binary = value.get<Binary>();
  if ((text && text->empty()) || (binary && binary->bytes.empty()))
    return fail(Code::invalid,
                fmt::format("One or more parameter values are not valid. The AttributeValue for a "
                            "key attribute cannot contain an empty {} value. Key: {}",
                            text ? "string" : "binary", key.name));
  return {};
}

Result<KeyTest> test_of(const Condition& clause, const KeyAttribute& key) {
  auto known = std::ranges::find(kTests, clause.kind, &TestOf::kind);
  bool is_flipped = clause.operands[0].kind == Operand::Kind::value;
  if (known == std::end(kTests))
    return fail(Code::invalid, "Attempted conditional constraint is not an indexable operation");
  KeyTest result{is_flipped ? known->flipped : known->test};
  auto value = result.values.begin();
  for (const Operand& operand : clause.operands) {
    if (operand.kind != Operand::Kind::value) continue;
    SL_CHECK(check_value(operand.value, key));
    *value++ = &operand.value;
  }
  return result;
}

std::unexpected<Error> missed(const KeyAttribute& key) {
  return fail(Code::invalid,
              fmt::format("Query condition missed key schema element: {}", key.name));
}

}  // namespace

Result<KeyCondition> to_key_condition(const Condition& condition, const KeySchema& schema) {
  Clauses clauses;
  collect(condition, clauses);
  size_t key_count = schema.range ? 2 : 1;
  if (clauses.size() > key_count)
    return fail(Code::invalid, fmt::format("The number of query conditions ({}) exceeds the number "
                                           "of key attributes defined in the schema ({})",
                                           clauses.size(), key_count));
  auto clause_of = [&](const KeyAttribute& key) {
    auto found = std::ranges::find_if(clauses, [&](auto* c) { return names(*c, key.name); });
    return found == clauses.end() ? nullptr : *found;
  };
  const Condition* hash = clause_of(schema.hash);
  if (!hash) return missed(schema.hash);
  SL_TRY(KeyTest hash_test, test_of(*hash, schema.hash));
  if (hash_test.test != KeyCondition::Test::eq)
    return fail(Code::invalid, "Query key condition not supported");

  KeyCondition result{.hash = *hash_test.values[0]};
  if (clauses.size() == 1) return result;
  const Condition* range = clause_of(*schema.range);
  if (!range) return missed(*schema.range);
  SL_TRY(KeyTest range_test, test_of(*range, *schema.range));
  result.test = range_test.test;
  result.low = *range_test.values[0];
  if (range_test.values[1]) result.high = *range_test.values[1];
  return result;
}

Result<KeyCondition> parse_key_condition(std::string_view text, Placeholders& placeholders,
                                         const KeySchema& schema) {
  SL_TRY(Condition condition, parse_condition(text, placeholders, kParameter));
  SL_CHECK(check_text_form(condition));
  return to_key_condition(condition, schema);
}

}  // namespace sealane::table
