// SPDX-License-Identifier: Apache-2.0
// The authoritative name server of one lane: UDP in batches and TCP on one address, answering from
// the newest plan and view. What it answers is made in responder.h.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/snapshot.h"
#include "dns/authority.h"
#include "dns/responder.h"
#include "dns/tcp_server.h"
#include "plan/plan.h"
#include "port/lane.h"
#include "view/current.h"
#include "view/view.h"

namespace sealane::dns {

struct NameServerOptions {
  SocketAddress at;                     // the node's address and the plan's DNS port
  std::string nsid;                     // empty: the plan's, or the node's address
  std::optional<SipKey> cookie_secret;  // the same on every node of the world; none: no cookies
  bool limit_loopback = false;          // rate limiting of loopback clients too
  TcpLimits tcp;
  // Shared by the lanes of a node, so that a plan is compiled once; null: this lane compiles for
  // itself.
  std::shared_ptr<AuthorityCache> authorities;
};

class NameServer : private port::DatagramHandler {
 public:
  // The lane, the published plan and the published view outlive the server.
  NameServer(port::Lane& lane, const Published<plan::Plan>& plan, const Published<view::View>& view,
             NameServerOptions options);
  NameServer(const NameServer&) = delete;
  NameServer& operator=(const NameServer&) = delete;

  // Binds UDP and TCP. After an error nothing is left open.
  Status start();
  SocketAddress udp_local() const { return socket_->local(); }
  SocketAddress tcp_local() const { return tcp_.local(); }

 private:
  void on_batch(std::span<port::Datagram> batch) override;
  size_t answer_tcp(std::span<const uint8_t> query, const IpAddress& peer,
                    std::span<uint8_t> reply);
  void refresh();
  void adopt(bool is_new_plan);
  Responder::Asker asker(const IpAddress& ip, Transport transport) const;

  port::Lane& lane_;
  NameServerOptions options_;
  view::Current current_;
  std::shared_ptr<const Authority> authority_;
  Responder responder_;
  TcpServer tcp_;
  std::unique_ptr<port::DatagramSocket> socket_;
};

}  // namespace sealane::dns
