// SPDX-License-Identifier: Apache-2.0
// HTTP/1.1 in front of the service: connections, one exchange at a time on each, streamed replies
// with back-pressure, and a drain that lets what is under way finish.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>
#include <vector>

#include "conversation_table.h"
#include "generator.h"
#include "port/lane.h"
#include "service.h"

namespace sealane::agent {

class Server {
 public:
  static constexpr size_t kConnectionsMax = 10'000;
  static constexpr size_t kPipelinedBytesMax =
      64 << 10;  // read while an answer is under way; then no more
  static constexpr size_t kUnsentBytesMax = 64 << 10;  // of a stream; then the model is held
  static constexpr Duration kIdleMax = 75s;            // for a request to come, whole
  static constexpr Duration kDrainMax = 30s;

  // `table`: where conversations are kept; nullptr: in the service's memory.
  Server(port::Lane& lane, Service& service, Generator& generator,
         ConversationTable* table = nullptr);
  ~Server();

  Status listen(const SocketAddress& at);
  // Stops accepting, answers /health with 503, closes idle connections, and calls `done` when the
  // last exchange is over, or after kDrainMax.
  void drain(std::function<void()> done);
  size_t connection_count() const { return connections_.size(); }

 private:
  class Connection;
  void accept(std::unique_ptr<port::Stream> stream);
  void drop(Connection& connection);

  port::Lane& lane_;
  Service& service_;
  Generator& generator_;
  ConversationTable* const table_;
  std::vector<wire::http::Field> fields_;  // scratch of all readers
  std::vector<std::unique_ptr<port::Listener>> listeners_;
  std::unordered_map<Connection*, std::unique_ptr<Connection>> connections_;
  std::vector<std::unique_ptr<Connection>> dropped_;  // freed in the next turn
  std::unique_ptr<port::Timer> sweep_timer_, drain_timer_;
  std::function<void()> drained_;
};

}  // namespace sealane::agent
