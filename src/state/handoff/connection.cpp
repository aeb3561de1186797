// SPDX-License-Identifier: Apache-2.0
#include "state/handoff/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sealane::state {

using port::kNever;
using wire::http::Event;

Connection::Connection(Pool& pool, const SocketAddress& to, const port::ConnectOptions& options)
    : pool_(pool),
      deadline_(pool.lane_.clock, pool.lane_.timers,
                [this] {
                  if (!waiting_) return pool_.drop(*this);  // it has rested long enough
                  broke(Code::timeout,
                        fmt::format("no answer within {} ms", to_ms(pool_.limits_.call_timeout)));
                }),
      stream_(pool.lane_.net.connect(to, options, *this)) {}

void Connection::send(Pool::Waiting waiting) {
  waiting_ = std::move(waiting);
  has_begun_ = false;
  deadline_.set(waiting_->deadline);
  const std::string_view parts[] = {waiting_->call.head, waiting_->call.body};
  stream_->write(parts);
}

void Connection::rest() {
  was_kept_ = true;
  reader_.release();
  deadline_.set(pool_.lane_.clock.now() + Pool::kRestMax);
}

void Connection::close() {
  stream_.reset();
  deadline_.set(kNever);
}

void Connection::on_data(std::span<const char> bytes) {
  if (!waiting_) return pool_.drop(*this);  // an answer that nobody asked for
  has_begun_ = true;
  std::string_view in(bytes.data(), bytes.size());
  while (true) {
    switch (reader_.next(in, {}, pool_.scratch_fields_)) {
      case Event::more: return;
      case Event::head:
        if (!take_head(reader_.head())) return;
        break;
      case Event::body:
        if (!take_body(reader_.body())) return;
        break;
      case Event::end:
        if (!got_) break;  // 100: the answer proper comes after it
        // Bytes after the answer belong to nobody: never hand them to the next call.
        return pool_.answered(*this, keep_alive_ && in.empty());
      case Event::refused: return broke(Code::unavailable, "an answer that is not HTTP");
    }
  }
}

// False: the connection is gone.
bool Connection::take_head(const wire::http::ResponseHead& head) {
  if (head.status < 200) return true;
  const size_t max = pool_.limits_.answer_bytes_max;
  if (head.content_length > max) {
    broke(Code::limit,
          fmt::format("an answer of {} bytes, and {} are the most", head.content_length, max));
    return false;
  }
  keep_alive_ = head.keep_alive;
  got_ = std::make_unique<Got>();
  got_->status = head.status;
  size_t bytes = 0;
  for (const auto& field : head.fields) bytes += field.name.size() + field.value.size();
  got_->text.reserve(bytes);  // so that the views stay
  const auto copy = [&](std::string_view text) {
    const size_t at = got_->text.size();
    got_->text.append(text);
    return std::string_view(got_->text).substr(at);
  };
  for (const auto& field : head.fields)
    got_->fields.push_back({copy(field.name), copy(field.value)});
  return true;
}

bool Connection::take_body(std::string_view bytes) {
  if (!got_) return true;
  if (got_->body.size() + bytes.size() > pool_.limits_.answer_bytes_max) {
    broke(Code::limit,
          fmt::format("an answer of more than {} bytes", pool_.limits_.answer_bytes_max));
    return false;
  }
  if (!pool_.hold(bytes.size())) {
    broke(Code::limit, "this node has no memory for another answer now");
    return false;
  }
  got_->held_bytes += bytes.size();
  got_->body.append(bytes);
  return true;
}

void Connection::on_end() {
  if (waiting_ && got_ && reader_.body_ends_with_connection()) return pool_.answered(*this, false);
  broke(Code::unavailable, "the connection was closed");
}

void Connection::on_error(const Error& error) {
  broke(error.code == Code::timeout ? error.code : Code::unavailable, error.what);
}

void Connection::broke(Code code, std::string_view why) {
  pool_.broke(*this, {code, std::string(why)});
}

}  // namespace sealane::state
