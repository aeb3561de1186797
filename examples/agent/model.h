// SPDX-License-Identifier: Apache-2.0
// The agent's own model: small, local and deterministic. The same conversation gives the same reply
// in every region and every run, so a test can say what must come out. A list of skills is tried in
// order; what none of them can answer is looked up in a built-in text about multi-region systems.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sealane::agent {

struct Turn {
  std::string prompt;
  std::string reply{};   // empty while it is being made
  std::string id{};      // a turn that is repeated has the same
  std::string region{};  // that served it
};

// What was said before the present prompt.
struct Conversation {
  std::string first_prompt;  // kept even when the oldest turns were dropped
  std::vector<Turn> turns;   // the oldest first
  size_t turn_count = 0;     // all of them, the dropped ones included
};

class Library;  // library.h

struct Ask {
  std::string_view prompt;
  const Conversation& before;
  std::string_view region;  // where this agent runs; may be empty
  const Library& library;
};

// A skill answers or passes.
struct Skill {
  std::string_view name;
  std::optional<std::string> (*answer)(const Ask& ask);
};
std::span<const Skill> skills();

// Total: there is always an answer.
std::string reply(const Ask& ask);

// The reply cut into words as a language model streams them; together they are the reply again.
std::vector<std::string_view> tokens(std::string_view reply);

// ── the skills
// ───────────────────────────────────────────────────────────────────────────────────────

std::optional<std::string> recall(const Ask& ask);     // "what did I ask first?", "my name is Ada"
std::optional<std::string> convert(const Ask& ask);    // "10 miles in km"
std::optional<std::string> calculate(const Ask& ask);  // "12 * (3 + 4)", then "double that"
std::optional<std::string> count_up(const Ask& ask);   // "count to 1000": a long stream
std::optional<std::string> locate(const Ask& ask);     // "how far is us-east-1 from eu-west-1?"
std::optional<std::string> look_up(const Ask& ask);    // the text, and "tell me more"

}  // namespace sealane::agent
