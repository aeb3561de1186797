// SPDX-License-Identifier: Apache-2.0
// Any bytes as what a table answers: as an item and as a refusal. No turn counts twice, and what
// was read is read again from an item made of it.
#include "conversation_table.h"

#include <cstdint>
#include <nlohmann/json.hpp>
#include <unordered_set>

namespace {

using namespace sealane;
using namespace sealane::agent;
using nlohmann::json;

json text(const std::string& value) { return {{"S", value}}; }

std::string item_of(const StoredConversation& stored) {
  json turns = json::array(), ids = json::array();
  for (const Turn& turn : stored.conversation.turns) {
    turns.push_back({{"M",
                      {{"id", text(turn.id)},
                       {"prompt", text(turn.prompt)},
                       {"reply", text(turn.reply)},
                       {"region", text(turn.region)}}}});
  }
  for (const std::string& id : stored.turn_ids) ids.push_back(text(id));
  return json{{"turns", {{"L", turns}}}, {"turn_ids", {{"L", ids}}}}.dump();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)refusal_of(bytes);
  const StoredConversation stored = StoredConversation::parse(bytes);
  const auto& turns = stored.conversation.turns;
  SL_ASSERT(stored.conversation.turn_count == turns.size());
  std::unordered_set<std::string> ids;
  for (const Turn& turn : turns) SL_ASSERT(turn.id.empty() || ids.insert(turn.id).second);
  const StoredConversation again = StoredConversation::parse(item_of(stored));
  SL_ASSERT(again.turn_ids == stored.turn_ids && again.conversation.turns.size() == turns.size());
  for (size_t i = 0; i < turns.size(); ++i) {
    const Turn &a = turns[i], &b = again.conversation.turns[i];
    SL_ASSERT(a.id == b.id && a.prompt == b.prompt && a.reply == b.reply && a.region == b.region);
  }
  return 0;
}
