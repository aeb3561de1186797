// SPDX-License-Identifier: Apache-2.0
#include "edge/origin_connection.h"

#include "edge/origin_pool.h"

namespace sealane::edge {

using wire::http::Event;

OriginConnection::OriginConnection(Context& context, plan::EndpointId endpoint)
    : context_(context),
      endpoint_(endpoint),
      generation_(context.generation()),
      deadline_(context.lane.clock, context.lane.timers, [this] {
        if (user_ != nullptr) {
          user_->on_origin_deadline();
        } else {
          context_.origins->drop(*this);  // rested long enough
        }
      }) {}

void OriginConnection::connect() {
  const plan::Endpoint& to = context_.plan().endpoint(endpoint_);
  port::ConnectOptions options;
  options.timeout = context_.edge().connect_timeout;
  // Nodes know each other by their addresses; an agent may not even be reachable from ours.
  if (to.kind == plan::EndpointKind::node) options.from = context_.options.address;
  options.tls = to.tls;
  options.tls_name = without_port(to.host);
  options.tls_verify = to.check.tls_verify;
  stream_ = context_.lane.net.connect(to.address, options, *this);
}

void OriginConnection::attach(OriginUser& user, bool to_head) {
  user_ = &user;
  request_complete_ = false;
  reader_.restart();
  reader_.expect_answer_to_head(to_head);
}

void OriginConnection::abandon() {
  user_ = nullptr;
  context_.origins->drop(*this);
}

void OriginConnection::rest() {
  user_ = nullptr;
  reused_ = true;
  rested_since_ = context_.now();
  reader_.release();
  deadline_.set(context_.now() + OriginPool::kRestMax);
}

void OriginConnection::trouble(Trouble what) {
  OriginUser* user = std::exchange(user_, nullptr);
  context_.origins->drop(*this);
  if (user != nullptr) user->on_origin_trouble(what);
}

void OriginConnection::on_open() {
  open_ = true;
  if (user_ != nullptr) user_->on_origin_open();
}

void OriginConnection::on_data(std::span<const char> bytes) {
  context_.refresh();
  if (gone_) return;
  std::string_view in(bytes.data(), bytes.size());
  if (user_ == nullptr) return trouble(Trouble::bad_answer);  // an answer that nobody asked for
  OriginUser* const user = user_;
  if (tunnel_) {
    user->on_origin_body(in);
    if (user_ == user) user->on_origin_burst_over();
    return;
  }
  while (user_ == user && !gone_) {
    switch (reader_.next(in, context_.limits(), context_.response_fields)) {
      case Event::more: return user->on_origin_burst_over();
      case Event::head:
        keep_alive_ = reader_.head().keep_alive;
        user->on_origin_head(reader_.head());
        if (tunnel_ && user_ == user && !gone_) {
          if (!in.empty()) user->on_origin_body(in);
          if (user_ == user) user->on_origin_burst_over();
          return;
        }
        break;
      case Event::body: user->on_origin_body(reader_.body()); break;
      case Event::end:
        if (reader_.head().status < 200) break;  // 100, 103: the answer proper comes after it
        user_ = nullptr;
        // Bytes after the answer belong to nobody: never hand them to the next user.
        if (!keep_alive_ || !request_complete_ || !in.empty() || !context_.origins->rest(*this)) {
          context_.origins->drop(*this);
        }
        return user->on_origin_end();
      case Event::refused: return trouble(Trouble::bad_answer);
    }
  }
}

void OriginConnection::on_end() {
  context_.refresh();
  if (gone_) return;
  if (user_ != nullptr && (tunnel_ || reader_.body_ends_with_connection())) {
    OriginUser* user = std::exchange(user_, nullptr);
    context_.origins->drop(*this);
    return user->on_origin_end();
  }
  trouble(Trouble::reset);
}

void OriginConnection::on_drained() {
  if (user_ != nullptr) user_->on_origin_drained();
}

void OriginConnection::on_error(const Error& error) {
  context_.refresh();
  if (gone_) return;
  if (open_) return trouble(Trouble::reset);
  trouble(error.code == Code::timeout   ? Trouble::connect_timeout
          : error.code == Code::invalid ? Trouble::tls
                                        : Trouble::refused);
}

}  // namespace sealane::edge
