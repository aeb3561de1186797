// SPDX-License-Identifier: Apache-2.0
#include "table/value.h"

#include <algorithm>

#include "base/result.h"

namespace sealane::table {
namespace {

// The first attribute whose name is not less than `name`.
template <typename Attributes>
auto place(Attributes& attributes, std::string_view name) {
  return std::lower_bound(attributes.begin(), attributes.end(), name,
                          [](const auto& attribute, std::string_view n) {
                            return std::string_view(attribute.name) < n;
                          });
}

}  // namespace

std::string_view name(Type type) {
  switch (type) {
    case Type::S: return "S";
    case Type::N: return "N";
    case Type::B: return "B";
    case Type::SS: return "SS";
    case Type::NS: return "NS";
    case Type::BS: return "BS";
    case Type::M: return "M";
    case Type::L: return "L";
    case Type::null: return "NULL";
    case Type::boolean: return "BOOL";
  }
  return "?";
}

const Value* Item::find(std::string_view name) const {
  const auto at = place(attributes_, name);
  return at != attributes_.end() && at->name == name ? &at->value : nullptr;
}

Value* Item::find(std::string_view name) {
  const auto at = place(attributes_, name);
  return at != attributes_.end() && at->name == name ? &at->value : nullptr;
}

void Item::set(std::string_view name, Value value) {
  const auto at = place(attributes_, name);
  if (at != attributes_.end() && at->name == name)
    at->value = std::move(value);
  else
    attributes_.insert(at, Attribute{std::string(name), std::move(value)});
}

bool Item::erase(std::string_view name) {
  const auto at = place(attributes_, name);
  if (at == attributes_.end() || at->name != name) return false;
  attributes_.erase(at);
  return true;
}

void Item::append(std::string name, Value value) {
  SL_ASSERT(attributes_.empty() || attributes_.back().name < name);
  attributes_.push_back({std::move(name), std::move(value)});
}

Value& Item::append(std::string_view name) {
  SL_ASSERT(attributes_.empty() || attributes_.back().name < name);
  return attributes_.emplace_back(std::string(name), Value()).value;
}

void Item::reserve(size_t count) { attributes_.reserve(count); }

}  // namespace sealane::table
