// SPDX-License-Identifier: Apache-2.0
// The sentences of the scene language as a table: what may be said is read here, and nowhere else.
#pragma once

#include <string>
#include <vector>

#include "play/scene.h"

namespace sealane::play {

// What a word in braces took in.
struct Capture {
  std::string text;
  Position at;
  Duration duration{};  // {time}, {jump}
  double number = 0;    // {count}, {rate}, {percent}, {status}
  SocketAddress address;
};

struct Form {
  std::string pattern;  // words, and slots in braces
  void (*build)(Scene& scene, const std::vector<Capture>& captures, Position at,
                std::string_view line);
  std::vector<std::string> words;  // of the pattern
};

// All sentences, one flat pattern each.
const std::vector<Form>& forms();

// What a slot takes, in words; and whether `word` fits, with its value.
std::string slot_help(std::string_view slot);
bool fits(std::string_view slot, std::string_view word, Capture& out);

}  // namespace sealane::play
