// SPDX-License-Identifier: Apache-2.0
#include "edge/origin_pool.h"

#include <algorithm>

namespace sealane::edge {

OriginConnection* OriginPool::acquire(plan::EndpointId endpoint, Want want) {
  PerEndpoint& of = endpoints_[plan::index(endpoint)];
  if (want != Want::fresh && !of.resting.empty()) {
    OriginConnection* connection = of.resting.back();
    if (want == Want::any || context_.now() - connection->rested_since() <= kRestMaxUnrepeatable) {
      of.resting.pop_back();
      return connection;
    }
  }
  if (of.count >= context_.edge().origin_connections_max) {
    if (of.resting.empty()) return nullptr;
    drop(*of.resting.front());
  }
  ++of.count;
  all_.push_back(std::make_unique<OriginConnection>(context_, endpoint));
  OriginConnection* connection = all_.back().get();
  connection->slot_ = all_.size() - 1;
  connection->connect();
  return connection;
}

bool OriginPool::rest(OriginConnection& connection) {
  if (connection.generation() != context_.generation()) return false;
  connection.rest();
  endpoints_[plan::index(connection.endpoint())].resting.push_back(&connection);
  return true;
}

void OriginPool::drop(OriginConnection& connection) {
  if (connection.gone_) return;
  connection.gone_ = true;
  connection.user_ = nullptr;
  connection.deadline_.set(kNever);
  connection.stream_.reset();
  if (connection.generation() == context_.generation()) {
    PerEndpoint& of = endpoints_[plan::index(connection.endpoint())];
    --of.count;
    std::erase(of.resting, &connection);
  }
  const size_t slot = connection.slot_;
  std::unique_ptr<OriginConnection> gone = std::move(all_[slot]);
  if (slot + 1 != all_.size()) {
    all_[slot] = std::move(all_.back());
    all_[slot]->slot_ = slot;
  }
  all_.pop_back();
  context_.bury(std::move(gone));
}

void OriginPool::plan_moved() {
  std::vector<OriginConnection*> resting;
  for (const PerEndpoint& of : endpoints_) {
    resting.insert(resting.end(), of.resting.begin(), of.resting.end());
  }
  endpoints_.clear();
  endpoints_.resize(context_.plan().endpoints.size());
  for (OriginConnection* connection : resting) drop(*connection);  // of an older generation now
}

size_t OriginPool::resting_count(plan::EndpointId endpoint) const {
  return endpoints_[plan::index(endpoint)].resting.size();
}

}  // namespace sealane::edge
