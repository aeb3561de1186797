// SPDX-License-Identifier: Apache-2.0
// An item as replicas hold it: its attributes with the stamps of their writes, and what was removed. Records of one
// key form a join-semilattice: join() is commutative, associative and idempotent, so replicas that have seen the same
// writes, in whatever order and however often, hold equal bytes.
//
//   write                      | what it brings (a delta, itself a Record)
//   PutItem        at stamp s  | cleared = s, live = s, every attribute at s
//   DeleteItem     at s        | cleared = s
//   UpdateItem     at s        | live = s, the attributes it touched at s (removed ones as removed)
//   list_append    at s        | live = s, the appended elements, each with an id of its own (conversation merge)
//
//   join: cleared and live are the later of both; of each attribute the later stamp; what is older than `cleared` is gone.
//   The item is there when live >= cleared.
//
// Tables choose how much of this they use (Merge): with `item` every write brings the whole item, as DynamoDB's global
// tables do, so the last writer takes all; with `attribute` different attributes of an item do not fight; with
// `conversation` concurrent appends to one list are all kept, in one order.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "table/expression/expression.h"
#include "table/stamp.h"
#include "table/value.h"

namespace sealane::table {

enum class Merge : uint8_t { attribute, item, conversation };

// One element of a list that is merged by element.
struct Element {
  enum class Side : uint8_t { front, body, back };  // prepended, of a whole SET, appended
  Stamp id;              // of the write that brought it in
  uint32_t index = 0;    // within that write
  Side side = Side::back;
  Value value;
  friend bool operator==(const Element&, const Element&) = default;
};

struct Cell {
  std::string name;
  Stamp stamp;                  // of the last write of the whole attribute; of a list never SET as a whole: none (0)
  std::optional<Value> value;   // none: removed, or `elements`
  std::vector<Element> elements;  // sorted as they are read: front (latest first), body, back (earliest first)
  bool is_sequence = false;     // `elements` is what it holds
  bool is_removed() const { return !value && !is_sequence; }
  // The latest stamp in it: what purging and conflicts look at.
  Stamp latest() const;
  friend bool operator==(const Cell&, const Cell&) = default;
};

struct Record {
  Stamp cleared;            // everything before it is gone
  Stamp live;               // the last write that made the item be there
  std::vector<Cell> cells;  // sorted by name; stamps > cleared, or equal to it
  bool exists() const { return live != Stamp{} && live >= cleared; }
  const Cell* find(std::string_view name) const;
  friend bool operator==(const Record&, const Record&) = default;
};

// ── writes as deltas ────────────────────────────────────────────────────────────────────────────────

Record put_delta(const Item& item, Stamp stamp);
Record delete_delta(Stamp stamp);
// `after` is the item with the changes in it. `merge` decides what of `changes` may stay small:
// item: as put_delta(after). attribute: touched attributes whole. conversation: appends by element.
// `before` is what the writer saw (empty: no item): a list that was removed or SET whole by this update begins anew.
// Key attributes must be among `after` and are always brought along, so that a delta alone makes a whole item.
Record update_delta(const Record& before, const Item& after, std::span<const Change> changes, Merge merge, Stamp stamp,
                    std::span<const std::string> key_attributes);

// ── join ────────────────────────────────────────────────────────────────────────────────────────────

// A value that lost: the write `lost` of an attribute had not been seen by who wrote `won`.
struct Discarded {
  std::string attribute;  // empty: the whole item was deleted or replaced
  Stamp lost, won;
  std::optional<Value> value;  // what was lost
};

// True when the writer of a delta had seen this stamp.
using HasSeen = std::function<bool(const Stamp&)>;

// Folds `delta` into `into`. With `discarded`, tells which values of one side were dropped though their writers had not
// seen each other: of `into` those that the delta's writer had not seen, of `delta` those that come too late.
void join(Record& into, const Record& delta, const HasSeen* has_seen = nullptr,
          std::vector<Discarded>* discarded = nullptr);

// Drops the traces of removals that every replica has passed (stamps <= stable). True: nothing is left of the record.
bool purge(Record& record, Hlc stable);

// ── reading ─────────────────────────────────────────────────────────────────────────────────────────

// The item as users see it; empty when it does not exist.
Item item_of(const Record& record);

// ── bytes ───────────────────────────────────────────────────────────────────────────────────────────

// Packed: equal records have equal bytes.
void append_packed(std::string& out, const Record& record);
Result<Record> take_packed_record(std::string_view& bytes);
// The item of a packed record, written as DynamoDB JSON without a tree: GetItem's path. Returns false when the item
// does not exist; error `corrupt`.
Result<bool> append_packed_record_as_json(std::string& out, std::string_view bytes);

}  // namespace sealane::table
