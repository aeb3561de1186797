// SPDX-License-Identifier: Apache-2.0
// ProjectionExpression: which parts of an item to return (AWS developer guide, "Using projection
// expressions").
#include <algorithm>
#include <optional>
#include <span>

#include "table/expression/parser.h"

namespace sealane::table {
namespace {

class ProjectionParser : Parser {
 public:
  using Parser::Parser;

  Result<Projection> parse() {
    SL_CHECK(check_size());
    Projection projection;
    PathSet paths;
    do {
      SL_TRY(Path path, parse_path());
      paths.add(path, mistakes_);
      projection.push_back(std::move(path));
    } while (skip(","));
    if (!at_end()) return syntax_error();
    static constexpr Mistake kOrder[] = {Mistake::reserved_word, Mistake::undefined_name,
                                         Mistake::overlap, Mistake::conflict};
    SL_CHECK(report(kOrder));
    return projection;
  }
};

// Paths with a common beginning of `depth` steps, in order, none leading through another.
using Paths = std::span<const Path* const>;

// The paths at the front that share their next step.
size_t same_step(Paths paths, size_t depth) {
  auto other = std::ranges::find_if(
      paths, [&](const Path* path) { return path->steps[depth] != paths[0]->steps[depth]; });
  return size_t(other - paths.begin());
}

std::optional<Value> project(const Value& value, Paths paths, size_t depth);

std::optional<Value> project_map(const Item& map, Paths paths, size_t depth) {
  Item result;
  while (!paths.empty()) {
    size_t count = same_step(paths, depth);
    auto* name = std::get_if<std::string>(&paths[0]->steps[depth]);
    const Value* child = name ? map.find(*name) : nullptr;
    if (child)
      if (auto part = project(*child, paths.first(count), depth + 1))
        result.set(*name, std::move(*part));
    paths = paths.subspan(count);
  }
  if (result.empty()) return std::nullopt;
  return Value(std::move(result));
}

std::optional<Value> project_list(const List& list, Paths paths, size_t depth) {
  List result;
  while (!paths.empty()) {
    size_t count = same_step(paths, depth);
    auto* index = std::get_if<uint32_t>(&paths[0]->steps[depth]);
    if (index && *index < list.size())
      if (auto part = project(list[*index], paths.first(count), depth + 1))
        result.push_back(std::move(*part));
    paths = paths.subspan(count);
  }
  if (result.empty()) return std::nullopt;
  return Value(std::move(result));
}

// Nothing when no path leads to anything.
std::optional<Value> project(const Value& value, Paths paths, size_t depth) {
  if (paths[0]->steps.size() == depth) return value;
  if (auto* map = value.get<Item>()) return project_map(*map, paths, depth);
  if (auto* list = value.get<List>()) return project_list(*list, paths, depth);
  return std::nullopt;
}

}  // namespace

Result<Projection> parse_projection(std::string_view text, Placeholders& placeholders) {
  return ProjectionParser(text, placeholders, "ProjectionExpression").parse();
}

Item project(const Item& item, const Projection& projection) {
  std::vector<const Path*> sorted;
  for (const Path& path : projection) sorted.push_back(&path);
  std::ranges::sort(sorted, [](auto* a, auto* b) { return PathOrder()(*a, *b); });
  Item result;
  for (Paths rest = sorted; !rest.empty();) {
    const std::string& attribute = rest[0]->attribute;
    auto other =
        std::ranges::find_if(rest, [&](auto* path) { return path->attribute != attribute; });
    size_t count = size_t(other - rest.begin());
    if (const Value* value = item.find(attribute))
      if (auto part = project(*value, rest.first(count), 0))
        result.set(attribute, std::move(*part));
    rest = rest.subspan(count);
  }
  return result;
}

}  // namespace sealane::table
