// SPDX-License-Identifier: Apache-2.0
// The role `state`: tables on this node's store, level with those of the other nodes, behind
// DynamoDB's API.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "port/fabric.h"
#include "port/lane.h"
#include "port/store.h"
#include "serve/server.h"
#include "state/engine.h"
#include "state/replica/replicator.h"
#include "state/service.h"

namespace sealane::state {

class State {
 public:
  struct Options {
    Engine::Options engine;
    Replicator::Options replication;
    Service::Options service;
    serve::Limits limits;
  };
  // Lives on this lane; store and fabric outlive it. Errors: of Engine::open.
  static Result<std::unique_ptr<State>> open(port::Lane& lane, port::Store& store,
                                             port::Fabric& fabric, Options options);

  Result<SocketAddress> listen(const SocketAddress& at, const port::ListenOptions& options = {}) {
    return server_.listen(at, options);
  }
  // Makes the tables of the plan where they are missing or different. Only what the plan states is
  // changed: indexes, TTL, stream, merge, ack and replicas; tables that it does not name are left
  // alone.
  Status declare(const std::vector<Table>& tables);
  void drain() { server_.drain(); }
  // An orderly stop: see Engine::close(). Nothing may come in any more.
  Status close() { return engine_->close(); }
  size_t pending_count() const { return server_.pending_count(); }

  Engine& engine() { return *engine_; }
  Replicator& replicator() { return replicator_; }
  Service& service() { return service_; }

 private:
  State(port::Lane& lane, port::Store& store, port::Fabric& fabric, std::unique_ptr<Engine> engine,
        Options options);

  std::unique_ptr<Engine> engine_;
  Replicator replicator_;
  Service service_;
  serve::Server server_;
};

}  // namespace sealane::state
