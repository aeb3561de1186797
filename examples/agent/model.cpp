// SPDX-License-Identifier: Apache-2.0
#include "model.h"

#include <array>

#include "words.h"

namespace sealane::agent {
namespace {

std::optional<std::string> greet(const Ask& ask) {
  const auto said = words(ask.prompt);
  if (said.empty() || said.size() > 4) return std::nullopt;
  const std::string& w = said[0];
  if (w == "thanks" || w == "thank") return "You are welcome.";
  if (w == "bye" || w == "goodbye") return "Goodbye. Your session stays here for a while.";
  if (w != "hello" && w != "hi" && w != "hey") return std::nullopt;
  return fmt::format("Hello{}! Ask me about regions, failover or caching, or give me a sum.",
                     ask.region.empty() ? "" : fmt::format(" from {}", ask.region));
}

constexpr std::array kSkills = {
    Skill{"greet", greet},         Skill{"recall", recall}, Skill{"convert", convert},
    Skill{"count_up", count_up},   Skill{"calculate", calculate}, Skill{"locate", locate},
    Skill{"look_up", look_up},
};

}  // namespace

std::span<const Skill> skills() { return kSkills; }

std::string reply(const Ask& ask) {
  for (const Skill& skill : kSkills) {
    if (auto answer = skill.answer(ask)) return *std::move(answer);
  }
  return fmt::format(
      "I do not know that: I am a small model inside the demo agent{}. I can explain regions, "
      "failover, health "
      "checks, DNS and caching, do sums, convert units, tell how far regions are apart, and "
      "remember what "
      "you said in this session.",
      ask.region.empty() ? "" : fmt::format(" in {}", ask.region));
}

std::vector<std::string_view> tokens(std::string_view reply) {
  std::vector<std::string_view> out;
  while (!reply.empty()) {
    const size_t from = std::min(reply.find_first_not_of(' '), reply.size());
    const size_t to = std::min(reply.find(' ', from), reply.size());
    out.push_back(reply.substr(0, to));
    reply.remove_prefix(to);
  }
  return out;
}

}  // namespace sealane::agent
