// SPDX-License-Identifier: Apache-2.0
// GetItem. Without a projection the stored bytes become JSON directly; no tree is built.
#include "state/api/capacity.h"
#include "state/api/json_writer.h"
#include "state/api/keys.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "table/record.h"
#include "table/size.h"

namespace sealane::state::api {
namespace {

constexpr std::string_view kExpressions[] = {"ProjectionExpression"};
constexpr std::string_view kLegacy[] = {"AttributesToGet"};

}  // namespace

Outcome<Answer> get_item(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const ReturnCapacity capacity = read_return_capacity(members);
  check_shapes(members, {kExpressions, kLegacy});
  const std::string table_name = read_table_name(members);
  const GivenItem key = read_item(members, "Key");
  const bool is_consistent = members.flag("ConsistentRead").value_or(false);
  SL_CHECK(mistakes.check());
  SL_CHECK(check_expression_kinds(members, {kExpressions, kLegacy}));
  SL_CHECK(key.check());
  SL_TRY(table::Placeholders placeholders, read_placeholders(members));
  SL_TRY(const auto projection, read_projection(members, placeholders));
  SL_CHECK(lift(placeholders.check_all_used()));
  SL_TRY(const Table* table, find_table(call.engine, table_name));
  SL_TRY(const std::string encoded, check_key(key.item, *table));
  if (projection) SL_CHECK(check_paths(*projection, *table));

  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  std::string packed;
  SL_TRY(const bool found, lift(call.engine.load_packed(*table, encoded, packed)));
  size_t bytes = 0;
  if (found && !projection && capacity == ReturnCapacity::none) {
    json.key("Item").raw("");
    SL_TRY(const bool written, lift(table::append_packed_record_as_json(answer.json, packed)));
    if (!written) answer.json = "{";
  } else if (found) {
    std::string_view rest = packed;
    SL_TRY(const table::Record record, lift(table::take_packed_record(rest)));
    const table::Item item = table::item_of(record);
    bytes = table::size_bytes(item);
    if (record.exists())
      json.key("Item").item(projection ? table::project(item, *projection) : item);
  }
  if (capacity != ReturnCapacity::none) {
    Consumed consumed;
    add_read(consumed, nullptr, bytes, is_consistent);
    write_consumed_member(json, table_name, consumed, capacity);
  }
  json.close('}');
  return answer;
}

}  // namespace sealane::state::api
