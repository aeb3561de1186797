// SPDX-License-Identifier: Apache-2.0
#include "plan/shape.h"

#include <fmt/format.h>

#include <algorithm>

#include "plan/values.h"

namespace sealane::plan {
namespace {

using Kind = Shape::Kind;

bool has(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

Node::Kind written_as(const Grammar& grammar, const Shape& shape) {
  switch (shape.kind) {
    case Kind::list:
      return Node::Kind::list;
    case Kind::section:
    case Kind::dictionary:
      return Node::Kind::map;
    case Kind::named:
      return written_as(grammar, grammar.find(shape.choices[0]));
    default:
      return Node::Kind::scalar;
  }
}

std::string in_words(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::scalar:
      return quoted(node.text);
    case Node::Kind::list:
      return "a list";
    case Node::Kind::map:
      return "a map";
  }
  return "?";
}

// "100ms to 1h" in the unit of the shape.
std::string range_text(const Shape& shape) {
  switch (shape.kind) {
    case Kind::duration:
      return fmt::format("{} to {}", to_text(Duration(shape.min)), to_text(Duration(shape.max)));
    case Kind::bytes:
      return fmt::format("{} to {}", bytes_text(uint64_t(shape.min)),
                         bytes_text(uint64_t(shape.max)));
    default:
      return fmt::format("{} to {}", shape.min, shape.max);
  }
}

std::string allowed(const Shape& shape) {
  switch (shape.kind) {
    case Kind::text:
      return std::string(shape.what);
    case Kind::integer:
      return fmt::format("a whole number, {}", range_text(shape));
    case Kind::number:
      return fmt::format("a number, {}", range_text(shape));
    case Kind::boolean:
      return "true or false";
    case Kind::duration:
      return fmt::format("a duration as 100ms, 5s, 1m or 1h, {}", range_text(shape));
    case Kind::bytes:
      return fmt::format("a size as 4096, 64KiB or 16MiB, {}", range_text(shape));
    case Kind::choice:
      return fmt::format("one of {}", listed(shape.choices));
    case Kind::list:
      return fmt::format("a list of {}", shape.what);
    case Kind::any: {
      std::string out;
      for (size_t i = 0; i < shape.parts.size(); ++i)
        out += (i > 0 ? " or " : "") + allowed(shape.parts[i]);
      return out;
    }
    default:
      return fmt::format("a map of {}", shape.what);
  }
}

bool fits(const Shape& shape, const Node& node) {
  auto within = [&](auto value) {
    return value && int64_t(*value) >= shape.min && int64_t(*value) <= shape.max;
  };
  switch (shape.kind) {
    case Kind::text:
      return !node.text.empty();
    case Kind::integer:
      return !node.quoted && within(parse_integer(node.text));
    case Kind::number: {
      const auto value = parse_number(node.text);
      return !node.quoted && value && *value >= double(shape.min) && *value <= double(shape.max);
    }
    case Kind::boolean:
      return !node.quoted && (node.text == "true" || node.text == "false");
    case Kind::duration: {
      const auto value = parse_duration(node.text);
      return value && value->count() >= shape.min && value->count() <= shape.max;
    }
    case Kind::bytes:
      return within(parse_bytes(node.text));
    case Kind::choice:
      return has(shape.choices, node.text);
    default:
      return true;
  }
}

void check_scalar(const Node& node, const Shape& shape, Mistakes& mistakes) {
  if (fits(shape, node)) return;
  std::string hint;
  if (shape.kind == Kind::choice) hint = did_you_mean(node.text, shape.choices);
  if (shape.kind == Kind::boolean) {
    constexpr std::string_view kTrue[] = {"yes", "Yes", "on", "On", "True", "TRUE", "y"};
    constexpr std::string_view kFalse[] = {"no", "No", "off", "Off", "False", "FALSE", "n"};
    if (has(kTrue, node.text)) hint = "; did you mean 'true'?";
    if (has(kFalse, node.text)) hint = "; did you mean 'false'?";
  }
  if (shape.kind == Kind::duration && parse_integer(node.text) && node.text != "0") {
    hint = fmt::format("; did you mean '{0}ms' or '{0}s'?", node.text);
  }
  mistakes.add(node.at, fmt::format("{}; allowed: {}{}", in_words(node), allowed(shape), hint));
}

void check_section(const Grammar& grammar, const Node& node, const Shape& shape,
                   Mistakes& mistakes) {
  std::vector<std::string_view> names;
  for (const Key& key : shape.keys) names.push_back(key.name);
  for (const Node::Entry& entry : node.entries) {
    const auto key = std::ranges::find(shape.keys, entry.key, &Key::name);
    if (key == shape.keys.end()) {
      mistakes.add(entry.at, fmt::format("unknown key {}; allowed here: {}{}", quoted(entry.key),
                                         listed(names), did_you_mean(entry.key, names)));
    } else if (key->shape.kind == Kind::unsupported) {
      mistakes.add(
          entry.at,
          fmt::format("'{}' is not supported by this version of sealane; take the section out",
                      key->name));
    } else if (entry.value.kind != Node::Kind::null) {
      check_shape(grammar, entry.value, key->shape, mistakes);
    } else if (key->fallback.empty()) {
      mistakes.add(entry.at,
                   fmt::format("'{}' is empty; allowed: {}", key->name, allowed(key->shape)));
    }
  }
  for (const Key& key : shape.keys) {
    if (key.fallback.empty() && key.shape.kind != Kind::unsupported &&
        std::ranges::find(node.entries, key.name, &Node::Entry::key) == node.entries.end()) {
      mistakes.add(node.at,
                   fmt::format("'{}' is missing; it takes {}", key.name, allowed(key.shape)));
    }
  }
}

void check_count(const Node& node, const Shape& shape, size_t count, Mistakes& mistakes) {
  if (int64_t(count) >= shape.min && int64_t(count) <= shape.max) return;
  mistakes.add(node.at, fmt::format("{} {}; allowed: {}", count, shape.what, range_text(shape)));
}

}  // namespace

const Shape& Grammar::find(std::string_view name) const {
  const auto found = std::ranges::find(named, name, &std::pair<std::string_view, Shape>::first);
  SL_ASSERT(found != named.end());
  return found->second;
}

void check_shape(const Grammar& grammar, const Node& node, const Shape& shape, Mistakes& mistakes) {
  if (shape.kind == Kind::named)
    return check_shape(grammar, node, grammar.find(shape.choices[0]), mistakes);
  if (shape.kind == Kind::any) {
    const auto part = std::ranges::find_if(
        shape.parts, [&](const Shape& s) { return written_as(grammar, s) == node.kind; });
    if (part != shape.parts.end()) return check_shape(grammar, node, *part, mistakes);
    mistakes.add(node.at, fmt::format("{}; allowed: {}", in_words(node), allowed(shape)));
    return;
  }
  // An empty dictionary value ("us-east-1:") stands for an empty section; whatever it lacks is told
  // there.
  const bool empty = node.kind == Node::Kind::null && written_as(grammar, shape) == Node::Kind::map;
  if (!empty && node.kind != written_as(grammar, shape)) {
    mistakes.add(node.at, fmt::format("{}; allowed: {}", in_words(node), allowed(shape)));
    return;
  }
  switch (shape.kind) {
    case Kind::section:
      return check_section(grammar, node, shape, mistakes);
    case Kind::list:
      check_count(node, shape, node.items.size(), mistakes);
      for (const Node& item : node.items) check_shape(grammar, item, shape.parts[0], mistakes);
      return;
    case Kind::dictionary:
      check_count(node, shape, node.entries.size(), mistakes);
      for (const Node::Entry& entry : node.entries)
        check_shape(grammar, entry.value, shape.parts[0], mistakes);
      return;
    default:
      return check_scalar(node, shape, mistakes);
  }
}

}  // namespace sealane::plan
