// SPDX-License-Identifier: Apache-2.0
#include "plan/world.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/hash.h"
#include "plan/building.h"
#include "plan/geography.h"
#include "plan/shape.h"
#include "plan/values.h"

namespace sealane::plan {
namespace {

void build_domain(const Node& root, Building& b) {
  const Node* node = root.find("domain");
  if (!node || node->kind != Node::Kind::scalar) return;
  if (auto name = parse_host_name(node->text)) {
    b.plan.domain = std::move(*name);
  } else {
    b.mistakes.add(node->at, fmt::format("{}; {}", quoted(node->text), name.error().what));
  }
}

const Node* value_of(const Node* section, std::string_view key) {
  const Node* node = section ? section->find(key) : nullptr;
  return node && node->kind == Node::Kind::scalar ? node : nullptr;
}

}  // namespace

std::vector<std::string_view> Building::region_names() const {
  std::vector<std::string_view> names;
  for (const Region& region : plan.regions) names.push_back(region.name);
  return names;
}

std::optional<RegionId> Building::region_of(const Node& name) {
  if (name.kind != Node::Kind::scalar) return std::nullopt;
  if (const auto id = plan.find_region(name.text)) return id;
  const auto names = region_names();
  mistakes.add(name.at,
               fmt::format("{} is not a region of this world; allowed: {}{}", quoted(name.text),
                           listed(names), did_you_mean(name.text, names)));
  return std::nullopt;
}

Duration duration_of(const Node* section, std::string_view key, Duration fallback) {
  const Node* node = value_of(section, key);
  return node ? parse_duration(node->text).value_or(fallback) : fallback;
}

uint64_t bytes_of(const Node* section, std::string_view key, uint64_t fallback) {
  const Node* node = value_of(section, key);
  return node ? parse_bytes(node->text).value_or(fallback) : fallback;
}

int64_t integer_of(const Node* section, std::string_view key, int64_t fallback) {
  const Node* node = value_of(section, key);
  return node ? parse_integer(node->text).value_or(fallback) : fallback;
}

bool boolean_of(const Node* section, std::string_view key, bool fallback) {
  const Node* node = value_of(section, key);
  return node ? node->text == "true" : fallback;
}

std::string text_of(const Node* section, std::string_view key, std::string_view fallback) {
  const Node* node = value_of(section, key);
  return node ? node->text : std::string(fallback);
}

std::span<const Node> items_of(const Node* section, std::string_view key) {
  const Node* node = section ? section->find(key) : nullptr;
  return node ? std::span<const Node>(node->items) : std::span<const Node>();
}

Result<Plan> compile(std::string_view yaml, std::string_view file_name, const ReadFile& read_file,
                     const Data& data) {
  Mistakes mistakes;
  const Node root = read_yaml(yaml, mistakes);
  // Without a tree there is nothing else to say.
  if (root.kind == Node::Kind::null && !mistakes.empty())
    return std::unexpected(mistakes.error(file_name));
  const Grammar language = grammar();
  check_shape(language, root, language.world, mistakes);

  Building b{Plan(), data, mistakes};
  b.plan.version = fnv1a(yaml);
  build_domain(root, b);
  build_edge(root, b);
  build_regions(root, b);
  build_routing(root, b);
  build_state(root, b);
  build_zones(root, read_file, b);
  if (!mistakes.empty()) return std::unexpected(mistakes.error(file_name));
  b.plan.geography = make_geography(data, b.plan.regions);
  return std::move(b.plan);
}

}  // namespace sealane::plan
