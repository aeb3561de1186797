// SPDX-License-Identifier: Apache-2.0
// A request that outlives the bytes it came in: a copy of its head, and what the edge found out
// about it. Also how it is written for an origin.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "plan/plan.h"
#include "wire/http/head.h"

namespace sealane::edge {

// Where a request comes from, known before its head is copied.
struct Caller {
  SocketAddress peer;
  IpAddress client;        // the user: the peer, or what a node of the plan says
  bool tls = false;
  bool from_node = false;  // the peer is a node of the plan: its forwarding fields are believed
  bool hop = false;        // another node forwarded it: never forwarded again
  // A health probe: this region only, never cached, over plain HTTP too. A node's word, or that of
  // anybody who asks for no more than the health path.
  bool probe = false;
  plan::GroupId group{};   // by the plan of this generation: Context::group_of() knows it in others
  uint64_t generation = 0;
};

struct Request {
  std::string bytes;
  std::vector<wire::http::Field> fields;
  wire::http::RequestHead head;  // views into `bytes` and `fields`
  Caller caller;

  static std::shared_ptr<const Request> copy(const wire::http::RequestHead& head,
                                             const Caller& caller);
  // RFC 9110 9.2.2, or the client promised with an Idempotency-Key.
  bool repeatable() const;
};

// Reads the forwarding fields (Sealane-Hop, Sealane-Probe, X-Forwarded-For) as far as they are
// believed. `health_path`: where this node is probed.
Caller identify(const wire::http::RequestHead& head, const SocketAddress& peer, bool tls,
                bool from_node, std::string_view health_path);

// Max-Forwards of an OPTIONS or TRACE; one that is too large is the largest. Others need not heed
// it (RFC 9110 7.6.2).
std::optional<uint32_t> max_forwards(const wire::http::RequestHead& head);

// value: the region it came from
inline constexpr std::string_view kHopField = "Sealane-Hop";
inline constexpr std::string_view kProbeField = "Sealane-Probe";              // value: 1
// value: 1, see Problem
inline constexpr std::string_view kUnprocessedField = "Sealane-Unprocessed";

struct ForOrigin {
  const plan::Endpoint& endpoint;
  std::string_view here;         // name of this region
  std::string_view extra_lines;  // more fields, each with its CRLF
  bool for_fill = false;         // ask for the whole, whatever part or version this client wants
  // What the origin is told that the client asked for. On a fill this is the service's own name:
  // the answer goes to everybody, and the port or alias that one client wrote is not in the key
  // (cache/key.h).
  std::string_view host;
};
// Appends the head as the origin gets it, with its empty line.
void compose_request(std::string& out, const Request& request, const ForOrigin& to);

}  // namespace sealane::edge
