// SPDX-License-Identifier: Apache-2.0
// Sums. Finds the expression in a sentence, and goes on from the last result ("double that", "plus
// 3").
#include <array>
#include <charconv>
#include <utility>

#include "model.h"
#include "words.h"

namespace sealane::agent {
namespace {

// expression := term (('+'|'-') term)* ; term := power (('*'|'/') power)* ; power := unary ('^'
// power)? ; unary := '-' unary | number '%'? | '(' expression ')'
class Parser {
 public:
  static constexpr int kDepthMax = 64;
  explicit Parser(std::string_view text) : text_(text) {}

  // The value of the longest expression at the front; taken() and operator_count() say what it was.
  std::optional<double> parse() { return expression(); }
  size_t taken() const { return taken_; }
  int operator_count() const { return operators_; }

 private:
  char peek() {
    size_t at = at_;
    while (at < text_.size() && text_[at] == ' ') ++at;
    return at < text_.size() ? text_[at] : '\0';
  }
  bool take(char c) {
    if (peek() != c) return false;
    while (text_[at_] == ' ') ++at_;
    ++at_;
    return true;
  }
  // Left-associative chain of `next` by the two operators. A dangling operator is left untaken.
  template <typename Next>
  std::optional<double> chain(char one, char other, Next next) {
    std::optional<double> left = next();
    while (left && (peek() == one || peek() == other)) {
      const size_t before = at_;
      const char op = peek();
      take(op);
      const std::optional<double> right = next();
      if (!right) {
        at_ = before;
        break;
      }
      ++operators_;
      left = op == '+'   ? *left + *right
             : op == '-' ? *left - *right
             : op == '*' ? *left * *right
                         : *left / *right;
    }
    return left;
  }
  std::optional<double> expression() {
    if (depth_ >= kDepthMax) return std::nullopt;
    ++depth_;
    const auto value = chain('+', '-', [&] { return chain('*', '/', [&] { return power(); }); });
    --depth_;
    return value;
  }
  std::optional<double> power() {
    if (depth_ >= kDepthMax) return std::nullopt;
    ++depth_;
    std::optional<double> base = unary();
    if (base && peek() == '^') {
      const size_t before = at_;
      take('^');
      if (const auto exponent = power()) {
        ++operators_;
        base = std::pow(*base, *exponent);
      } else {
        at_ = before;
      }
    }
    --depth_;
    return base;
  }
  std::optional<double> unary() {
    if (depth_ >= kDepthMax) return std::nullopt;
    ++depth_;
    std::optional<double> value;
    const size_t before = at_;
    if (take('-')) {
      value = unary();
      if (value) value = -*value;
    } else if (take('(')) {
      value = expression();
      if (value && !take(')')) value.reset();
    } else {
      value = number();
    }
    if (!value) at_ = before;
    if (value) taken_ = at_;
    --depth_;
    return value;
  }
  std::optional<double> number() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
    double value = 0;
    const char* from = text_.data() + at_;
    if (at_ == text_.size() || !(std::isdigit(uint8_t(*from)) || *from == '.')) return std::nullopt;
    const auto [end, error] =
        std::from_chars(from, text_.data() + text_.size(), value, std::chars_format::fixed);
    if (error != std::errc{}) return std::nullopt;
    at_ = size_t(end - text_.data());
    if (take('%')) value /= 100, ++operators_;
    return value;
  }

