// SPDX-License-Identifier: Apache-2.0
#include "table/expression/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "table/expression/reserved_words.h"
#include "table/size.h"

namespace sealane::table {

Parser::Parser(std::string_view text, Placeholders& placeholders, std::string_view parameter)
    : text_(text), placeholders_(placeholders), parameter_(parameter) {
  if (text.size() <= kExpressionBytesMax) tokens_ = lex(text);
}

Status Parser::check_size() const {
  if (text_.size() > kExpressionBytesMax)
    return invalid(
        fmt::format("Expression size has exceeded the maximum allowed size; expression size: {}",
                    text_.size()));
  if (at_end()) return invalid("The expression can not be empty;");
  return {};
}

bool Parser::at(std::string_view symbol) const {
  return peek().kind == Token::Kind::symbol && peek().text == symbol;
}

bool Parser::skip(std::string_view symbol) {
  if (!at(symbol)) return false;
  ++at_;
  return true;
}

Status Parser::expect(std::string_view symbol) {
  if (!skip(symbol)) return syntax_error();
  return {};
}

std::unexpected<Error> Parser::syntax_error() const {
  return invalid(table::syntax_error(tokens_, at_));
}

std::unexpected<Error> Parser::invalid(std::string_view what) const {
  return fail(Code::invalid, fmt::format("Invalid {}: {}", parameter_, what));
}

Status Parser::report(std::span<const Mistake> order) const {
  if (const std::string* what = mistakes_.first(order)) return invalid(*what);
  return {};
}

bool Parser::at_path() const {
  return peek().kind == Token::Kind::word || peek().kind == Token::Kind::placeholder;
}

Result<Path> Parser::parse_path() {
  Path path;
  SL_TRY(path.attribute, parse_path_name());
  for (;;) {
    if (skip(".")) {
      SL_TRY(path.steps.emplace_back(), parse_path_name());
    } else if (skip("[")) {
      SL_TRY(path.steps.emplace_back(), parse_index());
      SL_CHECK(expect("]"));
    } else {
      return path;
    }
  }
}

Result<std::string> Parser::parse_path_name() {
  if (!at_path()) return syntax_error();
  bool is_placeholder = peek().kind == Token::Kind::placeholder;
  std::string_view text = take();
  if (is_placeholder) {
    if (const std::string* name = placeholders_.use_name(text)) return *name;
    note_undefined(Mistake::undefined_name,
                   fmt::format("An expression attribute name used in the document path is not "
                               "defined; attribute name: {}",
                               text));
  } else if (is_reserved_word(text)) {
    mistakes_.note(Mistake::reserved_word,
                   fmt::format("Attribute name is a reserved keyword; reserved keyword: {}", text));
  }
  return std::string(text);
}

Result<uint32_t> Parser::parse_index() {
  if (peek().kind != Token::Kind::number) return syntax_error();
  std::string_view text = take();
  uint32_t index = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), index).ec != std::errc())
    return invalid(fmt::format("List index is not within the allowable range; index: [{}]", text));
  return index;
}

const Value* Parser::parse_value() {
  std::string_view text = take();
  const Value* value = placeholders_.use_value(text);
  if (!value)
    note_undefined(Mistake::undefined_value,
                   fmt::format("An expression attribute value used in expression is not defined; "
                               "attribute value: {}",
                               text));
  return value;
}

void Parser::note_undefined(Mistake kind, const std::string& what) {
  mistakes_.note(kind, what);
  mistakes_.note(Mistake::undefined, what);
}

Status Parser::count_operator() {
  if (++operator_count_ > kExpressionOperatorsMax)
    return invalid(fmt::format("The expression contains too many operators; operator count: {}",
                               operator_count_));
  return {};
}

std::string wrong_operand_count(std::string_view function, size_t count) {
  return fmt::format(
      "Incorrect number of operands for operator or function; operator or function: {}, number of "
      "operands: {}",
      function, count);
}

std::string wrong_operand_type(std::string_view function, std::string_view type) {
  return fmt::format(
      "Incorrect operand type for operator or function; operator or function: {}, operand type: {}",
      function, type);
}

namespace {

void note(Mistakes& mistakes, Mistake kind, std::string_view verb, const Path& one,
          const Path& two) {
  mistakes.note(kind, fmt::format("Two document paths {} with each other; must remove or rewrite "
                                  "one of these paths; path one: {}, path two: {}",
                                  verb, one.to_string(), two.to_string()));
}

bool overlap(const Path& a, const Path& b) {
  if (a.attribute != b.attribute) return false;
  auto [x, y] = std::ranges::mismatch(a.steps, b.steps);
  return x == a.steps.end() || y == b.steps.end();
}

bool conflict(const Path& a, const Path& b) {
  if (a.attribute != b.attribute) return false;
  auto [x, y] = std::ranges::mismatch(a.steps, b.steps);
  return x != a.steps.end() && y != b.steps.end() && x->index() != y->index();
}

}  // namespace

// Paths that clash share the longest beginning, so they stand side by side in order; as long as
// none clash, the two neighbours are all there is to ask. Only then all are asked, once, for the
// earliest in the text.
void PathSet::add(const Path& path, Mistakes& mistakes) {
  auto [place, is_new] = paths_.emplace(path, paths_.size());
  auto check = [&](Mistake kind, std::string_view verb, bool (*clashes)(const Path&, const Path&)) {
    if (mistakes.has(kind)) return;
    bool is_clash = !is_new ||
                    (place != paths_.begin() && clashes(std::prev(place)->first, path)) ||
                    (std::next(place) != paths_.end() && clashes(std::next(place)->first, path));
    if (!is_clash) return;
    const std::pair<const Path, size_t>* earliest = nullptr;
    for (const auto& other : paths_) {
      bool is_itself = is_new && &other == &*place;
      if (!is_itself && clashes(other.first, path) &&
          (!earliest || other.second < earliest->second))
        earliest = &other;
    }
    if (earliest) note(mistakes, kind, verb, earliest->first, path);
  };
  check(Mistake::overlap, "overlap", overlap);
  check(Mistake::conflict, "conflict", conflict);
}

}  // namespace sealane::table
