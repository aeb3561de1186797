// SPDX-License-Identifier: Apache-2.0
// What Query and Scan share: where a page begins and ends, what is counted, filtered, cut and
// handed out.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "state/api/api.h"
#include "state/api/capacity.h"
#include "state/api/members.h"
#include "state/api/parameters.h"
#include "table/expression/expression.h"

namespace sealane::state::api {

enum class Select : uint8_t { all_attributes, all_projected, specific, count };

struct ReadRequest {
  std::string table_name;
  std::optional<std::string> index_name;
  std::optional<uint64_t> limit;
  std::optional<Select> select;
  bool is_consistent = false;
  bool is_backwards = false;
  bool is_query = false;
  ReturnCapacity capacity = ReturnCapacity::none;
  GivenItem start;                       // ExclusiveStartKey
  bool has_start = false;
  std::optional<table::Condition> filter;
  bool is_legacy_filter = false;
  std::optional<table::Projection> projection;
  bool is_legacy_projection = false;  // of AttributesToGet

  // bind_read()
  const Table* table = nullptr;
  const table::Index* index = nullptr;
  const table::KeySchema& key() const { return index ? index->key : table->key; }
};

// Bytes of keys: from `first` on, up to but not `last`; empty is open.
struct Range {
  std::string first, last;
};

// Members that both have; notes mistakes.
ReadRequest read_request(const Members& members, const ExpressionKinds& kinds);
Outcome<void> understand_read(const Members& members, ReadRequest& read,
                              table::Placeholders& placeholders, std::string_view legacy_filter);
// Table and index; what may not be asked of them.
Outcome<void> bind_read(const Engine& engine, ReadRequest& read);
// Moves the range behind ExclusiveStartKey. Refuses a key that is none of this table or index, or
// is not in the range.
Outcome<void> start_behind(const ReadRequest& read, Range& range, std::string_view outside);

// One page: `{"Items":[...],"Count":..,"ScannedCount":..,"LastEvaluatedKey":{...}}`.
Outcome<Answer> read_page(const Engine& engine, const ReadRequest& read, const Range& range);

// What an index shows of an item.
table::Item cut_to_index(const table::Item& item, const Table& table, const table::Index& index);

}  // namespace sealane::state::api
