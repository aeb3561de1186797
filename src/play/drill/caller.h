// SPDX-License-Identifier: Apache-2.0
// A user who sends requests at a steady rate, whatever becomes of the earlier ones: a request's
// time counts from the moment at which it was meant to be sent, so a server that stands still shows
// in every one of them.
//
//   retrying   GET, and on any failure asks DNS anew and tries again at once
//   ttl-only   GET once, and follows only the TTL: what plain clients feel
//   prompt     POST, which may not be repeated once a byte of it was sent
//
// All follow the TTL: a kept connection to an address that is no longer in the answer is let go of.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "play/drill/http_connection.h"
#include "play/drill/scenario.h"
#include "play/drill/stub_resolver.h"

namespace sealane::play::drill {

class Caller final : HttpConnection::User {
 public:
  static constexpr size_t kCallsMax = 1024;      // under way; more fail as `crowded`
  static constexpr unsigned kCatchUpMax = 1000;  // requests begun in one turn after a pause

  struct Options {
    Kind kind = Kind::retrying;
    plan::RegionId near{};
    double per_second = 20;
    std::string request;  // its bytes
    uint16_t port = 0;
    port::ConnectOptions connect;  // timeout: that of a try
    unsigned retries_max = 3;
  };
  Caller(port::Lane& lane, const plan::Plan& plan, Options options, StubResolver& resolver,
         Observations& seen);
  void start(Instant first);
  void stop() { tick_->disarm(); }  // what is under way goes on
  void give_up();                   // what is under way counts as timed out
  size_t under_way_count() const { return calls_.size(); }

 private:
  struct Call {
    Instant intended;
    uint8_t try_count = 0;
    Failure first = Failure::none;
    plan::RegionId served_by = kNowhere;
    uint16_t status = 0;
    HttpConnection* connection = nullptr;
    std::unique_ptr<port::Timer> deadline;
  };
  void begin_due();
  void begin(Instant intended);
  void resolve(uint64_t id, bool anew);
  void try_at(uint64_t id, const StubResolver::Answer& answer);
  void fail_try(uint64_t id, Failure why);
  void finish(uint64_t id, Failure failure);
  bool may_repeat(const Call& call, Failure why, bool sent) const;
  void on_answer(HttpConnection& connection, uint16_t status) override;
  void on_gone(HttpConnection& connection, Failure why, bool during_request) override;

  port::Lane& lane_;
  const plan::Plan& plan_;
  const Options options_;
  StubResolver& resolver_;
  Observations& seen_;
  ConnectionPool pool_;
  std::map<uint64_t, Call> calls_;
  uint64_t last_id_ = 0;
  Instant next_;  // intended start of the next request
  Duration gap_;
  bool ask_anew_ = false;  // prompt: the last one was lost
  std::unique_ptr<port::Timer> tick_;
};

}  // namespace sealane::play::drill
