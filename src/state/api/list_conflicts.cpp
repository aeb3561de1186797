// SPDX-License-Identifier: Apache-2.0
// ListConflicts, for operators: the values that lost against a write that did not know of them, the
// latest first. Of this node's journal; each conflict is in the journals of both sides. Not a call
// of AWS: their global tables tell nobody.
#include <fmt/format.h>

#include "state/api/json_writer.h"
#include "state/api/members.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"

namespace sealane::state::api {
namespace {

constexpr int64_t kConflictsMax = 1000, kConflictsDefault = 100;  // of one page
constexpr size_t kPageBytesMax = 1 << 20;
constexpr size_t kLookedAtMax = 5000;  // entries of one page, those of other tables too

void write_value(JsonWriter& json, const table::Value& value) {
  std::string text;
  table::append_json(text, value);
  json.key("Value").raw(text);
}

// One side: who wrote, and when by the hybrid clock.
void write_side(JsonWriter& json, const Engine& engine, const table::Stamp& stamp) {
  json.key("Stamp").text(fmt::format("{:016x}.{:08x}", stamp.hlc, stamp.source));
  json.key("DateTime").date(table::ms_of(stamp.hlc));
  json.key("SourceId").text(fmt::format("{:08x}", stamp.source));
  if (const Engine::Owner* owner = engine.owner_of(stamp.source)) {
    json.key("RegionName").text(owner->region);
    json.key("Node").text(owner->node);
  }
}

void write_conflict(JsonWriter& json, const Engine& engine, const Lost& lost) {
  json.open('{');
  json.key("Sequence").integer(lost.sequence);
  json.key("NoticedDateTime").date(lost.wall_ms);
  json.key("TableName").text(lost.table_name);
  json.key("Key").item(lost.key);
  json.key("Attribute").text(lost.what.attribute);
  json.key("Lost").open('{');
  write_side(json, engine, lost.what.lost);
  write_value(json, lost.what.value);
  json.close('}');
  json.key("Won").open('{');
  write_side(json, engine, lost.what.won);
  if (lost.what.kept) {
    write_value(json, *lost.what.kept);
  } else {
    json.key(lost.what.is_elsewhere ? "ValueIsInItem" : "Removed").boolean(true);
  }
  json.close('}');
  json.close('}');
}

}  // namespace

Outcome<Answer> list_conflicts(Call& call) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const auto name =
      members.text("TableName", {.length_min = 3, .length_max = 255, .is_name = true});
  const auto limit =
      members.integer("Limit", {.min = 1, .max = kConflictsMax}).value_or(kConflictsDefault);
  const auto before = members.integer("Before", {.min = 1, .type = "Long"}).value_or(0);
  SL_CHECK(mistakes.check());

  Answer answer;
  JsonWriter json(answer.json);
  json.open('{');
  json.key("Conflicts").open('[');
  int64_t count = 0;
  size_t looked_at_count = 0;
  uint64_t last = 0, next = 0;
  SL_CHECK(lift(call.engine.read_journal(uint64_t(before), [&](const Lost& lost) {
    if (count == limit || looked_at_count == kLookedAtMax || answer.json.size() > kPageBytesMax) {
      next = last;
      return false;
    }
    ++looked_at_count;
    last = lost.sequence;
    if (name && lost.table_name != *name) return true;
    write_conflict(json, call.engine, lost);
    ++count;
    return true;
  })));
  json.close(']');
  if (next != 0) json.key("NextBefore").integer(next);
  json.close('}');
  return answer;
}

}  // namespace sealane::state::api
