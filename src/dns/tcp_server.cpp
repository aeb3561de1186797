// SPDX-License-Identifier: Apache-2.0
#include "dns/tcp_server.h"

#include <algorithm>
#include <string>

#include "wire/dns/types.h"

namespace sealane::dns {

using wire::dns::kMessageBytesMax;

// Bytes come in as the network cuts them; whole messages are answered at once, the rest of one is
// kept.
class TcpServer::Connection : public port::StreamHandler {
 public:
  Connection(TcpServer& server, std::unique_ptr<port::Stream> stream)
      : server_(server), stream_(std::move(stream)), peer_(stream_->peer().ip) {
    stream_->set_handler(*this);
  }

  void on_data(std::span<const char> bytes) override {
    input_.append(bytes.data(), bytes.size());
    answer_whole();
  }
  void on_end() override {
    ended_ = true;
    if (!held_back()) finish();
  }
  void on_drained() override {
    if (paused_) {
      paused_ = false;
      stream_->resume();
    }
    answer_whole();
  }
  void on_error(const Error&) override { server_.close(*this); }

  Instant last_query;  // or the start
  Connections::iterator position;

 private:
  bool held_back() const { return stream_->pending_bytes() > server_.limits_.pending_bytes_max; }

  // After this the connection may be gone.
  void answer_whole() {
    size_t at = 0;
    bool is_alive = true;
    while (is_alive && input_.size() - at >= 2 && !held_back()) {
      const uint8_t* p = wire::dns::bytes_of(input_) + at;
      const size_t bytes = wire::dns::load16(p);
      if (input_.size() - at < 2 + bytes) break;
      is_alive = answer({p + 2, bytes});
      at += 2 + bytes;
    }
    if (!is_alive) return finish();
    input_.erase(0, at);
    if (held_back()) {
      if (!paused_) stream_->pause();
      paused_ = true;
    } else if (ended_) {
      finish();
    }
  }
  bool answer(std::span<const uint8_t> query) {
    std::vector<uint8_t>& reply = server_.reply_;
    const size_t bytes = server_.answer_(query, peer_, std::span(reply).subspan(2));
    if (bytes == 0) return false;
    wire::dns::store16(reply.data(), uint16_t(bytes));
    stream_->write(std::string_view(reinterpret_cast<const char*>(reply.data()), bytes + 2));
    server_.touch(*this);
    return true;
  }
  // What is queued still goes out.
  void finish() {
    port::Stream::close_after_flush(std::move(stream_));
    server_.close(*this);
  }

  TcpServer& server_;
  std::unique_ptr<port::Stream> stream_;
  IpAddress peer_;
  std::string input_;  // less than one message, unless answers are waiting to be taken
  bool paused_ = false;
  bool ended_ = false;
};

TcpServer::TcpServer(port::Lane& lane, TcpLimits limits, Answer answer)
    : lane_(lane),
      limits_(limits),
      answer_(std::move(answer)),
      reply_(2 + kMessageBytesMax),
      timer_(lane.timers.make([this] { close_idle(); })),
      accepted_(lane.meter.counter("sealane_dns_tcp_accepted_total")),
      open_(lane.meter.gauge("sealane_dns_tcp_connections")) {}

TcpServer::~TcpServer() = default;

Status TcpServer::start(const SocketAddress& at) {
  SL_TRY(listener_, lane_.net.listen(at, port::ListenOptions{.tls = false},
                                     [this](std::unique_ptr<port::Stream> stream) {
                                       accept(std::move(stream));
                                     }));
  return {};
}

void TcpServer::accept(std::unique_ptr<port::Stream> stream) {
  accepted_.add();
  if (connections_.size() >= limits_.connections_max) close(*connections_.front());
  connections_.push_back(std::make_unique<Connection>(*this, std::move(stream)));
  Connection& connection = *connections_.back();
  connection.position = std::prev(connections_.end());
  connection.last_query = lane_.clock.now();
  open_.set(connections_.size());
  if (!timer_->armed()) arm();
}

void TcpServer::touch(Connection& connection) {
  connection.last_query = lane_.clock.now();
  connections_.splice(connections_.end(), connections_, connection.position);
}

void TcpServer::close(Connection& connection) {
  connections_.erase(connection.position);
  open_.set(connections_.size());
}

void TcpServer::arm() {
  if (!connections_.empty())
    timer_->arm_at(connections_.front()->last_query + limits_.idle_timeout);
}

void TcpServer::close_idle() {
  const Instant oldest = lane_.clock.now() - limits_.idle_timeout;
  while (!connections_.empty() && connections_.front()->last_query <= oldest)
    close(*connections_.front());
  arm();
}

}  // namespace sealane::dns
