// SPDX-License-Identifier: Apache-2.0
// What a value of the world file may look like, as data. grammar.cpp states it once; check_shape()
// holds a file to it, schema.cpp prints it for editors, and the tests hold docs/WORLD.md to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "plan/mistakes.h"
#include "plan/yaml.h"

namespace sealane::plan {

struct Key;

struct Shape {
  enum class Kind : uint8_t {
    text,      // any scalar that is not empty; `pattern` is for editors, the compiler looks closer
    integer,   // min to max
    number,    // min to max, may have a fraction
    boolean,   // true, false
    duration,  // min to max, nanoseconds
    bytes,     // min to max
    choice,    // one of `choices`
    list,      // of parts[0]; min to max items
    section,   // a map of `keys`
    dictionary,  // a map of names of the user's making to parts[0]; min to max entries
    any,         // the first of `parts` that is written the same way (scalar, list or map)
    named,  // the shape of this name in the grammar (`choices[0]`), for shapes that hold themselves
    unsupported,  // known, but not by this version
  } kind = Kind::text;
  std::string_view what;     // in words, for messages: "an IP address"
  std::string_view pattern;  // text: ECMA regular expression
  int64_t min = 0, max = 0;
  std::vector<std::string_view> choices;
  std::vector<Key> keys;
  std::vector<Shape> parts;
};

struct Key {
  std::string_view name;
  std::string_view about;  // one sentence
  std::string_view
      fallback;  // the default as one would write it, or in (parentheses) in words; "": required
  Shape shape;
};

struct Grammar {
  Shape world;
  std::vector<std::pair<std::string_view, Shape>> named;
  const Shape& find(std::string_view name) const;
};

// The whole language of world files.
Grammar grammar();

// Adds a mistake for everything in `node` that is not of this shape.
void check_shape(const Grammar& grammar, const Node& node, const Shape& shape, Mistakes& mistakes);

}  // namespace sealane::plan
