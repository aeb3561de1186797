// SPDX-License-Identifier: Apache-2.0
// Query: the items of one hash key, perhaps of a range of range keys, in their order.
#include <fmt/format.h>

#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/read.h"
#include "table/legacy.h"

namespace sealane::state::api {
namespace {

using table::KeyCondition;

constexpr std::string_view kExpressions[] = {"ProjectionExpression", "FilterExpression",
                                             "KeyConditionExpression"};
constexpr std::string_view kLegacy[] = {"AttributesToGet", "QueryFilter", "ConditionalOperator",
                                        "KeyConditions"};
constexpr std::string_view kKeyConditionExpression = "KeyConditionExpression";

// The KeyConditionExpression, or KeyConditions as a condition; the first is understood only with
// the schema at hand.
struct GivenKeyCondition {
  std::optional<std::string_view> text;
  std::optional<table::Condition> legacy;
};

Outcome<GivenKeyCondition> read_key_condition(const Members& members) {
  GivenKeyCondition given;
  SL_TRY(given.text, expression_text(members, kKeyConditionExpression));
  if (given.text) return given;
  const auto legacy = members.object("KeyConditions", "Condition");
  if (!legacy) {
    return validation(
        "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
        "request.");
  }
  if (legacy->size() < 1 || legacy->size() > 2)
    return validation("Conditions can be of length 1 or 2 only");
  SL_TRY(given.legacy, lift(table::condition_from_filter(*members.find("KeyConditions"), false)));
  return given;
}

// A string or binary range key that begins with `start`: its encoding without what ends it.
std::string open_ended(const table::Value& start) {
  std::string bytes;
  table::append_ordered(bytes, start);
  bytes.resize(bytes.size() - 2);
  return bytes;
}

// The keys that a condition picks; see key.h for why ranges of bytes do it.
Range range_of(const KeyCondition& condition) {
  using Test = KeyCondition::Test;
  const std::string hash = table::encode_key_prefix(condition.hash);
  const auto at = [&](const table::Value& value) {
    std::string key = hash;
    table::append_ordered(key, value);
    return key;
  };
  const std::string end = table::after_prefix(hash);
  switch (condition.test) {
    case Test::none: return {hash, end};
    case Test::eq: return {at(condition.low), table::after_prefix(at(condition.low))};
    case Test::lt: return {hash, at(condition.low)};
    case Test::le: return {hash, table::after_prefix(at(condition.low))};
    case Test::gt: return {table::after_prefix(at(condition.low)), end};
    case Test::ge: return {at(condition.low), end};
    case Test::between: return {at(condition.low), table::after_prefix(at(condition.high))};
    case Test::begins_with: {
      const std::string first = hash + open_ended(condition.low);
      return {first, table::after_prefix(first)};
    }
  }
  return {hash, end};
}

Outcome<void> check_filter(const ReadRequest& read) {
  const std::string* name =
      read.filter ? table::first_key_attribute(*read.filter, read.key()) : nullptr;
  if (!name) return {};
  return validation(
      fmt::format("{} can only contain non-primary key attributes: Primary key attribute: {}",
                  read.is_legacy_filter ? "QueryFilter" : "Filter Expression", *name));
}

}  // namespace

Outcome<Answer> query(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  ReadRequest read = read_request(members, {kExpressions, kLegacy});
  read.is_query = true;
  SL_CHECK(mistakes.check());
  SL_CHECK(check_expression_kinds(members, {kExpressions, kLegacy}));
  SL_TRY(table::Placeholders placeholders, read_placeholders(members));
  SL_TRY(const GivenKeyCondition given, read_key_condition(members));
  SL_CHECK(understand_read(members, read, placeholders, "QueryFilter"));
  SL_CHECK(bind_read(call.engine, read));

  auto condition = given.legacy ? table::to_key_condition(*given.legacy, read.key())
                                : table::parse_key_condition(*given.text, placeholders, read.key());
  if (!condition) return from_error(condition.error());
  SL_CHECK(lift(placeholders.check_all_used()));
  SL_CHECK(check_filter(read));

  Range range = range_of(*condition);
  SL_CHECK(start_behind(
      read, range,
      condition->test == KeyCondition::Test::none
          ? "The provided starting key is outside query boundaries based on provided conditions"
          : "The provided starting key does not match the range key predicate"));
  return read_page(call.engine, read, range);
}

}  // namespace sealane::state::api
