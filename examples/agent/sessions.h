// SPDX-License-Identifier: Apache-2.0
// Conversations by session id, in memory: bounded in number (the one not used for longest goes
// first) and in turns (the oldest go first; the very first prompt and the count are kept).
#pragma once

#include <list>
#include <string>
#include <string_view>
#include <unordered_map>

#include "model.h"

namespace sealane::agent {

class Sessions {
 public:
  static constexpr size_t kSessionsMax = 10'000;
  static constexpr size_t kTurnsMax = 50;
  static constexpr size_t kIdBytesMax = 128;

  // A session id is 1 to kIdBytesMax visible ASCII characters.
  static bool is_id(std::string_view id);

  // The conversation, made when it is new, and used just now.
  Conversation& open(std::string_view id);
  // The same without making one, nor counting as use; nullptr when it is unknown.
  const Conversation* find(std::string_view id) const;
  bool contains(std::string_view id) const { return by_id_.contains(std::string(id)); }
  size_t size() const { return by_id_.size(); }

  // Adds a turn whose reply is still to come; returns its number, counted from 1.
  static size_t begin_turn(Conversation& conversation, Turn turn);
  // Fills in the reply of a turn, if it is still kept.
  void end_turn(std::string_view id, size_t turn, std::string reply);

 private:
  struct Entry {
    std::string id;
    Conversation conversation;
  };
  std::list<Entry> by_use_;  // the latest first
  std::unordered_map<std::string, std::list<Entry>::iterator> by_id_;
};

}  // namespace sealane::agent
