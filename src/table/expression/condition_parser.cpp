// SPDX-License-Identifier: Apache-2.0
// Conditions and filters (AWS developer guide, "Condition and filter expressions, operators, and
// functions"):
//
//   or         := and (OR and)*
//   and        := not (AND not)*
//   not        := NOT not | comparison
//   comparison := operand [(= | <> | < | <= | > | >=) operand
//                          | BETWEEN operand AND operand | IN ( operand, ... )]
//   operand    := path | :value | function ( operand, ... ) | ( or )
//
// Parentheses hold a condition or an operand, and one cannot tell which before they close; so each
// rule returns a Node that is either, and whoever needs one of the two says so.
#include <fmt/format.h>

#include <algorithm>

#include "table/expression/compare.h"
#include "table/expression/parser.h"
#include "table/size.h"

namespace sealane::table {
namespace {

constexpr size_t kInOperandsMax = 100;
constexpr std::string_view kTypeNames = "{B,NULL,SS,BOOL,L,BS,N,NS,S,M}";
constexpr std::string_view kAnyType = "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}";

// The order in which DynamoDB reports.
constexpr Mistake kOrder[] = {Mistake::parentheses, Mistake::unknown_function,
                              Mistake::misused_function, Mistake::reserved_word, Mistake::clause};
constexpr Mistake kClauseOrder[] = {Mistake::undefined, Mistake::operand_count,
                                    Mistake::not_distinct, Mistake::operand_type};

struct Term {
  enum class Kind : uint8_t { path, value, function } kind = Kind::path;
  Path path;
  const Value* value = nullptr;  // none: undefined, or not a value
  std::string_view function;
  std::vector<Term> arguments;
  std::optional<Type> type;  // of a value or of what a function returns
};

struct Node {
  std::optional<Condition> condition;  // none: it is a term
  Term term;
  bool in_parentheses = false;
};

struct Function {
  std::string_view name;
  size_t operand_count;
  Condition::Kind kind;
};
constexpr std::string_view kSize = "size";
constexpr Function kFunctions[] = {
    {"attribute_exists", 1, Condition::Kind::attribute_exists},
    {"attribute_not_exists", 1, Condition::Kind::attribute_not_exists},
    {"attribute_type", 2, Condition::Kind::attribute_type},
    {"begins_with", 2, Condition::Kind::begins_with},
    {"contains", 2, Condition::Kind::contains},
};
constexpr std::string_view kUpdateFunctions[] = {"if_not_exists", "list_append"};

struct Comparator {
  std::string_view symbol;
  Condition::Kind kind;
};
constexpr Comparator kComparators[] = {
    {"=", Condition::Kind::eq},  {"<>", Condition::Kind::ne}, {"<", Condition::Kind::lt},
    {"<=", Condition::Kind::le}, {">", Condition::Kind::gt},  {">=", Condition::Kind::ge},
};

class ConditionParser : Parser {
 public:
  using Parser::Parser;
  Result<Condition> parse();

 private:
  Result<Node> parse_or();
  Result<Node> parse_and();
  Result<Node> parse_not();
  Result<Node> parse_comparison();
  Result<Node> parse_between(Term low);
  Result<Node> parse_in(Term first);
  Result<Node> parse_operand();
  Result<Node> parse_parentheses();
  Result<Term> parse_term();
  Result<Term> parse_function();
  Result<std::vector<Term>> parse_list();
  bool at_keyword_of_conditions() const;

  Result<Condition> to_condition(Node node);
  Condition to_condition(Term function);
  Operand to_operand(Term term);

  void check_function(Term& function);
  void check_attribute_type(const Term& function);
  void check_not_misused(const Term& term);
  void check_distinct(std::string_view function, const std::vector<Term>& operands);
  void check_ordered(std::string_view function, const Term& term);
  void check_bounds(const Term& low, const Term& high);
  void end_clause();

