// SPDX-License-Identifier: Apache-2.0
// A table as the API describes it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "state/api/json_writer.h"
#include "state/engine.h"
#include "state/lag.h"

namespace sealane::state::api {

// Tables change at once; the answer to the change itself tells of it as AWS does, so that waiters
// see what they expect.
struct Statuses {
  std::string_view table = "ACTIVE";
  std::vector<std::string> indexes_created, replicas_created, replicas_deleted;
};

// The value of TableDescription or Table. With `lags` the replicas tell how far behind this node
// is, in members that AWS does not have (they begin with Sealane; SDKs leave alone what they do not
// know).
void write_table_description(JsonWriter& json, const Engine& engine, std::string_view region,
                             const Table& table, const Statuses& statuses = {},
                             const std::vector<Lag>* lags = nullptr);

// A name-based UUID of a table's generation: the same in every region.
std::string table_uuid(const Table& table);

}  // namespace sealane::state::api
