// SPDX-License-Identifier: Apache-2.0
#include "host/net.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "host/tcp.h"
#include "host/udp.h"

namespace sealane::host {

std::unique_ptr<port::Stream> Net::connect(const SocketAddress& to,
                                           const port::ConnectOptions& options,
                                           port::StreamHandler& handler) {
  Status status;
  auto opened = open_socket(to.ip, SOCK_STREAM);
  if (!opened) status = std::unexpected(opened.error());
  Fd fd = opened ? std::move(*opened) : Fd{};
  if (status && cut_ != nullptr) cut_->attach(fd.get());
  SslPtr ssl;
  if (status && options.tls) {
    if (*tls_ != nullptr) ssl = (*tls_)->connect(fd.get(), options.tls_name, options.tls_verify);
    if (ssl == nullptr) status = fail(Code::unavailable, "no TLS context for a connect");
  }
  if (status && !options.from.is_unspecified()) {
    // The kernel picks the port at connect time, so one source address can have 28,000 connections
    // to each peer.
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    status = bind_socket(fd.get(), {options.from, 0}, false);
  }
  if (status) {
    RawAddress raw;
    const socklen_t size = to_raw(to, raw);
    if (::connect(fd.get(), &raw.any, size) != 0 && errno != EINPROGRESS) {
      status = std::unexpected(socket_error(errno, to));
    }
  }
  std::unique_ptr<TcpStream> stream(
      new TcpStream(loop_, std::move(fd), TcpStream::Role::connecting, std::move(ssl), to));
  stream->set_handler(handler);
  if (status && options.reset_on_close) stream->reset_on_close();
  if (status) status = stream->watch();
  if (!status) {
    stream->fail_later(status.error());
  } else {
    stream->open_by(loop_.now() + options.timeout);
  }
  return stream;
}

Result<std::unique_ptr<port::Listener>> Net::listen(
    const SocketAddress& at, const port::ListenOptions& options,
    std::function<void(std::unique_ptr<port::Stream>)> accepted) {
  if (options.tls && (*tls_ == nullptr || !(*tls_)->can_listen())) {
    return fail(Code::invalid, "no certificate to listen with TLS on " + at.to_string());
  }
  SL_TRY(Fd fd, open_socket(at.ip, SOCK_STREAM));
  SL_CHECK(bind_socket(fd.get(), at, !options.alone));
  if (::listen(fd.get(), options.backlog) != 0) {
    return fail(Code::conflict,
                fmt::format("cannot listen on {}: {}", at.to_string(), std::strerror(errno)));
  }
  std::unique_ptr<TcpListener> listener(
      new TcpListener(loop_, std::move(fd), options.tls ? tls_ : nullptr, std::move(accepted)));
  SL_CHECK(listener->watch());
  return listener;
}

Result<std::unique_ptr<port::DatagramSocket>> Net::bind(const SocketAddress& at,
                                                        port::DatagramHandler& handler) {
  SL_TRY(Fd fd, open_socket(at.ip, SOCK_DGRAM));
  SL_CHECK(bind_socket(fd.get(), at, true));
  std::unique_ptr<UdpSocket> socket(new UdpSocket(loop_, std::move(fd), handler));
  SL_CHECK(socket->watch());
  return socket;
}

}  // namespace sealane::host
