// SPDX-License-Identifier: Apache-2.0
// The grammar as a JSON Schema (2020-12), for editors.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "plan/shape.h"
#include "plan/world.h"

namespace sealane::plan {
namespace {

using Json = nlohmann::ordered_json;
using Kind = Shape::Kind;

Json of(const Shape& shape);

Json of_section(const Shape& shape) {
  Json properties = Json::object(), required = Json::array();
  for (const Key& key : shape.keys) {
    if (key.shape.kind == Kind::unsupported) continue;
    Json value = of(key.shape);
    value["description"] = key.fallback.empty()
                               ? std::string(key.about)
                               : fmt::format("{} Default: {}.", key.about, key.fallback);
    properties[std::string(key.name)] = std::move(value);
    if (key.fallback.empty()) required.push_back(key.name);
  }
  Json out{
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) out["required"] = std::move(required);
  return out;
}

// A section without required keys may be left empty in YAML ("edge:"), which is null.
bool may_be_null(const Shape& shape) {
  if (shape.kind != Kind::section) return false;
  for (const Key& key : shape.keys) {
    if (key.fallback.empty() && key.shape.kind != Kind::unsupported) return false;
  }
  return true;
}

Json of(const Shape& shape) {
  switch (shape.kind) {
    case Kind::text: {
      Json out{{"type", "string"}, {"minLength", 1}};
      if (!shape.pattern.empty()) out["pattern"] = shape.pattern;
      return out;
    }
    case Kind::integer:
      return {{"type", "integer"}, {"minimum", shape.min}, {"maximum", shape.max}};
    case Kind::number:
      return {{"type", "number"}, {"minimum", shape.min}, {"maximum", shape.max}};
    case Kind::boolean:
      return {{"type", "boolean"}};
    case Kind::duration:
      return {{"type", {"string", "integer"}}, {"pattern", "^[0-9]+(ms|s|m|h|d)$"}, {"maximum", 0}};
    case Kind::bytes:
      return {{"type", {"string", "integer"}}, {"pattern", "^[0-9]+([KMG]i)?B$"}, {"minimum", 0}};
    case Kind::choice:
      return {{"enum", shape.choices}};
    case Kind::list:
      return {{"type", "array"},
              {"items", of(shape.parts[0])},
              {"minItems", shape.min},
              {"maxItems", shape.max}};
    case Kind::section: {
      Json out = of_section(shape);
      if (may_be_null(shape)) out["type"] = {"object", "null"};
      return out;
    }
    case Kind::dictionary:
      return {{"type", "object"},
              {"additionalProperties", of(shape.parts[0])},
              {"minProperties", shape.min},
              {"maxProperties", shape.max}};
    case Kind::any: {
      Json parts = Json::array();
      for (const Shape& part : shape.parts) parts.push_back(of(part));
      return {{"anyOf", std::move(parts)}};
    }
    case Kind::named:
      return {{"$ref", fmt::format("#/$defs/{}", shape.choices[0])}};
    case Kind::unsupported:
      return false;
  }
  return false;
}

}  // namespace

std::string schema() {
  const Grammar language = grammar();
  Json out{{"$schema", "https://json-schema.org/draft/2020-12/schema"},
           {"title", "Sealane world file"},
           {"description",
            "Names, regions, health and edge of an AI agent's traffic. See docs/WORLD.md."}};
  out.update(of(language.world));
  for (const auto& [name, shape] : language.named) out["$defs"][std::string(name)] = of(shape);
  return out.dump(2) + "\n";
}

}  // namespace sealane::plan
