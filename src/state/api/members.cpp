// SPDX-License-Identifier: Apache-2.0
#include "state/api/members.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "state/api/contains.h"
#include "state/api/outcome.h"

namespace sealane::state::api {
namespace {

using simdjson::dom::element_type;

constexpr std::string_view kNotNull = "Member must not be null";

bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '.' || c == '-';
}

// How AWS calls a JSON value that stands where another type was expected.
std::string not_convertible(simdjson::dom::element value, std::string_view type) {
  switch (value.type()) {
    case element_type::ARRAY:
      return fmt::format("Unrecognized collection type class java.lang.{}", type);
    case element_type::OBJECT: return "Start of structure or map found where not expected";
    case element_type::BOOL:
      return fmt::format("{} cannot be converted to {}", bool(value) ? "TRUE_VALUE" : "FALSE_VALUE",
                         type);
    case element_type::STRING: return fmt::format("STRING_VALUE cannot be converted to {}", type);
    case element_type::DOUBLE: return fmt::format("DECIMAL_VALUE cannot be converted to {}", type);
    default: return fmt::format("NUMBER_VALUE cannot be converted to {}", type);
  }
}

std::string lower_first(std::string_view name) {
  std::string out(name);
  if (!out.empty() && out[0] >= 'A' && out[0] <= 'Z') out[0] = char(out[0] - 'A' + 'a');
  return out;
}

std::string in_quotes(std::string_view text) { return fmt::format("'{}'", text); }

// Where no structure of the model's stands: "Unrecognized collection type class com.amazonaws...".
std::string not_a_structure(simdjson::dom::element value, std::string_view type, bool in_list) {
  if (value.type() == element_type::ARRAY) {
    return fmt::format("Unrecognized collection type class com.amazonaws.dynamodb.v20120810.{}",
                       type);
  }
  return in_list ? "Unexpected value type in payload" : "Unexpected field type";
}

}  // namespace

const TextRule kTableNameRule{
    .is_required = true, .length_min = 3, .length_max = 255, .is_name = true};
const TextRule kIndexNameRule{.length_min = 3, .length_max = 255, .is_name = true};

void Mistakes::shape(std::string message) {
  if (!shape_) shape_ = std::move(message);
}

void Mistakes::constraint(std::string_view value, std::string_view at, std::string_view rule) {
  if (constraints_.size() == kToldMax) return;
  constraints_.push_back(
      fmt::format("Value {} at '{}' failed to satisfy constraint: {}", value, at, rule));
}

Outcome<void> Mistakes::check() const {
  if (shape_) return serialization(*shape_);
  if (constraints_.empty()) return {};
  return validation(fmt::format("{} validation error{} detected: {}", constraints_.size(),
                                constraints_.size() > 1 ? "s" : "", fmt::join(constraints_, "; ")));
}

std::string Members::path(std::string_view name) const {
  return at_.empty() ? lower_first(name) : fmt::format("{}.{}", at_, lower_first(name));
}

