// SPDX-License-Identifier: Apache-2.0
// YAML text -> a tree of plain values with their places. The only file that knows yaml-cpp is
// yaml.cpp. What a world file has no use for is refused here: aliases (and with them alias bombs),
// tags, keys that are not plain words, keys given twice, a second document.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/mistakes.h"

namespace sealane::plan {

constexpr size_t kWorldBytesMax = 8u << 20;
constexpr size_t kYamlNodesMax = 500'000;
constexpr size_t kYamlDepthMax = 32;

struct Node {
  enum class Kind : uint8_t { null, scalar, list, map } kind = Kind::null;
  bool quoted = false;  // scalar: written in quotes, so it is text and not a number
  Mark at;
  std::string text;         // scalar
  std::vector<Node> items;  // list
  struct Entry;
  std::vector<Entry> entries;  // map, in the order of the file

  // The value of `key`; nullptr when there is none, when it is empty (null), or when this is no
  // map.
  const Node* find(std::string_view key) const;
};

struct Node::Entry {
  std::string key;
  Mark at;
  Node value;
};

// The one document in `text`. Mistakes go to `mistakes`; after one in the syntax the tree is empty.
Node read_yaml(std::string_view text, Mistakes& mistakes);

}  // namespace sealane::plan
