// SPDX-License-Identifier: Apache-2.0
// DynamoDB's expressions as trees, and what they do to items. Parsing resolves `#name` and `:value`
// placeholders and reports every mistake in AWS's words ("Invalid ConditionExpression: Syntax
// error; token: \"...\", near: \"...\"").
//
//   text + placeholders -> parse_* -> Condition | Update | Projection | KeyCondition
//                       -> evaluate on an Item
//
// The legacy parameters (legacy.h) become the same trees.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "table/key.h"
#include "table/value.h"

namespace sealane::table {

// a.b[3].c: a top-level attribute, then names and indexes.
struct Path {
  using Step = std::variant<std::string, uint32_t>;
  std::string attribute;
  std::vector<Step> steps;
  std::string to_string() const;
  friend bool operator==(const Path&, const Path&) = default;
};
// By attribute, then step by step; what leads through a path stands right behind it.
struct PathOrder {
  bool operator()(const Path& a, const Path& b) const;
};
// nullptr when the item has nothing there.
const Value* find(const Item& item, const Path& path);
// of a path with steps: all but the last
const Value* find_parent(const Item& item, const Path& path);

// ExpressionAttributeNames and ExpressionAttributeValues of one request, and which of them were
// used: AWS refuses requests with placeholders that no expression uses. Parse all expressions of
// the request, then check_all_used().
class Placeholders {
 public:
  static constexpr size_t kPlaceholderBytesMax = 255;  // with its # or :
  Status add_name(std::string_view placeholder, std::string_view attribute);  // "#n" -> "name"
  Status add_value(std::string_view placeholder, Value value);                // ":v" -> value
  const std::string* use_name(std::string_view placeholder);
  const Value* use_value(std::string_view placeholder);
  // "Value provided in ExpressionAttributeNames unused in expressions: keys: {#n}", the same for
  // values.
  Status check_all_used() const;
  bool empty() const { return names_.empty() && values_.empty(); }

 private:
  template <typename T>
  struct Entry {
    T meaning;
    bool is_used = false;
  };
  std::map<std::string, Entry<std::string>, std::less<>> names_;
  std::map<std::string, Entry<Value>, std::less<>> values_;
};

// ── conditions and filters ───────────────────────────────────────────────────────────────────────

struct Operand {  // path, literal, or size(path)
  enum class Kind : uint8_t { path, value, size } kind = Kind::path;
  Path path;
  Value value;
};

struct Condition {
  enum class Kind : uint8_t {
    all_of, any_of, not_,                                  // children
    eq, ne, lt, le, gt, ge,                                // operands 0, 1
    between,                                               // operands 0, 1, 2
    in,                                                    // operand 0 among the rest
    attribute_exists, attribute_not_exists,                // operand 0, a path
    attribute_type,                                        // operand 0, a path; `wanted`
    begins_with, contains,                                 // operands 0, 1
    // legacy only: of the same rules, and the attribute is there
    not_contains,
  } kind = Kind::all_of;
  std::vector<Condition> children;
  std::vector<Operand> operands;
  Type wanted = Type::S;
};

// What a condition is called in error messages.
inline constexpr std::string_view kConditionExpression = "ConditionExpression";
inline constexpr std::string_view kFilterExpression = "FilterExpression";

Result<Condition> parse_condition(std::string_view text, Placeholders& placeholders,
                                  std::string_view parameter);
// `item` may be empty (no such item). Comparing different types is false (and `<>` true), as in
// DynamoDB.
bool holds(const Condition& condition, const Item& item);
// True when the condition names an attribute of `schema` (refused in filters: "Filter Expression
// can only contain non-primary key attributes: Primary key attribute: id").
const std::string* first_key_attribute(const Condition& condition, const KeySchema& schema);

// ── key conditions ───────────────────────────────────────────────────────────────────────────────

// hash = value, and perhaps one test of the range key.
struct KeyCondition {
  enum class Test : uint8_t { none, eq, lt, le, gt, ge, between, begins_with };
  Value hash;
  Test test = Test::none;
  Value low, high;  // `high` for between only
};
Result<KeyCondition> parse_key_condition(std::string_view text, Placeholders& placeholders,
                                         const KeySchema& schema);
// From a Condition tree (text or legacy) to a KeyCondition; AWS's errors: "Query condition missed
// key schema element: id", "Query key condition not supported", "One or more parameter values were
// invalid: Condition parameter type does not match schema type".
Result<KeyCondition> to_key_condition(const Condition& condition, const KeySchema& schema);

// ── projections ──────────────────────────────────────────────────────────────────────────────────

using Projection = std::vector<Path>;
Result<Projection> parse_projection(std::string_view text, Placeholders& placeholders);
// Only what the paths lead to, in maps and lists of the same shape (elements of lists move
// together).
Item project(const Item& item, const Projection& projection);

// ── updates ──────────────────────────────────────────────────────────────────────────────────────

struct SetValue {  // the right side of SET a = ...
  struct Part {    // one operand
    enum class Kind : uint8_t { path, value, if_not_exists, list_append } kind = Kind::path;
    Path path;                // path, if_not_exists
    Value value;              // value
    std::vector<Part> parts;  // if_not_exists: its default; list_append: its two lists
  };
  Part left;
  std::optional<Part> right;
  bool is_minus = false;
};
struct Update {
  struct Set { Path path; SetValue value; };
  struct Add { Path path; Value value; };     // number: plus; set: union
  struct Delete { Path path; Value value; };  // set: minus
  // Legacy ADD of a list to a list appends; kept apart, as an expression may not.
  bool is_legacy = false;
  std::vector<Set> sets;
  std::vector<Path> removes;
  std::vector<Add> adds;
  std::vector<Delete> deletes;
};
Result<Update> parse_update(std::string_view text, Placeholders& placeholders);

// What an update did, by top-level attribute: what replicas merge by.
struct Change {
  std::string attribute;
  enum class Kind : uint8_t {
    set,      // the attribute has its value in the item now
    removed,  // it is gone
    // `elements` were put behind its list (which may not have been there: if_not_exists with [])
    append,
    prepend,  // or before it
  } kind = Kind::set;
  List elements;
};
// Applies the update to `item`; every right side is evaluated on the item as it was before. Errors
// in AWS's words: "The provided expression refers to an attribute that does not exist in the item",
// "The document path provided in the update expression is invalid for update", "An operand in the
// update expression has an incorrect data type", "Cannot update attribute id. This attribute is
// part of the key" (checked at parse by the caller with paths_of). A SET of exactly `a =
// list_append(a, :v)` or `a = list_append(if_not_exists(a, :empty), :v)` on a top-level path with
// an empty default, and nothing else on `a`, is reported as append (the mirror as prepend); all
// else as set/removed.
Result<std::vector<Change>> apply(const Update& update, Item& item);
// The top-level attributes that an update touches.
std::vector<std::string> attributes_of(const Update& update);

}  // namespace sealane::table
