// SPDX-License-Identifier: Apache-2.0
// The parameters that many operations share: expressions or their legacy forms, placeholders, items
// and keys, and what is to be returned.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "state/api/api.h"
#include "state/api/members.h"
#include "table/attribute_json.h"
#include "table/expression/expression.h"
#include "table/schema.h"

namespace sealane::state::api {

// ── items ──

// An item or a key as it was given: a mistake in a value is told after the constraints of the other
// members.
struct GivenItem {
  table::Item item;
  std::optional<Failure> mistake;
  Outcome<void> check() const {
    return mistake ? Outcome<void>(std::unexpected(*mistake)) : Outcome<void>();
  }
};
GivenItem read_item(const Members& members, std::string_view name, bool is_required = true);

// ── expressions ──

// Which parameters of an operation are expressions, and which ones are of the time before them.
struct ExpressionKinds {
  std::span<const std::string_view> expressions, legacy;
};
// Not both at once; placeholders only with expressions ("Can not use both expression and
// non-expression ...").
Outcome<void> check_expression_kinds(const Members& members, const ExpressionKinds& kinds);
Outcome<table::Placeholders> read_placeholders(const Members& members);
// The text of an expression; refuses the empty one.
Outcome<std::optional<std::string_view>> expression_text(const Members& members,
                                                         std::string_view name);

// The condition of a write: ConditionExpression or Expected.
Outcome<std::optional<table::Condition>> read_condition(const Members& members,
                                                        table::Placeholders& placeholders);
// ProjectionExpression or AttributesToGet.
Outcome<std::optional<table::Projection>> read_projection(const Members& members,
                                                          table::Placeholders& placeholders);
// Key attributes must be scalars: a path may not go into one.
Outcome<void> check_paths(std::span<const table::Path> paths, const Table& table);

// Notes wrong shapes and constraints of the legacy conditions and expressions.
void check_shapes(const Members& members, const ExpressionKinds& kinds);

// ── what is returned ──

enum class ReturnCapacity : uint8_t { none, total, indexes };
ReturnCapacity read_return_capacity(const Members& members);

enum class ReturnValues : uint8_t { none, all_old, updated_old, all_new, updated_new };
ReturnValues read_return_values(const Members& members);

bool read_return_collection_metrics(const Members& members);
// ReturnValuesOnConditionCheckFailure ALL_OLD.
bool read_return_on_failure(const Members& members);

// ── tables ──

// "Requested resource not found" when the region has no such table.
Outcome<const Table*> find_table(const Engine& engine, std::string_view name);

}  // namespace sealane::state::api
