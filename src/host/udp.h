// SPDX-License-Identifier: Apache-2.0
// port::DatagramSocket with recvmmsg and sendmmsg: one pair of system calls for up to 64 datagrams.
#pragma once

#include <memory>
#include <new>

#include "host/loop.h"
#include "host/socket.h"
#include "port/net.h"

namespace sealane::host {

class UdpSocket final : public port::DatagramSocket, public Waiter {
 public:
  static constexpr size_t kBatchMax = 64;
  // longer datagrams arrive cut; no DNS query is that long
  static constexpr size_t kInBytesMax = 4096;
  static constexpr size_t kReplyBytesMax = 4096;
  static constexpr int kRoundsMax = 8;           // batches a turn before the others get theirs
  static constexpr int kBufferBytes = 4 << 20;   // asked of the kernel, which may give less

  UdpSocket(Loop& loop, Fd fd, port::DatagramHandler& handler);
  ~UdpSocket() override;
  void operator delete(UdpSocket* self, std::destroying_delete_t);
  Status watch();
  SocketAddress local() const override { return local_; }
  void send(const SocketAddress& to, std::span<const uint8_t> bytes) override;
  void on_events(uint32_t epoll_events) override;

 private:
  struct Batch;
  void answer(size_t count);

  Loop& loop_;
  Fd fd_;
  port::DatagramHandler& handler_;
  SocketAddress local_;
  std::unique_ptr<Batch> batch_;
};

}  // namespace sealane::host
