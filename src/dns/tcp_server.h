// SPDX-License-Identifier: Apache-2.0
// DNS over TCP (RFC 7766): messages with a two-byte length, many on one connection, answered in
// their order. Connections are few and bounded; one that sends no whole query for the idle timeout
// is closed, and when all places are taken the one that has been silent for longest makes room.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <vector>

#include "base/time.h"
#include "port/lane.h"

namespace sealane::dns {

struct TcpLimits {
  size_t connections_max = 1000;  // on this lane
  size_t pending_bytes_max =
      128 * 1024;               // answers that a client has not taken yet; then its queries wait
  Duration idle_timeout = 10s;  // between two whole queries
};

class TcpServer {
 public:
  // Answers one message into `reply` (65,535 bytes); 0: the connection is closed.
  using Answer = std::function<size_t(std::span<const uint8_t> query, const IpAddress& peer,
                                      std::span<uint8_t> reply)>;

  TcpServer(port::Lane& lane, TcpLimits limits, Answer answer);
  ~TcpServer();
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;

  Status start(const SocketAddress& at);
  SocketAddress local() const { return listener_->local(); }
  size_t connection_count() const { return connections_.size(); }

 private:
  class Connection;
  using Connections = std::list<std::unique_ptr<Connection>>;

  void accept(std::unique_ptr<port::Stream> stream);
  void touch(Connection& connection);  // a whole query came: to the back of the list
  void close(Connection& connection);  // destroys it
  void arm();
  void close_idle();

  port::Lane& lane_;
  TcpLimits limits_;
  Answer answer_;
  std::vector<uint8_t> reply_;  // length and one message; shared, as the lane does one at a time
  Connections connections_;     // the longest silent one first
  std::unique_ptr<port::Timer> timer_;
  std::unique_ptr<port::Listener> listener_;
  port::Counter& accepted_;
  port::Counter& open_;
};

}  // namespace sealane::dns
