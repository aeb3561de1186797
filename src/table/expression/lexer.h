// SPDX-License-Identifier: Apache-2.0
// The text of an expression as tokens. Lexing never fails: a byte that starts no token is a token
// of its own, which no grammar accepts, so that AWS's syntax error can name it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sealane::table {

struct Token {
  enum class Kind : uint8_t {
    word,         // [A-Za-z][A-Za-z0-9_]*: attribute name, function or keyword
    placeholder,  // #name
    value,        // :value
    number,       // digits: a list index
    symbol,       // = <> < <= > >= ( ) [ ] . , + -
    unknown,      // one character that starts nothing
    end,
  } kind = Kind::end;
  std::string_view text;  // of the expression; empty at the end
};

// Ends with a token of kind end. The views borrow from `text`.
std::vector<Token> lex(std::string_view text);

// Words are keywords in any case: is(token, "BETWEEN").
bool is_keyword(const Token& token, std::string_view upper_case);

// `Syntax error; token: "=", near: "a = ="`: the token and its two neighbours, with what stands
// between them.
std::string syntax_error(const std::vector<Token>& tokens, size_t at);

}  // namespace sealane::table
