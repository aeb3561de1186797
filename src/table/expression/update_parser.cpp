// SPDX-License-Identifier: Apache-2.0
// Updates (AWS developer guide, "Update expressions"), each clause at most once:
//
//   SET    path = sum, ...        sum     := operand [(+ | -) operand]
//   REMOVE path, ...              operand := path | :value | ( sum )
//   ADD    path :value, ...                | if_not_exists ( path, operand ) | list_append (
//   operand, operand ) DELETE path :value, ...
#include <fmt/format.h>

#include <algorithm>

#include "table/expression/compare.h"
#include "table/expression/parser.h"
#include "table/size.h"

namespace sealane::table {
namespace {

using Part = SetValue::Part;

// The order in which DynamoDB reports.
constexpr Mistake kOrder[] = {
    Mistake::reserved_word,  Mistake::unknown_function, Mistake::section,
    Mistake::undefined_name, Mistake::undefined_value,  Mistake::overlap,
    Mistake::conflict,       Mistake::set_operand,      Mistake::operand_type,
};
constexpr std::string_view kClauses[] = {"SET", "REMOVE", "ADD", "DELETE"};
constexpr std::string_view kIfNotExists = "if_not_exists";
constexpr std::string_view kListAppend = "list_append";
constexpr std::string_view kConditionFunctions[] = {"attribute_exists", "attribute_not_exists",
                                                    "attribute_type",   "begins_with",
                                                    "contains",         "size"};

bool is_set(Type type) { return type == Type::SS || type == Type::NS || type == Type::BS; }

class UpdateParser : Parser {
 public:
  using Parser::Parser;
  Result<Update> parse();

 private:
  Status parse_clause(Update& update);
  Status parse_set(Update& update);
  Result<Path> parse_target();
  Result<Value> parse_set_operand(std::string_view clause);
  Result<SetValue> parse_sum();
  Result<SetValue> parse_operand();
  Result<SetValue> parse_parentheses();
  Result<Part> parse_part();
  Result<Part> parse_function();
  bool at_clause() const;

  void check_literal(std::string_view function, const Part& part, Type wanted);
  void check_function(std::string_view name, const std::vector<Part>& arguments);

