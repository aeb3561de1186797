// SPDX-License-Identifier: Apache-2.0
// What happens to a request when its head has been read: refused, redirected, answered from the
// cache, or handed to a transaction. Lives for this one call; the head's views are valid within it.
#pragma once

#include "edge/client_connection.h"

namespace sealane::edge {

class Front {
 public:
  Front(Context& context, ClientConnection& client, const wire::http::RequestHead& head,
        Caller caller)
      : context_(context), client_(client), head_(head), caller_(caller) {}

  // In this order: limits, Host (421), reserved paths, viewer protocol, Max-Forwards, probes,
  // cache, origins.
  void handle();

 private:
  void own(const OwnAnswer& answer);
  void redirect();
  void nothing_stored();
  bool ends_here();
  void reserved();
  void answer_steer();
  bool answer_probe();
  // False: the cache has no say, relay.
  bool try_cache();
  void from_fill(const cache::Rule& rule, const cache::Key& key,
                 std::shared_ptr<const cache::Stored> stale);
  void refresh_in_background(const cache::Rule& rule, const cache::Key& key,
                             const std::shared_ptr<const cache::Stored>& stale);
  void send_hit(const std::shared_ptr<const cache::Stored>& stored);
  void relay(std::string_view x_cache);

  Context& context_;
  ClientConnection& client_;
  const wire::http::RequestHead& head_;
  Caller caller_;
};

}  // namespace sealane::edge
