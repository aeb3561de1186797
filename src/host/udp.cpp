// SPDX-License-Identifier: Apache-2.0
#include "host/udp.h"

#include <sys/epoll.h>
#include <sys/uio.h>

#include <array>
#include <cerrno>

namespace sealane::host {

// Everything that the two system calls need, laid out once.
struct UdpSocket::Batch {
  std::array<mmsghdr, kBatchMax> in{}, out{};
  std::array<iovec, kBatchMax> in_io{}, out_io{};
  std::array<RawAddress, kBatchMax> peers{};
  std::array<port::Datagram, kBatchMax> datagrams{};
  std::array<std::array<uint8_t, kInBytesMax>, kBatchMax> in_bytes;
  std::array<std::array<uint8_t, kReplyBytesMax>, kBatchMax> replies;
};

UdpSocket::UdpSocket(Loop& loop, Fd fd, port::DatagramHandler& handler)
    : loop_(loop),
      fd_(std::move(fd)),
      handler_(handler),
      local_(local_of(fd_.get())),
      batch_(new Batch) {
  const int size = kBufferBytes;
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  for (size_t i = 0; i < kBatchMax; ++i) {
    batch_->in_io[i] = {.iov_base = batch_->in_bytes[i].data(), .iov_len = kInBytesMax};
    batch_->in[i].msg_hdr.msg_iov = &batch_->in_io[i];
    batch_->in[i].msg_hdr.msg_iovlen = 1;
    batch_->in[i].msg_hdr.msg_name = &batch_->peers[i];
    batch_->out[i].msg_hdr.msg_iov = &batch_->out_io[i];
    batch_->out[i].msg_hdr.msg_iovlen = 1;
  }
}

UdpSocket::~UdpSocket() = default;

void UdpSocket::operator delete(UdpSocket* self, std::destroying_delete_t) {
  if (self->retired()) {
    self->~UdpSocket();
    ::operator delete(self);
    return;
  }
  self->fd_.close();
  self->loop_.retire(self);
}

// Level-triggered: a batch that was not full emptied the queue, so no extra call is spent to hear
// EAGAIN.
Status UdpSocket::watch() { return loop_.watch(fd_.get(), *this, EPOLLIN); }

void UdpSocket::on_events(uint32_t) {
  Batch& b = *batch_;
  for (int round = 0; round < kRoundsMax; ++round) {
    for (size_t i = 0; i < kBatchMax; ++i) b.in[i].msg_hdr.msg_namelen = sizeof(RawAddress);
    const int got = ::recvmmsg(fd_.get(), b.in.data(), kBatchMax, MSG_DONTWAIT, nullptr);
    if (got <= 0) return;  // EAGAIN, or an ICMP error that some peer sent back: nothing to answer
    const auto count = size_t(got);
    for (size_t i = 0; i < count; ++i) {
      b.datagrams[i] = {.peer = from_raw(b.peers[i]),
                        .local = local_,
                        .bytes = {b.in_bytes[i].data(), b.in[i].msg_len},
                        .reply = b.replies[i],
                        .reply_bytes = 0};
    }
    handler_.on_batch({b.datagrams.data(), count});
    if (retired()) return;
    answer(count);
    if (count < kBatchMax) return;
  }
}

void UdpSocket::answer(size_t count) {
  Batch& b = *batch_;
  unsigned out_count = 0;
  for (size_t i = 0; i < count; ++i) {
    if (b.datagrams[i].reply_bytes == 0) continue;
    b.out_io[out_count] = {.iov_base = b.replies[i].data(), .iov_len = b.datagrams[i].reply_bytes};
    b.out[out_count].msg_hdr.msg_name = &b.peers[i];
    b.out[out_count].msg_hdr.msg_namelen = b.in[i].msg_hdr.msg_namelen;
    ++out_count;
  }
  unsigned sent = 0;
  while (sent < out_count) {
    const int done = ::sendmmsg(fd_.get(), b.out.data() + sent, out_count - sent, MSG_DONTWAIT);
    if (done > 0) {
      sent += unsigned(done);
    } else if (errno == EAGAIN || errno == ENOBUFS) {
      return;  // the send buffer is full: drop, as the network would
    } else if (errno != EINTR) {
      ++sent;  // this one cannot be sent (its peer is unreachable); the rest can
    }
  }
}

void UdpSocket::send(const SocketAddress& to, std::span<const uint8_t> bytes) {
  RawAddress raw;
  const socklen_t size = to_raw(to, raw);
  ::sendto(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL, &raw.any, size);
}

}  // namespace sealane::host
