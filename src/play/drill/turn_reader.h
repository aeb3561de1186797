// SPDX-License-Identifier: Apache-2.0
// Reads a conversation in one region, again and again until every acknowledged turn is there or the
// time is over: after a region has come back, its tables still catch up.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "play/drill/http_connection.h"

namespace sealane::play::drill {

class TurnReader final : HttpConnection::User {
 public:
  static constexpr Duration kReadMax = 10s;
  static constexpr Duration kAgain = 100ms;
  static constexpr size_t kBytesMax = 4 << 20;

  struct Options {
    plan::RegionId near{}, in{};  // whose conversation, read where
    uint16_t user = 0;
    bool is_ten = false;
    std::string session;
    std::vector<std::string> acknowledged;  // ids of turns
    SocketAddress node;                     // of the region
    port::ConnectOptions connect;
  };
  TurnReader(port::Lane& lane, const plan::Plan& plan, Options options, Observations& seen);
  void start();
  bool is_done() const { return done_; }

 private:
  void ask();
  void again();
  void finish();
  void on_body(HttpConnection&, std::string_view bytes) override;
  void on_answer(HttpConnection&, uint16_t status) override;
  void on_gone(HttpConnection&, Failure, bool during_request) override;

  port::Lane& lane_;
  const plan::Plan& plan_;
  const Options options_;
  Observations& seen_;
  ConnectionPool pool_;
  HttpConnection* connection_ = nullptr;
  ConversationSeen conversation_;
  std::string body_;
  Instant until_;
  bool done_ = false;
  std::unique_ptr<port::Timer> next_;
};

}  // namespace sealane::play::drill
