// SPDX-License-Identifier: Apache-2.0
#include "play/drill/http_connection.h"

#include <utility>

namespace sealane::play::drill {

namespace http = wire::http;

HttpConnection::HttpConnection(port::Lane& lane, const SocketAddress& to,
                               const port::ConnectOptions& options, User& user)
    : user_(user), to_(to), stream_(lane.net.connect(to, options, *this)) {}

void HttpConnection::send(std::string request) {
  SL_ASSERT(is_idle());
  busy_ = true;
  sent_ = open_;
  if (open_) {
    stream_->write(request);
  } else {
    waiting_ = std::move(request);
  }
}

void HttpConnection::on_open() {
  open_ = true;
  if (waiting_.empty()) return;
  sent_ = true;
  stream_->write(std::exchange(waiting_, {}));
}

void HttpConnection::on_data(std::span<const char> bytes) {
  std::string_view in(bytes.data(), bytes.size());
  while (stream_ != nullptr) {
    switch (reader_.next(in, limits_, fields_)) {
      case http::Event::more:
        return;
      case http::Event::head:
        if (!busy_) return gone(Failure::bad_answer);
        status_ = reader_.head().status;
        if (status_ >= 200) {
          keep_alive_ = reader_.head().keep_alive;
          user_.on_head(*this, reader_.head());
        }
        break;
      case http::Event::body:
        user_.on_body(*this, reader_.body());
        break;
      case http::Event::end:
        if (status_ >= 200) answered();
        break;
      case http::Event::refused:
        return gone(Failure::bad_answer);
    }
  }
}

void HttpConnection::on_end() {
  if (busy_ && reader_.body_ends_with_connection()) {
    keep_alive_ = false;
    return answered();
  }
  gone(Failure::broken);
}

void HttpConnection::on_error(const Error& error) {
  // Before the connection was open, "unavailable" is a refusal: the server has seen nothing.
  switch (error.code) {
    case Code::timeout:
      return gone(Failure::timeout);
    case Code::unavailable:
      return gone(open_ ? Failure::broken : Failure::refused);
    case Code::limit:
      return gone(Failure::crowded);
    default:
      return gone(open_ ? Failure::broken : Failure::bad_answer);
  }
}

void HttpConnection::gone(Failure why) {
  const bool during_request = std::exchange(busy_, false);
  stream_.reset();
  user_.on_gone(*this, why, during_request);
}

void HttpConnection::answered() {
  busy_ = false;
  if (!keep_alive_) stream_.reset();
  user_.on_answer(*this, status_);
}

ConnectionPool::ConnectionPool(port::Lane& lane, port::ConnectOptions options,
                               HttpConnection::User& user)
    : lane_(lane), options_(std::move(options)), user_(user), sweep_(lane.timers.make([this] {
        std::erase_if(connections_, [](const auto& connection) { return connection->is_closed(); });
      })) {}

HttpConnection* ConnectionPool::get(const SocketAddress& to) {
  for (auto& connection : connections_) {
    if (connection->is_idle() && connection->to() == to) return connection.get();
  }
  if (connections_.size() >= kConnectionsMax) return nullptr;
  return connections_.emplace_back(std::make_unique<HttpConnection>(lane_, to, options_, user_))
      .get();
}

void ConnectionPool::close_all() {
  for (auto& connection : connections_) connection->close();
  sweep_soon();
}

void ConnectionPool::sweep_soon() { sweep_->arm_at(lane_.clock.now()); }

}  // namespace sealane::play::drill
