// SPDX-License-Identifier: Apache-2.0
#include "state/api/parameters.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "state/api/keys.h"
#include "state/api/outcome.h"
#include "table/legacy.h"

namespace sealane::state::api {
namespace {

using table::Placeholders;
using namespace std::string_view_literals;

// In AWS's own order, which its messages show.
constexpr std::string_view kReturnCapacity[] = {"INDEXES", "TOTAL", "NONE"};
constexpr std::string_view kReturnValues[] = {"ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE",
                                              "UPDATED_NEW"};
constexpr std::string_view kReturnMetrics[] = {"SIZE", "NONE"};
constexpr std::string_view kReturnOnFailure[] = {"ALL_OLD", "NONE"};
constexpr std::string_view kConditionalOperators[] = {"OR", "AND"};

constexpr std::string_view kNames = "ExpressionAttributeNames",
                           kValues = "ExpressionAttributeValues";

bool is_any(const Members& members) {
  return members.text("ConditionalOperator").value_or("AND") == "OR";
}

// It joins conditions, so there must be some to join. KeyConditions are always all of them.
Outcome<void> check_conditional_operator(const Members& members, const ExpressionKinds& kinds) {
  if (!members.has("ConditionalOperator")) return {};
  size_t count = 0;
  for (const std::string_view name : kinds.legacy) {
    if (name != "Expected" && name != "QueryFilter" && name != "ScanFilter") continue;
    if (const auto conditions = members.object(name, {})) count += conditions->size();
  }
  if (count > 1) return {};
  return validation(count == 0 ? "ConditionalOperator cannot be used without Filter or Expected"
                               : "ConditionalOperator can only be used when Filter or Expected has "
                                 "two or more elements");
}

std::vector<std::string_view> present(const Members& members,
                                      std::span<const std::string_view> names) {
  std::vector<std::string_view> out;
  std::ranges::copy_if(names, std::back_inserter(out),
                       [&](std::string_view name) { return members.has(name); });
  return out;
}

}  // namespace

GivenItem read_item(const Members& members, std::string_view name, bool is_required) {
  GivenItem given;
  if (!members.object(name, "AttributeValue", is_required)) return given;
  auto item = table::item_from_json(*members.find(name));
  if (item) {
    given.item = std::move(*item);
    return given;
  }
  Failure mistake = from_error(item.error()).error();
  if (mistake.type == "SerializationException") {
    members.mistakes().shape(mistake.message);
  } else {
    given.mistake = std::move(mistake);
  }
  return given;
}

void check_shapes(const Members& members, const ExpressionKinds& kinds) {
  for (const std::string_view name : kinds.expressions) members.text(name);
  for (const std::string_view name : kinds.legacy) {
    if (name == "ConditionalOperator") {
      members.text(name, {.one_of = kConditionalOperators});
    } else if (name == "AttributesToGet") {
      members.texts(name, {.length_min = 1, .length_max = 255});
    } else {
      members.object(name, name == "Expected"           ? "ExpectedAttributeValue"
                           : name == "AttributeUpdates" ? "AttributeValueUpdate"
                                                        : "Condition");
    }
  }
  if (const auto names = members.object(kNames, "java.lang.String")) {
    for (const auto& [key, value] : *names) {
      if (!value.is_string()) members.mistakes().shape("Unexpected value type in payload");
    }
  }
  members.object(kValues, "AttributeValue");
}

Outcome<void> check_expression_kinds(const Members& members, const ExpressionKinds& kinds) {
  const auto given = present(members, kinds.expressions);
  auto legacy = present(members, kinds.legacy);
  // KeyConditions may go with expressions other than its own successor.
  if (!members.has("KeyConditionExpression")) std::erase(legacy, "KeyConditions"sv);
  if (!given.empty() && !legacy.empty()) {
    return validation(fmt::format(
        "Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {{{}}} Expression parameters: {{{}}}",
        fmt::join(legacy, ", "), fmt::join(given, ", ")));
  }
  SL_CHECK(check_conditional_operator(members, kinds));
  if (members.has(kNames) && given.empty()) {
    return validation("ExpressionAttributeNames can only be specified when using expressions");
  }
  std::vector<std::string_view> with_values;
  for (const std::string_view name : kinds.expressions) {
    if (name != "ProjectionExpression") with_values.push_back(name);
  }
  if (members.has(kValues) && !with_values.empty() && present(members, with_values).empty()) {
    return validation(fmt::format(
        "ExpressionAttributeValues can only be specified when using expressions: {} {} null",
        fmt::join(with_values, " and "), with_values.size() > 1 ? "are" : "is"));
  }
  return {};
}

Outcome<Placeholders> read_placeholders(const Members& members) {
  Placeholders placeholders;
  if (const auto names = members.object(kNames, "java.lang.String")) {
    if (names->size() == 0) return validation("ExpressionAttributeNames must not be empty");
    for (const auto& [key, value] : *names) {
      SL_CHECK(lift(placeholders.add_name(key, std::string_view(value))));
    }
  }
  if (const auto values = members.object(kValues, "AttributeValue")) {
    if (values->size() == 0) return validation("ExpressionAttributeValues must not be empty");
    for (const auto& [key, json] : *values) {
      auto value = table::value_from_json(json);
      if (!value) {
        Failure mistake = from_error(value.error()).error();
        if (mistake.type == "SerializationException") return std::unexpected(std::move(mistake));
        return validation(
            fmt::format("ExpressionAttributeValues contains invalid value: {} for key {}",
                        mistake.message, key));
      }
      SL_CHECK(lift(placeholders.add_value(key, std::move(*value))));
    }
  }
  return placeholders;
}

Outcome<std::optional<std::string_view>> expression_text(const Members& members,
                                                         std::string_view name) {
  const auto text = members.text(name);
  if (text && text->empty())
    return validation(fmt::format("Invalid {}: The expression can not be empty;", name));
  return text;
}

Outcome<std::optional<table::Condition>> read_condition(const Members& members,
                                                        Placeholders& placeholders) {
  SL_TRY(const auto text, expression_text(members, table::kConditionExpression));
  if (text) return lift(table::parse_condition(*text, placeholders, table::kConditionExpression));
  if (const auto expected = members.object("Expected", "ExpectedAttributeValue");
      expected && expected->size() > 0) {
    return lift(table::condition_from_expected(*members.find("Expected"), is_any(members)));
  }
  return std::nullopt;
}

Outcome<std::optional<table::Projection>> read_projection(const Members& members,
                                                          Placeholders& placeholders) {
  SL_TRY(const auto text, expression_text(members, "ProjectionExpression"));
  if (text) return lift(table::parse_projection(*text, placeholders));
  if (const auto list = members.find("AttributesToGet")) {
    return lift(table::projection_from_attributes_to_get(*list));
  }
  return std::nullopt;
}

Outcome<void> check_paths(std::span<const table::Path> paths, const Table& table) {
  for (const table::Path& path : paths) {
    if (path.steps.empty()) continue;
    const auto refuse = [&](std::string_view kind) {
      return validation(fmt::format(
          "Key attributes must be scalars; list random access '[]' and map lookup '.' are not "
          "allowed: {}: {}",
          kind, path.attribute));
    };
    if (is_key_attribute(table.key, path.attribute)) return refuse("Key");
    for (const table::Index& index : table.indexes) {
      if (is_key_attribute(index.key, path.attribute)) return refuse("IndexKey");
    }
  }
  return {};
}

ReturnCapacity read_return_capacity(const Members& members) {
  const auto text =
      members.text("ReturnConsumedCapacity", {.one_of = kReturnCapacity}).value_or("NONE");
  return text == "INDEXES" ? ReturnCapacity::indexes
         : text == "TOTAL" ? ReturnCapacity::total
                           : ReturnCapacity::none;
}

ReturnValues read_return_values(const Members& members) {
  const auto text = members.text("ReturnValues", {.one_of = kReturnValues}).value_or("NONE");
  if (text == "ALL_OLD") return ReturnValues::all_old;
  if (text == "UPDATED_OLD") return ReturnValues::updated_old;
  if (text == "ALL_NEW") return ReturnValues::all_new;
  if (text == "UPDATED_NEW") return ReturnValues::updated_new;
  return ReturnValues::none;
}

bool read_return_collection_metrics(const Members& members) {
  return members.text("ReturnItemCollectionMetrics", {.one_of = kReturnMetrics}).value_or("NONE") ==
         "SIZE";
}

bool read_return_on_failure(const Members& members) {
  return members.text("ReturnValuesOnConditionCheckFailure", {.one_of = kReturnOnFailure})
             .value_or("NONE") == "ALL_OLD";
}

Outcome<const Table*> find_table(const Engine& engine, std::string_view name) {
  const Table* table = engine.find_table(name);
  if (!table) return table_not_found();
  return table;
}

}  // namespace sealane::state::api
