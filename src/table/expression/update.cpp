// SPDX-License-Identifier: Apache-2.0
// What an update does to an item: everything is worked out on the item as it was, and only then written, so that an
// error leaves the item alone.
#include <algorithm>
#include <iterator>
#include <set>

#include "table/expression/expression.h"
#include "table/size.h"

namespace sealane::table {
namespace {

using Part = SetValue::Part;

std::unexpected<Error> no_such_attribute() {
  return fail(Code::invalid,
              "The provided expression refers to an attribute that does not exist in the item");
}
std::unexpected<Error> wrong_path() {
  return fail(Code::invalid,
              "The document path provided in the update expression is invalid for update");
}
std::unexpected<Error> wrong_type(bool is_legacy = false) {
  return fail(Code::invalid,
              is_legacy ? "Type mismatch for attribute to update"
                        : "An operand in the update expression has an incorrect data type");
}

// ── the right side of SET ───────────────────────────────────────────────────────────────────────────

Result<Value> evaluate(const Part& part, const Item& item) {
  switch (part.kind) {
    case Part::Kind::value:
      return part.value;
    case Part::Kind::path: {
      const Value* value = find(item, part.path);
      if (!value) return no_such_attribute();
      return *value;
    }
    case Part::Kind::if_not_exists: {
      const Value* value = find(item, part.path);
      if (!value) return evaluate(part.parts[0], item);
      return *value;
    }
    case Part::Kind::list_append: {
      SL_TRY(Value front, evaluate(part.parts[0], item));
      SL_TRY(Value back, evaluate(part.parts[1], item));
      List* list = front.get<List>();
      List* more = back.get<List>();
      if (!list || !more) return wrong_type();
      std::ranges::move(*more, std::back_inserter(*list));
      return front;
    }
  }
  return wrong_type();
}

Result<Value> evaluate(const SetValue& set, const Item& item) {
  SL_TRY(Value left, evaluate(set.left, item));
  if (!set.right) return left;
  SL_TRY(Value right, evaluate(*set.right, item));
  const Number* a = left.get<Number>();
  const Number* b = right.get<Number>();
  if (!a || !b) return wrong_type();
  SL_TRY(Number sum, set.is_minus ? Number::subtract(*a, *b) : Number::add(*a, *b));
  return Value(std::move(sum));
}

// ── ADD and DELETE ──────────────────────────────────────────────────────────────────────────────────

template <typename Set>
Value join(const Set& a, const Set& b) {
  Set out;
  std::ranges::set_union(a, b, std::back_inserter(out));
  return Value(std::move(out));
}

template <typename Set>
Value minus(const Set& a, const Set& b) {
  Set out;
  std::ranges::set_difference(a, b, std::back_inserter(out));
  return Value(std::move(out));
}

Result<Value> sum_of(const Value* old, const Value& more, bool is_legacy) {
  if (!old) return more;
  if (old->type() != more.type()) return wrong_type(is_legacy);
  if (auto* number = more.get<Number>()) {
    SL_TRY(Number sum, Number::add(*old->get<Number>(), *number));
    return Value(std::move(sum));
  }
  if (auto* set = more.get<StringSet>()) return join(*old->get<StringSet>(), *set);
  if (auto* set = more.get<NumberSet>()) return join(*old->get<NumberSet>(), *set);
  if (auto* set = more.get<BinarySet>()) return join(*old->get<BinarySet>(), *set);
  return wrong_type(is_legacy);
}

// Nothing when the set becomes empty: then the attribute goes.
Result<std::optional<Value>> rest_of(const Value& old, const Value& less, bool is_legacy) {
  if (old.type() != less.type()) return wrong_type(is_legacy);
  std::optional<Value> rest;
  size_t left = 0;
  auto take = [&](const auto& a, const auto& b) {
    rest = minus(a, b);
    left = rest->get<std::remove_cvref_t<decltype(a)>>()->size();
  };
  if (auto* set = less.get<StringSet>()) take(*old.get<StringSet>(), *set);
  if (auto* set = less.get<NumberSet>()) take(*old.get<NumberSet>(), *set);
  if (auto* set = less.get<BinarySet>()) take(*old.get<BinarySet>(), *set);
  if (!rest) return wrong_type(is_legacy);
  if (left == 0) rest.reset();
  return rest;
}

// ── lists that grow at one end ──────────────────────────────────────────────────────────────────────

struct Growth {
  std::string attribute;
  Change::Kind end = Change::Kind::append;
  const List* elements = nullptr;
  bool may_create = false;  // if_not_exists(a, [])
};

// a, or if_not_exists(a, []).
bool is_same_list(const Part& part, const Path& path, bool& may_create) {
  may_create = part.kind == Part::Kind::if_not_exists;
  if (part.path != path) return false;
  if (part.kind == Part::Kind::path) return true;
  if (!may_create || part.parts[0].kind != Part::Kind::value) return false;
  const List* list = part.parts[0].value.get<List>();
  return list && list->empty();
}

std::optional<Growth> growth_of(const Update::Set& set) {
  const Part& append = set.value.left;
  if (!set.path.steps.empty() || set.value.right || append.kind != Part::Kind::list_append)
    return std::nullopt;
  Growth growth{set.path.attribute};
  const Part& front = append.parts[0];
  const Part& back = append.parts[1];
  if (back.kind == Part::Kind::value && is_same_list(front, set.path, growth.may_create)) {
    growth.elements = back.value.get<List>();
  } else if (front.kind == Part::Kind::value && is_same_list(back, set.path, growth.may_create)) {
    growth.end = Change::Kind::prepend;
    growth.elements = front.value.get<List>();
  }
  if (!growth.elements) return std::nullopt;
  return growth;
}

Status check_growth(const Growth& growth, const Item& item, bool is_legacy) {
  const Value* old = item.find(growth.attribute);
  if (!old && !growth.may_create) return no_such_attribute();
  if (old && !old->is(Type::L)) return wrong_type(is_legacy);
  return {};
}

// ── paths ───────────────────────────────────────────────────────────────────────────────────────────

// Levels of maps and lists in a value: 0 for "x", 1 for [], 2 for [[]].
size_t depth_of(const Value& value) {
  size_t below = 0;
  if (auto* map = value.get<Item>()) {
    for (const auto& attribute : *map) below = std::max(below, depth_of(attribute.value));
    return below + 1;
  }
  if (auto* list = value.get<List>()) {
    for (const Value& element : *list) below = std::max(below, depth_of(element));
    return below + 1;
  }
  return 0;
}

Value* parent_of(Item& item, const Path& path) {
  Path up = path;
  up.steps.pop_back();
  return const_cast<Value*>(find(item, up));  // the item is ours to change
}

// Whether something can be put at, or removed from, the path: its parent is there and of the right kind.
Status check_target(const Item& item, const Path& path) {
  if (path.steps.empty()) return {};
  Path up = path;
  bool is_name = std::holds_alternative<std::string>(up.steps.back());
  up.steps.pop_back();
  const Value* parent = find(item, up);
  if (!parent || !parent->is(is_name ? Type::M : Type::L)) return wrong_path();
  return {};
}

Status check_depth(const Path& path, const Value& value) {
  if (path.steps.size() + depth_of(value) <= kDepthMax) return {};
  return fail(Code::invalid,
              "Nesting Levels have exceeded supported limits: Attributes in the item have nested "
              "levels beyond supported limit");
}

void put(Item& item, const Path& path, Value value) {
  if (path.steps.empty()) return item.set(path.attribute, std::move(value));
  Value* parent = parent_of(item, path);
  if (auto* name = std::get_if<std::string>(&path.steps.back()))
    return parent->get<Item>()->set(*name, std::move(value));
  List& list = *parent->get<List>();
  size_t index = std::get<uint32_t>(path.steps.back());
  if (index < list.size())
    list[index] = std::move(value);
  else
    list.push_back(std::move(value));
}

void remove(Item& item, const Path& path) {
  if (path.steps.empty()) {
    item.erase(path.attribute);
    return;
  }
  Value* parent = parent_of(item, path);
  if (auto* name = std::get_if<std::string>(&path.steps.back())) {
    parent->get<Item>()->erase(*name);
  } else {
    List& list = *parent->get<List>();
    list.erase(list.begin() + std::get<uint32_t>(path.steps.back()));
  }
}

void grow(Item& item, const Growth& growth) {
  Value* value = item.find(growth.attribute);
  if (!value) {
    item.set(growth.attribute, Value(List()));
    value = item.find(growth.attribute);
  }
  List& list = *value->get<List>();
  list.insert(growth.end == Change::Kind::append ? list.end() : list.begin(),
              growth.elements->begin(), growth.elements->end());
}

// ── the plan ────────────────────────────────────────────────────────────────────────────────────────

struct Plan {
  struct Write {
    const Path* path;
    Value value;
  };
  std::vector<Growth> growths;
  std::vector<Write> writes;
  std::vector<const Path*> removes;  // only what is there
};

Status plan_sets(const Update& update, const Item& item, Plan& plan) {
  for (const Update::Set& set : update.sets) {
    SL_CHECK(check_target(item, set.path));
    if (auto growth = growth_of(set)) {
      SL_CHECK(check_growth(*growth, item, update.is_legacy));
      plan.growths.push_back(std::move(*growth));
      continue;
    }
    SL_TRY(Value value, evaluate(set.value, item));
    plan.writes.push_back({&set.path, std::move(value)});
  }
  return {};
}

Status plan_adds(const Update& update, const Item& item, Plan& plan) {
  for (const Update::Add& add : update.adds) {
    SL_CHECK(check_target(item, add.path));
    if (update.is_legacy && add.value.is(Type::L)) {
      Growth growth{add.path.attribute, Change::Kind::append, add.value.get<List>(), true};
      SL_CHECK(check_growth(growth, item, update.is_legacy));
      plan.growths.push_back(std::move(growth));
      continue;
    }
    SL_TRY(Value value, sum_of(find(item, add.path), add.value, update.is_legacy));
    plan.writes.push_back({&add.path, std::move(value)});
  }
  return {};
}

Status plan_removes(const Update& update, const Item& item, Plan& plan) {
  for (const Path& path : update.removes) {
    SL_CHECK(check_target(item, path));
    if (find(item, path)) plan.removes.push_back(&path);
  }
  for (const Update::Delete& del : update.deletes) {
    SL_CHECK(check_target(item, del.path));
    const Value* old = find(item, del.path);
    if (!old) continue;
    SL_TRY(auto rest, rest_of(*old, del.value, update.is_legacy));
    if (rest)
      plan.writes.push_back({&del.path, std::move(*rest)});
    else
      plan.removes.push_back(&del.path);
  }
  return {};
}

// Lists are written from the front, so that what lies beyond the end is appended in order, and shortened from the
// back, so that every index means the list as it was.
void carry_out(Plan& plan, Item& item) {
  std::ranges::sort(plan.writes, PathOrder(), [](const Plan::Write& write) -> const Path& { return *write.path; });
  for (Plan::Write& write : plan.writes) put(item, *write.path, std::move(write.value));
  for (const Growth& growth : plan.growths) grow(item, growth);
  std::ranges::sort(plan.removes, PathOrder(), [](const Path* path) -> const Path& { return *path; });
  for (size_t i = plan.removes.size(); i-- > 0;) remove(item, *plan.removes[i]);
}

bool is_removed(const Update& update, const std::string& attribute) {
  return std::ranges::any_of(update.removes, [&](const Path& path) {
    return path.steps.empty() && path.attribute == attribute;
  });
}

}  // namespace

Result<std::vector<Change>> apply(const Update& update, Item& item) {
  Plan plan;
  SL_CHECK(plan_sets(update, item, plan));
  SL_CHECK(plan_adds(update, item, plan));
  SL_CHECK(plan_removes(update, item, plan));
  for (const Plan::Write& write : plan.writes) SL_CHECK(check_depth(*write.path, write.value));

  std::vector<Change> changes;
  for (std::string& attribute : attributes_of(update)) {
    bool is_touched = item.find(attribute) || is_removed(update, attribute);
    changes.push_back({std::move(attribute), is_touched ? Change::Kind::set : Change::Kind::removed});
  }
  carry_out(plan, item);
  return changes;
}

std::vector<std::string> attributes_of(const Update& update) {
  std::vector<std::string> attributes;
  std::set<std::string_view> seen;
  auto add = [&](const Path& path) {
    if (seen.insert(path.attribute).second) attributes.push_back(path.attribute);
  };
  for (const auto& set : update.sets) add(set.path);
  for (const auto& path : update.removes) add(path);
  for (const auto& sum : update.adds) add(sum.path);
  for (const auto& del : update.deletes) add(del.path);
  return attributes;
}

}  // namespace sealane::table
