// SPDX-License-Identifier: Apache-2.0
// What the grammars of conditions, updates and projections share: a cursor over the tokens, paths,
// placeholders, and the way mistakes are told.
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "table/expression/expression.h"
#include "table/expression/lexer.h"
#include "table/expression/mistakes.h"

namespace sealane::table {

class Parser {
 public:
  // `parameter` is what the expression is called in error messages.
  Parser(std::string_view text, Placeholders& placeholders, std::string_view parameter);

 protected:
  // Not empty, not too long. To be asked before anything else.
  Status check_size() const;

  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  std::string_view take() { return tokens_[at_++].text; }
  bool at(std::string_view symbol) const;
  bool at_keyword(std::string_view upper_case) const { return is_keyword(peek(), upper_case); }
  bool at_end() const { return peek().kind == Token::Kind::end; }
  // Steps over the symbol when it is there.
  bool skip(std::string_view symbol);
  Status expect(std::string_view symbol);
  std::unexpected<Error> syntax_error() const;
  std::unexpected<Error> invalid(std::string_view what) const;
  // The mistake that AWS would report, if there is one.
  Status report(std::span<const Mistake> order) const;

  // word or #name, then .word, .#name, [n] ...; the caller has seen that the next token can start
  // one.
  bool at_path() const;
  Result<Path> parse_path();
  // :value; nullptr (a mistake is noted) when it is not defined. The next token is a value.
  const Value* parse_value();
  // Every comparator, function, AND, OR, NOT, BETWEEN, IN, + and - counts against
  // kExpressionOperatorsMax.
  Status count_operator();

  Mistakes mistakes_;

 private:
  Result<std::string> parse_path_name();
  Result<uint32_t> parse_index();
  void note_undefined(Mistake kind, const std::string& what);

  std::string_view text_;
  Placeholders& placeholders_;
  std::string_view parameter_;
  std::vector<Token> tokens_;
  size_t at_ = 0;
  size_t operator_count_ = 0;
};

// "Incorrect number of operands for operator or function; ..."
std::string wrong_operand_count(std::string_view function, size_t count);
// "Incorrect operand type for operator or function; ..."
std::string wrong_operand_type(std::string_view function, std::string_view type);

// The paths of an update or a projection, which may not clash: lead one through the other
// (overlap), or disagree whether something is a map or a list (conflict).
class PathSet {
 public:
  void add(const Path& path, Mistakes& mistakes);

 private:
  std::map<Path, size_t, PathOrder> paths_;  // and which in the text
};

}  // namespace sealane::table
