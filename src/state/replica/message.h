// SPDX-License-Identifier: Apache-2.0
// What nodes that keep tables say to each other over the Fabric.
//
//   subject                 from -> to             message
//   sealane.log             a source -> everybody  LogMessage: entries of its log, as they are made
//   sealane.hello           a node -> everybody    Hello: who it is, how far it has read; twice a s
//   sealane.ack.SOURCE      a node -> a source     Reached: for entries that wait for other regions
//   sealane.session         a node -> everybody    SessionNote: what a session's client has seen
//   sealane.asked.NODE      a request              SessionNote: nothing is known of it here -> what
//                                                  its client can have seen by now
//   sealane.read.NODE       a request              ReadLog -> LogMessage (or what is kept): repair
//   sealane.snapshot.NODE   a request              ReadSnapshot -> SnapshotPage: to catch up with
//
// All of it is packed as table/packed.h packs: varints and lengths. A version byte comes first;
// messages of another version are left alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "table/entry.h"

namespace sealane::state {

inline constexpr std::string_view kLogSubject = "sealane.log", kHelloSubject = "sealane.hello",
                                  kSessionSubject = "sealane.session";
std::string ack_subject(table::Source source);
// Node names are addresses: what a subject cannot hold is replaced.
std::string asked_subject(std::string_view node);
std::string read_subject(std::string_view node);
std::string snapshot_subject(std::string_view node);

// Consecutive entries of one log.
struct LogMessage {
  table::Source source = 0;
  uint64_t first = 0;            // position of the first entry
  bool wants_ack = false;        // somebody waits until another region has them
  std::vector<std::string_view> entries;  // packed; views into the message
  // in answers: where the log begins that was asked for; 0: nothing is kept
  uint64_t first_kept = 0;
};
// Entries are appended behind a head one by one, so that a batch is built in place.
void begin_log_message(std::string& out, table::Source source, uint64_t first, bool wants_ack,
                       uint64_t first_kept = 0);
void append_log_entry(std::string& out, std::string_view packed_entry);
Result<LogMessage> parse_log_message(std::string_view bytes);

struct Hello {
  std::string node, region;
  table::Source source = 0;
  table::Hlc now = 0;            // it will not stamp anything below this any more
  uint64_t bytes_per_entry = 0;  // of its own log, roughly: for lags in bytes
  table::Vector applied;         // its own log too
  // For each source: it has all entries that were ever stamped below this. Positions are not used.
  table::Vector complete;
  table::Vector shown;           // what reading there may show: more, after a part of a snapshot
  table::Vector broken_off;      // see Engine::broken_off()
};
void append_packed(std::string& out, const Hello& hello);
Result<Hello> parse_hello(std::string_view bytes);

struct Reached {
  std::string node, region;
  uint64_t position = 0;
};
void append_packed(std::string& out, const Reached& reached);
Result<Reached> parse_reached(std::string_view bytes);

struct SessionNote {
  std::string session;           // an Mcp-Session-Id, or its hash
  table::Vector seen;
};
void append_packed(std::string& out, const SessionNote& note);
Result<SessionNote> parse_session_note(std::string_view bytes);

struct ReadLog {
  std::string region;            // of who asks: what is kept there must not come blanked
  table::Source source = 0;
  uint64_t from = 0;
};
void append_packed(std::string& out, const ReadLog& read);
Result<ReadLog> parse_read_log(std::string_view bytes);

struct ReadSnapshot {
  std::string region;            // of who asks: only tables that are kept there
  table::TableId only = 0;       // one table; 0: all
  table::TableId table = 0;      // go on behind this key
  std::string after;
};
void append_packed(std::string& out, const ReadSnapshot& read);
Result<ReadSnapshot> parse_read_snapshot(std::string_view bytes);

struct SnapshotPage {
  table::Vector applied;         // what the sender had applied when it made this page
  // what the page may have: more, when the sender itself is being given a snapshot
  table::Vector shown;
  table::Vector broken_off;      // see Engine::broken_off()
  bool is_last = false;
  table::TableId next_table = 0; // where the next page begins
  std::string next_after;
  // kept in the asking region, but not here (or not whole): ask somebody else
  std::vector<table::TableId> absent;
  struct Part {
    table::TableId table = 0;
    std::vector<std::pair<std::string, std::string>> records;  // key, packed record
  };
  std::vector<Part> parts;
};
void append_packed(std::string& out, const SnapshotPage& page);
Result<SnapshotPage> parse_snapshot_page(std::string_view bytes);

}  // namespace sealane::state
