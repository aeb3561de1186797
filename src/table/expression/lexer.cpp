// SPDX-License-Identifier: Apache-2.0
#include "table/expression/lexer.h"

#include <fmt/format.h>

#include <algorithm>

namespace sealane::table {
namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_word_part(char c) { return is_letter(c) || is_digit(c) || c == '_'; }
bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

template <typename Is>
size_t run_length(std::string_view text, size_t from, Is is) {
  size_t to = from;
  while (to < text.size() && is(text[to])) ++to;
  return to - from;
}

size_t symbol_length(std::string_view text) {
  if (text.starts_with("<>") || text.starts_with("<=") || text.starts_with(">=")) return 2;
  return std::string_view("=<>()[].,+-").contains(text.front()) ? 1 : 0;
}

// The bytes of one UTF-8 character, so that an error message stays UTF-8.
size_t character_length(std::string_view text) {
  return 1 + run_length(text, 1, [](char c) { return (c & 0xC0) == 0x80; });
}

Token next_token(std::string_view rest) {
  using enum Token::Kind;
  char c = rest.front();
  if (is_letter(c)) return {word, rest.substr(0, run_length(rest, 0, is_word_part))};
  if (is_digit(c)) return {number, rest.substr(0, run_length(rest, 0, is_digit))};
  if (c == '#' || c == ':') {
    size_t length = run_length(rest, 1, is_word_part);
    if (length > 0) return {c == '#' ? placeholder : value, rest.substr(0, 1 + length)};
  }
  if (size_t length = symbol_length(rest)) return {symbol, rest.substr(0, length)};
  return {unknown, rest.substr(0, character_length(rest))};
}

}  // namespace

std::vector<Token> lex(std::string_view text) {
  std::vector<Token> tokens;
  for (;;) {
    text.remove_prefix(run_length(text, 0, is_space));
    if (text.empty()) break;
    tokens.push_back(next_token(text));
    text.remove_prefix(tokens.back().text.size());
  }
  tokens.push_back({Token::Kind::end, text});
  return tokens;
}

bool is_keyword(const Token& token, std::string_view upper_case) {
  return token.kind == Token::Kind::word &&
         std::ranges::equal(token.text, upper_case, [](char a, char upper) {
           return a == upper || (is_letter(a) && char(a & ~0x20) == upper);
         });
}

std::string syntax_error(const std::vector<Token>& tokens, size_t at) {
  const Token& bad = tokens[at];
  std::string_view first = at > 0 ? tokens[at - 1].text : bad.text;
  std::string_view last = bad.kind != Token::Kind::end ? bad.text : first;
  if (at + 1 < tokens.size() && tokens[at + 1].kind != Token::Kind::end) last = tokens[at + 1].text;
  std::string_view near(first.data(), size_t(last.data() + last.size() - first.data()));
  std::string_view token = bad.kind == Token::Kind::end ? "<EOF>" : bad.text;
  return fmt::format("Syntax error; token: \"{}\", near: \"{}\"", token, near);
}

}  // namespace sealane::table
