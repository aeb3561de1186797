// SPDX-License-Identifier: Apache-2.0
#include "state/state.h"

#include <algorithm>

namespace sealane::state {

Result<std::unique_ptr<State>> State::open(port::Lane& lane, port::Store& store,
                                           port::Fabric& fabric, Options options) {
  SL_TRY(auto engine, Engine::open(store, lane.clock, lane.dice, options.engine));
  return std::unique_ptr<State>(
      new State(lane, store, fabric, std::move(engine), std::move(options)));
}

State::State(port::Lane& lane, port::Store& store, port::Fabric& fabric,
             std::unique_ptr<Engine> engine, Options options)
    : engine_(std::move(engine)),
      replicator_(lane, store, fabric, *engine_, std::move(options.replication)),
      service_(lane, *engine_, replicator_, std::move(options.service)),
      server_(lane, service_, {.api = "state", .limits = options.limits}) {}

Status State::declare(const std::vector<Table>& tables) {
  for (const Table& wanted : tables) {
    const Table* present = engine_->find_anywhere(wanted.name);
    Table table = wanted;
    if (present) {
      table.created_ms = present->created_ms;
      table.generation =
          present->generation + (present->is_deleted || present->key != wanted.key ? 1 : 0);
      if (table.stream == table::StreamView::off || table.stream == present->stream) {
        table.stream = present->stream;
        table.stream_started_ms = present->stream_started_ms;
      } else {  // another stream
        table.stream_started_ms =
            std::max(wanted.stream_started_ms, present->stream_started_ms + 1);
      }
      for (const table::Index& index : present->indexes) {
        if (!table.find_index(index.name)) table.indexes.push_back(index);
      }
      for (const table::KeyAttribute& attribute : present->attribute_definitions) {
        const auto& known = table.attribute_definitions;
        if (std::find(known.begin(), known.end(), attribute) == known.end())
          table.attribute_definitions.push_back(attribute);
      }
      table.tags = present->tags;
      table.has_deletion_protection = present->has_deletion_protection;
    }
    table.id = table::table_id(table.name, table.generation, table.key);
    SL_CHECK(engine_->write_table(table));
  }
  return {};
}

}  // namespace sealane::state
