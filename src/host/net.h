// SPDX-License-Identifier: Apache-2.0
// port::Net on real sockets.
#pragma once

#include <memory>

#include "host/cut.h"
#include "host/loop.h"
#include "host/tls.h"
#include "port/net.h"

namespace sealane::host {

class Net final : public port::Net {
 public:
  explicit Net(Loop& loop, std::shared_ptr<const Tls> tls = nullptr)
      : loop_(loop), tls_(std::make_shared<TlsSlot>(std::move(tls))) {}
  // Connections accepted or made after this use the new certificates, also those of listeners that
  // are open. A context that cannot listen must not take the place of one that can. Call it on the
  // lane.
  void set_tls(std::shared_ptr<const Tls> tls) { *tls_ = std::move(tls); }
  // Sockets made after this are cut off as `cut` says; null: none is. Call it on the lane.
  void set_cut(std::shared_ptr<const NetworkCut> cut) { cut_ = std::move(cut); }

  std::unique_ptr<port::Stream> connect(const SocketAddress& to,
                                        const port::ConnectOptions& options,
                                        port::StreamHandler& handler) override;
  Result<std::unique_ptr<port::Listener>> listen(
      const SocketAddress& at, const port::ListenOptions& options,
      std::function<void(std::unique_ptr<port::Stream>)> accepted) override;
  Result<std::unique_ptr<port::DatagramSocket>> bind(const SocketAddress& at,
                                                     port::DatagramHandler& handler) override;

 private:
  Loop& loop_;
  const std::shared_ptr<TlsSlot> tls_;
  std::shared_ptr<const NetworkCut> cut_;
};

}  // namespace sealane::host
