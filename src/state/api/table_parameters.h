// SPDX-License-Identifier: Apache-2.0
// What CreateTable and UpdateTable say about a table: keys, indexes, throughput, streams, tags.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "state/api/api.h"
#include "state/api/members.h"
#include "table/schema.h"

namespace sealane::state::api {

inline constexpr size_t kLocalIndexesMax = 5, kGlobalIndexesMax = 20, kTagsMax = 50,
                        kProjectedAttributesMax = 100;
inline constexpr int64_t kUnitsMax = 1'000'000'000'000;

// TableName of the operations on tables: these tell about it in words of their own.
Outcome<std::string> read_name_of_table(const Members& members);

struct KeyElement {
  std::string name, type;  // type: HASH or RANGE
};
struct GivenIndex {
  std::string name;
  std::vector<KeyElement> key;
  std::optional<std::string> projection_type;
  bool has_non_key_attributes = false;
  std::vector<std::string> non_key_attributes;
  std::optional<table::Throughput> throughput;
};

// Each notes mistakes of shape and constraints.
std::vector<table::KeyAttribute> read_attribute_definitions(const Members& members,
                                                            bool is_required);
std::vector<KeyElement> read_key_schema(const Members& members);
GivenIndex read_index(const Members& members);
std::optional<table::Throughput> read_throughput(const Members& members, std::string_view name);
std::optional<std::string_view> read_billing_mode(const Members& members);
std::optional<std::string_view> read_table_class(const Members& members);

// What they mean, in AWS's words when it is not possible.
Outcome<table::KeySchema> make_key(const std::vector<KeyElement>& key,
                                   const std::vector<table::KeyAttribute>& definitions);
// An index of `table`, whose key is made already.
Outcome<table::Index> make_index(const GivenIndex& given, const Table& table, bool is_local);
// What its indexes hold besides keys, by name: not too much of it. A name in two of them counts
// twice.
Outcome<void> check_projections(const Table& table);
Outcome<void> check_throughput(const table::Throughput& throughput);
// Every attribute definition is used by a key.
Outcome<void> check_definitions_used(const Table& table);

// StreamSpecification; none: not given.
struct GivenStream {
  bool is_enabled = false;
  std::optional<std::string> view;
};
std::optional<GivenStream> read_stream(const Members& members);
Outcome<table::StreamView> make_stream(const GivenStream& given);

// Tags, ours among them: sealane:merge (item, attribute, conversation) and sealane:ack (local,
// remote) are the table's options, so that unmodified AWS tools can set them.
inline constexpr std::string_view kMergeTag = "sealane:merge", kAckTag = "sealane:ack";
using Tags = std::vector<std::pair<std::string, std::string>>;
Tags read_tags(const Members& members, bool is_required);
Outcome<void> set_tags(Table& table, const Tags& tags);
void remove_tags(Table& table, const std::vector<std::string>& keys);

}  // namespace sealane::state::api
