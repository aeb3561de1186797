// SPDX-License-Identifier: Apache-2.0
#include "conversation_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>

namespace sealane::agent {
namespace {

using nlohmann::json;

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}
json text(std::string_view value) { return {{"S", value}}; }

// {"S": "x"} -> "x"; anything else is empty.
std::string string_of(const json& attribute) {
  if (!attribute.is_object()) return "";
  const auto value = attribute.find("S");
  return value != attribute.end() && value->is_string() ? value->get<std::string>() : "";
}
std::string text_of(const json& attributes, const char* name) {
  const auto found = attributes.find(name);
  return found == attributes.end() ? "" : string_of(*found);
}
// {"L": [...]} -> its elements.
std::vector<json> list_of(const json& attributes, const char* name) {
  const auto found = attributes.find(name);
  if (found == attributes.end() || !found->is_object()) return {};
  const auto value = found->find("L");
  if (value == found->end() || !value->is_array()) return {};
  return {value->begin(), value->end()};
}
std::vector<std::string> ids_of(const json& item) {
  std::vector<std::string> ids;
  for (const json& id : list_of(item, "turn_ids")) {
    if (id.is_object()) ids.push_back(string_of(id));
  }
  return ids;
}

StoredConversation from_item(const json& item) {
  StoredConversation stored{.conversation = {}, .turn_ids = ids_of(item)};
  std::unordered_set<std::string> known;
  for (const json& element : list_of(item, "turns")) {
    if (!element.is_object() || !element.contains("M") || !element["M"].is_object()) continue;
    const json& turn = element["M"];
    const std::string id = text_of(turn, "id");
    if (!id.empty() && !known.insert(id).second) continue;
    stored.conversation.turns.push_back({.prompt = text_of(turn, "prompt"),
                                         .reply = text_of(turn, "reply"),
                                         .id = id,
                                         .region = text_of(turn, "region")});
  }
  Conversation& all = stored.conversation;
  all.turn_count = all.turns.size();
  if (!all.turns.empty()) all.first_prompt = all.turns.front().prompt;
  return stored;
}

// The item of a GetItem's answer; empty when there is none.
json item_of(const std::string& answer) {
  const json body = json::parse(answer, nullptr, false);
  if (!body.is_object() || !body.contains("Item") || !body["Item"].is_object())
    return json::object();
  return body["Item"];
}

size_t bytes_of(const StoredConversation& stored) {
  size_t bytes = sizeof stored;
  for (const Turn& turn : stored.conversation.turns)
    bytes +=
        sizeof turn + turn.prompt.size() + turn.reply.size() + turn.id.size() + turn.region.size();
  for (const std::string& id : stored.turn_ids) bytes += sizeof id + id.size();
  return bytes;
}

}  // namespace

StoredConversation StoredConversation::parse(std::string_view item_json) {
  const json item = json::parse(item_json, nullptr, false);
  return item.is_object() ? from_item(item) : StoredConversation{};
}

std::string ConversationTable::key(const std::string& session) const {
  return dump({{"TableName", table_}, {"Key", {{"session_id", text(session)}}}});
}

void ConversationTable::read(const std::string& session,
                             std::function<void(Result<Conversation>)> done) {
  if (find(session) == nullptr) return read_whole(session, std::move(done));
  json request = json::parse(key(session));
  request["ProjectionExpression"] = "turn_ids";
  request["ConsistentRead"] = true;  // here always, at DynamoDB only when it is asked for
  client_.call("GetItem", dump(request),
               [this, session, done = std::move(done)](Result<std::string> answer) mutable {
                 if (!answer) return done(std::unexpected(answer.error()));
                 Cached* cached = find(session);
                 if (cached == nullptr || ids_of(item_of(*answer)) != cached->stored.turn_ids) {
                   return read_whole(session, std::move(done));
                 }
                 done(cached->stored.conversation);
               });
}

