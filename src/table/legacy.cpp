// SPDX-License-Identifier: Apache-2.0
#include "table/legacy.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "table/attribute_json.h"
#include "table/expression/compare.h"

namespace sealane::table {
namespace {

using simdjson::dom::element;
using Kind = Condition::Kind;

constexpr size_t kAttributesToGetMax = 255;
constexpr std::string_view kNotAType = "Unrecognized collection type class ";
constexpr std::string_view kModel = "com.amazonaws.dynamodb.v20120810.";

// Which values an operator takes.
enum class Takes : uint8_t { any, scalars, text };

struct Operator {
  std::string_view name;
  Kind kind;
  size_t values_min, values_max;
  Takes takes;
};
// In the order in which AWS lists them.
constexpr Operator kOperators[] = {
    {"IN", Kind::in, 1, SIZE_MAX, Takes::scalars},
    {"NULL", Kind::attribute_not_exists, 0, 0, Takes::any},
    {"BETWEEN", Kind::between, 2, 2, Takes::scalars},
    {"LT", Kind::lt, 1, 1, Takes::scalars},
    {"NOT_CONTAINS", Kind::not_contains, 1, 1, Takes::scalars},
    {"EQ", Kind::eq, 1, 1, Takes::any},
    {"GT", Kind::gt, 1, 1, Takes::scalars},
    {"NOT_NULL", Kind::attribute_exists, 0, 0, Takes::any},
    {"NE", Kind::ne, 1, 1, Takes::any},
    {"LE", Kind::le, 1, 1, Takes::scalars},
    {"BEGINS_WITH", Kind::begins_with, 1, 1, Takes::text},
    {"GE", Kind::ge, 1, 1, Takes::scalars},
    {"CONTAINS", Kind::contains, 1, 1, Takes::scalars},
};

std::unexpected<Error> wrong_shape(std::string_view what) {
  return fail(Code::invalid, fmt::format("{}{}", kSerialization, what));
}
template <typename... Args>
std::unexpected<Error> wrong_values(fmt::format_string<Args...> format, Args&&... args) {
  return fail(Code::invalid, "One or more parameter values were invalid: " +
                                 fmt::format(format, std::forward<Args>(args)...));
}
std::unexpected<Error> wrong_member(std::string_view value, std::string_view at,
                                    std::string_view constraint) {
  return fail(Code::invalid,
              fmt::format("1 validation error detected: Value {} at '{}' failed to satisfy "
                          "constraint: {}",
                          value, at, constraint));
}

// ── JSON
// ────────────────────────────────────────────────────────────────────────────────────────────

// The members of an object; of two with one name the last counts, and null is as good as none.
using Members = std::map<std::string_view, element>;

Result<Members> members_of(element json, std::string_view wrong) {
  simdjson::dom::object object;
  if (json.get_object().get(object) != simdjson::SUCCESS)
    return wrong_shape(json.is_array() ? wrong : "Unexpected field type");
  Members members;
  for (auto [name, value] : object) members.insert_or_assign(name, value);
  std::erase_if(members, [](const auto& member) { return member.second.is_null(); });
  return members;
}

Result<Members> map_of(element json, std::string_view model) {
  return members_of(
      json, fmt::format("Unrecognized collection type java.util.Map<java.lang.String, {}{}>",
                        kModel, model));
}

Result<Members> structure_of(element json, std::string_view model) {
  return members_of(json, fmt::format("{}{}{}", kNotAType, kModel, model));
}

const element* member(const Members& members, std::string_view name) {
  auto found = members.find(name);
  return found == members.end() ? nullptr : &found->second;
}

Result<std::string_view> text_of(element json) {
  std::string_view text;
  if (json.get_string().get(text) == simdjson::SUCCESS) return text;
  if (json.is_array()) return wrong_shape("Unrecognized collection type class java.lang.String");
  if (json.is_object()) return wrong_shape("Start of structure or map found where not expected");
  if (json.is_bool())
    return wrong_shape(bool(json.get_bool()) ? "TRUE_VALUE cannot be converted to String"
                                             : "FALSE_VALUE cannot be converted to String");
  return wrong_shape(json.type() == simdjson::dom::element_type::DOUBLE
                         ? "DECIMAL_VALUE cannot be converted to String"
                         : "NUMBER_VALUE cannot be converted to String");
}

Result<simdjson::dom::array> list_of(element json) {
  simdjson::dom::array array;
  if (json.get_array().get(array) == simdjson::SUCCESS) return array;
  return wrong_shape(json.is_object() ? "Start of structure or map found where not expected"
                                      : "Unexpected field type");
}

// ── conditions
// ──────────────────────────────────────────────────────────────────────────────────────

std::string lower_first(std::string_view parameter) {
  std::string out(parameter);
  out[0] = char(out[0] | 0x20);
  return out;
}

Result<const Operator*> operator_of(element json, std::string_view parameter,
                                    std::string_view attribute) {
  SL_TRY(std::string_view text, text_of(json));
  auto known = std::ranges::find(kOperators, text, &Operator::name);
  if (known != std::end(kOperators)) return &*known;
  std::string names;
  for (const Operator& op : kOperators) names.append(names.empty() ? "" : ", ").append(op.name);
  return wrong_member(
      fmt::format("'{}'", text),
      fmt::format("{}.{}.member.comparisonOperator", lower_first(parameter), attribute),
      fmt::format("Member must satisfy enum value set: [{}]", names));
}

Result<std::vector<Value>> values_of(element json) {
  SL_TRY(auto array, list_of(json));
  std::vector<Value> values;
  for (element each : array) {
    SL_TRY(values.emplace_back(), value_from_json(each));
  }
  return values;
}

Operand operand(std::string_view attribute) {
  return {.path = {.attribute = std::string(attribute)}};
}
Operand operand(Value value) { return {.kind = Operand::Kind::value, .value = std::move(value)}; }

Condition test(Kind kind, std::string_view attribute, std::vector<Value> values = {}) {
  Condition condition{.kind = kind};
  condition.operands.push_back(operand(attribute));
  for (Value& value : values) condition.operands.push_back(operand(std::move(value)));
  return condition;
}

bool takes(const Operator& op, Type type) {
  if (op.takes == Takes::any) return true;
  return has_order(type) && (op.takes == Takes::scalars || type != Type::N);
}

Status check_values(const Operator& op, const std::vector<Value>& values) {
  if (values.size() < op.values_min || values.size() > op.values_max)
    return wrong_values("Invalid number of argument(s) for the {} ComparisonOperator", op.name);
  for (const Value& value : values)
    if (value.type() != values[0].type())
      return wrong_values("AttributeValues inside AttributeValueList must be of same type");
  for (const Value& value : values)
    if (!takes(op, value.type()))
      return wrong_values("ComparisonOperator {} is not valid for {} AttributeValue type", op.name,
                          name(value.type()));
  if (op.kind == Kind::between && is_less(values[1], values[0]))
    return fail(Code::invalid,
                "The BETWEEN condition was provided a range where the lower bound is greater than "
                "the upper bound");
  return {};
}

Result<Condition> filter_of(std::string_view attribute, element json, std::string_view parameter) {
  SL_TRY(Members members, structure_of(json, "Condition"));
  const element* comparison = member(members, "ComparisonOperator");
  if (!comparison)
    return wrong_member(
        "null", fmt::format("{}.{}.member.comparisonOperator", lower_first(parameter), attribute),
        "Member must not be null");
  SL_TRY(const Operator* op, operator_of(*comparison, parameter, attribute));
  std::vector<Value> values;
  if (const element* list = member(members, "AttributeValueList")) {
    SL_TRY(values, values_of(*list));
  }
  SL_CHECK(check_values(*op, values));
  return test(op->kind, attribute, std::move(values));
}

// Exists and Value, without ComparisonOperator.
Result<Condition> exists_of(std::string_view attribute, const element* exists,
                            std::optional<Value> value) {
  bool wanted = true;
  if (exists && exists->get_bool().get(wanted) != simdjson::SUCCESS)
    return wrong_shape("Unexpected token received from parser");
  if (wanted && !value)
    return wrong_values("Value must be provided when Exists is {} for Attribute: {}",
                        exists ? "true" : "null", attribute);
  if (!wanted && value)
    return wrong_values("Value cannot be used when Exists is false for Attribute: {}", attribute);
  if (!wanted) return test(Kind::attribute_not_exists, attribute);
  std::vector<Value> values;
  values.push_back(std::move(*value));
  return test(Kind::eq, attribute, std::move(values));
}

Result<Condition> expected_of(std::string_view attribute, element json) {
  SL_TRY(Members members, structure_of(json, "ExpectedAttributeValue"));
  const element* exists = member(members, "Exists");
  const element* single = member(members, "Value");
  const element* list = member(members, "AttributeValueList");
  const element* comparison = member(members, "ComparisonOperator");
  if (single && list)
    return wrong_values("Value and AttributeValueList cannot be used together for Attribute: {}",
                        attribute);
  std::vector<Value> values;
  if (single) {
    SL_TRY(values.emplace_back(), value_from_json(*single));
  }
  if (list) {
    SL_TRY(values, values_of(*list));
  }
  if (!comparison) {
    if (list)
      return wrong_values(
          "AttributeValueList can only be used with a ComparisonOperator for Attribute: {}",
          attribute);
    std::optional<Value> value;
    if (single) value = std::move(values[0]);
    return exists_of(attribute, exists, std::move(value));
  }
  SL_TRY(const Operator* op, operator_of(*comparison, "Expected", attribute));
  if (exists)
    return wrong_values("Exists and ComparisonOperator cannot be used together for Attribute: {}",
                        attribute);
  if (op->values_min > 0 && !single && !list)
    return wrong_values(
        "Value or AttributeValueList must be used with ComparisonOperator: {} for Attribute: {}",
        op->name, attribute);
  SL_CHECK(check_values(*op, values));
  return test(op->kind, attribute, std::move(values));
}

// With no condition at all it holds, even as OR.
Condition join(std::vector<Condition> conditions, bool is_any) {
  bool is_or = is_any && !conditions.empty();
  return {.kind = is_or ? Kind::any_of : Kind::all_of, .children = std::move(conditions)};
}

}  // namespace

Result<Condition> condition_from_expected(element json, bool is_any) {
  SL_TRY(Members attributes, map_of(json, "ExpectedAttributeValue"));
  std::vector<Condition> conditions;
  for (const auto& [attribute, expected] : attributes) {
    SL_TRY(conditions.emplace_back(), expected_of(attribute, expected));
  }
  return join(std::move(conditions), is_any);
}

Result<Condition> condition_from_filter(element json, bool is_any, std::string_view parameter) {
  SL_TRY(Members attributes, map_of(json, "Condition"));
  std::vector<Condition> conditions;
  for (const auto& [attribute, condition] : attributes) {
    SL_TRY(conditions.emplace_back(), filter_of(attribute, condition, parameter));
  }
  return join(std::move(conditions), is_any);
}

// ── updates and projections
// ─────────────────────────────────────────────────────────────────────────

namespace {

bool is_set(Type type) { return type == Type::SS || type == Type::NS || type == Type::BS; }

Status add_update(Update& update, std::string_view attribute, element json) {
  SL_TRY(Members members, structure_of(json, "AttributeValueUpdate"));
  std::string_view action = "PUT";
  if (const element* given = member(members, "Action")) {
    SL_TRY(action, text_of(*given));
  }
  if (action != "PUT" && action != "ADD" && action != "DELETE")
    return wrong_member(fmt::format("'{}'", action),
                        fmt::format("attributeUpdates.{}.member.action", attribute),
                        "Member must satisfy enum value set: [ADD, PUT, DELETE]");
  SL_CHECK(check_attribute_name(attribute));
  Path path{.attribute = std::string(attribute)};
  const element* given = member(members, "Value");
  if (!given) {
    if (action != "DELETE")
      return wrong_values("Only DELETE action is allowed when no attribute value is specified");
    update.removes.push_back(std::move(path));
    return {};
  }
  SL_TRY(Value value, value_from_json(*given));
  Type type = value.type();
  if (action == "PUT") {
    SetValue set{.left = {.kind = SetValue::Part::Kind::value, .value = std::move(value)}};
    update.sets.push_back({std::move(path), std::move(set)});
  } else if (action == "ADD") {
    if (!is_set(type) && type != Type::N && type != Type::L)
      return wrong_values("ADD action is not supported for the type {}", name(type));
    update.adds.push_back({std::move(path), std::move(value)});
  } else {
    if (!is_set(type))
      return wrong_values("DELETE action with value is not supported for the type {}", name(type));
    update.deletes.push_back({std::move(path), std::move(value)});
  }
  return {};
}

}  // namespace

Result<Update> update_from_attribute_updates(element json) {
  SL_TRY(Members attributes, map_of(json, "AttributeValueUpdate"));
  Update update{.is_legacy = true};
  for (const auto& [attribute, change] : attributes)
    SL_CHECK(add_update(update, attribute, change));
  return update;
}

Result<Projection> projection_from_attributes_to_get(element json) {
  SL_TRY(auto names, list_of(json));
  if (names.size() == 0)
    return wrong_member("'[]'", "attributesToGet",
                        "Member must have length greater than or equal to 1");
  if (names.size() > kAttributesToGetMax)
    return wrong_member(
        fmt::format("'[{} names]'", names.size()), "attributesToGet",
        fmt::format("Member must have length less than or equal to {}", kAttributesToGetMax));
  Projection projection;
  std::set<std::string_view> seen;
  for (element each : names) {
    SL_TRY(std::string_view name, text_of(each));
    if (!seen.insert(name).second)
      return wrong_values("Duplicate value in attribute name: {}", name);
    projection.push_back({.attribute = std::string(name)});
  }
  return projection;
}

}  // namespace sealane::table
