// SPDX-License-Identifier: Apache-2.0
#include "sessions.h"

#include <algorithm>

namespace sealane::agent {

bool Sessions::is_id(std::string_view id) {
  return !id.empty() && id.size() <= kIdBytesMax &&
         std::ranges::all_of(id, [](char c) { return c > 0x20 && c < 0x7f; });
}

Conversation& Sessions::open(std::string_view id) {
  if (const auto found = by_id_.find(std::string(id)); found != by_id_.end()) {
    by_use_.splice(by_use_.begin(), by_use_, found->second);
    return found->second->conversation;
  }
  if (by_id_.size() >= kSessionsMax) {
    by_id_.erase(by_use_.back().id);
    by_use_.pop_back();
  }
  by_use_.push_front({std::string(id), {}});
  by_id_.emplace(by_use_.front().id, by_use_.begin());
  return by_use_.front().conversation;
}

const Conversation* Sessions::find(std::string_view id) const {
  const auto found = by_id_.find(std::string(id));
  return found == by_id_.end() ? nullptr : &found->second->conversation;
}

size_t Sessions::begin_turn(Conversation& conversation, Turn turn) {
  if (conversation.turn_count == 0) conversation.first_prompt = turn.prompt;
  if (conversation.turns.size() >= kTurnsMax) conversation.turns.erase(conversation.turns.begin());
  conversation.turns.push_back(std::move(turn));
  return ++conversation.turn_count;
}

void Sessions::end_turn(std::string_view id, size_t turn, std::string reply) {
  const auto found = by_id_.find(std::string(id));
  if (found == by_id_.end()) return;
  Conversation& conversation = found->second->conversation;
  const size_t oldest = conversation.turn_count - conversation.turns.size() + 1;
  if (turn < oldest || turn > conversation.turn_count) return;
  conversation.turns[turn - oldest].reply = std::move(reply);
}

}  // namespace sealane::agent
