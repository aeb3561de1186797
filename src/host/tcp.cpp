// SPDX-License-Identifier: Apache-2.0
#include "host/tcp.h"

#include <fmt/format.h>
#include <linux/tcp.h>  // tcp_info with tcpi_min_rtt, which netinet/tcp.h lacks
#include <netinet/in.h>
#include <openssl/err.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace sealane::host {
namespace {

constexpr uint32_t kStreamEvents = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr size_t kPartsMax = 16;              // of one writev; more are copied behind
constexpr size_t kTlsRecordBytesMax = 16384;  // RFC 8446 5.1

// receive() and transmit() answer like read(2), with errno EAGAIN for "not now".
ssize_t not_now() {
  errno = EAGAIN;
  return -1;
}

}  // namespace

TcpStream::TcpStream(Loop& loop, Fd fd, Role role, SslPtr ssl, const SocketAddress& peer)
    : loop_(loop),
      fd_(std::move(fd)),
      ssl_(std::move(ssl)),
      peer_(peer),
      state_(role == Role::connecting ? State::connecting
             : ssl_ != nullptr        ? State::handshaking
                                      : State::open),
      server_side_(role == Role::accepted) {}

TcpStream::~TcpStream() = default;

void TcpStream::operator delete(TcpStream* self, std::destroying_delete_t) {
  if (self->retired()) {  // the loop's delete, at the end of the turn
    self->~TcpStream();
    ::operator delete(self);
    return;
  }
  self->close_now();
  self->loop_.retire(self);
}

void TcpStream::close_now() {
  dead_ = true;
  deadline_.reset();
  ssl_.reset();
  fd_.close();
}

Status TcpStream::watch() { return loop_.watch(fd_.get(), *this, kStreamEvents); }

void TcpStream::open_by(Instant when) {
  deadline_ = loop_.make([this] {
    break_with({Code::timeout, "connect timed out: " + peer_.to_string()});
  });
  deadline_->arm_at(when);
}

void TcpStream::accept(std::unique_ptr<TcpStream> stream, const Accepted& accepted,
                       Instant deadline) {
  if (stream->state_ == State::open) {
    TcpStream* raw = stream.get();
    accepted(std::move(stream));
    // Registered after the handler is known; what came before shows up as the first edge.
    if (!raw->dead_) {
      if (auto watched = raw->watch(); !watched) raw->fail_later(watched.error());
    }
    return;
  }
  if (!stream->watch()) return;
  // too many unfinished handshakes: drop the newest
  if (!stream->loop_.adopt(stream.get())) return;
  TcpStream* raw = stream.release();
  raw->accepted_ = accepted;
  raw->deadline_ =
      raw->loop_.make([raw] { raw->break_with({Code::timeout, "TLS handshake timed out"}); });
  raw->deadline_->arm_at(deadline);
}

void TcpStream::reset_on_close() {
  const ::linger hard{.l_onoff = 1, .l_linger = 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
}

void TcpStream::fail_later(Error error) {
  state_ = State::broken;
  error_ = std::make_unique<Error>(std::move(error));
  loop_.again(*this);
}

std::string_view TcpStream::tls_server_name() const {
  const char* sni = ssl_ ? SSL_get_servername(ssl_.get(), TLSEXT_NAMETYPE_host_name) : nullptr;
  return sni == nullptr ? std::string_view{} : std::string_view(sni);
}

Duration TcpStream::round_trip() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd_.get(), IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return Duration::zero();
  // The smoothed one counts delayed acknowledgements too. A kernel without a minimum says 0 or ~0.
  const bool has_min = info.tcpi_min_rtt != 0 && info.tcpi_min_rtt != ~uint32_t{0};
  return std::chrono::microseconds(has_min ? info.tcpi_min_rtt : info.tcpi_rtt);
}

// ── events ───────────────────────────────────────────────────────────────────────────────────────

void TcpStream::on_events(uint32_t events) {
  if (dead_ || state_ == State::broken) return;
  if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) hup_seen_ = true;
  if (state_ == State::connecting && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0)
    finish_connect();
  if (!dead_ && state_ == State::handshaking) handshake();
  if (dead_ || state_ != State::open) return;
  if ((events & EPOLLOUT) != 0 && pending_bytes() > 0 && !flush()) return;
  if ((events & ~uint32_t{EPOLLOUT}) != 0) read_some();
}

void TcpStream::on_again() {
  if (dead_) return;
  if (error_ != nullptr) {
    break_with(std::move(*error_));
  } else if (state_ == State::open) {
    read_some();
  }
}

void TcpStream::finish_connect() {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return break_with(socket_error(error, peer_));
  if (ssl_ != nullptr) {
    state_ = State::handshaking;
  } else {
    opened();
  }
}

