// SPDX-License-Identifier: Apache-2.0
// What an update does to an item: everything is worked out on the item as it was, and only then
// written, so that an error leaves the item alone.
#include <algorithm>
#include <iterator>
#include <optional>
#include <set>
#include <span>

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

// ── the right side of SET
// ───────────────────────────────────────────────────────────────────────────

// 4 KiB of text can ask for a 400 KiB list 500 times over. What copies more than two items' worth
// could only end in an item that is too large, so it is refused before it takes the memory.
constexpr size_t kCopiedBytesMax = 2 * kItemBytesMax;

class Evaluation {
 public:
  explicit Evaluation(const Item& item) : item_(item) {}

  Result<Value> evaluate(const SetValue& set) {
    SL_TRY(Value left, evaluate(set.left));
    if (!set.right) return left;
    const Number* a = left.get<Number>();
    if (!a) return wrong_type();
    SL_TRY(Value right, evaluate(*set.right));
    const Number* b = right.get<Number>();
    if (!b) return wrong_type();
    SL_TRY(Number sum, set.is_minus ? Number::subtract(*a, *b) : Number::add(*a, *b));
    return Value(std::move(sum));
  }

 private:
  Result<Value> evaluate(const Part& part) {
    const Value* value = nullptr;
    switch (part.kind) {
      case Part::Kind::value:
        return copy(part.value);
      case Part::Kind::path:
        value = find(item_, part.path);
        return value ? copy(*value) : no_such_attribute();
      case Part::Kind::if_not_exists:
        value = find(item_, part.path);
        return value ? copy(*value) : evaluate(part.parts[0]);
      case Part::Kind::list_append:
        return list_append(part);
    }
    return wrong_type();
  }

  Result<Value> list_append(const Part& part) {
    SL_TRY(Value front, evaluate(part.parts[0]));
    List* list = front.get<List>();
    if (!list) return wrong_type();
    SL_TRY(Value back, evaluate(part.parts[1]));
    List* more = back.get<List>();
    if (!more) return wrong_type();
    std::ranges::move(*more, std::back_inserter(*list));
    return front;
  }

  Result<Value> copy(const Value& value) {
    copied_bytes_ += size_bytes(value);
    if (copied_bytes_ > kCopiedBytesMax)
      return fail(Code::invalid, "Item size to update has exceeded the maximum allowed size");
    return value;
  }

  const Item& item_;
  size_t copied_bytes_ = 0;
};

// ── ADD and DELETE
// ──────────────────────────────────────────────────────────────────────────────────

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

// ── lists that grow at one end
// ──────────────────────────────────────────────────────────────────────

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

// ── paths
// ───────────────────────────────────────────────────────────────────────────────────────────

Value* parent_of(Item& item, const Path& path) {
  return const_cast<Value*>(find_parent(item, path));  // the item is ours to change
}

// Whether something can be put at, or removed from, the path: its parent is there and of the right
// kind.
Status check_target(const Item& item, const Path& path) {
  if (path.steps.empty()) return {};
  bool is_name = std::holds_alternative<std::string>(path.steps.back());
  const Value* parent = find_parent(item, path);
  if (!parent || !parent->is(is_name ? Type::M : Type::L)) return wrong_path();
  return {};
}

Status check_depth(const Path& path, const Value& value) {
  if (path.steps.size() + depth(value) <= kDepthMax) return {};
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

bool has_same_parent(const Path& a, const Path& b) {
  return a.attribute == b.attribute && a.steps.size() == b.steps.size() &&
         std::equal(a.steps.begin(), a.steps.end() - (a.steps.empty() ? 0 : 1), b.steps.begin());
}

// Elements of one list, in order and there, in one pass over it.
void remove_elements(List& list, std::span<const Path* const> paths) {
  size_t index = 0;
  std::erase_if(list, [&](const Value&) {
    bool is_gone = !paths.empty() && std::get<uint32_t>(paths[0]->steps.back()) == index;
    if (is_gone) paths = paths.subspan(1);
    ++index;
    return is_gone;
  });
}

// Paths with one parent, in order and there.
void remove(Item& item, std::span<const Path* const> paths) {
  if (paths[0]->steps.empty()) {
    for (const Path* path : paths) item.erase(path->attribute);
    return;
  }
  Value* parent = parent_of(item, *paths[0]);
  if (List* list = parent->get<List>()) return remove_elements(*list, paths);
  for (const Path* path : paths)
    parent->get<Item>()->erase(std::get<std::string>(path->steps.back()));
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

// ── the plan
// ────────────────────────────────────────────────────────────────────────────────────────

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
  Evaluation evaluation(item);
  for (const Update::Set& set : update.sets) {
    if (auto growth = growth_of(set)) {
      SL_CHECK(check_growth(*growth, item, update.is_legacy));
      plan.growths.push_back(std::move(*growth));
      continue;
    }
    SL_TRY(Value value, evaluation.evaluate(set.value));
    plan.writes.push_back({&set.path, std::move(value)});
  }
  // DynamoDB complains of values before it complains of where they go.
  for (const Update::Set& set : update.sets) SL_CHECK(check_target(item, set.path));
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

// Lists are written from the front, so that what lies beyond the end is appended in order. Then
// elements go, the deepest first and those of one list together, so that every index means the list
// as it was.
void carry_out(Plan& plan, Item& item) {
  std::ranges::sort(plan.writes, PathOrder(),
                    [](const Plan::Write& w) -> const Path& { return *w.path; });
  for (Plan::Write& write : plan.writes) put(item, *write.path, std::move(write.value));
  for (const Growth& growth : plan.growths) grow(item, growth);

  std::ranges::sort(plan.removes, [](const Path* a, const Path* b) {
    if (a->steps.size() != b->steps.size()) return a->steps.size() > b->steps.size();
    return PathOrder()(*a, *b);
  });
  for (std::span<const Path* const> rest = plan.removes; !rest.empty();) {
    auto other =
        std::ranges::find_if(rest, [&](auto* path) { return !has_same_parent(*path, *rest[0]); });
    size_t count = size_t(other - rest.begin());
    remove(item, rest.first(count));
    rest = rest.subspan(count);
  }
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
    // What was not there and is not asked to go has not changed when it is still not there: DELETE
    // on no set.
    bool may_vanish = item.find(attribute) || is_removed(update, attribute);
    auto kind = may_vanish ? Change::Kind::removed : Change::Kind::set;
    changes.push_back({.attribute = std::move(attribute), .kind = kind});
  }
  carry_out(plan, item);
  for (Change& change : changes) {
    auto growth = std::ranges::find(plan.growths, change.attribute, &Growth::attribute);
    if (growth != plan.growths.end()) {
      change.kind = growth->end;
      change.elements = *growth->elements;
    } else if (item.find(change.attribute)) {
      change.kind = Change::Kind::set;
    }
  }
  std::erase_if(changes, [&](const Change& change) {
    return change.kind == Change::Kind::set && !item.find(change.attribute);
  });
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
