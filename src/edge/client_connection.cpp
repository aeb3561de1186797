// SPDX-License-Identifier: Apache-2.0
#include "edge/client_connection.h"

#include <algorithm>
#include <array>

#include "edge/clients.h"
#include "edge/front.h"
#include "edge/transaction.h"
#include "wire/http/hop_by_hop.h"

namespace sealane::edge {

using wire::http::Event;
using wire::http::Framing;

ClientConnection::ClientConnection(Context& context, Clients& clients,
                                   std::unique_ptr<port::Stream> stream)
    : context_(context),
      clients_(clients),
      stream_(std::move(stream)),
      peer_(stream_->peer()),
      tls_(stream_->is_tls()),
      from_node_(context.is_node(peer_.ip)),
      generation_(context.generation()),
      deadline_(context.lane.clock, context.lane.timers, [this] { expired(); }),
      measured_(from_node_) {
  stream_->set_handler(*this);
  read_by_ = context_.now() + context_.edge().client_header_timeout;
  deadline_.set(read_by_);
}

ClientConnection::~ClientConnection() = default;

// ── reading ──────────────────────────────────────────────────────────────────────────────────────

void ClientConnection::on_data(std::span<const char> bytes) {
  context_.refresh();
  if (gone_ || closing_after_answer()) return;
  const std::string_view in(bytes.data(), bytes.size());
  if (tunnel_) {
    if (transaction_) transaction_->on_tunnel(in);
  } else if (waits_for_answer() || !stash_.empty()) {
    keep_for_later(in);
  } else {
    process(in);
  }
  schedule();
}

void ClientConnection::keep_for_later(std::string_view in) {
  if (in.empty()) return;
  stash_.append(in);
  if (stash_.size() > kStashMax) pause_body();
}

// Reads requests until the bytes or the patience end. Answers that are there at once are written in
// order; one that takes time makes the rest wait.
void ClientConnection::process(std::string_view in) {
  processing_ = true;
  while (!gone_ && !closing_after_answer()) {
    if (waits_for_answer() || tunnel_) {
      keep_for_later(in);
      break;
    }
    if (transaction_ == nullptr && backlogged()) {
      keep_for_later(in);
      pause_body();
      break;
    }
    const Event event = reader_.next(in, context_.limits(), context_.request_fields);
    if (event == Event::more) break;
    if (event == Event::head) begin(reader_.head());
    if (event == Event::body) take_body(reader_.body());
    if (event == Event::end && transaction_) transaction_->on_request_end();
    if (event == Event::refused) refuse(reader_.refusal().status, reader_.refusal().what);
  }
  if (transaction_) transaction_->on_request_burst_over();
  processing_ = false;
}

void ClientConnection::take_body(std::string_view bytes) {
  body_bytes_ += bytes.size();
  if (body_bytes_ > context_.edge().body_bytes_max) {
    refuse(413, "The request body is larger than this node takes.");
  } else if (transaction_) {
    transaction_->on_request_body(bytes);
  }
}

void ClientConnection::unstash() {
  if (processing_ || gone_ || tunnel_) return;
  if (stash_.empty() || waits_for_answer() || backlogged()) return;
  const std::string bytes = std::exchange(stash_, {});
  process(bytes);
}

void ClientConnection::begin(const wire::http::RequestHead& head) {
  head_begun_ = false;
  body_bytes_ = 0;
  viewer_ = {.minor = head.minor, .to_head = head.method_id == wire::http::Method::head,
             .keep_alive = head.keep_alive && !clients_.draining()};
  if (generation_ != context_.generation()) {
    generation_ = context_.generation();
    from_node_ = context_.is_node(peer_.ip);
  }
  const Caller caller = identify(head, peer_, tls_, from_node_, context_.health_path());
  if (caller.probe) measured_ = true;
  Front front(context_, *this, head, caller);
  front.handle();
}

Transaction& ClientConnection::begin_transaction() {
  transaction_ = std::make_unique<Transaction>(context_, *this);
  return *transaction_;
}

// ── writing ──────────────────────────────────────────────────────────────────────────────────────

void ClientConnection::write(std::span<const std::string_view> parts) {
  if (!stream_) return;
  for (const std::string_view part : parts) written_ += part.size();
  stream_->write(parts);
}

// Once a connection, when the first answer has gone out.
void ClientConnection::measure() {
  if (!std::exchange(measured_, true) && stream_) context_.round_trips.measure(*stream_);
}

void ClientConnection::answered_at_once() {
  measure();
  // What the client still sends of this request stands between us and its next one.
  if (!viewer_.keep_alive || reader_.head().framing != Framing::none) close_after_flush();
}

void ClientConnection::answered(bool reusable) {
  if (gone_) return;
  measure();
  context_.bury(std::move(transaction_));
  tick_at_ = kNever;
  if (!reusable || ended_ || clients_.draining()) return close_after_flush();
  resume_body();
  if (!processing_) {
    unstash();
    schedule();
  }
}

void ClientConnection::refuse(uint16_t status, std::string_view detail) {
  if (transaction_ && transaction_->begun()) return cut();
  viewer_.keep_alive = false;
  std::string& text = context_.head_text;
  text.clear();
  compose_problem(text,
                  {.status = status,
                   .detail = detail,
                   .reason = "refused",
                   .region = context_.region_name(),
                   .unprocessed = transaction_ == nullptr},
                  viewer_, false, context_.region_name(), context_.lane.clock.wall());
  context_.count.count_status(status);
  write(text);
  close_after_flush();
}

void ClientConnection::cut() {
  if (gone_) return;
  stream_->reset();
  close_now();
}

void ClientConnection::close_after_flush() {
  if (gone_) return;
  if (stream_) port::Stream::close_after_flush(std::move(stream_));
  close_now();
}

void ClientConnection::close_now() {
  if (gone_) return;
  gone_ = true;
  deadline_.set(kNever);
  stream_.reset();
  context_.bury(std::move(transaction_));
  clients_.remove(*this);
}

// ── the transaction's side ───────────────────────────────────────────────────────────────────────

void ClientConnection::pause_body() {
  if (paused_ || !stream_) return;
  paused_ = true;
  stream_->pause();
}

void ClientConnection::resume_body() {
  if (!paused_ || !stream_ || stash_.size() > kStashMax) return;
  paused_ = false;
  stream_->resume();
  schedule();
}

void ClientConnection::begin_tunnel() {
  tunnel_ = true;
  const std::string early = std::exchange(stash_, {});
  resume_body();
  if (!early.empty() && transaction_) transaction_->on_tunnel(early);
  schedule();
}

void ClientConnection::end_tunnel() { close_after_flush(); }

void ClientConnection::tick_at(Instant when) {
  tick_at_ = when;
  schedule();
}

void ClientConnection::drain() {
  viewer_.keep_alive = false;
  if (transaction_) return transaction_->drain();
  if (reader_.idle() && stash_.empty()) close_after_flush();
}

// ── the stream's other news ──────────────────────────────────────────────────────────────────────

void ClientConnection::on_end() {
  context_.refresh();
  if (gone_) return;
  ended_ = true;
  if (tunnel_) {
    if (transaction_) transaction_->on_tunnel_end();
    return;
  }
  if (!transaction_) return close_after_flush();
  // A client that announced no further request may half-close and wait. Any other has gone away:
  // nobody would read the answer, so the agent is not kept working for it.
  const bool waits = !viewer_.keep_alive && !reader_.in_body() && stash_.empty();
  if (!waits) close_now();
}

void ClientConnection::on_drained() {
  context_.refresh();
  if (gone_) return;
  write_by_ = kNever;
  if (transaction_) {
    transaction_->on_client_drained();
  } else {
    const std::string bytes = std::exchange(stash_, {});
    resume_body();
    if (!bytes.empty()) process(bytes);
  }
  schedule();
}

void ClientConnection::on_error(const Error&) { close_now(); }

// ── time ─────────────────────────────────────────────────────────────────────────────────────────

void ClientConnection::schedule() {
  if (gone_ || !stream_) return;
  const plan::Edge& limits = context_.edge();
  const Instant now = context_.now();
  if (tunnel_ || waits_for_answer()) {
    read_by_ = kNever;
  } else if (reader_.in_head()) {
    // Counted from the first byte of a head: one byte now and then does not buy more time.
    if (!head_begun_) read_by_ = now + limits.client_header_timeout;
    head_begun_ = true;
  } else if (reader_.in_body()) {
    read_by_ = paused_ ? kNever : now + limits.client_idle_timeout;
  } else if (reader_.idle() && answered_before()) {
    read_by_ = now + limits.client_idle_timeout;
  }
  const size_t pending = stream_->pending_bytes();
  if (pending == 0) {
    write_by_ = kNever;
  } else if (write_by_ == kNever) {
    write_by_ = now + limits.client_write_timeout;
    stalled_at_ = written_ - pending;
  }
  deadline_.set(std::min({read_by_, write_by_, tick_at_}));
}

void ClientConnection::expired() {
  context_.refresh();
  if (gone_) return;
  const Instant now = context_.now();
  if (write_by_ <= now) {
    const uint64_t taken = written_ - stream_->pending_bytes();
    if (taken == stalled_at_) return cut();
    write_by_ = kNever;  // it moves: schedule() gives it another term
  }
  if (read_by_ <= now) {
    if (!transaction_ && reader_.idle()) return close_after_flush();
    return refuse(408, reader_.in_head() ? "The request head did not come in time."
                                         : "The request body stopped coming.");
  }
  if (tick_at_ <= now) {
    tick_at_ = kNever;
    if (transaction_) transaction_->on_tick();
  }
  schedule();
}

}  // namespace sealane::edge