void TcpStream::handshake() {
  ERR_clear_error();
  const int done = SSL_do_handshake(ssl_.get());
  if (done == 1) return opened();
  const int why = SSL_get_error(ssl_.get(), done);
  if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return;
  const bool from_tls = why == SSL_ERROR_SSL;
  break_with(
      from_tls || errno == 0
          ? Error{Code::invalid, "TLS handshake with " + peer_.to_string() + ": " + tls_error()}
          : socket_error(errno, peer_));
}

void TcpStream::opened() {
  state_ = State::open;
  deadline_.reset();
  if (server_side_) {  // an accepted TLS stream leaves the loop's care
    loop_.disown(this);
    const Accepted accepted = std::move(accepted_);
    accepted(std::unique_ptr<port::Stream>(this));
  } else {
    handler_->on_open();
  }
  if (dead_ || state_ != State::open) return;
  if (pending_bytes() > 0 && !flush()) return;
  if (ssl_ != nullptr) loop_.again(*this);  // data may already be inside OpenSSL
}

void TcpStream::break_with(Error error) {
  if (dead_ || told_error_) return;
  state_ = State::broken;
  told_error_ = true;
  deadline_.reset();
  if (lingering_) return finish_linger();
  if (server_side_ && accepted_) {  // nobody has heard of it yet
    loop_.disown(this);
    delete this;
    return;
  }
  handler_->on_error(error);
}

// ── reading ──────────────────────────────────────────────────────────────────────────────────────

void TcpStream::resume() {
  if (!paused_) return;
  paused_ = false;
  if (state_ == State::open) loop_.again(*this);  // the edge may have passed while paused
}

ssize_t TcpStream::receive(char* into, size_t size) {
  if (ssl_ == nullptr) return ::recv(fd_.get(), into, size, 0);
  ERR_clear_error();
  errno = 0;
  const int got = SSL_read(ssl_.get(), into, int(size));
  if (got > 0) return got;
  switch (SSL_get_error(ssl_.get(), got)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return not_now();
    case SSL_ERROR_ZERO_RETURN: return 0;
    case SSL_ERROR_SYSCALL: return errno == 0 ? 0 : -1;
    default: errno = ECONNRESET; return -1;
  }
}

void TcpStream::read_some() {
  const std::span<char> scratch = loop_.scratch();
  size_t total = 0;
  while (!paused_ && !peer_ended_ && !dead_ && state_ == State::open) {
    if (total >= kReadBytesMax) return loop_.again(*this);
    const ssize_t got = receive(scratch.data(), scratch.size());
    if (got > 0) {
      total += size_t(got);
      if (lingering_) {
        lingered_bytes_ += size_t(got);
        if (lingered_bytes_ > kLingerBytesMax) return finish_linger();
      } else {
        handler_->on_data(scratch.first(size_t(got)));
      }
      // Less than asked for: the queue is empty, and the next byte makes a new edge.
      if (ssl_ == nullptr && size_t(got) < scratch.size() && !hup_seen_) return;
    } else if (got == 0) {
      peer_ended_ = true;
      if (lingering_) return finish_linger();
      handler_->on_end();
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != EINTR) {
      return break_with(socket_error(errno, peer_));
    }
  }
}

// ── writing ──────────────────────────────────────────────────────────────────────────────────────

ssize_t TcpStream::transmit(std::span<const std::string_view> parts) {
  if (ssl_ != nullptr) {
    ERR_clear_error();
    errno = 0;
    const size_t size = std::min(parts[0].size(), kTlsRecordBytesMax);
    const int sent = SSL_write(ssl_.get(), parts[0].data(), int(size));
    if (sent > 0) return sent;
    const int why = SSL_get_error(ssl_.get(), sent);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return not_now();
    if (errno == 0) errno = ECONNRESET;
    return -1;
  }
  // The common case; the kernel has less to copy and check than for a message of one part.
  if (parts.size() == 1) return ::send(fd_.get(), parts[0].data(), parts[0].size(), MSG_NOSIGNAL);
  std::array<iovec, kPartsMax> io;
  const size_t count = std::min(parts.size(), kPartsMax);
  for (size_t i = 0; i < count; ++i) {
    io[i] = {.iov_base = const_cast<char*>(parts[i].data()), .iov_len = parts[i].size()};
  }
  msghdr message{};
  message.msg_iov = io.data();
  message.msg_iovlen = count;
  return ::sendmsg(fd_.get(), &message, MSG_NOSIGNAL);
}

