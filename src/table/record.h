// SPDX-License-Identifier: Apache-2.0
// An item as replicas hold it: its attributes with the stamps of their writes, and what was
// removed. Records of one key form a join-semilattice: join() is commutative, associative and
// idempotent, so replicas that have seen the same writes, in whatever order and however often, hold
// equal bytes.
//
//   write                      | what it brings (a delta, itself a Record)
//   PutItem        at stamp s  | cleared = s, live = s, every attribute at s
//   DeleteItem     at s        | cleared = s
//   UpdateItem     at s        | live = s, the attributes it touched at s (removed ones as removed)
//   list_append    at s        | live = s, the appended elements, each with an id of its own
//                              | (conversation merge)
//
// join: cleared and live are the later of both; of each attribute the later stamp; what is older
// than `cleared` is gone. The item is there when live >= cleared.
//
// Tables choose how much of this they use (Merge): with `item` every write brings the whole item,
// as DynamoDB's global tables do, so the last writer takes all; with `attribute` different
// attributes of an item do not fight; with `conversation` concurrent appends to one list are all
// kept, in one order.
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
  // of the last write of the whole attribute; of a list never SET as a whole: none (0)
  Stamp stamp;
  std::optional<Value> value;   // none: removed, or `elements`
  // sorted as they are read: front (latest first), body, back (earliest first)
  std::vector<Element> elements;
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

// ── writes as deltas ─────────────────────────────────────────────────────────────────────────────

Record put_delta(Item item, Stamp stamp);
Record delete_delta(Stamp stamp);
// `after` is the item with the changes in it. `merge` decides how small the delta may be: item: as
// put_delta(after); attribute: the touched attributes, whole; conversation: appends and prepends by
// element. Key attributes are always brought along, so that a delta alone makes an item.
Record update_delta(const Item& after, std::span<const Change> changes, Merge merge, Stamp stamp,
                    std::span<const std::string> key_attributes);

// ── join ─────────────────────────────────────────────────────────────────────────────────────────

// A value that lost against a write whose writer did not know of it.
struct Discarded {
  std::string attribute;
  Stamp lost, won;
  Value value;  // what was lost
  // What stands in its place after the join; nothing: the attribute or the item was removed, or it
  // is to be looked up.
  std::optional<Value> kept{};
  bool is_elsewhere = false;  // in a list that is merged by element: the item tells
};

// Watches a join for conflicts. Reports what of the record the delta's writer had not seen, and
// what of the delta lost to a write of `self` (which cannot have seen a delta that arrives only
// now). Each conflict is thus told on both sides.
struct Witness {
  Source self = 0;
  std::function<bool(const Stamp&)> has_seen;  // had the delta's writer seen this stamp?
  std::vector<Discarded> discarded;
};

// Folds `delta` into `into`.
void join(Record& into, Record delta, Witness* witness = nullptr);

// Drops the traces of removals that every replica has passed (stamps <= stable). True: nothing is
// left of the record.
bool purge(Record& record, Hlc stable);

// ── reading ──────────────────────────────────────────────────────────────────────────────────────

// The item as users see it; empty when it does not exist.
Item item_of(const Record& record);

// ── bytes ────────────────────────────────────────────────────────────────────────────────────────

// Packed: equal records have equal bytes.
void append_packed(std::string& out, const Record& record);
Result<Record> take_packed_record(std::string_view& bytes);
// The item of a packed record, written as DynamoDB JSON without a tree: GetItem's path. Returns
// false when the item does not exist; error `corrupt`.
Result<bool> append_packed_record_as_json(std::string& out, std::string_view bytes);
// What a writer wants to know of a packed record that it may write over.
struct Outline {
  bool exists = false;
  size_t size_bytes = 0;  // of its item
  Stamp latest;           // of all stamps in it
};
Result<Outline> outline_of_packed_record(std::string_view bytes);
// Whether a record whose latest stamp is this one becomes, joined with `delta`, just the delta: a
// whole item that was written after all that is there.
bool replaces(const Record& delta, const Stamp& latest);
// Whether a packed record's item exists; false also for bytes that do not read back.
bool exists_packed(std::string_view bytes);
// One attribute of a packed record's item; nothing when the item or the attribute is not there.
Result<std::optional<Value>> find_in_packed_record(std::string_view bytes, std::string_view name);

}  // namespace sealane::table