  PathSet paths_;
  size_t depth_ = 0;
  bool is_clause_seen_[std::size(kClauses)] = {};
};

Result<Update> UpdateParser::parse() {
  SL_CHECK(check_size());
  Update update;
  while (!at_end()) SL_CHECK(parse_clause(update));
  SL_CHECK(report(kOrder));
  return update;
}

bool UpdateParser::at_clause() const {
  return std::ranges::any_of(kClauses, [&](auto clause) { return at_keyword(clause); });
}

Status UpdateParser::parse_clause(Update& update) {
  auto clause = std::ranges::find_if(kClauses, [&](auto word) { return at_keyword(word); });
  if (clause == std::end(kClauses)) return syntax_error();
  take();
  if (std::exchange(is_clause_seen_[clause - std::begin(kClauses)], true))
    mistakes_.note(
        Mistake::section,
        fmt::format("The \"{}\" section can only be used once in an update expression;", *clause));
  do {
    if (*clause == "SET") {
      SL_CHECK(parse_set(update));
      continue;
    }
    SL_TRY(Path path, parse_target());
    if (*clause == "REMOVE") {
      update.removes.push_back(std::move(path));
      continue;
    }
    SL_TRY(Value value, parse_set_operand(*clause));
    if (*clause == "ADD")
      update.adds.push_back({std::move(path), std::move(value)});
    else
      update.deletes.push_back({std::move(path), std::move(value)});
  } while (skip(","));
  return {};
}

Result<Path> UpdateParser::parse_target() {
  if (!at_path() || at_clause()) return syntax_error();
  SL_TRY(Path path, parse_path());
  paths_.add(path, mistakes_);
  return path;
}

Status UpdateParser::parse_set(Update& update) {
  Update::Set set;
  SL_TRY(set.path, parse_target());
  SL_CHECK(expect("="));
  SL_TRY(set.value, parse_sum());
  update.sets.push_back(std::move(set));
  return {};
}

// What ADD adds and DELETE deletes: a :value, and a set, or for ADD a number.
Result<Value> UpdateParser::parse_set_operand(std::string_view clause) {
  if (peek().kind != Token::Kind::value) return syntax_error();
  const Value* value = parse_value();
  if (!value) return Value();
  bool is_add = clause == "ADD";
  if (!is_set(value->type()) && !(is_add && value->is(Type::N)))
    mistakes_.note(Mistake::set_operand,
                   // DynamoDB names this set for DELETE too.
                   fmt::format("Incorrect operand type for operator or function; operator: {}, "
                               "operand type: {}, typeSet: ALLOWED_FOR_ADD_OPERAND",
                               clause, long_name(value->type())));
  return *value;
}

Result<SetValue> UpdateParser::parse_sum() {
  SL_TRY(SetValue sum, parse_operand());
  if (!at("+") && !at("-")) return sum;
  if (sum.right) return syntax_error();  // (a + b) + c
  SL_CHECK(count_operator());
  std::string_view sign = take();
  sum.is_minus = sign == "-";
  SL_TRY(sum.right, parse_part());
  check_literal(sign, sum.left, Type::N);
  check_literal(sign, *sum.right, Type::N);
  return sum;
}

Result<SetValue> UpdateParser::parse_operand() {
  if (at("(")) return parse_parentheses();
  SetValue value;
  if (peek().kind == Token::Kind::value) {
    value.left.kind = Part::Kind::value;
    if (const Value* literal = parse_value()) value.left.value = *literal;
    return value;
  }
  if (!at_path() || at_clause()) return syntax_error();
  bool is_call = peek().kind == Token::Kind::word && peek(1).kind == Token::Kind::symbol &&
                 peek(1).text == "(";
  if (is_call) {
    SL_TRY(value.left, parse_function());
  } else {
    SL_TRY(value.left.path, parse_path());
  }
  return value;
}

Result<SetValue> UpdateParser::parse_parentheses() {
  if (++depth_ > kExpressionOperatorsMax)
    return invalid("The expression has redundant parentheses;");
  take();
  SL_TRY(SetValue value, parse_sum());
  SL_CHECK(expect(")"));
  --depth_;
  return value;
}

// An operand that is not a sum.
Result<Part> UpdateParser::parse_part() {
  SL_TRY(SetValue value, parse_operand());
  if (value.right) return syntax_error();
  return std::move(value.left);
}

Result<Part> UpdateParser::parse_function() {
  SL_CHECK(count_operator());
  std::string_view name = take();
  std::vector<Part> arguments;
  SL_CHECK(expect("("));
  do {
    SL_TRY(arguments.emplace_back(), parse_part());
  } while (skip(","));
  SL_CHECK(expect(")"));
  check_function(name, arguments);
  Part part;
  if (name == kListAppend) {
    part.kind = Part::Kind::list_append;
    part.parts = std::move(arguments);
  } else {
    part.kind = Part::Kind::if_not_exists;
    part.path = std::move(arguments.front().path);
    arguments.erase(arguments.begin());
    part.parts = std::move(arguments);
  }
  return part;
}

void UpdateParser::check_literal(std::string_view function, const Part& part, Type wanted) {
  if (part.kind == Part::Kind::value && !part.value.is(wanted))
    mistakes_.note(Mistake::operand_type, wrong_operand_type(function, name(part.value.type())));
}

void UpdateParser::check_function(std::string_view function, const std::vector<Part>& arguments) {
  if (function != kIfNotExists && function != kListAppend) {
    bool is_of_conditions =
        std::ranges::find(kConditionFunctions, function) != std::end(kConditionFunctions);
    mistakes_.note(
        Mistake::unknown_function,
        fmt::format("{}; function: {}",
                    is_of_conditions ? "The function is not allowed in an update expression"
                                     : "Invalid function name",
                    function));
  } else if (arguments.size() != 2) {
    mistakes_.note(Mistake::operand_type, wrong_operand_count(function, arguments.size()));
  } else if (function == kListAppend) {
    for (const Part& argument : arguments) check_literal(function, argument, Type::L);
  } else if (arguments.front().kind != Part::Kind::path) {
    mistakes_.note(Mistake::operand_type,
                   fmt::format("Operator or function requires a document path; operator or "
                               "function: {}",
                               function));
  }
}

}  // namespace

Result<Update> parse_update(std::string_view text, Placeholders& placeholders) {
  return UpdateParser(text, placeholders, "UpdateExpression").parse();
}

}  // namespace sealane::table
