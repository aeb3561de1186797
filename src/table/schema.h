// SPDX-License-Identifier: Apache-2.0
// What a table is: its keys, indexes, stream, expiry, how its replicas merge and where they are.
// Kept as an item of a replicated system table, attribute by attribute, so that any region can
// change it and all agree.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "table/entry.h"
#include "table/key.h"
#include "table/record.h"
#include "table/value.h"

namespace sealane::table {

// What a secondary index hands out. Indexes hold only keys; the rest is read from the item and cut
// to this.
struct IndexProjection {
  enum class Kind : uint8_t { all, keys_only, include } kind = Kind::all;
  std::vector<std::string> include;
  friend bool operator==(const IndexProjection&, const IndexProjection&) = default;
};

struct Throughput {
  int64_t read_units = 0, write_units = 0;
  friend bool operator==(const Throughput&, const Throughput&) = default;
};

struct Index {
  std::string name;
  KeySchema key;
  IndexProjection projection;
  bool is_local = false;
  Throughput throughput;
  // The bytes that tell this index's entries apart: of its name and its key, so that an index of
  // the same name and another key does not find old entries.
  uint32_t id() const;
  friend bool operator==(const Index&, const Index&) = default;
};

enum class StreamView : uint8_t { off, keys_only, new_image, old_image, new_and_old_images };

// When a write is acknowledged.
enum class Ack : uint8_t {
  local,      // this node has it (by the store's durability)
  remote,     // a node of another region has it too
  reachable,  // the same where one can be reached; else this node alone
};
inline constexpr std::array<std::string_view, 3> kAckNames{"local", "remote", "reachable"};
std::optional<Ack> ack_from(std::string_view name);
// What keeps both promises.
Ack stricter(Ack a, Ack b);

struct Table {
  std::string name;
  // Derived from name, generation and key, so that two regions that create the same table at the
  // same time mean the same one. Creating a deleted table again raises the generation.
  TableId id = 0;
  uint32_t generation = 0;
  bool is_deleted = false;
  KeySchema key;
  std::vector<KeyAttribute> attribute_definitions;  // as given, for DescribeTable
  std::vector<Index> indexes;                       // sorted by name
  bool is_on_demand = true;
  Throughput throughput;
  StreamView stream = StreamView::off;
  uint64_t stream_started_ms = 0;                   // names the stream
  std::string ttl_attribute;                        // empty: off
  Merge merge = Merge::attribute;
  Ack ack = Ack::local;
  bool has_deletion_protection = false;
  uint64_t created_ms = 0;
  // regions, sorted; this table lives nowhere else
  std::vector<std::string> replicas;
  std::vector<std::pair<std::string, std::string>> tags;  // sorted by key
  std::string table_class;                          // empty: STANDARD

  const Index* find_index(std::string_view index_name) const;
  bool is_in(std::string_view region) const;
  friend bool operator==(const Table&, const Table&) = default;
};

TableId table_id(std::string_view name, uint32_t generation, const KeySchema& key);

// The system table of tables: always there, in every region.
inline constexpr TableId kCatalogId = 1;
inline constexpr std::string_view kCatalogKey = "name";  // S

// A table as an item of the catalog, and back; error `corrupt`. Replicas, tags and indexes are
// attributes of their own ("replica/eu-west-1", "tag/team", "index/by_user"), so that concurrent
// changes in two regions are both kept.
Item to_item(const Table& table);
Result<Table> table_from_item(const Item& item);

}  // namespace sealane::table
