// SPDX-License-Identifier: Apache-2.0
#include "state/api/write.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "state/api/contains.h"
#include "state/api/keys.h"
#include "state/api/outcome.h"
#include "table/legacy.h"
#include "table/size.h"

namespace sealane::state::api {
namespace {

using Kind = WriteRequest::Kind;
using table::Item;
using table::Update;

constexpr std::string_view kConditionOnly[] = {"ConditionExpression"};
constexpr std::string_view kConditionLegacy[] = {"Expected", "ConditionalOperator"};
constexpr std::string_view kUpdateAndCondition[] = {"UpdateExpression", "ConditionExpression"};
constexpr std::string_view kUpdateLegacy[] = {"AttributeUpdates", "Expected",
                                              "ConditionalOperator"};

ExpressionKinds kinds_of(Kind kind) {
  if (kind == Kind::update) return {kUpdateAndCondition, kUpdateLegacy};
  return {kConditionOnly, kConditionLegacy};
}

Outcome<std::optional<Update>> read_update(const Members& members,
                                           table::Placeholders& placeholders) {
  SL_TRY(const auto text, expression_text(members, "UpdateExpression"));
  if (text) return lift(table::parse_update(*text, placeholders));
  if (const auto updates = members.find("AttributeUpdates")) {
    return lift(table::update_from_attribute_updates(*updates));
  }
  return std::nullopt;
}

// An update that only takes away does not make an item that was not there (seen on AWS).
bool only_removes(const Update& update) {
  return update.sets.empty() && update.adds.empty() &&
         !(update.removes.empty() && update.deletes.empty());
}

Outcome<void> check_update(const Update& update, const Table& table) {
  const auto touched = table::attributes_of(update);
  for (const std::string& name : key_names(table.key)) {
    if (contains(touched, name)) {
      return invalid_values(
          fmt::format("Cannot update attribute {}. This attribute is part of the key", name));
    }
  }
  // What is SET to a given value, or ADDed, is known before the item is looked at.
  Item given;
  for (const auto& set : update.sets) {
    const bool is_plain =
        !set.value.right && set.value.left.kind == table::SetValue::Part::Kind::value;
    if (is_plain && set.path.steps.empty()) given.set(set.path.attribute, set.value.left.value);
  }
  for (const auto& add : update.adds) {
    if (add.path.steps.empty()) given.set(add.path.attribute, add.value);
  }
  SL_CHECK(check_index_keys(given, table));
  return check_paths(paths_of(update), table);
}

std::unexpected<Failure> condition_failed(const WriteRequest& write, const Item& old_item) {
  auto refused = failure("ConditionalCheckFailedException", "The conditional request failed");
  if (write.returns_old_on_failure && !old_item.empty()) {
    refused.error().members = ",\"Item\":";
    table::append_json(refused.error().members, old_item);
  }
  return refused;
}

// Attributes that became keys of an index by way of other attributes: their type is known only now.
// What the update does not touch may be of any type: the index may be younger than the item.
Outcome<void> check_computed_index_keys(const Item& item, const Update& update,
                                        const Table& table) {
  Item touched;
  for (const std::string& name : table::attributes_of(update)) {
    if (const table::Value* value = item.find(name)) touched.set(name, *value);
  }
  const auto fits = check_index_keys(touched, table);
  if (fits || !fits.error().message.contains("Type mismatch for Index Key")) return fits;
  return validation(
      "The update expression attempted to update the secondary index key to unsupported type");
}

Outcome<void> judge_update(const WriteRequest& write, table::Stamp stamp, bool needs_old,
                           Judged& judged) {
  const Table& table = *write.table;
  const bool is_new = judged.old_item.empty();
  if (is_new) {
    judged.new_item = write.item();
  } else {
    judged.new_item = needs_old ? judged.old_item : std::exchange(judged.old_item, {});
  }
  std::vector<table::Change> changes;
  if (write.update) {
    SL_TRY(changes, lift(table::apply(*write.update, judged.new_item)));
    if (is_new && only_removes(*write.update)) {
      judged.new_item = {};
      return {};
    }
    SL_CHECK(check_computed_index_keys(judged.new_item, *write.update, table));
  }
  if (table::size_bytes(judged.new_item) > table::kItemBytesMax) {
    return validation("Item size to update has exceeded the maximum allowed size");
  }
  judged.delta =
      table::update_delta(judged.new_item, changes, table.merge, stamp, key_names(table.key));
  return {};
}

}  // namespace

std::vector<table::Path> paths_of(const Update& update) {
  std::vector<table::Path> paths;
  for (const auto& set : update.sets) paths.push_back(set.path);
  for (const auto& path : update.removes) paths.push_back(path);
  for (const auto& add : update.adds) paths.push_back(add.path);
  for (const auto& remove : update.deletes) paths.push_back(remove.path);
  return paths;
}

WriteRequest read_write(const Members& members, Kind kind) {
  WriteRequest write{.kind = kind, .members = members};
  write.table_name = read_table_name(members);
  write.given = read_item(members, kind == Kind::put ? "Item" : "Key");
  check_shapes(members, kinds_of(kind));
  if (kind == Kind::check) members.text("ConditionExpression", {.is_required = true});
  write.returns_old_on_failure = read_return_on_failure(members);
  return write;
}

WriteRequest read_batch_write(const Members& members, Kind kind, std::string table_name) {
  WriteRequest write{.kind = kind, .members = members, .table_name = std::move(table_name)};
  write.given = read_item(members, kind == Kind::put ? "Item" : "Key");
  return write;
}

Outcome<void> understand(WriteRequest& write) {
  const Members& members = write.members;
  SL_CHECK(check_expression_kinds(members, kinds_of(write.kind)));
  SL_CHECK(write.given.check());
  if (write.kind == Kind::put && table::size_bytes(write.item()) > table::kItemBytesMax) {
    return validation("Item size has exceeded the maximum allowed size");
  }
  SL_TRY(table::Placeholders placeholders, read_placeholders(members));
  if (write.kind == Kind::update) {
    SL_TRY(write.update, read_update(members, placeholders));
  }
  SL_TRY(write.condition, read_condition(members, placeholders));
  return lift(placeholders.check_all_used());
}

Outcome<void> bind_write(const Engine& engine, WriteRequest& write) {
  SL_TRY(write.table, find_table(engine, write.table_name));
  if (write.kind == Kind::put) {
    SL_TRY(write.key, check_item(write.item(), *write.table));
  } else {
    SL_TRY(write.key, check_key(write.item(), *write.table));
  }
  if (write.update) return check_update(*write.update, *write.table);
  return {};
}

Outcome<Judged> judge(Engine& engine, WriteRequest& write, table::Stamp stamp, bool needs_old) {
  Judged judged;
  if (needs_old || write.condition || write.kind == Kind::update) {
    SL_TRY(judged.before, lift(engine.load(*write.table, write.key)));
    judged.old_item = engine.visible(*write.table, judged.before);
  } else {
    SL_TRY(judged.before_raw, lift(engine.load_raw(*write.table, write.key)));
  }
  if (write.condition && !table::holds(*write.condition, judged.old_item)) {
    return condition_failed(write, judged.old_item);
  }
  switch (write.kind) {
    case Kind::put: {
      Item key = key_item(write.item(), *write.table, nullptr);
      judged.delta = table::put_delta(std::exchange(write.given.item, std::move(key)), stamp);
      break;
    }
    case Kind::remove: judged.delta = table::delete_delta(stamp); break;
    case Kind::update: SL_CHECK(judge_update(write, stamp, needs_old, judged)); break;
    case Kind::check: break;
  }
  return judged;
}

ItemWrite to_commit(const WriteRequest& write, Judged& judged) {
  return {.table = write.table, .key = write.key, .before = std::move(judged.before),
          .before_raw = std::move(judged.before_raw), .delta = std::move(*judged.delta)};
}

Outcome<void> commit_one(Engine& engine, const WriteRequest& write, Judged& judged, Answer& answer,
                         Written* written) {
  if (!judged.delta) return {};
  ItemWrite item = to_commit(write, judged);
  answer.ack = write.table->ack;
  std::vector<Written> all;
  SL_TRY(answer.written, lift(engine.commit(std::span(&item, 1), written ? &all : nullptr)));
  if (written && !all.empty()) *written = std::move(all.front());
  return {};
}

}  // namespace sealane::state::api
