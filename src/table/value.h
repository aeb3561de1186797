// SPDX-License-Identifier: Apache-2.0
// A DynamoDB AttributeValue as a plain tree, and an item: attributes by name. Kept in one canonical
// form (maps and sets sorted, numbers normalized) so that equal values have equal bytes on every
// replica.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "table/number.h"

namespace sealane::table {

// In the order in which they are packed; never renumber, the bytes are on disk.
enum class Type : uint8_t {
  S = 1,
  N = 2,
  B = 3,
  SS = 4,
  NS = 5,
  BS = 6,
  M = 7,
  L = 8,
  null = 9,
  boolean = 10
};

// "S", "N", ... "NULL", "BOOL": the name on the wire.
std::string_view name(Type type);

class Value;

// Attributes sorted by name (bytes), each name once. What DynamoDB calls an item at the top, a map
// below.
class Item {
 public:
  struct Attribute;
  using Iterator = std::vector<Attribute>::const_iterator;
  // Defined below, where an Attribute is complete.
  Item();
  ~Item();
  Item(const Item&);
  Item(Item&&) noexcept;
  Item& operator=(const Item&);
  Item& operator=(Item&&) noexcept;

  // nullptr when there is none.
  const Value* find(std::string_view name) const;
  Value* find(std::string_view name);
  // Adds, or replaces the value of that name.
  void set(std::string_view name, Value value);
  // False when there was none.
  bool erase(std::string_view name);
  bool empty() const;
  size_t size() const;
  Iterator begin() const;
  Iterator end() const;
  // For decoders that produce names in order already; SL_ASSERTs that they ascend.
  void append(std::string name, Value value);
  Value& append(std::string_view name);  // to be filled
  void reserve(size_t count);
  // For who takes it apart.
  std::vector<Attribute> attributes() &&;
  friend bool operator==(const Item& a, const Item& b);

 private:
  std::vector<Attribute> attributes_;
};

using List = std::vector<Value>;
struct Binary {  // the bytes themselves, not base64
  std::string bytes;
  friend auto operator<=>(const Binary&, const Binary&) = default;
};
// Sets are sorted (strings and binaries by bytes, numbers by value) and hold each element once;
// never empty.
using StringSet = std::vector<std::string>;
using NumberSet = std::vector<Number>;
using BinarySet = std::vector<Binary>;
struct Null {
  friend bool operator==(const Null&, const Null&) = default;
};

class Value {
 public:
  // The alternatives stand in the order of Type, less one.
  using Form = std::variant<std::string, Number, Binary, StringSet, NumberSet, BinarySet, Item,
                            List, Null, bool>;

  Value() : form_(Null{}) {}
  explicit Value(Form form) : form_(std::move(form)) {}
  Type type() const { return Type(form_.index() + 1); }
  bool is(Type t) const { return type() == t; }
  template <typename T>
  const T* get() const { return std::get_if<T>(&form_); }
  template <typename T>
  T* get() { return std::get_if<T>(&form_); }
  const Form& form() const { return form_; }
  // Becomes an empty T, to be filled.
  template <typename T>
  T& emplace() { return form_.emplace<T>(); }
  friend bool operator==(const Value&, const Value&) = default;

 private:
  Form form_;
};

struct Item::Attribute {
  std::string name;
  Value value;
  friend bool operator==(const Attribute&, const Attribute&) = default;
};

inline Item::Item() = default;
inline Item::~Item() = default;
inline Item::Item(const Item&) = default;
inline Item::Item(Item&&) noexcept = default;
inline Item& Item::operator=(const Item&) = default;
inline Item& Item::operator=(Item&&) noexcept = default;
inline bool Item::empty() const { return attributes_.empty(); }
inline size_t Item::size() const { return attributes_.size(); }
inline Item::Iterator Item::begin() const { return attributes_.begin(); }
inline Item::Iterator Item::end() const { return attributes_.end(); }
inline std::vector<Item::Attribute> Item::attributes() && { return std::move(attributes_); }
inline bool operator==(const Item& a, const Item& b) { return a.attributes_ == b.attributes_; }

}  // namespace sealane::table
