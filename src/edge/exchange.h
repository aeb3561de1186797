// SPDX-License-Identifier: Apache-2.0
// The life of one request towards the origins as a step machine without I/O: what went out, what
// came back, and therefore whether a trouble means "again elsewhere", "tell the client" or "cut".
// The shell (fetch.h) reports and obeys.
#pragma once

#include <cstdint>
#include <string_view>

#include "view/view.h"

namespace sealane::edge {

// What can go wrong with an attempt.
enum class Trouble : uint8_t {
  refused,             // connect: RST
  connect_timeout,
  tls,                 // handshake failed
  reset,               // broken, or closed, before the answer was complete
  bad_answer,          // not HTTP, or framed in a way that we refuse
  first_byte_timeout,  // sent, and silence
  idle_timeout,        // the answer stopped in the middle
  unhealthy,           // health says that this endpoint is down
  withdrawn,           // a new plan does not have it
  gateway_status,      // another node answered 502, 503 or 504
  unprocessed,         // another node answered so and promised that no agent has seen the request
  no_endpoint,         // nobody left to ask
  connections_max,     // origin_connections_max is reached
  draining,            // this node is going away
  // this region lacks what the client has seen, and the client wants nothing older
  behind,
};

// "connection refused": the `reason` of the answer.
std::string_view words(Trouble trouble);
// The status for a client that has not been sent anything. `sent`: the endpoint may have seen the
// request.
uint16_t status_of(Trouble trouble, bool sent);
// What health is told, or unknown: nothing.
view::Outcome suspicion(Trouble trouble);

class Exchange {
 public:
  // `repeatable`: GET, HEAD, OPTIONS, or the client gave an Idempotency-Key.
  Exchange(bool repeatable, uint8_t attempts_max)
      : repeatable_(repeatable), attempts_max_(attempts_max) {}

  // `reused`: on a kept-alive connection, which may turn out to be dead.
  void attempt_began(bool reused) {
    if (!fresh_again_) ++attempts_;
    fresh_again_ = false;
    reused_ = reused;
    sent_ = false;
    heard_ = false;
  }
  void request_sent() { sent_ = true; }      // at least a byte of it
  void answer_began() { heard_ = true; }     // at least a byte came back
  void body_let_go() { body_held_ = false; } // the request body is not wholly in memory any more
  void delivered() { delivered_ = true; }    // the sink has been given the head of an answer

  enum class Next : uint8_t {
    fresh,    // the same endpoint on a new connection
    elsewhere,// the next endpoint
    give_up,  // tell the client, nothing went out to it
    cut,      // the client has a part already
  };
  //   delivered                                               -> cut
  //   body no longer held                                     -> give_up
  //   sent, not repeatable, and not promised to be unprocessed-> give_up
  //   withdrawn (does not count as an attempt)                -> elsewhere
  //   reused connection died before a byte came, first time   -> fresh
  //   attempts_max reached                                    -> give_up
  //   otherwise                                               -> elsewhere
  Next on_trouble(Trouble trouble);

  bool sent() const { return sent_; }
  bool is_delivered() const { return delivered_; }
  bool repeatable() const { return repeatable_; }
  bool body_held() const { return body_held_; }
  uint8_t attempt_count() const { return attempts_; }

 private:
  const bool repeatable_;
  const uint8_t attempts_max_;
  uint8_t attempts_ = 0;
  bool reused_ = false, sent_ = false, heard_ = false;
  bool body_held_ = true, delivered_ = false;
  bool fresh_used_ = false, fresh_again_ = false;
};

}  // namespace sealane::edge
