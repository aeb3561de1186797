// SPDX-License-Identifier: Apache-2.0
// Looks a question up in the library. "Tell me more" and the like go on with the last subject and
// never repeat what was said.
#include <algorithm>

#include "library.h"
#include "model.h"
#include "words.h"

namespace sealane::agent {
namespace {

bool is_follow_up(std::string_view prompt) {
  return has(lower(prompt), {"more", "go on", "continue", "what else", "why", "how so", "and then",
                             "elaborate"}) &&
         Library::stems(prompt).size() <= 1;
}

}  // namespace

std::optional<std::string> look_up(const Ask& ask) {
  const auto& turns = ask.before.turns;
  std::set<std::string> wanted = Library::stems(ask.prompt);
  if (!is_follow_up(ask.prompt)) {
    return ask.library.find(wanted, [](std::string_view) { return false; });
  }
  // A follow-up asks again what the last real question asked.
  for (auto turn = turns.rbegin(); turn != turns.rend(); ++turn) {
    if (is_follow_up(turn->prompt)) continue;
    wanted.merge(Library::stems(turn->prompt));
    break;
  }
  auto said = [&](std::string_view sentence) {
    return std::ranges::any_of(turns,
                               [&](const Turn& turn) { return turn.reply.contains(sentence); });
  };
  auto answer = ask.library.find(wanted, said);
  if (!answer && !turns.empty()) return "That is all I know about it.";
  return answer;
}

}  // namespace sealane::agent
