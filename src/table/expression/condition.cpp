// SPDX-License-Identifier: Apache-2.0
// Whether a condition holds for an item. Nothing of the item is copied; each operator costs at most
// the size of what its operands lead to.
#include <algorithm>

#include "table/expression/compare.h"
#include "table/expression/expression.h"

namespace sealane::table {
namespace {

// What an operand is worth for an item; nullptr when the item has nothing there.
class Worth {
 public:
  Worth(const Operand& operand, const Item& item) {
    if (operand.kind == Operand::Kind::value) {
      value_ = &operand.value;
      return;
    }
    value_ = find(item, operand.path);
    if (operand.kind != Operand::Kind::size || !value_) return;
    auto size = size_of(*value_);
    value_ = nullptr;
    if (size) value_ = &size_.emplace(*size);
  }
  Worth(const Worth&) = delete;
  Worth& operator=(const Worth&) = delete;
  const Value* get() const { return value_; }

 private:
  const Value* value_ = nullptr;
  std::optional<Value> size_;
};

bool holds_for_one(const Condition& condition, const Item& item) {
  Worth worth(condition.operands[0], item);
  const Value* value = worth.get();
  switch (condition.kind) {
    case Condition::Kind::attribute_exists:
      return value != nullptr;
    case Condition::Kind::attribute_not_exists:
      return value == nullptr;
    default:
      return value && value->is(condition.wanted);
  }
}

bool holds_for_two(Condition::Kind kind, const Value* a, const Value* b) {
  using enum Condition::Kind;
  if (kind == ne) return !(a && b && *a == *b);  // what is missing is unlike everything
  if (!a || !b) return false;
  switch (kind) {
    case eq:
      return *a == *b;
    case lt:
      return is_less(*a, *b);
    case le:
      return is_less_or_equal(*a, *b);
    case gt:
      return is_less(*b, *a);
    case ge:
      return is_less_or_equal(*b, *a);
    case begins_with:
      return table::begins_with(*a, *b);
    case contains:
      return table::contains(*a, *b);
    case not_contains:
      return !table::contains(*a, *b);
    default:
      return false;
  }
}

bool is_between(const Condition& condition, const Item& item) {
  Worth value(condition.operands[0], item);
  Worth low(condition.operands[1], item);
  Worth high(condition.operands[2], item);
  return value.get() && low.get() && high.get() && is_less_or_equal(*low.get(), *value.get()) &&
         is_less_or_equal(*value.get(), *high.get());
}

bool is_among(const Condition& condition, const Item& item) {
  Worth value(condition.operands[0], item);
  if (!value.get()) return false;
  return std::any_of(condition.operands.begin() + 1, condition.operands.end(),
                     [&](const Operand& operand) {
                       Worth other(operand, item);
                       return other.get() && *other.get() == *value.get();
                     });
}

}  // namespace

bool holds(const Condition& condition, const Item& item) {
  using enum Condition::Kind;
  auto child_holds = [&](const Condition& child) { return holds(child, item); };
  switch (condition.kind) {
    case all_of:
      return std::ranges::all_of(condition.children, child_holds);
    case any_of:
      return std::ranges::any_of(condition.children, child_holds);
    case not_:
      return !child_holds(condition.children[0]);
    case between:
      return is_between(condition, item);
    case in:
      return is_among(condition, item);
    case attribute_exists:
    case attribute_not_exists:
    case attribute_type:
      return holds_for_one(condition, item);
    default: {
      Worth a(condition.operands[0], item);
      Worth b(condition.operands[1], item);
      return holds_for_two(condition.kind, a.get(), b.get());
    }
  }
}

const std::string* first_key_attribute(const Condition& condition, const KeySchema& schema) {
  for (const Operand& operand : condition.operands) {
    if (operand.kind == Operand::Kind::value) continue;
    bool is_key = operand.path.attribute == schema.hash.name ||
                  (schema.range && operand.path.attribute == schema.range->name);
    if (is_key) return &operand.path.attribute;
  }
  for (const Condition& child : condition.children)
    if (auto* found = first_key_attribute(child, schema)) return found;
  return nullptr;
}

}  // namespace sealane::table
