// SPDX-License-Identifier: Apache-2.0
#include "edge/clients.h"

#include "edge/transaction.h"

namespace sealane::edge {

Clients::~Clients() {
  context_.shared.connection_count.fetch_sub(uint32_t(all_.size()), std::memory_order_relaxed);
}

void Clients::accept(std::unique_ptr<port::Stream> stream) {
  context_.refresh();
  auto& count = context_.shared.connection_count;
  if (draining_ ||
      count.fetch_add(1, std::memory_order_relaxed) >= context_.edge().connections_max) {
    if (!draining_) count.fetch_sub(1, std::memory_order_relaxed);
    context_.count.refused_connections.add();
    if (stream->is_tls()) return;  // the stream goes, the client sees a close
    std::string text;
    compose_problem(text, {.status = 503, .detail = "This node has no room for another connection.",
                           .reason = draining_ ? "draining" : "connections_max",
                           .region = context_.region_name(), .unprocessed = true},
                    {}, false, context_.region_name(), context_.lane.clock.wall());
    stream->write(text);
    port::Stream::close_after_flush(std::move(stream));
    return;
  }
  context_.count.connections.add();
  all_.push_back(std::make_unique<ClientConnection>(context_, *this, std::move(stream)));
  all_.back()->slot_ = all_.size() - 1;
  context_.count.open_connections.set(all_.size());
}

void Clients::remove(ClientConnection& connection) {
  const size_t slot = connection.slot_;
  std::unique_ptr<ClientConnection> gone = std::move(all_[slot]);
  if (slot + 1 != all_.size()) {
    all_[slot] = std::move(all_.back());
    all_[slot]->slot_ = slot;
  }
  all_.pop_back();
  context_.shared.connection_count.fetch_sub(1, std::memory_order_relaxed);
  context_.count.open_connections.set(all_.size());
  context_.bury(std::move(gone));
}

void Clients::drain() {
  draining_ = true;
  std::vector<ClientConnection*> now;
  for (const auto& connection : all_) now.push_back(connection.get());
  for (ClientConnection* connection : now) connection->drain();
}

}  // namespace sealane::edge
