// SPDX-License-Identifier: Apache-2.0
// The session's memory: what was asked, the user's name, things to remember.
#include "model.h"
#include "words.h"

namespace sealane::agent {
namespace {

// What follows the last `marker` in `text`, up to the end of the sentence, in its own case.
std::string after(std::string_view text, std::string_view marker) {
  const size_t at = lower(text).rfind(marker);
  if (at == std::string::npos) return "";
  std::string_view rest = text.substr(at + marker.size());
  rest = rest.substr(0, rest.find_first_of(".!?\n"));
  while (!rest.empty() && (rest.front() == ' ' || rest.front() == ':')) rest.remove_prefix(1);
  while (!rest.empty() && rest.back() == ' ') rest.remove_suffix(1);
  return std::string(rest);
}

bool is_question(std::string_view text) {
  return text.ends_with('?') || text.starts_with("what") || text.starts_with("who") ||
         text.starts_with("do you");
}

std::string name_in(std::string_view prompt) {
  const std::string said = lower(prompt);
  if (is_question(said)) return "";
  for (const std::string_view marker : {"my name is ", "call me "}) {
    std::string name = after(prompt, marker);
    if (name.empty()) continue;
    for (const std::string_view stop : {" and ", ", "}) name = name.substr(0, name.find(stop));
    return name;
  }
  return "";
}

std::string to_remember_in(std::string_view prompt) {
  if (is_question(lower(prompt))) return "";
  std::string what = after(prompt, "remember that ");
  return !what.empty() ? what : after(prompt, "remember:");
}

std::string quoted(std::string_view text) { return fmt::format("\"{}\"", text); }

std::optional<std::string> about_the_user(const Ask& ask, const std::string& said) {
  if (const std::string name = name_in(ask.prompt); !name.empty()) {
    return fmt::format("Nice to meet you, {}.", name);
  }
  if (has(said, {"my name", "who am i"})) {
    for (auto turn = ask.before.turns.rbegin(); turn != ask.before.turns.rend(); ++turn) {
      if (const std::string name = name_in(turn->prompt); !name.empty()) {
        return fmt::format("Your name is {}.", name);
      }
    }
    return "You have not told me your name.";
  }
  if (const std::string what = to_remember_in(ask.prompt); !what.empty()) {
    return fmt::format("I will remember that {}.", what);
  }
  if (has(said, {"remember"}) && is_question(said)) {
    std::string all;
    for (const Turn& turn : ask.before.turns) {
      if (const std::string what = to_remember_in(turn.prompt); !what.empty()) {
        all += (all.empty() ? "" : "; ") + what;
      }
    }
    return all.empty() ? "You have not asked me to remember anything."
                       : fmt::format("You told me that {}.", all);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> recall(const Ask& ask) {
  const std::string said = lower(ask.prompt);
  const Conversation& before = ask.before;
  if (auto answer = about_the_user(ask, said)) return answer;

  const bool about_asking =
      has(said, {"i ask", "i say", "i said", "i tell", "i just", "my question", "my first question",
                 "my last question", "my previous question", "my message"});
  if (about_asking && has(said, {"how many"})) {
    return fmt::format("You have asked {} question{} before this one.", before.turn_count,
                       before.turn_count == 1 ? "" : "s");
  }
  if (about_asking && has(said, {"first"})) {
    return before.turn_count == 0 ? "This is the first thing you asked."
                                  : fmt::format("You first asked: {}", quoted(before.first_prompt));
  }
  if (about_asking && has(said, {"last", "previous", "just", "before"})) {
    return before.turns.empty()
               ? "This is the first thing you asked."
               : fmt::format("Before this you asked: {}", quoted(before.turns.back().prompt));
  }
  if (has(said, {"say that again", "repeat that", "repeat your", "what did you say",
                 "what did you answer"})) {
    return before.turns.empty() ? "I have not said anything yet."
                                : fmt::format("I said: {}", before.turns.back().reply);
  }
  if (has(said,
          {"summarize", "summarise", "talked about", "talk about so far", "our conversation"})) {
    if (before.turns.empty()) return "We have only just begun.";
    std::string list;
    for (const Turn& turn : before.turns)
      list += (list.empty() ? "" : ", then ") + quoted(turn.prompt);
    return fmt::format("So far you asked {}.", list);
  }
  return std::nullopt;
}

}  // namespace sealane::agent
