// SPDX-License-Identifier: Apache-2.0
#include "edge/exchange.h"

namespace sealane::edge {

std::string_view words(Trouble trouble) {
  switch (trouble) {
    case Trouble::refused: return "connection refused";
    case Trouble::connect_timeout: return "connect timeout";
    case Trouble::tls: return "TLS handshake failed";
    case Trouble::reset: return "connection broken";
    case Trouble::bad_answer: return "malformed answer";
    case Trouble::first_byte_timeout: return "no answer in time";
    case Trouble::idle_timeout: return "the answer stopped";
    case Trouble::unhealthy: return "the endpoint went down";
    case Trouble::withdrawn: return "the endpoint left the world";
    case Trouble::gateway_status:
    case Trouble::unprocessed: return "the region answered with an error";
    case Trouble::no_endpoint: return "no healthy endpoint";
    case Trouble::connections_max: return "too many connections to the endpoint";
    case Trouble::draining: return "the node is going away";
    case Trouble::behind: return "the region lacks what this session has seen";
  }
  return "?";
}

uint16_t status_of(Trouble trouble, bool sent) {
  switch (trouble) {
    case Trouble::connect_timeout:
    case Trouble::first_byte_timeout:
    case Trouble::idle_timeout: return 504;
    case Trouble::unhealthy: return sent ? 504 : 503;
    case Trouble::no_endpoint:
    case Trouble::connections_max:
    case Trouble::withdrawn:
    case Trouble::unprocessed:
    case Trouble::draining:
    case Trouble::behind: return 503;
    default: return 502;
  }
}

view::Outcome suspicion(Trouble trouble) {
  switch (trouble) {
    case Trouble::refused: return view::Outcome::refused;
    case Trouble::connect_timeout: return view::Outcome::timeout;
    case Trouble::tls: return view::Outcome::tls;
    case Trouble::reset: return view::Outcome::reset;
    default: return view::Outcome::unknown;
  }
}

Exchange::Next Exchange::on_trouble(Trouble trouble) {
  if (delivered_) return Next::cut;
  if (!body_held_) return Next::give_up;
  if (sent_ && !repeatable_ && trouble != Trouble::unprocessed) return Next::give_up;
  if (trouble == Trouble::withdrawn) {
    --attempts_;
    return Next::elsewhere;
  }
  if (reused_ && !heard_ && trouble == Trouble::reset && !fresh_used_) {
    fresh_used_ = fresh_again_ = true;
    return Next::fresh;
  }
  return attempts_ >= attempts_max_ ? Next::give_up : Next::elsewhere;
}

}  // namespace sealane::edge