void ConversationTable::read_whole(const std::string& session,
                                   std::function<void(Result<Conversation>)> done) {
  ++whole_read_count_;
  json request = json::parse(key(session));
  request["ConsistentRead"] = true;
  client_.call("GetItem", dump(request),
               [this, session, done = std::move(done)](Result<std::string> answer) {
                 if (!answer) return done(std::unexpected(answer.error()));
                 StoredConversation stored = from_item(item_of(*answer));
                 const Conversation conversation = stored.conversation;
                 keep(session, std::move(stored));
                 done(conversation);
               });
}

void ConversationTable::append(const std::string& session, std::span<const Turn> turns,
                               std::function<void(Status)> done) {
  SL_ASSERT(!turns.empty());
  const auto wall = lane_.clock.wall();
  const auto expires =
      std::chrono::duration_cast<std::chrono::seconds>(wall.time_since_epoch() + kKept).count();
  json list = json::array(), ids = json::array();
  for (const Turn& turn : turns) {
    list.push_back({{"M",
                     {{"id", text(turn.id)},
                      {"prompt", text(turn.prompt)},
                      {"reply", text(turn.reply)},
                      {"region", text(turn.region)},
                      {"at", {{"N", std::to_string(wall.time_since_epoch().count())}}}}}});
    ids.push_back(text(turn.id));
  }
  json request = json::parse(key(session));
  request["UpdateExpression"] =
      "SET turns = list_append(if_not_exists(turns, :empty), :turns), "
      "turn_ids = list_append(if_not_exists(turn_ids, :empty), :ids), expires_at = :expires";
  request["ConditionExpression"] = "NOT contains(turn_ids, :id)";
  request["ExpressionAttributeValues"] = {{":empty", {{"L", json::array()}}},
                                          {":turns", {{"L", list}}},
                                          {":ids", {{"L", ids}}},
                                          {":id", text(turns.back().id)},
                                          {":expires", {{"N", std::to_string(expires)}}}};
  client_.call("UpdateItem", dump(request),
               [this, session, added = std::vector<Turn>(turns.begin(), turns.end()),
                done = std::move(done)](const Result<std::string>& answer) {
                 Cached* cached = find(session);
                 if (answer && cached != nullptr) {
                   // What else was appended meanwhile is found by the next read: then the ids
                   // differ.
                   StoredConversation stored = cached->stored;
                   for (const Turn& turn : added) {
                     if (stored.conversation.turns.empty())
                       stored.conversation.first_prompt = turn.prompt;
                     stored.conversation.turns.push_back(turn);
                     ++stored.conversation.turn_count;
                     stored.turn_ids.push_back(turn.id);
                   }
                   keep(session, std::move(stored));
                 } else {
                   drop(session);
                 }
                 if (!answer && answer.error().code != Code::conflict)
                   return done(std::unexpected(answer.error()));
                 done({});  // the condition did not hold: an earlier try has appended it
               });
}

// ── the cache ────────────────────────────────────────────────────────────────────────────────────

ConversationTable::Cached* ConversationTable::find(const std::string& session) {
  const auto found = by_session_.find(session);
  if (found == by_session_.end()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, found->second);
  return &*found->second;
}

void ConversationTable::keep(const std::string& session, StoredConversation stored) {
  drop(session);
  const size_t bytes = bytes_of(stored) + sizeof(Cached) + session.size();
  by_use_.push_front({session, std::move(stored), bytes});
  by_session_.emplace(session, by_use_.begin());
  cached_bytes_ += bytes;
  while (cached_bytes_ > kCachedBytesMax) drop(std::string(by_use_.back().session));
}

void ConversationTable::drop(const std::string& session) {
  const auto found = by_session_.find(session);
  if (found == by_session_.end()) return;
  cached_bytes_ -= found->second->bytes;
  by_use_.erase(found->second);
  by_session_.erase(found);
}

}  // namespace sealane::agent