void TcpStream::write(std::span<const std::string_view> parts) {
  if (dead_ || state_ == State::broken || end_wanted_) return;
  size_t skip = 0;  // bytes of `parts` that the kernel has
  if (pending_bytes() == 0 && state_ == State::open && ssl_ == nullptr) {
    const ssize_t sent = transmit(parts);
    if (sent < 0 && errno != EAGAIN && errno != EINTR)
      return fail_later(socket_error(errno, peer_));
    skip = sent > 0 ? size_t(sent) : 0;
  }
  for (const std::string_view part : parts) {
    const size_t skipped = std::min(skip, part.size());
    skip -= skipped;
    out_.append(part.substr(skipped));
  }
  if (ssl_ != nullptr && state_ == State::open) {
    while (pending_bytes() > 0) {
      const std::string_view waiting = std::string_view(out_).substr(out_sent_);
      const ssize_t sent = transmit({&waiting, 1});
      if (sent < 0 && errno == EAGAIN) break;
      if (sent < 0) return fail_later(socket_error(errno, peer_));
      out_sent_ += size_t(sent);
    }
    if (pending_bytes() == 0) out_.clear(), out_sent_ = 0;
  }
  if (pending_bytes() > 0) drain_wanted_ = true;
}

// Sends what waits. False when the stream broke or is gone.
bool TcpStream::flush() {
  while (pending_bytes() > 0) {
    const std::string_view waiting = std::string_view(out_).substr(out_sent_);
    const ssize_t sent = transmit({&waiting, 1});
    if (sent < 0) {
      if (errno == EAGAIN) {
        if (out_sent_ > out_.size() / 2) out_.erase(0, out_sent_), out_sent_ = 0;
        return true;
      }
      if (errno == EINTR) continue;
      break_with(socket_error(errno, peer_));
      return false;
    }
    out_sent_ += size_t(sent);
  }
  std::string().swap(out_);  // an idle stream holds no buffer
  out_sent_ = 0;
  if (end_wanted_) send_end();
  if (drain_wanted_ && !lingering_) {
    drain_wanted_ = false;
    handler_->on_drained();
  }
  return !dead_ && state_ == State::open;
}

void TcpStream::end() {
  if (dead_ || end_wanted_ || state_ == State::broken) return;
  end_wanted_ = true;
  if (state_ == State::open && pending_bytes() == 0) send_end();
}

void TcpStream::send_end() {
  if (end_sent_) return;
  end_sent_ = true;
  if (ssl_ != nullptr) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  ::shutdown(fd_.get(), SHUT_WR);
}

void TcpStream::reset() {
  if (dead_) return;
  reset_on_close();
  close_now();
}

void TcpStream::linger(std::unique_ptr<port::Stream> self) {
  if (dead_ || state_ != State::open || peer_ended_ || !loop_.adopt(this)) {
    // Nothing more will come (or there is no room): the kernel sends what it has and closes.
    if (!dead_ && state_ == State::open && pending_bytes() > 0 && loop_.adopt(this)) {
      self.release();
      lingering_ = true;
      deadline_ = loop_.make([this] { finish_linger(); });
      deadline_->arm_at(loop_.now() + kLinger);
      end();
    }
    return;
  }
  self.release();
  lingering_ = true;
  paused_ = false;
  deadline_ = loop_.make([this] { finish_linger(); });
  deadline_->arm_at(loop_.now() + kLinger);
  end();
  loop_.again(*this);
}

void TcpStream::finish_linger() {
  loop_.disown(this);
  delete this;
}

// ── listening ────────────────────────────────────────────────────────────────────────────────────

TcpListener::TcpListener(Loop& loop, Fd fd, std::shared_ptr<const TlsSlot> tls,
                         TcpStream::Accepted accepted)
    : loop_(loop), fd_(std::move(fd)), tls_(std::move(tls)), accepted_(std::move(accepted)) {
  retry_ = loop_.make([this] { loop_.again(*this); });
}

void TcpListener::operator delete(TcpListener* self, std::destroying_delete_t) {
  if (self->retired()) {
    self->~TcpListener();
    ::operator delete(self);
    return;
  }
  self->fd_.close();
  self->retry_.reset();
  self->loop_.retire(self);
}

Status TcpListener::watch() { return loop_.watch(fd_.get(), *this, EPOLLIN | EPOLLET); }

void TcpListener::on_again() {
  for (int i = 0; i < kAcceptsMax; ++i) {
    if (retired()) return;
    RawAddress raw{};
    socklen_t size = sizeof raw;
    Fd fd(::accept4(fd_.get(), &raw.any, &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!fd) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        // clients wait in the backlog until a descriptor is free
        retry_->arm_at(loop_.now() + 50ms);
        return;
      }
      if (errno == EAGAIN) return;
      continue;  // ECONNABORTED and kin: that client is gone, look at the next
    }
    SslPtr ssl = tls_ ? (*tls_)->accept(fd.get()) : nullptr;
    if (tls_ && ssl == nullptr) continue;
    std::unique_ptr<TcpStream> stream(new TcpStream(loop_, std::move(fd), TcpStream::Role::accepted,
                                                    std::move(ssl), from_raw(raw)));
    TcpStream::accept(std::move(stream), accepted_, loop_.now() + kHandshake);
  }
  loop_.again(*this);
}

}  // namespace sealane::host
