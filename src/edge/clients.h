// SPDX-License-Identifier: Apache-2.0
// The lane's client connections: counts them against connections_max and owns them.
#pragma once

#include <memory>
#include <vector>

#include "edge/client_connection.h"

namespace sealane::edge {

class Clients {
 public:
  explicit Clients(Context& context) : context_(context) {}
  ~Clients();

  void accept(std::unique_ptr<port::Stream> stream);
  void remove(ClientConnection& connection);
  // Idle connections close, busy ones after their answer.
  void drain();
  bool draining() const { return draining_; }
  size_t size() const { return all_.size(); }

 private:
  Context& context_;
  std::vector<std::unique_ptr<ClientConnection>> all_;
  bool draining_ = false;
};

}  // namespace sealane::edge