std::optional<simdjson::dom::element> Members::find(std::string_view name) const {
  simdjson::dom::element value;
  if (object_.at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

void Members::check_text(std::string_view value, const std::string& at,
                         const TextRule& rule) const {
  if (!rule.one_of.empty() && !contains(rule.one_of, value)) {
    mistakes_->constraint(
        in_quotes(value), at,
        fmt::format("Member must satisfy enum value set: [{}]", fmt::join(rule.one_of, ", ")));
  }
  if (rule.is_name && (value.empty() || !std::ranges::all_of(value, is_name_character))) {
    mistakes_->constraint(in_quotes(value), at,
                          "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+");
  }
  if (value.size() < rule.length_min) {
    mistakes_->constraint(
        in_quotes(value), at,
        fmt::format("Member must have length greater than or equal to {}", rule.length_min));
  }
  if (value.size() > rule.length_max) {
    mistakes_->constraint(
        in_quotes(value), at,
        fmt::format("Member must have length less than or equal to {}", rule.length_max));
  }
}

std::optional<std::string_view> Members::text(std::string_view name, const TextRule& rule) const {
  const auto value = find(name);
  if (!value) {
    if (rule.is_required) mistakes_->constraint("null", path(name), kNotNull);
    return std::nullopt;
  }
  std::string_view text;
  if (value->get(text) != simdjson::SUCCESS) {
    mistakes_->shape(not_convertible(*value, "String"));
    return std::nullopt;
  }
  check_text(text, path(name), rule);
  return text;
}

std::optional<int64_t> Members::integer(std::string_view name, const IntegerRule& rule) const {
  const auto value = find(name);
  if (!value) {
    if (rule.is_required) mistakes_->constraint("null", path(name), kNotNull);
    return std::nullopt;
  }
  int64_t number = 0;
  double decimal = 0;
  if (value->get(number) != simdjson::SUCCESS) {
    if (value->get(decimal) != simdjson::SUCCESS) {
      mistakes_->shape(not_convertible(*value, rule.type));
      return std::nullopt;
    }
    number = int64_t(std::clamp(std::floor(decimal), -9e18, 9e18));
  }
  if (number < rule.min) {
    mistakes_->constraint(
        in_quotes(std::to_string(number)), path(name),
        fmt::format("Member must have value greater than or equal to {}", rule.min));
  }
  if (number > rule.max) {
    mistakes_->constraint(in_quotes(std::to_string(number)), path(name),
                          fmt::format("Member must have value less than or equal to {}", rule.max));
  }
  return number;
}

std::optional<bool> Members::flag(std::string_view name) const {
  const auto value = find(name);
  if (!value) return std::nullopt;
  bool flag = false;
  if (value->get(flag) == simdjson::SUCCESS) return flag;
  std::string_view text;
  if (value->get(text) == simdjson::SUCCESS) {
    const std::string lower = lower_first(text);
    if (text == "true" || text == "TRUE" || lower == "true") return true;
    if (text == "false" || text == "FALSE" || lower == "false") return false;
    mistakes_->shape("Unexpected token received from parser");
    return std::nullopt;
  }
  mistakes_->shape(not_convertible(*value, "Boolean"));
  return std::nullopt;
}

std::optional<simdjson::dom::object> Members::object(std::string_view name, std::string_view type,
                                                     bool is_required) const {
  const auto value = find(name);
  if (!value) {
    if (is_required) mistakes_->constraint("null", path(name), kNotNull);
    return std::nullopt;
  }
  simdjson::dom::object object;
  if (value->get(object) == simdjson::SUCCESS) return object;
  mistakes_->shape(
      value->type() == element_type::ARRAY
          ? fmt::format("Unrecognized collection type java.util.Map<java.lang.String, {}{}>",
                        type.contains('.') ? "" : "com.amazonaws.dynamodb.v20120810.", type)
          : "Unexpected field type");
  return std::nullopt;
}

std::optional<Members> Members::structure(std::string_view name, bool is_required) const {
  const auto value = find(name);
  if (!value) {
    if (is_required) mistakes_->constraint("null", path(name), kNotNull);
    return std::nullopt;
  }
  simdjson::dom::object object;
  if (value->get(object) == simdjson::SUCCESS) return Members(object, *mistakes_, path(name));
  mistakes_->shape(not_a_structure(*value, name, false));
  return std::nullopt;
}

std::optional<simdjson::dom::array> Members::list(std::string_view name,
                                                  const ListRule& rule) const {
  const auto value = find(name);
  if (!value) {
    if (rule.is_required) mistakes_->constraint("null", path(name), kNotNull);
    return std::nullopt;
  }
  simdjson::dom::array list;
  if (value->get(list) != simdjson::SUCCESS) {
    mistakes_->shape(value->is_object() ? "Start of structure or map found where not expected"
                                        : "Unexpected field type");
    return std::nullopt;
  }
  const auto shown = [&] { return in_quotes(simdjson::to_string(list)); };
  if (list.size() < rule.length_min) {
    mistakes_->constraint(
        shown(), path(name),
        fmt::format("Member must have length greater than or equal to {}", rule.length_min));
  }
  if (list.size() > rule.length_max) {
    mistakes_->constraint(
        shown(), path(name),
        fmt::format("Member must have length less than or equal to {}", rule.length_max));
  }
  return list;
}

std::vector<Members> Members::structures(std::string_view name, std::string_view type,
                                         const ListRule& rule) const {
  std::vector<Members> out;
  const auto values = list(name, rule);
  if (!values) return out;
  size_t number = 0;
  for (simdjson::dom::element value : *values) {
    ++number;
    simdjson::dom::object object;
    if (value.get(object) != simdjson::SUCCESS) {
      mistakes_->shape(not_a_structure(value, type, true));
      continue;
    }
    out.emplace_back(object, *mistakes_, fmt::format("{}.{}.member", path(name), number));
  }
  return out;
}

std::vector<std::string> Members::texts(std::string_view name, const ListRule& rule,
                                        const TextRule& each) const {
  std::vector<std::string> out;
  const auto values = list(name, rule);
  if (!values) return out;
  size_t number = 0;
  for (simdjson::dom::element value : *values) {
    ++number;
    std::string_view text;
    if (value.get(text) != simdjson::SUCCESS) {
      mistakes_->shape(not_convertible(value, "String"));
      continue;
    }
    check_text(text, fmt::format("{}.{}.member", path(name), number), each);
    out.emplace_back(text);
  }
  return out;
}

std::string table_name_of(std::string_view parameter) {
  constexpr std::string_view kTable = ":table/";
  if (!parameter.starts_with("arn:")) return std::string(parameter);
  const size_t at = parameter.find(kTable);
  if (at == parameter.npos) return std::string(parameter);
  const std::string_view name = parameter.substr(at + kTable.size());
  return std::string(name.substr(0, name.find('/')));
}

std::string read_table_name(const Members& members) {
  const auto value = members.find("TableName");
  std::string_view parameter;
  if (value && value->get(parameter) == simdjson::SUCCESS && parameter.starts_with("arn:")) {
    return table_name_of(parameter);
  }
  return std::string(members.text("TableName", kTableNameRule).value_or(""));
}

}  // namespace sealane::state::api
