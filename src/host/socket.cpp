// SPDX-License-Identifier: Apache-2.0
#include "host/socket.h"

#include <fmt/format.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace sealane::host {

void Fd::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

socklen_t to_raw(const SocketAddress& address, RawAddress& raw) {
  std::memset(&raw, 0, sizeof raw);
  if (address.ip.is_v4()) {
    raw.v4.sin_family = AF_INET;
    raw.v4.sin_port = htons(address.port);
    std::memcpy(&raw.v4.sin_addr, address.ip.bytes().data(), 4);
    return sizeof raw.v4;
  }
  raw.v6.sin6_family = AF_INET6;
  raw.v6.sin6_port = htons(address.port);
  std::memcpy(&raw.v6.sin6_addr, address.ip.bytes().data(), 16);
  return sizeof raw.v6;
}

SocketAddress from_raw(const RawAddress& raw) {
  if (raw.any.sa_family == AF_INET) {
    return {IpAddress::v4(ntohl(raw.v4.sin_addr.s_addr)), ntohs(raw.v4.sin_port)};
  }
  return {IpAddress::v6(std::span<const uint8_t, 16>(raw.v6.sin6_addr.s6_addr)),
          ntohs(raw.v6.sin6_port)};
}

SocketAddress local_of(int fd) {
  RawAddress raw{};
  socklen_t size = sizeof raw;
  return ::getsockname(fd, &raw.any, &size) == 0 ? from_raw(raw) : SocketAddress{};
}

SocketAddress peer_of(int fd) {
  RawAddress raw{};
  socklen_t size = sizeof raw;
  return ::getpeername(fd, &raw.any, &size) == 0 ? from_raw(raw) : SocketAddress{};
}

Result<Fd> open_socket(const IpAddress& family_of, int type) {
  Fd fd(::socket(family_of.is_v4() ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) {
    return fail(Code::limit, fmt::format("no socket: {} (raise the limit of open files: ulimit -n)",
                                         std::strerror(errno)));
  }
  if (type == SOCK_STREAM) {
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return fd;
}

Status bind_socket(int fd, const SocketAddress& at, bool share_port) {
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share_port) ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  RawAddress raw;
  const socklen_t size = to_raw(at, raw);
  if (::bind(fd, &raw.any, size) != 0) {
    const char* hint = errno == EADDRINUSE      ? "; another program holds it"
                       : errno == EACCES        ? "; ports below 1024 need CAP_NET_BIND_SERVICE"
                       : errno == EADDRNOTAVAIL ? "; no interface of this machine has this address"
                                                : "";
    return fail(Code::conflict,
                fmt::format("cannot bind {}: {}{}", at.to_string(), std::strerror(errno), hint));
  }
  return {};
}

Error socket_error(int error_number, const SocketAddress& peer) {
  switch (error_number) {
    case ECONNREFUSED: return {Code::unavailable, "refused by " + peer.to_string()};
    case ECONNRESET:
    case EPIPE: return {Code::unavailable, "reset by " + peer.to_string()};
    case ETIMEDOUT: return {Code::timeout, "no answer from " + peer.to_string()};
    default:
      return {Code::unavailable,
              fmt::format("{}: {}", peer.to_string(), std::strerror(error_number))};
  }
}

}  // namespace sealane::host
