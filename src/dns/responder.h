// SPDX-License-Identifier: Apache-2.0
// One query in, one answer out. No sockets: the caller brings bytes, the client's address and the
// time. On the way of a UDP query nothing is allocated, locked or logged.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/dice.h"
#include "base/hash.h"
#include "base/time.h"
#include "dns/authority.h"
#include "dns/rate_limiter.h"
#include "dns/steering.h"
#include "port/meter.h"
#include "wire/dns/query.h"

namespace sealane::dns {

enum class Transport : uint8_t { udp, tcp };

// Where a reply buffer is smaller nothing is sent (RFC 1035's 512 bytes are the least a client
// takes).
constexpr size_t kReplyBytesMin = wire::dns::kUdpPlainBytesMax;

struct ResponderOptions {
  std::string nsid;                     // RFC 5001, what tells this node from the others
  std::optional<SipKey> cookie_secret;  // the same on every node; none: cookies are not answered
  bool limit_loopback = false;          // rate limiting of 127.0.0.0/8 and ::1, for tests
  Duration tcp_idle_timeout = 10s;      // what RFC 7828 tells a client that asks
};

class Responder {
 public:
  Responder(ResponderOptions options, Dice& dice, port::Meter& meter);

  void set_nsid(std::string nsid);
  // What is answered from now on. The plan and the view fit together and outlive the next adopt().
  void adopt(std::shared_ptr<const Authority> authority, const plan::Plan& plan,
             const view::View& view);

  struct Asker {
    IpAddress ip;
    Transport transport = Transport::udp;
    Instant now;
    uint32_t unix_s = 0;  // wall clock, for cookies
  };
  // Writes the answer into `reply` (kReplyBytesMin at least) and returns its size; 0: no answer.
  size_t answer(std::span<const uint8_t> packet, const Asker& asker, std::span<uint8_t> reply);

 private:
  struct Draft;
  void take_cookie(Draft& draft) const;
  void answer_cookie(Draft& draft) const;
  void answer_question(Draft& draft);
  void answer_blob(Draft& draft, const Blob& blob);
  bool append_blob(Draft& draft, const Blob& blob);
  void append_steered(Draft& draft, const Blob& blob);
  void append_addresses(Draft& draft, std::span<const IpAddress> list, uint16_t owner,
                        uint32_t ttl_s);
  void append_https(Draft& draft, const Addresses& addresses, uint16_t owner);
  void answer_chaos(Draft& draft);
  size_t opt_bytes(const Draft& draft) const;
  size_t write_opt(const Draft& draft, std::span<uint8_t> out) const;
  size_t finish(Draft& draft);
  bool is_limited(const Draft& draft) const;
  void count(const Draft& draft);

  ResponderOptions options_;
  Dice& dice_;
  std::shared_ptr<const Authority> authority_;
  const plan::Plan* plan_ = nullptr;
  Steering steering_;
  RateLimiter limiter_;
  wire::dns::Query query_;

  std::array<port::Counter*, 2> queries_;    // by Transport
  std::array<port::Counter*, 6> responses_;  // by rcode 0 to 5
  port::Counter& badvers_;
  port::Counter& badcookie_;
  port::Counter& dropped_;
  port::Counter& truncated_;
  port::Counter& limited_;
};

}  // namespace sealane::dns
