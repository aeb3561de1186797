// SPDX-License-Identifier: Apache-2.0
// The HTTP edge of one lane: listens on a node's HTTP and HTTPS ports, answers from the cache,
// forwards to the agents of its region, and when those are down to other regions' nodes. One
// instance per lane; it re-reads the published plan and view by itself.
#pragma once

#include <memory>

#include "edge/clients.h"
#include "edge/context.h"

namespace sealane::edge {

class Edge {
 public:
  // `plan` and `view` must outlive it. Everything happens on `lane`.
  Edge(port::Lane& lane, const Published<plan::Plan>& plan, const Published<view::View>& view,
       Options options);
  ~Edge();

  // Opens the listeners; the ports are those of the plan at this moment. `https`: also TLS, with
  // the certificate that the host was given for the lane.
  Status start(bool https);
  SocketAddress http_address() const { return http_->local(); }
  SocketAddress https_address() const { return https_ ? https_->local() : SocketAddress{}; }

  // The notice before a drain: probes are answered 503 from now on, so that users are sent
  // elsewhere, while requests are still served.
  void refuse_probes() { context_.probes_refused = true; }
  // Stops listening; idle connections close, others after their answer, event streams with a
  // terminal event.
  void drain();
  // Connections that are still open: drained when 0.
  size_t connection_count() const { return clients_.size(); }

  // The cache, for operators. `pattern`: a path and query, with a `*` at its end all that begin so.
  uint64_t purge(std::string_view service, std::string_view pattern);

  // From a sibling lane.
  void take_stored(const cache::Key& key, const std::shared_ptr<const cache::Stored>& stored);
  void drop_stored(const cache::Key& key);

 private:
  Context context_;
  Clients clients_;
  std::unique_ptr<port::Listener> http_, https_;
};

}  // namespace sealane::edge
