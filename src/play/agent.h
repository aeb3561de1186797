// SPDX-License-Identifier: Apache-2.0
// A simulated agent: the small HTTP server that does the work behind a region's nodes. /health says
// how it is, a GET is quick, a POST thinks, and who asks for text/event-stream gets numbered events
// that go on behind Last-Event-ID. Every answer says which region it came from.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "port/lane.h"
#include "sim/world.h"
#include "wire/http/reader.h"

namespace sealane::play {

constexpr unsigned kStreamEvents = 20;       // of one event stream
constexpr Duration kStreamInterval = 200ms;  // between two of them
constexpr Duration kQuickWork = 2ms;         // a GET, a health check

// A table as agents wish it: what one region writes the others have at once. Ids of turns by
// session.
using Conversations = std::map<std::string, std::vector<std::string>>;

// A whole request, health checks left out, as an agent got it.
struct AgentRequest {
  IpAddress from;            // the node that sent it
  std::string_view attempt;  // kAttemptField: one attempt of one user (users.h)
  bool is_post = false;
  size_t node_count = 0;  // that it came through
};
constexpr std::string_view kAttemptField = "Attempt";

// What a scene can change while the agent runs; outlives its process.
struct AgentMood {
  std::string region;
  SocketAddress at;
  Duration think = 5ms;
  uint16_t brownout = 0;                                // every answer has this status; 0: well
  std::function<void(const AgentRequest&)> on_request;  // may be empty
  // Where turns with an Idempotency-Key are kept and GET /sessions/ID finds them; nullptr: nowhere.
  Conversations* conversations = nullptr;
};

class Agent final : public sim::Process {
 public:
  static constexpr size_t kConnectionsMax = 10'000;

  Agent(port::Lane& lane, const AgentMood& mood);
  ~Agent() override;

 private:
  class Connection;
  void drop(uint64_t id);

  port::Lane& lane_;
  const AgentMood& mood_;
  std::map<uint64_t, std::unique_ptr<Connection>> connections_;
  uint64_t last_id_ = 0;
  std::unique_ptr<port::Listener> listener_;
};

}  // namespace sealane::play