  std::string_view text_;
  size_t at_ = 0, taken_ = 0;
  int operators_ = 0, depth_ = 0;
};

// Words to signs. Longer ones first.
constexpr std::array<std::pair<std::string_view, std::string_view>, 16> kSigns = {{
    {"multiplied by", "*"},
    {"to the power of", "^"},
    {"divided by", "/"},
    {"percent of", "% *"},
    {"% of", "% *"},
    {"squared", "^2"},
    {"cubed", "^3"},
    {"percent", "%"},
    {"times", "*"},
    {"plus", "+"},
    {"minus", "-"},
    {"\xc3\x97", "*"},
    {"\xc3\xb7", "/"},
    {"**", "^"},
    {"half of", "0.5 *"},
    {"twice", "2 *"},
}};

void replace_all(std::string& text, std::string_view from, std::string_view to) {
  for (size_t at = text.find(from); at != text.npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

// The last result: what stands behind the last "= " of the conversation.
std::optional<double> last_result(const Conversation& before) {
  for (auto turn = before.turns.rbegin(); turn != before.turns.rend(); ++turn) {
    const size_t at = turn->reply.rfind("= ");
    if (at == turn->reply.npos) continue;
    double value = 0;
    const char *from = turn->reply.data() + at + 2, *to = turn->reply.data() + turn->reply.size();
    if (std::from_chars(from, to, value).ec == std::errc{}) return value;
  }
  return std::nullopt;
}

bool is_pronoun(std::string_view word) {
  return word == "that" || word == "it" || word == "this" || word == "result";
}

// "double that", "add 5 to it", "divide it by 4", "plus 7": an expression that goes on from `last`.
std::optional<std::string> follow_up(std::string_view said, double last) {
  const auto all = words(said);
  std::optional<std::string> verb, operand;
  bool refers = false;
  for (const std::string& word : all) {
    if (is_pronoun(word)) refers = true;
    if (std::isdigit(uint8_t(word[0]))) operand = word;
    for (const std::string_view v :
         {"double", "triple", "halve", "half", "add", "subtract", "multiply", "divide", "square"}) {
      if (word == v) verb = v;
    }
  }
  const std::string x = "(" + fmt::format("{:.15g}", last) + ")";
  if (refers && verb) {
    if (*verb == "double") return x + " * 2";
    if (*verb == "triple") return x + " * 3";
    if (*verb == "halve" || *verb == "half") return x + " / 2";
    if (*verb == "square") return x + " ^ 2";
    if (!operand) return std::nullopt;
    if (*verb == "add") return x + " + " + *operand;
    if (*verb == "subtract") return x + " - " + *operand;
    if (*verb == "multiply") return x + " * " + *operand;
    return x + " / " + *operand;
  }
  std::string signs(said);
  for (const auto& [word, sign] : kSigns) replace_all(signs, word, sign);
  const size_t at = signs.find_first_of("+-*/^");
  if (at != signs.npos && at < 8 && signs.find_first_of("0123456789") > at)
    return x + " " + signs.substr(at);
  return std::nullopt;
}

// The longest expression with an operator in `text`, with its value.
std::optional<std::pair<std::string, double>> longest_expression(const std::string& text) {
  std::optional<std::pair<std::string, double>> best;
  for (size_t at = 0; at < text.size();) {
    if (!std::isdigit(uint8_t(text[at])) && text[at] != '(' && text[at] != '-' && text[at] != '.') {
      ++at;
      continue;
    }
    Parser parser(std::string_view(text).substr(at));
    const auto value = parser.parse();
    const size_t taken = value ? parser.taken() : 0;
    if (value && parser.operator_count() > 0 && (!best || taken > best->first.size())) {
      best.emplace(text.substr(at, taken), *value);
    }
    at += std::max<size_t>(taken, 1);
  }
  return best;
}

}  // namespace

std::optional<std::string> calculate(const Ask& ask) {
  std::string said = lower(ask.prompt.substr(0, 500));
  if (const size_t at = said.find("square root of "); at != said.npos) {
    const char *from = said.data() + at + 15, *to = said.data() + said.size();
    double value = 0;
    if (std::from_chars(from, to, value, std::chars_format::fixed).ec == std::errc{}) {
      if (value < 0) return "A negative number has no real square root.";
      return fmt::format("The square root of {} = {}", number_text(value),
                         number_text(std::sqrt(value)));
    }
  }
  if (const auto last = last_result(ask.before)) {
    if (auto more = follow_up(said, *last)) said = *more;
  }
  for (const auto& [word, sign] : kSigns) replace_all(said, word, sign);
  // "us-east-1" and "2026-11-22" are no sums: a '-' glued to a letter, or between digits twice, is
  // none.
  for (const std::string& word : words(said)) {
    if (word.contains('-') &&
        (std::isalpha(uint8_t(word[0])) || word.find('-') != word.rfind('-'))) {
      replace_all(said, word, " ");
    }
  }
  const auto found = longest_expression(said);
  if (!found) return std::nullopt;
  if (!std::isfinite(found->second)) return fmt::format("{} has no finite value.", found->first);
  return fmt::format("{} = {}", found->first, number_text(found->second));
}

}  // namespace sealane::agent
