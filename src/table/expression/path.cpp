// SPDX-License-Identifier: Apache-2.0
// Document paths: how they print in error messages ("[a, [1], b]") and what they lead to.
#include <fmt/format.h>

#include <span>
#include <tuple>

#include "table/expression/expression.h"

namespace sealane::table {

std::string Path::to_string() const {
  std::string out = "[" + attribute;
  for (const Step& step : steps) {
    if (auto* name = std::get_if<std::string>(&step))
      out += ", " + *name;
    else
      out += fmt::format(", [{}]", std::get<uint32_t>(step));
  }
  return out + "]";
}

bool PathOrder::operator()(const Path& a, const Path& b) const {
  return std::tie(a.attribute, a.steps) < std::tie(b.attribute, b.steps);
}

namespace {

const Value* walk(const Value* value, std::span<const Path::Step> steps) {
  for (const Path::Step& step : steps) {
    if (!value) return nullptr;
    if (auto* name = std::get_if<std::string>(&step)) {
      const Item* map = value->get<Item>();
      value = map ? map->find(*name) : nullptr;
    } else {
      const List* list = value->get<List>();
      size_t index = std::get<uint32_t>(step);
      value = list && index < list->size() ? &(*list)[index] : nullptr;
    }
  }
  return value;
}

}  // namespace

const Value* find(const Item& item, const Path& path) {
  return walk(item.find(path.attribute), path.steps);
}

const Value* find_parent(const Item& item, const Path& path) {
  SL_ASSERT(!path.steps.empty());
  return walk(item.find(path.attribute), std::span(path.steps).first(path.steps.size() - 1));
}

}  // namespace sealane::table