  size_t depth_ = 0;
};

Result<Condition> ConditionParser::parse() {
  SL_CHECK(check_size());
  SL_TRY(Node node, parse_or());
  SL_TRY(Condition condition, to_condition(std::move(node)));
  if (!at_end()) return syntax_error();
  SL_CHECK(report(kOrder));
  return condition;
}

Result<Node> ConditionParser::parse_or() {
  SL_TRY(Node first, parse_and());
  if (!at_keyword("OR")) return first;
  Condition any{.kind = Condition::Kind::any_of};
  SL_TRY(any.children.emplace_back(), to_condition(std::move(first)));
  while (at_keyword("OR")) {
    SL_CHECK(count_operator());
    take();
    SL_TRY(Node next, parse_and());
    SL_TRY(any.children.emplace_back(), to_condition(std::move(next)));
  }
  return Node{.condition = std::move(any)};
}

Result<Node> ConditionParser::parse_and() {
  SL_TRY(Node first, parse_not());
  if (!at_keyword("AND")) return first;
  Condition all{.kind = Condition::Kind::all_of};
  SL_TRY(all.children.emplace_back(), to_condition(std::move(first)));
  while (at_keyword("AND")) {
    SL_CHECK(count_operator());
    take();
    SL_TRY(Node next, parse_not());
    SL_TRY(all.children.emplace_back(), to_condition(std::move(next)));
  }
  return Node{.condition = std::move(all)};
}

Result<Node> ConditionParser::parse_not() {
  if (!at_keyword("NOT")) return parse_comparison();
  SL_CHECK(count_operator());
  take();
  SL_TRY(Node node, parse_not());
  Condition negation{.kind = Condition::Kind::not_};
  SL_TRY(negation.children.emplace_back(), to_condition(std::move(node)));
  return Node{.condition = std::move(negation)};
}

Result<Node> ConditionParser::parse_comparison() {
  SL_TRY(Node node, parse_operand());
  if (node.condition) return node;
  if (at_keyword("BETWEEN")) return parse_between(std::move(node.term));
  if (at_keyword("IN")) return parse_in(std::move(node.term));
  auto comparator = std::ranges::find_if(kComparators, [&](auto& c) { return at(c.symbol); });
  if (comparator == std::end(kComparators)) {
    if (node.term.kind == Term::Kind::function) end_clause();
    return node;
  }
  SL_CHECK(count_operator());
  take();
  std::vector<Term> terms;
  terms.push_back(std::move(node.term));
  SL_TRY(terms.emplace_back(), parse_term());
  bool is_ordering =
      comparator->kind != Condition::Kind::eq && comparator->kind != Condition::Kind::ne;
  for (const Term& term : terms) {
    check_not_misused(term);
    if (is_ordering) check_ordered(comparator->symbol, term);
  }
  check_distinct(comparator->symbol, terms);
  end_clause();
  Condition condition{.kind = comparator->kind};
  for (Term& term : terms) condition.operands.push_back(to_operand(std::move(term)));
  return Node{.condition = std::move(condition)};
}

Result<Node> ConditionParser::parse_between(Term term) {
  SL_CHECK(count_operator());
  take();
  SL_TRY(Term low, parse_term());
  if (!at_keyword("AND")) return syntax_error();
  take();
  SL_TRY(Term high, parse_term());
  for (const Term* each : {&term, &low, &high}) check_not_misused(*each);
  check_bounds(low, high);
  end_clause();
  Condition condition{.kind = Condition::Kind::between};
  for (Term* each : {&term, &low, &high})
    condition.operands.push_back(to_operand(std::move(*each)));
  return Node{.condition = std::move(condition)};
}

Result<Node> ConditionParser::parse_in(Term first) {
  SL_CHECK(count_operator());
  take();
  SL_TRY(std::vector<Term> terms, parse_list());
  if (terms.size() > kInOperandsMax)
    mistakes_.note(Mistake::operand_count,
                   fmt::format("The IN operator is provided with too many operands; number of "
                               "operands: {}",
                               terms.size()));
  terms.insert(terms.begin(), std::move(first));
  for (const Term& term : terms) check_not_misused(term);
  check_distinct("IN", terms);
  end_clause();
  Condition condition{.kind = Condition::Kind::in};
  for (Term& term : terms) condition.operands.push_back(to_operand(std::move(term)));
  return Node{.condition = std::move(condition)};
}

Result<Node> ConditionParser::parse_operand() {
  if (at("(")) return parse_parentheses();
  Node node;
  if (peek().kind == Token::Kind::value) {
    node.term.kind = Term::Kind::value;
    node.term.value = parse_value();
    if (node.term.value) node.term.type = node.term.value->type();
    return node;
  }
  if (!at_path() || at_keyword_of_conditions()) return syntax_error();
  bool is_call = peek().kind == Token::Kind::word && peek(1).kind == Token::Kind::symbol &&
                 peek(1).text == "(";
  if (is_call) {
    SL_TRY(node.term, parse_function());
  } else {
    SL_TRY(node.term.path, parse_path());
  }
  return node;
}

bool ConditionParser::at_keyword_of_conditions() const {
  return at_keyword("AND") || at_keyword("OR") || at_keyword("NOT") || at_keyword("BETWEEN") ||
         at_keyword("IN");
}

Result<Node> ConditionParser::parse_parentheses() {
  constexpr std::string_view kRedundant = "The expression has redundant parentheses;";
  // Parentheses with a use need an operator each, so this bounds the recursion and refuses nothing
  // that is right.
  if (++depth_ > kExpressionOperatorsMax + 1) return invalid(kRedundant);
  take();
  SL_TRY(Node node, parse_or());
  SL_CHECK(expect(")"));
  --depth_;
  if (node.in_parentheses) mistakes_.note(Mistake::parentheses, std::string(kRedundant));
  node.in_parentheses = true;
  return node;
}

Result<Term> ConditionParser::parse_term() {
  SL_TRY(Node node, parse_operand());
  if (node.condition) return syntax_error();
  return std::move(node.term);
}

Result<std::vector<Term>> ConditionParser::parse_list() {
  std::vector<Term> terms;
  SL_CHECK(expect("("));
  do {
    SL_TRY(terms.emplace_back(), parse_term());
  } while (skip(","));
  SL_CHECK(expect(")"));
  return terms;
}

Result<Term> ConditionParser::parse_function() {
  SL_CHECK(count_operator());
  Term term{.kind = Term::Kind::function};
  term.function = take();
  SL_TRY(term.arguments, parse_list());
  check_function(term);
  return term;
}

// ── what is used as what
// ────────────────────────────────────────────────────────────────────────────

Result<Condition> ConditionParser::to_condition(Node node) {
  if (node.condition) return std::move(*node.condition);
  if (node.term.kind != Term::Kind::function) return syntax_error();
  return to_condition(std::move(node.term));
}

Condition ConditionParser::to_condition(Term function) {
  Condition condition;
  if (function.function == kSize)
    mistakes_.note(
        Mistake::misused_function,
        "The function is not allowed to be used this way in an expression; function: size");
  auto known = std::ranges::find(kFunctions, function.function, &Function::name);
  if (known == std::end(kFunctions)) return condition;  // a mistake is noted
  condition.kind = known->kind;
  if (known->kind == Condition::Kind::attribute_type && function.arguments.size() == 2) {
    const Value* wanted = function.arguments.back().value;
    const std::string* text = wanted ? wanted->get<std::string>() : nullptr;
    condition.wanted = type_named(text ? *text : "").value_or(Type::S);
    function.arguments.pop_back();
  }
  for (Term& term : function.arguments) condition.operands.push_back(to_operand(std::move(term)));
  return condition;
}

Operand ConditionParser::to_operand(Term term) {
  Operand operand;
  if (term.kind == Term::Kind::path) {
    operand.path = std::move(term.path);
  } else if (term.kind == Term::Kind::value) {
    operand.kind = Operand::Kind::value;
    if (term.value) operand.value = *term.value;
  } else if (!term.arguments.empty() && term.arguments.front().kind == Term::Kind::path) {
    operand.kind = Operand::Kind::size;
    operand.path = std::move(term.arguments.front().path);
  } else {
    operand.kind = Operand::Kind::value;
    const Value* value = term.arguments.empty() ? nullptr : term.arguments.front().value;
    if (auto size = value ? size_of(*value) : std::nullopt) operand.value = Value(*size);
  }
  return operand;
}

// ── mistakes
// ────────────────────────────────────────────────────────────────────────────────────────

void ConditionParser::check_function(Term& function) {
  for (const Term& argument : function.arguments) check_not_misused(argument);
  auto known = std::ranges::find(kFunctions, function.function, &Function::name);
  bool is_size = function.function == kSize;
  if (!is_size && known == std::end(kFunctions)) {
    bool is_of_updates =
        std::ranges::find(kUpdateFunctions, function.function) != std::end(kUpdateFunctions);
    mistakes_.note(
        Mistake::unknown_function,
        fmt::format("{}; function: {}",
                    is_of_updates ? "The function is not allowed in a condition expression"
                                  : "Invalid function name",
                    function.function));
    return;
  }
  function.type = is_size ? Type::N : Type::boolean;
  if (function.arguments.size() != (is_size ? 1 : known->operand_count)) {
    mistakes_.note(Mistake::operand_count,
                   wrong_operand_count(function.function, function.arguments.size()));
    return;
  }
  if (function.arguments.size() == 2) check_distinct(function.function, function.arguments);
  const Term& first = function.arguments.front();
  auto refuse = [&](Type type) {
    mistakes_.note(Mistake::operand_type, wrong_operand_type(function.function, name(type)));
  };
  if (is_size) {
    if (first.type == Type::N || first.type == Type::boolean || first.type == Type::null)
      refuse(*first.type);
    return;
  }
  switch (known->kind) {
    case Condition::Kind::attribute_exists:
    case Condition::Kind::attribute_not_exists:
      if (first.kind != Term::Kind::path)
        mistakes_.note(Mistake::operand_type,
                       fmt::format("Operator or function requires a document path; operator or "
                                   "function: {}",
                                   function.function));
      break;
    case Condition::Kind::begins_with:
      for (const Term& argument : function.arguments)
        if (argument.type && argument.type != Type::S && argument.type != Type::B)
          refuse(*argument.type);
      break;
    case Condition::Kind::attribute_type:
      check_attribute_type(function);
      break;
    default:
      break;
  }
}

void ConditionParser::check_attribute_type(const Term& function) {
  const Term& wanted = function.arguments.back();
  if (wanted.type != Type::S) {
    mistakes_.note(
        Mistake::operand_type,
        wrong_operand_type(function.function, wanted.type ? name(*wanted.type) : kAnyType));
    return;
  }
  const std::string& text = *wanted.value->get<std::string>();
  if (!type_named(text))
    mistakes_.note(Mistake::operand_type,
                   fmt::format("Invalid attribute type name found; type: {}, valid types: {}", text,
                               kTypeNames));
}

void ConditionParser::check_not_misused(const Term& term) {
  if (term.kind == Term::Kind::function && term.function != kSize)
    mistakes_.note(Mistake::misused_function,
                   fmt::format("The function is not allowed to be used this way in an expression; "
                               "function: {}",
                               term.function));
}

void ConditionParser::check_distinct(std::string_view function, const std::vector<Term>& operands) {
  const Term& first = operands.front();
  if (first.kind != Term::Kind::path) return;
  for (size_t i = 1; i < operands.size(); ++i)
    if (operands[i].kind == Term::Kind::path && operands[i].path == first.path)
      mistakes_.note(Mistake::not_distinct,
                     fmt::format("The first operand must be distinct from the remaining operands "
                                 "for this operator or function; operator: {}, first operand: {}",
                                 function, first.path.to_string()));
}

// Only strings, numbers and binaries have an order.
void ConditionParser::check_ordered(std::string_view function, const Term& term) {
  if (term.type && !has_order(*term.type))
    mistakes_.note(Mistake::operand_type, wrong_operand_type(function, name(*term.type)));
}

void ConditionParser::check_bounds(const Term& low, const Term& high) {
  check_ordered("BETWEEN", low);
  check_ordered("BETWEEN", high);
  if (!low.value || !high.value) return;
  auto note = [&](std::string_view what) {
    mistakes_.note(Mistake::operand_type,
                   fmt::format("The BETWEEN operator requires {}; lower bound operand: {}, upper "
                               "bound operand: {}",
                               what, describe(*low.value), describe(*high.value)));
  };
  if (low.type != high.type)
    note("same data type for lower and upper bounds");
  else if (is_less(*high.value, *low.value))
    note("upper bound to be greater than or equal to lower bound");
}

// Of several wrong clauses DynamoDB reports the first.
void ConditionParser::end_clause() {
  if (const std::string* what = mistakes_.first(kClauseOrder))
    mistakes_.note(Mistake::clause, *what);
}

}  // namespace

Result<Condition> parse_condition(std::string_view text, Placeholders& placeholders,
                                  std::string_view parameter) {
  return ConditionParser(text, placeholders, parameter).parse();
}

}  // namespace sealane::table
