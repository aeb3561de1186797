// SPDX-License-Identifier: Apache-2.0
// ExpressionAttributeNames and ExpressionAttributeValues (AWS developer guide, "Expression
// attribute names").
#include <fmt/format.h>

#include <algorithm>

#include "table/expression/expression.h"
#include "table/size.h"

namespace sealane::table {
namespace {

constexpr std::string_view kNames = "ExpressionAttributeNames";
constexpr std::string_view kValues = "ExpressionAttributeValues";

// DynamoDB asks for the length first, and tells the size of names only.
Status check_placeholder(std::string_view parameter, char sign, std::string_view placeholder) {
  if (placeholder.size() > Placeholders::kPlaceholderBytesMax) {
    std::string what = fmt::format(
        "{} contains invalid key: The expression attribute map contains a key that is too long;",
        parameter);
    if (parameter == kNames) what += fmt::format(" size of key: {}", placeholder.size());
    return fail(Code::invalid, std::move(what));
  }
  bool is_right = placeholder.size() > 1 && placeholder.front() == sign &&
                  std::ranges::all_of(placeholder.substr(1), [](char c) {
                    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                           (c >= 'A' && c <= 'Z') || c == '_';
                  });
  if (!is_right)
    return fail(Code::invalid, fmt::format("{} contains invalid key: Syntax error; key: \"{}\"",
                                           parameter, placeholder));
  return {};
}

template <typename Map>
Status check_used(std::string_view parameter, const Map& map) {
  std::string unused;
  for (const auto& [placeholder, entry] : map)
    if (!entry.is_used) unused += (unused.empty() ? "" : ", ") + placeholder;
  if (unused.empty()) return {};
  return fail(Code::invalid, fmt::format("Value provided in {} unused in expressions: keys: {{{}}}",
                                         parameter, unused));
}

template <typename Map>
auto use(Map& map, std::string_view placeholder) -> decltype(&map.begin()->second.meaning) {
  auto found = map.find(placeholder);
  if (found == map.end()) return nullptr;
  found->second.is_used = true;
  return &found->second.meaning;
}

}  // namespace

Status Placeholders::add_name(std::string_view placeholder, std::string_view attribute) {
  SL_CHECK(check_placeholder(kNames, '#', placeholder));
  if (attribute.empty())
    return fail(Code::invalid,
                fmt::format("{} contains invalid value: Empty attribute name for key {}", kNames,
                            placeholder));
  if (attribute.size() > kAttributeNameBytesMax)
    return fail(
        Code::invalid,
        fmt::format("1 validation error detected: Value at 'expressionAttributeNames' failed "
                    "to satisfy constraint: Map value must satisfy constraint: [Member must "
                    "have length less than or equal to {}, Member must have length greater "
                    "than or equal to 0]",
                    kAttributeNameBytesMax));
  names_[std::string(placeholder)] = {std::string(attribute)};
  return {};
}

Status Placeholders::add_value(std::string_view placeholder, Value value) {
  SL_CHECK(check_placeholder(kValues, ':', placeholder));
  values_[std::string(placeholder)] = {std::move(value)};
  return {};
}

const std::string* Placeholders::use_name(std::string_view placeholder) {
  return use(names_, placeholder);
}

const Value* Placeholders::use_value(std::string_view placeholder) {
  return use(values_, placeholder);
}

Status Placeholders::check_all_used() const {
  SL_CHECK(check_used(kNames, names_));
  return check_used(kValues, values_);
}

}  // namespace sealane::table
