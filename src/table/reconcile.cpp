// SPDX-License-Identifier: Apache-2.0
#include "table/reconcile.h"

#include <algorithm>

namespace sealane::table {
namespace {

bool has_element(const Cell* cell, const Element& wanted) {
  return cell && std::ranges::any_of(cell->elements, [&](const Element& e) {
           return e.id == wanted.id && e.index == wanted.index;
         });
}

// Whether the write that set the whole attribute is in this cell still; a list that was set and
// then appended to has it as its body.
bool has_write(const Cell* cell, const Stamp& stamp) {
  return cell &&
         (cell->stamp == stamp ||
          std::ranges::any_of(cell->elements, [&](const Element& e) { return e.id == stamp; }));
}

// An element that the other side holds as part of a plain list, not yet merged by element.
bool is_in_plain_list(const Cell* cell, const Element& e) {
  return cell && !cell->is_sequence && cell->value && cell->stamp == e.id;
}

// Takes out of `record` what the other side has seen and has no more.
void drop_removed(Record& record, const Record& other, const Seen& seen_by_other) {
  std::erase_if(record.cells, [&](Cell& cell) {
    const Cell* counterpart = other.find(cell.name);
    if (!cell.is_sequence) return seen_by_other(cell.stamp) && !has_write(counterpart, cell.stamp);
    std::erase_if(cell.elements, [&](const Element& e) {
      return seen_by_other(e.id) && !has_element(counterpart, e) &&
             !is_in_plain_list(counterpart, e);
    });
    const bool is_base_gone =
        cell.stamp != Stamp{} && seen_by_other(cell.stamp) && !has_write(counterpart, cell.stamp);
    if (is_base_gone) cell.stamp = {};
    return cell.stamp == Stamp{} && cell.elements.empty();
  });
  if (record.live == Stamp{} || !seen_by_other(record.live) || other.live >= record.live) return;
  // The item was removed there; what is left of it here is later than that, or news to them.
  record.live = {};
  for (const Cell& cell : record.cells) {
    if (!cell.is_removed() && !seen_by_other(cell.latest()))
      record.live = std::max(record.live, cell.latest());
  }
}

}  // namespace

void reconcile(Record& here, Record there, const Seen& seen_here, const Seen& seen_there) {
  const Record was_here = here;
  drop_removed(here, there, seen_there);
  drop_removed(there, was_here, seen_here);
  join(here, there);
}

}  // namespace sealane::table
