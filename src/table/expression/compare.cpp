// SPDX-License-Identifier: Apache-2.0
#include "table/expression/compare.h"

#include <fmt/format.h>
#include <string.h>  // memmem

#include <algorithm>

#include "table/attribute_json.h"

namespace sealane::table {
namespace {

template <typename Less>
bool ordered(const Value& a, const Value& b, Less less) {
  if (a.type() != b.type()) return false;
  if (auto* x = a.get<std::string>()) return less(*x, *b.get<std::string>());
  if (auto* x = a.get<Number>()) return less(*x, *b.get<Number>());
  if (auto* x = a.get<Binary>()) return less(x->bytes, b.get<Binary>()->bytes);
  return false;
}

// glibc's memmem is linear (two-way); std::string_view::find is quadratic on values made to hurt.
bool has_bytes(std::string_view text, std::string_view part) {
  return part.empty() || memmem(text.data(), text.size(), part.data(), part.size()) != nullptr;
}

template <typename Element>
bool has_element(const std::vector<Element>& set, const Element& element) {
  return std::ranges::binary_search(set, element);  // sets are sorted
}

// What Java calls a string's length: characters beyond U+FFFF count twice.
size_t utf16_length(std::string_view utf8) {
  size_t length = 0;
  for (char c : utf8) length += size_t((c & 0xC0) != 0x80) + size_t((c & 0xF8) == 0xF0);
  return length;
}

std::string describe_elements(const List& list) {
  std::string out;
  for (const Value& value : list) out += (out.empty() ? "" : ", ") + describe(value);
  return out;
}

}  // namespace

bool has_order(Type type) { return type == Type::S || type == Type::N || type == Type::B; }

bool is_less(const Value& a, const Value& b) {
  return ordered(a, b, [](const auto& x, const auto& y) { return x < y; });
}

bool is_less_or_equal(const Value& a, const Value& b) {
  return ordered(a, b, [](const auto& x, const auto& y) { return x <= y; });
}

bool begins_with(const Value& value, const Value& prefix) {
  if (value.type() != prefix.type()) return false;
  if (auto* text = value.get<std::string>()) return text->starts_with(*prefix.get<std::string>());
  if (auto* binary = value.get<Binary>())
    return binary->bytes.starts_with(prefix.get<Binary>()->bytes);
  return false;
}

bool contains(const Value& value, const Value& part) {
  if (auto* list = value.get<List>()) return std::ranges::find(*list, part) != list->end();
  if (auto* text = part.get<std::string>()) {
    if (auto* whole = value.get<std::string>()) return has_bytes(*whole, *text);
    if (auto* set = value.get<StringSet>()) return has_element(*set, *text);
  } else if (auto* binary = part.get<Binary>()) {
    if (auto* whole = value.get<Binary>()) return has_bytes(whole->bytes, binary->bytes);
    if (auto* set = value.get<BinarySet>()) return has_element(*set, *binary);
  } else if (auto* number = part.get<Number>()) {
    if (auto* set = value.get<NumberSet>()) return has_element(*set, *number);
  }
  return false;
}

std::optional<Number> size_of(const Value& value) {
  auto count = [](size_t n) { return Number(int64_t(n)); };
  if (auto* text = value.get<std::string>()) return count(utf16_length(*text));
  if (auto* binary = value.get<Binary>()) return count(binary->bytes.size());
  if (auto* set = value.get<StringSet>()) return count(set->size());
  if (auto* set = value.get<NumberSet>()) return count(set->size());
  if (auto* set = value.get<BinarySet>()) return count(set->size());
  if (auto* map = value.get<Item>()) return count(map->size());
  if (auto* list = value.get<List>()) return count(list->size());
  return std::nullopt;
}

std::optional<Type> type_named(std::string_view wanted) {
  for (Type type = Type::S; type <= Type::boolean; type = Type(uint8_t(type) + 1))
    if (name(type) == wanted) return type;
  return std::nullopt;
}

std::string_view long_name(Type type) {
  switch (type) {
    case Type::S:
      return "STRING";
    case Type::N:
      return "NUMBER";
    case Type::B:
      return "BINARY";
    case Type::SS:
      return "STRING_SET";
    case Type::NS:
      return "NUMBER_SET";
    case Type::BS:
      return "BINARY_SET";
    case Type::M:
      return "MAP";
    case Type::L:
      return "LIST";
    case Type::null:
      return "NULL";
    case Type::boolean:
      return "BOOL";
  }
  return "?";
}

std::string describe(const Value& value) {
  std::string inside;
  if (auto* text = value.get<std::string>()) inside = *text;
  if (auto* number = value.get<Number>()) inside = number->to_string();
  if (auto* binary = value.get<Binary>()) append_base64(inside, binary->bytes);
  if (auto* list = value.get<List>()) inside = "[" + describe_elements(*list) + "]";
  if (auto* boolean = value.get<bool>()) inside = *boolean ? "true" : "false";
  return fmt::format("AttributeValue: {{{}:{}}}", name(value.type()), inside);
}

}  // namespace sealane::table
