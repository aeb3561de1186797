// SPDX-License-Identifier: Apache-2.0
#include "table/size.h"

#include <algorithm>

#include "table/record.h"

namespace sealane::table {
namespace {

struct Sizer {
  size_t operator()(const std::string& s) const { return s.size(); }
  size_t operator()(const Number& n) const { return size_bytes(n); }
  size_t operator()(const Binary& b) const { return b.bytes.size(); }
  size_t operator()(const Null&) const { return 1; }
  size_t operator()(bool) const { return 1; }
  size_t operator()(const StringSet& set) const { return sum(set); }
  size_t operator()(const NumberSet& set) const { return sum(set); }
  size_t operator()(const BinarySet& set) const { return sum(set); }
  size_t operator()(const Item& map) const {
    return kContainerBytes + map.size() * kElementBytes + size_bytes(map);
  }
  size_t operator()(const List& list) const {
    size_t out = kContainerBytes + list.size() * kElementBytes;
    for (const Value& element : list) out += size_bytes(element);
    return out;
  }

 private:
  template <typename Set>
  size_t sum(const Set& set) const {
    size_t out = 0;
    for (const auto& element : set) out += (*this)(element);
    return out;
  }
};

size_t started(size_t bytes, size_t unit) { return std::max<size_t>(1, (bytes + unit - 1) / unit); }

}  // namespace

// Two digits a byte from the decimal point outwards, so that a pair begins at an odd exponent; a
// byte for the exponent and the sign, and one more when negative.
size_t size_bytes(const Number& n) {
  if (n.is_zero()) return 1;
  const size_t digits = size_t(n.digit_count());
  const size_t pairs = n.exponent() % 2 == 0 ? 1 + digits / 2 : (digits + 1) / 2;
  return 1 + pairs + (n.is_negative() ? 1 : 0);
}

size_t size_bytes(const Value& value) { return std::visit(Sizer(), value.form()); }

size_t size_bytes(const Item& item) {
  size_t out = 0;
  for (const auto& [name, value] : item) out += name.size() + size_bytes(value);
  return out;
}

size_t size_bytes(const Record& record) {
  if (!record.exists()) return 0;
  size_t out = 0;
  for (const Cell& cell : record.cells) {
    if (cell.is_removed()) continue;
    out += cell.name.size();
    if (cell.value) out += size_bytes(*cell.value);
    if (!cell.is_sequence) continue;
    out += kContainerBytes + cell.elements.size() * kElementBytes;
    for (const Element& element : cell.elements) out += size_bytes(element.value);
  }
  return out;
}

size_t depth(const Value& value) {
  size_t below = 0;
  if (const auto* map = value.get<Item>())
    for (const auto& attribute : *map) below = std::max(below, depth(attribute.value));
  if (const auto* list = value.get<List>())
    for (const Value& element : *list) below = std::max(below, depth(element));
  return below + 1;
}

double read_units(size_t bytes, bool consistent) {
  return double(started(bytes, 4096)) * (consistent ? 1.0 : 0.5);
}

double write_units(size_t bytes) { return double(started(bytes, 1024)); }

}  // namespace sealane::table
