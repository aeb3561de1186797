// SPDX-License-Identifier: Apache-2.0
// One HTTP/1.1 connection of a user: one request at a time, kept alive between them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "play/drill/observations.h"
#include "port/lane.h"
#include "wire/http/reader.h"

namespace sealane::play::drill {

class HttpConnection final : port::StreamHandler {
 public:
  // Who uses the connection. It may close() the connection inside a call, but not destroy it.
  class User {
   public:
    virtual ~User() = default;
    virtual void on_head(HttpConnection&, const wire::http::ResponseHead&) {}
    virtual void on_body(HttpConnection&, std::string_view) {}
    // The answer is whole; the connection is idle, or closed when it cannot be used again.
    virtual void on_answer(HttpConnection&, uint16_t status) = 0;
    // The connection is gone. `during_request` false: while it was idle.
    virtual void on_gone(HttpConnection&, Failure why, bool during_request) = 0;
  };

  HttpConnection(port::Lane& lane, const SocketAddress& to, const port::ConnectOptions& options,
                 User& user);

  // A whole request; nothing else may be under way.
  void send(std::string request);
  void close() { stream_.reset(); }
  bool is_closed() const { return stream_ == nullptr; }
  bool is_idle() const { return !is_closed() && !busy_; }
  // Bytes of the present request may have reached the server.
  bool has_sent() const { return sent_; }
  const SocketAddress& to() const { return to_; }
  uint64_t tag = 0;  // the user's own

 private:
  void on_open() override;
  void on_data(std::span<const char> bytes) override;
  void on_end() override;
  void on_error(const Error& error) override;
  void gone(Failure why);
  void answered();

  User& user_;
  const SocketAddress to_;
  std::unique_ptr<port::Stream> stream_;
  std::string waiting_;  // request for on_open()
  wire::http::ResponseReader reader_;
  wire::http::Limits limits_;
  std::vector<wire::http::Field> fields_;
  uint16_t status_ = 0;
  bool open_ = false, busy_ = false, sent_ = false, keep_alive_ = true;
};

// Bounded set of a user's connections; closed ones are freed by sweep(), outside their own calls.
class ConnectionPool {
 public:
  static constexpr size_t kConnectionsMax = 256;
  ConnectionPool(port::Lane& lane, port::ConnectOptions options, HttpConnection::User& user);
  // An idle connection to `to`, or a new one; nullptr: kConnectionsMax are in use.
  HttpConnection* get(const SocketAddress& to);
  // Closes the idle ones that `keeps` does not want.
  template <typename F>
  void close_idle_unless(F&& keeps) {
    for (auto& connection : connections_) {
      if (connection->is_idle() && !keeps(connection->to())) connection->close();
    }
    sweep_soon();
  }
  void close_all();
  // Frees closed connections at the next turn of the loop.
  void sweep_soon();
  size_t size() const { return connections_.size(); }

 private:
  port::Lane& lane_;
  const port::ConnectOptions options_;
  HttpConnection::User& user_;
  std::vector<std::unique_ptr<HttpConnection>> connections_;
  std::unique_ptr<port::Timer> sweep_;
};

}  // namespace sealane::play::drill
