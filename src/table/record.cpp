// SPDX-License-Identifier: Apache-2.0
#include "table/record.h"

#include <algorithm>
#include <iterator>
#include <tuple>

#include "table/attribute_json.h"
#include "table/packed.h"
#include "table/size.h"

namespace sealane::table {
namespace {

auto place(const Element& e) { return std::tuple(e.side, e.id, e.index); }

// Front: the latest write first, but the elements of one write in their own order; then the body;
// then the back.
bool reads_before(const Element& a, const Element& b) {
  if (a.side != b.side) return a.side < b.side;
  if (a.id != b.id) return a.side == Element::Side::front ? a.id > b.id : a.id < b.id;
  return a.index < b.index;
}

bool has_name(const Cell& cell, std::string_view name) { return cell.name < name; }

// ── conflicts ──

// `loser` is dropped for a write at `won`.
void tell(Witness* witness, bool from_delta, const std::string& attribute, const Stamp& lost,
          const Stamp& won, const Value& value) {
  if (!witness || lost == won) return;
  const bool unseen = from_delta ? won.source == witness->self : !witness->has_seen(lost);
  if (unseen) witness->discarded.push_back({attribute, lost, won, value});
}

void tell(Witness* witness, bool from_delta, const Cell& cell, const Stamp& won) {
  if (cell.value) tell(witness, from_delta, cell.name, cell.stamp, won, *cell.value);
  for (const Element& e : cell.elements) tell(witness, from_delta, cell.name, e.id, won, e.value);
}

// ── cells ──

// What of a cell is left after everything before `cleared` is gone. False: nothing.
bool keep_after(Cell& cell, const Stamp& cleared, Witness* witness, bool from_delta) {
  if (!cell.is_sequence) {
    if (cell.stamp >= cleared) return true;
    tell(witness, from_delta, cell, cleared);
    return false;
  }
  std::erase_if(cell.elements, [&](const Element& e) {
    if (e.id >= cleared) return false;
    tell(witness, from_delta, cell.name, e.id, cleared, e.value);
    return true;
  });
  if (cell.stamp < cleared) cell.stamp = {};
  return cell.stamp != Stamp{} || !cell.elements.empty();
}

// A cell as a sequence: a list that was SET whole is its body; any other value gives way to what
// was appended later.
Cell as_sequence(Cell cell) {
  if (cell.is_sequence) return cell;
  cell.is_sequence = true;
  if (cell.value) {
    if (List* list = cell.value->get<List>()) {
      uint32_t index = 0;
      for (Value& value : *list) {
        cell.elements.push_back({cell.stamp, index++, Element::Side::body, std::move(value)});
      }
    }
  }
  cell.value.reset();
  return cell;
}

bool is_body(const Element& e) { return e.side == Element::Side::body; }

// One form for one state: a sequence without appended elements is a plain list.
void normalize(Cell& cell) {
  if (!cell.is_sequence || !std::ranges::all_of(cell.elements, is_body)) return;
  List list;
  for (Element& e : cell.elements) list.push_back(std::move(e.value));
  cell.elements.clear();
  cell.value = Value(std::move(list));
  cell.is_sequence = false;
}

Cell join_sequences(Cell a, Cell b, Witness* witness) {
  const Stamp base = std::max(a.stamp, b.stamp);
  Cell plain = a.stamp == base ? a : b;  // in case nothing was appended behind it
  const bool plain_is_whole = !plain.is_sequence;
  // Not a list, and something was appended behind it: it gives way.
  const auto gives_way = [&](const Cell& cell) {
    return !cell.is_sequence && cell.value && !cell.value->is(Type::L);
  };
  const Cell* way_giver = gives_way(a) ? &a : gives_way(b) ? &b : nullptr;
  const std::optional<Cell> gave_way = way_giver ? std::optional(*way_giver) : std::nullopt;
  const bool gave_way_is_delta = way_giver == &b;

  Cell out = as_sequence(std::move(a));
  Cell other = as_sequence(std::move(b));
  const auto too_old = [&](bool from_delta) {
    return [&, from_delta](const Element& e) {
      if (e.id >= base) return false;
      tell(witness, from_delta, out.name, e.id, base, e.value);
      return true;
    };
  };
  std::erase_if(out.elements, too_old(false));
  std::erase_if(other.elements, too_old(true));
  std::ranges::move(other.elements, std::back_inserter(out.elements));
  std::ranges::sort(out.elements, reads_before);
  const auto twice = std::ranges::unique(out.elements, {}, place);
  out.elements.erase(twice.begin(), twice.end());
  out.stamp = base;
  const bool has_appended = !std::ranges::all_of(out.elements, is_body);
  if (!has_appended && plain_is_whole) return plain;
  if (gave_way && gave_way->stamp == base && has_appended) {
    const auto later = std::ranges::max_element(out.elements, {}, &Element::id);
    tell(witness, gave_way_is_delta, *gave_way, later->id);
  }
  normalize(out);
  return out;
}

Cell join_cells(Cell a, Cell b, Witness* witness) {
  if (a.is_sequence || b.is_sequence) return join_sequences(std::move(a), std::move(b), witness);
  const bool b_wins = b.stamp > a.stamp;
  Cell& winner = b_wins ? b : a;
  Cell& loser = b_wins ? a : b;
  if (loser.value != winner.value) tell(witness, !b_wins, loser, winner.stamp);
  return std::move(winner);
}

// ── bytes ──

// A count is what the bytes say of themselves: no ground to reserve that much.
constexpr size_t kReserveMax = 64;

enum : uint8_t { kHasCleared = 1, kHasLive = 2, kLiveIsCleared = 4 };
enum : uint8_t {
  kRemoved = 0,
  kValue = 1,
  kSequence = 2,
  kFormMask = 3,
  kAtCleared = 4,
  kAtLive = 8,
  kAtZero = 16
};

void append_stamp(std::string& out, const Stamp& stamp) {
  for (int shift = 56; shift >= 0; shift -= 8) out += char(stamp.hlc >> shift);
  for (int shift = 24; shift >= 0; shift -= 8) out += char(stamp.source >> shift);
}

bool take_stamp(std::string_view& bytes, Stamp& stamp) {
  if (bytes.size() < 12) return false;
  stamp = {};
  for (size_t i = 0; i < 8; ++i) stamp.hlc = stamp.hlc << 8 | uint8_t(bytes[i]);
  for (size_t i = 8; i < 12; ++i) stamp.source = stamp.source << 8 | uint8_t(bytes[i]);
  bytes.remove_prefix(12);
  return true;
}

bool take_byte(std::string_view& bytes, uint8_t& byte) {
  if (bytes.empty()) return false;
  byte = uint8_t(bytes.front());
  bytes.remove_prefix(1);
  return true;
}

std::unexpected<Error> corrupt() { return fail(Code::corrupt, "a record does not read back"); }

struct Head {
  Stamp cleared, live;
  uint64_t cell_count = 0;
};

bool take_head(std::string_view& bytes, Head& head) {
  uint8_t flags = 0;
  if (!take_byte(bytes, flags) || flags > 7) return false;
  if ((flags & kHasCleared) && !take_stamp(bytes, head.cleared)) return false;
  if (flags & kLiveIsCleared) {
    if (flags != (kHasCleared | kLiveIsCleared)) return false;
    head.live = head.cleared;
  } else if ((flags & kHasLive) && !take_stamp(bytes, head.live)) {
    return false;
  }
  return take_varint(bytes, head.cell_count) && head.cell_count <= bytes.size();
}

bool take_cell_head(std::string_view& bytes, const Head& head, std::string_view& name,
                    uint8_t& form, Stamp& stamp) {
  if (!take_bytes(bytes, name) || !take_byte(bytes, form)) return false;
  switch (form & ~kFormMask) {
    case 0: return take_stamp(bytes, stamp) && (form & kFormMask) <= kSequence;
    case kAtCleared: stamp = head.cleared; break;
    case kAtLive: stamp = head.live; break;
    case kAtZero: stamp = {}; break;
    default: return false;
  }
  return (form & kFormMask) <= kSequence;
}

bool take_element_head(std::string_view& bytes, Element& e) {
  uint8_t side = 0;
  uint64_t index = 0;
  if (!take_byte(bytes, side) || side > 2 || !take_stamp(bytes, e.id) || !take_varint(bytes, index))
    return false;
  if (index > UINT32_MAX) return false;
  e.side = Element::Side(side);
  e.index = uint32_t(index);
  return true;
}

Result<Cell> take_cell(std::string_view& bytes, const Head& head) {
  Cell cell;
  std::string_view name;
  uint8_t form = 0;
  if (!take_cell_head(bytes, head, name, form, cell.stamp)) return corrupt();
  cell.name = name;
  if ((form & kFormMask) == kValue) {
    SL_TRY(cell.value, take_packed(bytes));
  } else if ((form & kFormMask) == kSequence) {
    uint64_t count = 0;
    if (!take_varint(bytes, count) || count > bytes.size()) return corrupt();
    cell.is_sequence = true;
    for (; count > 0; --count) {
      Element& e = cell.elements.emplace_back();
      if (!take_element_head(bytes, e)) return corrupt();
      SL_TRY(e.value, take_packed(bytes));
    }
    if (!std::ranges::is_sorted(cell.elements, reads_before)) return corrupt();
  }
  return cell;
}

}  // namespace

Stamp Cell::latest() const {
  Stamp latest = stamp;
  for (const Element& e : elements) latest = std::max(latest, e.id);
  return latest;
}

const Cell* Record::find(std::string_view name) const {
  const auto at = std::lower_bound(cells.begin(), cells.end(), name, has_name);
  return at != cells.end() && at->name == name ? &*at : nullptr;
}

Record put_delta(Item item, Stamp stamp) {
  Record delta{.cleared = stamp, .live = stamp};
  delta.cells.reserve(item.size());
  for (auto& [name, value] : std::move(item).attributes()) {
    delta.cells.push_back({.name = std::move(name), .stamp = stamp, .value = std::move(value)});
  }
  return delta;
}

Record delete_delta(Stamp stamp) { return {.cleared = stamp}; }

Record update_delta(const Item& after, std::span<const Change> changes, Merge merge, Stamp stamp,
                    std::span<const std::string> key_attributes) {
  if (merge == Merge::item) return put_delta(after, stamp);
  Record delta{.live = stamp};
  const auto whole = [&](const std::string& name) {
    Cell cell{.name = name, .stamp = stamp};
    if (const Value* value = after.find(name)) cell.value = *value;
    delta.cells.push_back(std::move(cell));
  };
  for (const std::string& name : key_attributes) whole(name);
  for (const Change& change : changes) {
    const bool by_element =
        change.kind == Change::Kind::append || change.kind == Change::Kind::prepend;
    if (merge != Merge::conversation || !by_element || change.elements.empty()) {
      whole(change.attribute);
      continue;
    }
    Cell cell{.name = change.attribute, .is_sequence = true};
    const auto side =
        change.kind == Change::Kind::append ? Element::Side::back : Element::Side::front;
    for (const Value& value : change.elements) {
      cell.elements.push_back({stamp, uint32_t(cell.elements.size()), side, value});
    }
    delta.cells.push_back(std::move(cell));
  }
  std::ranges::stable_sort(delta.cells, {}, &Cell::name);
  const auto twice = std::ranges::unique(delta.cells, {}, &Cell::name);
  delta.cells.erase(twice.begin(), twice.end());
  return delta;
}

void join(Record& into, Record delta, Witness* witness) {
  into.live = std::max(into.live, delta.live);
  const Stamp cleared = std::max(into.cleared, delta.cleared);
  if (cleared > into.cleared) {
    std::erase_if(into.cells,
                  [&](Cell& cell) { return !keep_after(cell, cleared, witness, false); });
  }
  into.cleared = cleared;

  std::vector<Cell> joined;
  joined.reserve(into.cells.size() + delta.cells.size());
  auto mine = into.cells.begin();
  for (Cell& cell : delta.cells) {
    if (!keep_after(cell, cleared, witness, true)) continue;
    while (mine != into.cells.end() && mine->name < cell.name) joined.push_back(std::move(*mine++));
    if (mine != into.cells.end() && mine->name == cell.name) {
      joined.push_back(join_cells(std::move(*mine++), std::move(cell), witness));
    } else {
      joined.push_back(std::move(cell));
    }
  }
  std::move(mine, into.cells.end(), std::back_inserter(joined));
  for (Cell& cell : joined) normalize(cell);
  into.cells = std::move(joined);
  if (!witness || !into.exists()) return;
  for (Discarded& what : witness->discarded) {
    const Cell* cell = into.find(what.attribute);
    if (!cell) continue;
    what.kept = cell->value;
    what.is_elsewhere = cell->is_sequence;
  }
}

bool purge(Record& record, Hlc stable) {
  // Nothing older can come any more, so nothing needs to be kept away.
  if (record.exists() && record.cleared.hlc <= stable) record.cleared = {};
  std::erase_if(record.cells,
                [&](const Cell& cell) { return cell.is_removed() && cell.stamp.hlc <= stable; });
  return !record.exists() && record.cleared.hlc <= stable && record.live.hlc <= stable &&
         record.cells.empty();
}

Item item_of(const Record& record) {
  Item item;
  if (!record.exists()) return item;
  for (const Cell& cell : record.cells) {
    if (cell.value) {
      item.append(cell.name, *cell.value);
    } else if (cell.is_sequence) {
      List list;
      for (const Element& e : cell.elements) list.push_back(e.value);
      item.append(cell.name, Value(std::move(list)));
    }
  }
  return item;
}

void append_packed(std::string& out, const Record& record) {
  const bool same = record.cleared != Stamp{} && record.live == record.cleared;
  uint8_t flags = 0;
  if (record.cleared != Stamp{}) flags |= kHasCleared;
  if (same) flags |= kLiveIsCleared;
  if (!same && record.live != Stamp{}) flags |= kHasLive;
  out += char(flags);
  if (flags & kHasCleared) append_stamp(out, record.cleared);
  if (flags & kHasLive) append_stamp(out, record.live);
  append_varint(out, record.cells.size());
  for (const Cell& cell : record.cells) {
    append_bytes(out, cell.name);
    const uint8_t form = cell.is_sequence ? kSequence : cell.value ? kValue : kRemoved;
    const uint8_t at = cell.stamp == Stamp{}         ? kAtZero
                       : cell.stamp == record.cleared ? kAtCleared
                       : cell.stamp == record.live    ? kAtLive
                                                      : 0;
    out += char(form | at);
    if (at == 0) append_stamp(out, cell.stamp);
    if (cell.value) append_packed(out, *cell.value);
    if (!cell.is_sequence) continue;
    append_varint(out, cell.elements.size());
    for (const Element& e : cell.elements) {
      out += char(e.side);
      append_stamp(out, e.id);
      append_varint(out, e.index);
      append_packed(out, e.value);
    }
  }
}

Result<Record> take_packed_record(std::string_view& bytes) {
  Head head;
  if (!take_head(bytes, head)) return corrupt();
  Record record{.cleared = head.cleared, .live = head.live};
  record.cells.reserve(std::min<uint64_t>(head.cell_count, kReserveMax));
  for (; head.cell_count > 0; --head.cell_count) {
    SL_TRY(Cell cell, take_cell(bytes, head));
    if (!record.cells.empty() && record.cells.back().name >= cell.name) return corrupt();
    record.cells.push_back(std::move(cell));
  }
  return record;
}

Result<bool> append_packed_record_as_json(std::string& out, std::string_view bytes) {
  Head head;
  if (!take_head(bytes, head)) return corrupt();
  if (head.live == Stamp{} || head.live < head.cleared) return false;
  char between = '{';
  for (; head.cell_count > 0; --head.cell_count) {
    std::string_view name;
    uint8_t form = 0;
    Stamp stamp;
    if (!take_cell_head(bytes, head, name, form, stamp)) return corrupt();
    if ((form & kFormMask) == kRemoved) continue;
    out += between;
    between = ',';
    append_json_string(out, name);
    out += ':';
    if ((form & kFormMask) == kValue) {
      if (!append_packed_as_json(out, bytes)) return corrupt();
      continue;
    }
    uint64_t count = 0;
    if (!take_varint(bytes, count)) return corrupt();
    out += "{\"L\":[";
    for (uint64_t i = 0; i < count; ++i) {
      Element e;
      if (i > 0) out += ',';
      if (!take_element_head(bytes, e) || !append_packed_as_json(out, bytes)) return corrupt();
    }
    out += "]}";
  }
  if (between == '{') out += '{';
  out += '}';
  return true;
}

Result<Outline> outline_of_packed_record(std::string_view bytes) {
  Head head;
  if (!take_head(bytes, head)) return corrupt();
  Outline out{.exists = head.live != Stamp{} && head.live >= head.cleared,
              .latest = std::max(head.cleared, head.live)};
  for (; head.cell_count > 0; --head.cell_count) {
    std::string_view name;
    uint8_t form = 0;
    Stamp stamp;
    if (!take_cell_head(bytes, head, name, form, stamp)) return corrupt();
    out.latest = std::max(out.latest, stamp);
    if ((form & kFormMask) == kRemoved) continue;
    out.size_bytes += name.size();
    if ((form & kFormMask) == kValue) {
      if (!skip_packed(bytes, out.size_bytes)) return corrupt();
      continue;
    }
    uint64_t count = 0;
    if (!take_varint(bytes, count) || count > bytes.size()) return corrupt();
    out.size_bytes += kContainerBytes + count * kElementBytes;
    for (; count > 0; --count) {
      Element e;
      if (!take_element_head(bytes, e) || !skip_packed(bytes, out.size_bytes)) return corrupt();
      out.latest = std::max(out.latest, e.id);
    }
  }
  if (!out.exists) out.size_bytes = 0;
  return out;
}

bool replaces(const Record& delta, const Stamp& latest) {
  return delta.cleared > latest && delta.live >= delta.cleared &&
         std::ranges::all_of(delta.cells, [](const Cell& cell) { return cell.value.has_value(); });
}

bool exists_packed(std::string_view bytes) {
  Head head;
  return take_head(bytes, head) && head.live != Stamp{} && head.live >= head.cleared;
}

Result<std::optional<Value>> find_in_packed_record(std::string_view bytes, std::string_view name) {
  Head head;
  if (!take_head(bytes, head)) return corrupt();
  if (head.live == Stamp{} || head.live < head.cleared) return std::nullopt;
  for (; head.cell_count > 0; --head.cell_count) {
    std::string_view cell_name;
    uint8_t form = 0;
    Stamp stamp;
    std::string_view rest = bytes;
    if (!take_cell_head(rest, head, cell_name, form, stamp)) return corrupt();
    if (cell_name > name) break;
    if (cell_name == name || (form & kFormMask) == kSequence) {
      SL_TRY(Cell cell, take_cell(bytes, head));
      if (cell.name != name) continue;
      if (cell.value) return std::move(cell.value);
      if (!cell.is_sequence) return std::nullopt;
      List list;
      for (Element& e : cell.elements) list.push_back(std::move(e.value));
      return Value(std::move(list));
    }
    bytes = rest;
    if ((form & kFormMask) == kValue && !skip_packed(bytes)) return corrupt();
  }
  return std::nullopt;
}

}  // namespace sealane::table
