// SPDX-License-Identifier: Apache-2.0
// PutItem, UpdateItem, DeleteItem: one write, and what it returns. A removal is written even when
// the item is not here: it may be on its way from another region.
#include "state/api/capacity.h"
#include "state/api/json_writer.h"
#include "state/api/operations.h"
#include "state/api/outcome.h"
#include "state/api/write.h"

namespace sealane::state::api {
namespace {

using Kind = WriteRequest::Kind;

table::Item returned(const WriteRequest& write, const Judged& judged, ReturnValues returns) {
  const auto touched = [&](const table::Item& item) {
    return write.update ? table::project(item, paths_of(*write.update)) : table::Item();
  };
  switch (returns) {
    case ReturnValues::none: return {};
    case ReturnValues::all_old: return judged.old_item;
    case ReturnValues::all_new: return judged.new_item;
    case ReturnValues::updated_old: return touched(judged.old_item);
    case ReturnValues::updated_new: return touched(judged.new_item);
  }
  return {};
}

Outcome<Answer> write_item(Call& call, Kind kind) {
  Mistakes mistakes;
  const Members members(call.body, mistakes);
  const ReturnCapacity capacity = read_return_capacity(members);
  WriteRequest write = read_write(members, kind);
  const ReturnValues returns = read_return_values(members);
  const bool wants_metrics = read_return_collection_metrics(members);
  SL_CHECK(mistakes.check());
  if (kind != Kind::update && returns != ReturnValues::none && returns != ReturnValues::all_old) {
    return validation("ReturnValues can only be ALL_OLD or NONE");
  }
  SL_CHECK(understand(write));
  SL_CHECK(bind_write(call.engine, write));
  const bool needs_old = returns == ReturnValues::all_old || returns == ReturnValues::updated_old;
  SL_TRY(Judged judged, judge(call.engine, write, call.engine.next_stamp(), needs_old));

  Answer answer;
  Written written;
  SL_CHECK(commit_one(call.engine, write, judged, answer,
                      capacity == ReturnCapacity::none ? nullptr : &written));

  JsonWriter json(answer.json);
  json.open('{');
  if (const table::Item item = returned(write, judged, returns); !item.empty())
    json.key("Attributes").item(item);
  if (capacity != ReturnCapacity::none) {
    Consumed consumed;
    add_write(consumed, *write.table, written);
    write_consumed_member(json, write.table_name, consumed, capacity);
  }
  if (wants_metrics && has_collections(*write.table)) {
    json.key("ItemCollectionMetrics");
    write_collection_metrics(json, *write.table, write.item());
  }
  json.close('}');
  return answer;
}

}  // namespace

Outcome<Answer> put_item(Call& call) { return write_item(call, Kind::put); }
Outcome<Answer> update_item(Call& call) { return write_item(call, Kind::update); }
Outcome<Answer> delete_item(Call& call) { return write_item(call, Kind::remove); }

}  // namespace sealane::state::api
