// SPDX-License-Identifier: Apache-2.0
#include "serve/server.h"

#include "serve/connection.h"
#include "serve/core.h"

namespace sealane::serve {

void Responder::answer(const Answer& answer) const {
  if (core_ == nullptr) return;
  if (Connection* const connection = core_->find(slot_, serial_)) connection->answer(answer);
}

bool Responder::client_gone() const {
  if (core_ == nullptr) return true;
  const Connection* const connection = core_->find(slot_, serial_);
  return connection == nullptr || !connection->has_client();
}

Answer Handler::word_refusal(uint16_t status, std::string_view what, std::string& text) {
  text.append(what).append("\n");
  return {.status = status, .content_type = "text/plain", .body = text};
}

Server::Server(port::Lane& lane, Handler& handler, Options options)
    : core_(std::make_unique<Core>(lane, handler, std::move(options))) {}
Server::~Server() = default;

Result<SocketAddress> Server::listen(const SocketAddress& at, const port::ListenOptions& options) {
  return core_->listen(at, options);
}
void Server::drain() { core_->drain(); }
bool Server::draining() const { return core_->draining; }
size_t Server::connection_count() const { return core_->open_count; }
size_t Server::pending_count() const { return core_->pending_count; }
size_t Server::buffered_bytes() const { return core_->buffered_bytes; }

}  // namespace sealane::serve
