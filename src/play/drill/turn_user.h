// SPDX-License-Identifier: Apache-2.0
// A user in a conversation of turns: asks, waits for the reply, asks again, always in one session.
// A turn without a reply is repeated under the same Idempotency-Key until it has one. Which turns
// were acknowledged is what must be there at the end. Like a browser it brings back the cookie that
// it is given, to every address of the name.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "play/drill/http_connection.h"
#include "play/drill/stub_resolver.h"

namespace sealane::play::drill {

class TurnUser final : HttpConnection::User {
 public:
  // of one conversation: an item is 400 KB at most
  static constexpr uint32_t kTurnsMax = 500;
  static constexpr size_t kReplyBytesMax = 64 << 10;
  static constexpr size_t kCookieBytesMax = 4096;     // RFC 6265 6.1
  static constexpr Duration kRepeatAfter = 50ms;      // a turn that got no reply

  struct Options {
    plan::RegionId near{};
    uint16_t user = 0;  // number among the place's
    bool is_ten = false;  // ten turns: it holds after five until release(); else turn after turn
    std::string session;
    uint16_t port = 0;
    port::ConnectOptions connect;  // timeout: that of a try
    Duration gap = 200ms;          // from one turn's start to the next, at least
  };
  TurnUser(port::Lane& lane, const plan::Plan& plan, Options options, StubResolver& resolver,
           Observations& seen);
  void start();
  // The fault is made: a conversation of ten goes on with its sixth turn.
  void release();
  void stop();  // a turn without a reply is given up: it was never acknowledged
  bool is_ready() const { return acknowledged_.size() >= (options_.is_ten ? kHoldAfter : 1); }
  bool is_over() const { return options_.is_ten && acknowledged_.size() >= kTen; }

  const Options& options() const { return options_; }
  const std::vector<std::string>& acknowledged() const { return acknowledged_; }  // ids of turns

 private:
  static constexpr size_t kHoldAfter = 5, kTen = 10;
  void begin();
  void resolve(bool anew);
  void connect(const StubResolver::Answer& answer);
  void failed();
  void taken(const std::string& body);
  std::string id() const;
  void on_head(HttpConnection&, const wire::http::ResponseHead& head) override;
  void on_body(HttpConnection&, std::string_view bytes) override;
  void on_answer(HttpConnection&, uint16_t status) override;
  void on_gone(HttpConnection&, Failure why, bool during_request) override;

  port::Lane& lane_;
  const plan::Plan& plan_;
  const Options options_;
  StubResolver& resolver_;
  Observations& seen_;
  ConnectionPool pool_;
  HttpConnection* connection_ = nullptr;
  TurnSeen turn_;
  std::string body_;
  std::string cookie_;  // "name=value"; empty: none was given
  std::vector<std::string> acknowledged_;
  uint32_t highest_count_ = 0;  // that a reply has told
  bool is_running_ = false, is_asking_ = false, is_released_ = false;
  std::unique_ptr<port::Timer> next_, deadline_;
};

}  // namespace sealane::play::drill
