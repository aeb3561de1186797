// SPDX-License-Identifier: Apache-2.0
// Conversations in a table, so that they survive the region that they were led in. One item each:
//
//   session_id  S   the key
//   turns       L   of M { id, prompt, reply, region: S, at: N (ms since 1970) }
//   turn_ids    L   of S, in step with `turns`
//   expires_at  N   seconds since 1970, a week after the last turn
//
// A turn is one UpdateItem that appends; in a table with `merge: conversation` turns that two
// regions append at a time are both kept. A turn has an id, and is appended only when the item does
// not have that id, so a repeated append is no second turn. Where two regions took the same turn
// (its client repeated it after a failover), the first one counts.
//
// In front is a cache in memory that never answers alone: before a conversation is used, the item's
// turn_ids are read, a few bytes a turn; only when they differ from those of the copy is the whole
// item read.
#pragma once

#include <functional>
#include <list>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model.h"
#include "table_client.h"

namespace sealane::agent {

// An item's JSON, as GetItem and Scan give it. Total: what is not as above is left out.
struct StoredConversation {
  Conversation conversation;          // every turn once, the oldest first
  std::vector<std::string> turn_ids;  // as they are in the item, repetitions too
  static StoredConversation parse(std::string_view item_json);
};

class ConversationTable {
 public:
  static constexpr size_t kCachedBytesMax = 32 << 20;
  static constexpr std::chrono::seconds kKept = 7 * 24h;  // after the last turn

  ConversationTable(port::Lane& lane, TableClient& client, std::string table)
      : lane_(lane), client_(client), table_(std::move(table)) {}

  // The conversation as this region has it now; without turns when there is none. Errors:
  // TableClient's.
  void read(const std::string& session, std::function<void(Result<Conversation>)> done);
  // Appends turns, once: done without error means that they are in the table, from now on or since
  // an earlier try. Of several, the last one's id decides. Errors: TableClient's; `limit`: the
  // conversation is full.
  void append(const std::string& session, std::span<const Turn> turns,
              std::function<void(Status)> done);

  size_t cached_bytes() const { return cached_bytes_; }
  uint64_t whole_read_count() const { return whole_read_count_; }

 private:
  struct Cached {
    std::string session;
    StoredConversation stored;
    size_t bytes = 0;
  };
  void read_whole(const std::string& session, std::function<void(Result<Conversation>)> done);
  Cached* find(const std::string& session);
  void keep(const std::string& session, StoredConversation stored);
  void drop(const std::string& session);
  std::string key(const std::string& session) const;

  port::Lane& lane_;
  TableClient& client_;
  const std::string table_;
  std::list<Cached> by_use_;  // the latest first
  std::unordered_map<std::string, std::list<Cached>::iterator> by_session_;
  size_t cached_bytes_ = 0;
  uint64_t whole_read_count_ = 0;
};

}  // namespace sealane::agent
