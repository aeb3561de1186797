// SPDX-License-Identifier: Apache-2.0
// What the edges of one node's lanes have in common: the cache's memory budget and key secret, the
// number of connections, and a way to hand a stored object to the sibling lanes.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/thread_annotations.h"
#include "cache/budget.h"
#include "port/lane.h"

namespace sealane::edge {

class Edge;

class Shared {
 public:
  // `secret` keys the cache's hash tables, so that outsiders cannot choose collisions.
  Shared(uint64_t cache_bytes_max, SipKey secret)
      : budget(std::make_shared<cache::Budget>(cache_bytes_max)), secret(secret) {}

  const std::shared_ptr<cache::Budget> budget;
  const SipKey secret;
  std::atomic<uint32_t> connection_count{0};

  // One lane's address for the others. The edge clears `edge` when it goes, on its own lane; posted
  // work runs there too and looks first.
  struct Seat {
    port::Inbox* inbox = nullptr;
    Edge* edge = nullptr;
  };
  void join(const std::shared_ptr<Seat>& seat);
  void leave(const std::shared_ptr<Seat>& seat);
  // Runs `work` on every other lane's edge that still lives. A full inbox means that lane misses
  // it: it fetches by itself.
  void tell_others(const Seat* self, const std::function<void(Edge&)>& work);

 private:
  Mutex mu_;
  std::vector<std::shared_ptr<Seat>> seats_ SL_GUARDED_BY(mu_);
};

}  // namespace sealane::edge
