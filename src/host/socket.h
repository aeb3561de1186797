// SPDX-License-Identifier: Apache-2.0
// Socket descriptors and their addresses: the few system calls that tcp, udp and net share.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <utility>

#include "base/ip.h"

namespace sealane::host {

// Owns a descriptor.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { close(); }
  void close();
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_ = -1;
};

union RawAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

// Returns how many bytes of `raw` are used.
socklen_t to_raw(const SocketAddress& address, RawAddress& raw);
SocketAddress from_raw(const RawAddress& raw);
SocketAddress local_of(int fd);
SocketAddress peer_of(int fd);

// A non-blocking socket of the address' family; `type` is SOCK_STREAM or SOCK_DGRAM.
Result<Fd> open_socket(const IpAddress& family_of, int type);
Status bind_socket(int fd, const SocketAddress& at, bool share_port);

// What an errno of connect, read or write means to a role: refused and reset are `unavailable` (the
// text begins with "refused" or "reset"), a dead path is `timeout`.
Error socket_error(int error_number, const SocketAddress& peer);

}  // namespace sealane::host
