// SPDX-License-Identifier: Apache-2.0
// What the users and watchers of a drill saw, as plain facts. The report is a pure function of
// these.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "plan/plan.h"

namespace sealane::play::drill {

constexpr size_t kRequestsMax = 1'000'000;  // kept; more are counted only
constexpr size_t kChangesMax = 100'000;     // of answers and of health, each
constexpr size_t kStreamsMax = 100'000;

constexpr plan::RegionId kNowhere{UINT16_MAX};

enum class Kind : uint8_t { retrying, ttl_only, prompt };
constexpr Kind kKinds[] = {Kind::retrying, Kind::ttl_only, Kind::prompt};
const char* name(Kind kind);  // "retrying", "ttl-only", "prompt"

enum class Failure : uint8_t {
  none,
  unresolved,  // no name server answered with an address
  refused,     // the connection was not accepted; nothing was sent
  broken,      // reset or closed before the answer was whole
  timeout,
  bad_status,  // 5xx, or not what was asked for
  bad_answer,  // not HTTP, or TLS that does not fit
  crowded,     // a bound of the drill's own was reached
};
const char* name(Failure failure);

// One request of a user from its intended start to its last byte, over all tries.
struct RequestSeen {
  Instant intended;
  Duration wait{};
  plan::RegionId near{};                // whose users
  plan::RegionId served_by = kNowhere;  // region of the node that answered last
  Kind kind = Kind::retrying;
  uint8_t try_count = 0;
  uint16_t status = 0;
  Failure first = Failure::none;    // of the first try
  Failure failure = Failure::none;  // of the request
  bool ok() const { return failure == Failure::none; }
};

enum class StreamEnd : uint8_t {
  open,         // still running when the drill ended
  complete,     // the agent said that it was finished
  error_event,  // ended by an `error` event: the user was told
  torn,         // reset or closed in the middle
  silent,       // no byte for Manners::stream_silence_max
  refused,      // never began
};
const char* name(StreamEnd end);

struct StreamSeen {
  Instant opened;  // asked for
  Instant began;   // first token; meaningless when token_count is 0
  Instant ended;   // the end, or the last token for `open` and `silent`
  plan::RegionId near{};
  plan::RegionId served_by = kNowhere;
  uint16_t user = 0;  // which of the place's stream users
  StreamEnd end = StreamEnd::open;
  uint64_t token_count = 0;
  uint64_t missing_count = 0;  // numbers that were left out or came out of order
  bool is_numbered = true;     // each token had an `id:` that ends in a number
  Duration longest_gap{};      // between two tokens
};

// One turn of a conversation, over all tries.
struct TurnSeen {
  Instant intended;
  Duration wait{};  // until it was acknowledged
  plan::RegionId near{};
  plan::RegionId served_by = kNowhere;  // region of the agent, by its own word
  uint16_t user = 0;                    // which of the place's conversations
  bool is_ten = false;                  // of ten turns, five of them after the fault
  uint32_t number = 0;                  // counted from 1 by the user
  uint32_t turn_count = 0;              // of the conversation, by the reply
  uint32_t try_count = 0;
  bool is_acknowledged = false;
  bool is_stale = false;  // the reply counts no more turns than an earlier one did
};

// A conversation as a region has it at the end.
struct ConversationSeen {
  plan::RegionId near{}, in{};
  uint16_t user = 0;
  bool is_ten = false;
  bool is_read = false;  // this region's agents told it
  uint32_t acknowledged_count = 0, there_count = 0;
  uint32_t missing_count = 0;  // of the acknowledged ones
};

// The answer of a node for users near a region changed (the first answer is a change too).
struct AnswerSeen {
  Instant at;
  plan::EndpointId node{};
  plan::RegionId near{};
  std::vector<plan::RegionId> regions;  // ascending; of the addresses in the answer; empty: none
  uint32_t ttl_s = 0;
  std::string rcode;
};

// A node's view of an endpoint changed (the first look is a change too).
struct HealthSeen {
  Instant at;
  plan::EndpointId node{};      // who says so
  plan::EndpointId endpoint{};  // about whom
  bool healthy = true;
  std::string last;  // outcome of the newest probe
};

// A node could be asked for its status, or no longer.
struct ReachSeen {
  Instant at;
  plan::EndpointId node{};
  bool reachable = true;
};

struct Observations {
  Instant began;  // the baseline began
  std::optional<Instant> fault_at, heal_at, ended_at;
  std::vector<RequestSeen> requests;  // in the order of their ends
  std::vector<StreamSeen> streams;
  std::vector<TurnSeen> turns;                  // in the order of their ends
  std::vector<ConversationSeen> conversations;  // read when all is over, in every region
  std::vector<AnswerSeen> answers;
  std::vector<HealthSeen> health;
  std::vector<ReachSeen> reach;
  uint64_t dropped_count = 0;  // facts past a bound
  std::string stopped_by;      // why it ended early; empty: it did not

  void add(RequestSeen seen) { keep(requests, kRequestsMax, seen); }
  void add(StreamSeen seen) { keep(streams, kStreamsMax, seen); }
  void add(TurnSeen seen) { keep(turns, kStreamsMax, seen); }
  void add(ConversationSeen seen) { keep(conversations, kStreamsMax, seen); }
  void add(AnswerSeen seen) { keep(answers, kChangesMax, std::move(seen)); }
  void add(HealthSeen seen) { keep(health, kChangesMax, std::move(seen)); }
  void add(ReachSeen seen) { keep(reach, kChangesMax, seen); }

 private:
  template <typename T>
  void keep(std::vector<T>& list, size_t max, T seen) {
    if (list.size() < max) {
      list.push_back(std::move(seen));
    } else {
      ++dropped_count;
    }
  }
};

}  // namespace sealane::play::drill
