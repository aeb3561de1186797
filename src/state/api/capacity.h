// SPDX-License-Identifier: Apache-2.0
// ConsumedCapacity: what AWS would have charged, so that clients that watch it see what they know.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "state/api/json_writer.h"
#include "state/api/parameters.h"
#include "state/engine.h"

namespace sealane::state::api {

// What one table's part of a request consumed.
struct Consumed {
  double table = 0;
  std::map<std::string, double> local_indexes, global_indexes;
  double total() const;
};

// A write: the larger of what was and what is, one unit per started KiB, and the entries of the
// indexes it changed. `factor` is 2 in transactions.
void add_write(Consumed& consumed, const Table& table, const Written& written, double factor = 1);
// A read of so many bytes of the table or an index of it.
void add_read(Consumed& consumed, const table::Index* index, size_t bytes, bool consistent,
              double factor = 1);

// The value of a ConsumedCapacity member.
void write_consumed(JsonWriter& json, std::string_view table_name, const Consumed& consumed,
                    ReturnCapacity wanted);
// `"ConsumedCapacity":{...}`, when it is wanted.
void write_consumed_member(JsonWriter& json, std::string_view table_name, const Consumed& consumed,
                           ReturnCapacity wanted);
// `"ConsumedCapacity":[...]` of the tables of a batch or a transaction, when it is wanted.
void write_all_consumed(JsonWriter& json, const std::map<std::string, Consumed>& consumed,
                        ReturnCapacity wanted);

// `"ItemCollectionMetrics":{...}` of a table that has local indexes. Collections are not limited
// here, so the estimate is the smallest one.
void write_collection_metrics(JsonWriter& json, const Table& table, const table::Item& item_or_key);
bool has_collections(const Table& table);

}  // namespace sealane::state::api
