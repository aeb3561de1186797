// SPDX-License-Identifier: Apache-2.0
#include "sim/stream.h"

#include <algorithm>
#include <utility>

#include "sim/lane.h"

namespace sealane::sim {
namespace {

constexpr size_t kSegmentBytesMax = 64 << 10;  // what travels as one
constexpr size_t kReadBytesMax = 64 << 10;     // what on_data gets at once
constexpr Duration kRetransmitMin = 200ms;     // Linux: TCP_RTO_MIN
constexpr Duration kRetransmitMax = 120s;
constexpr Duration kLingerCheck = 500ms;
constexpr unsigned kLingerChecksMax = 60;  // then what is left is given up

}  // namespace

// ── what the process asks for
// ────────────────────────────────────────────────────────────────────────

StreamImpl::StreamImpl(std::shared_ptr<Connection> connection, int side)
    : connection_(std::move(connection)), side_(side) {
  this->side().stream = this;
  ++connection_->node(side_).stream_count_;
}

StreamImpl::~StreamImpl() {
  --connection_->node(side_).stream_count_;
  connection_->close(side_);
}

void StreamImpl::set_handler(port::StreamHandler& handler) { side().handler = &handler; }

void StreamImpl::write(std::span<const std::string_view> parts) {
  connection_->write(side_, parts);
}

size_t StreamImpl::pending_bytes() const { return connection_->pending_bytes(side_); }

void StreamImpl::pause() { side().paused = true; }

void StreamImpl::resume() {
  if (!std::exchange(side().paused, false)) return;
  connection_->wake(side_);
}

void StreamImpl::end() { connection_->finish(side_); }

void StreamImpl::reset() {
  side().handler = nullptr;
  connection_->reset(side_);
}

SocketAddress StreamImpl::peer() const { return connection_->sides_[size_t(1 - side_)].address; }
SocketAddress StreamImpl::local() const { return side().address; }
bool StreamImpl::is_tls() const { return connection_->options_.tls && !connection_->garbled_; }
std::string_view StreamImpl::tls_server_name() const {
  return side_ == 1 && is_tls() ? std::string_view(connection_->options_.tls_name) : "";
}

Duration StreamImpl::round_trip() const {
  const IpAddress& here = local().ip;
  return connection_->world_.links().round_trip(here, peer().ip);
}

void StreamImpl::linger(std::unique_ptr<port::Stream> self) {
  connection_->linger(side_, std::move(self));
}

// ── bytes on their way
// ───────────────────────────────────────────────────────────────────────────────

size_t Connection::pending_bytes(int side) const {
  const Flow& flow = sides_[size_t(side)].out;
  if (!sides_[size_t(side)].exists) return 0;
  const uint64_t kernel_end =
      established(side) ? flow.acked + world_.options().send_buffer_bytes : 0;
  return flow.written > kernel_end ? size_t(flow.written - kernel_end) : 0;
}

void Connection::write(int side, std::span<const std::string_view> parts) {
  Side& me = sides_[size_t(side)];
  if (me.broken && me.handler) {
    me.error_even_if_paused = true;
    return wake(side);
  }
  if (!me.exists || me.out.fin) return;
  for (const std::string_view part : parts) {
    me.out.queue.append(part);
    me.out.written += part.size();
  }
  if (pending_bytes(side) > 0) me.wants_drained = true;
  send_some(side);
}

void Connection::finish(int side) {
  Side& me = sides_[size_t(side)];
  if (!me.exists || std::exchange(me.out.fin, true)) return;
  send_some(side);
}

void Connection::send_some(int side) {
  Side& me = sides_[size_t(side)];
  Flow& flow = me.out;
  // A client writes once its handshake is over, a server once it has accepted.
  const bool may_send = side == 0 ? me.open_due || me.opened : true;
  while (me.exists && may_send && !flow.recovering) {
    const uint64_t end =
        std::min({flow.written, flow.window_end, flow.acked + world_.options().send_buffer_bytes});
    const bool fin_due = flow.fin && !flow.fin_sent && flow.sent == flow.written;
    if (flow.sent >= end && !fin_due) return;
    transmit(side);
  }
}

// One segment from `sent` on; empty when there is nothing to send, as a probe after a loss.
void Connection::transmit(int side) {
  Flow& flow = sides_[size_t(side)].out;
  const uint64_t end = std::min(flow.written, std::max(flow.window_end, flow.sent));
  const size_t bytes = size_t(std::min<uint64_t>(end - flow.sent, kSegmentBytesMax));
  flow.sent += bytes;
  const bool fin = flow.fin && flow.sent == flow.written;
  flow.fin_sent |= fin;
  const auto taken =
      world_.links().send(sides_[size_t(side)].address.ip, sides_[size_t(other(side))].address.ip);
  if (!taken) return lost(side);
  flow.last_arrival = std::max(flow.last_arrival, world_.now() + *taken);
  world_.at(flow.last_arrival, [self = shared_from_this(), side, flight = flow.flight, bytes, fin] {
    self->arrive(side, flight, bytes, fin);
  });
}

void Connection::arrive(int from, uint32_t flight, size_t bytes, bool fin) {
  Side& sender = sides_[size_t(from)];
  Side& receiver = sides_[size_t(other(from))];
  Flow& flow = sender.out;
  if (flow.flight != flight) return;  // behind a loss
  if (node(other(from)).state() == NodeState::off ||
      world_.links().is_cut(sender.address.ip, receiver.address.ip)) {
    return lost(from);
  }
  if (!receiver.exists) return send_reset(other(from));
  const bool nobody_reads = receiver.opened && !receiver.stream;
  if (bytes > 0 && nobody_reads) return reset(other(from));
  if (from == 1 && garbled_ && (bytes > 0 || fin)) {
    send_reset(0);
    return broke(0,
                 {Code::invalid, "TLS handshake with " + sender.address.to_string() + " failed"});
  }
  const std::string_view arrived{flow.queue.data() + flow.queue_skip, bytes};
  world_.record(fnv1a(arrived.substr(0, 64)) ^ bytes);
  receiver.inbox.append(arrived);
  flow.arrived += bytes;
  flow.queue_skip += bytes;
  if (flow.queue_skip == flow.queue.size() || flow.queue_skip > (1 << 20)) {
    flow.queue.erase(0, flow.queue_skip);
    flow.queue_skip = 0;
  }
  flow.fin_arrived |= fin;
  send_ack(other(from));
  if (bytes > 0 || fin) wake(other(from));
}

// `to` tells its peer how much has arrived and how much more it would take.
void Connection::send_ack(int to) {
  const int from = other(to);
  Flow& flow = sides_[size_t(from)].out;
  const uint64_t read = flow.arrived - sides_[size_t(to)].inbox.size();
  flow.window_told = read + world_.options().receive_buffer_bytes;
  const IpAddress& a = sides_[size_t(to)].address.ip;
  const IpAddress& b = sides_[size_t(from)].address.ip;
  if (world_.links().is_cut(a, b)) return lost(from);
  const Duration taken = world_.links().round_trip(a, b) / 2;
  world_.at(world_.now() + taken,
            [self = shared_from_this(), from, flight = flow.flight, arrived = flow.arrived,
             window = flow.window_told] { self->acked(from, flight, arrived, window); });
}

void Connection::acked(int side, uint32_t flight, uint64_t arrived, uint64_t window_end) {
  Side& me = sides_[size_t(side)];
  if (!me.exists) return;
  Flow& flow = me.out;
  flow.acked = std::max(flow.acked, arrived);
  flow.window_end = std::max(flow.window_end, window_end);
  // An answer from before the loss does not say that the loss is made good.
  if (flight == flow.flight && !flow.retransmit_queued) {
    flow.recovering = false;
    flow.attempts = 0;
  }
  if (me.wants_drained && pending_bytes(side) == 0) {
    me.wants_drained = false;
    me.drained_due = true;
    wake(side);
  }
  send_some(side);
}

void Connection::lost(int side) {
  Side& me = sides_[size_t(side)];
  if (!me.exists) return;
  Flow& flow = me.out;
  ++flow.flight;
  if (!flow.recovering) flow.lost_since = world_.now();
  flow.recovering = true;
  if (std::exchange(flow.retransmit_queued, true)) return;
  const Duration round_trip =
      world_.links().round_trip(me.address.ip, sides_[size_t(other(side))].address.ip);
  const Duration wait =
      std::min(std::max(kRetransmitMin, 2 * round_trip) * (1 << std::min(flow.attempts, 10u)),
               Duration(kRetransmitMax));
  world_.at(world_.now() + wait, [self = shared_from_this(), side] { self->retransmit(side); });
}

void Connection::retransmit(int side) {
  Side& me = sides_[size_t(side)];
  Flow& flow = me.out;
  flow.retransmit_queued = false;
  if (!me.exists || !flow.recovering) return;
  if (world_.now() - flow.lost_since >= world_.options().give_up) {
    return broke(side, {Code::timeout, sides_[size_t(other(side))].address.to_string() +
                                           " does not acknowledge any more"});
  }
  ++flow.attempts;
  flow.sent = flow.arrived;
  flow.fin_sent = flow.fin_arrived;
  transmit(side);
}

// ── endings
// ──────────────────────────────────────────────────────────────────────────────────────────

// close(2): what the kernel has goes out, then FIN; unread bytes turn it into RST.
void Connection::close(int side) {
  Side& me = sides_[size_t(side)];
  me.stream = nullptr;
  me.handler = nullptr;
  if (!me.exists) return;
  const bool by_reset = side == 0 && options_.reset_on_close;
  if (by_reset || !me.inbox.empty() || !established_) return reset(side);
  const size_t unsent = pending_bytes(side);
  me.out.queue.resize(me.out.queue.size() - unsent);
  me.out.written -= unsent;
  me.opened = true;
  finish(side);
}

void Connection::reset(int side) {
  Side& me = sides_[size_t(side)];
  if (!me.exists) return;
  me.exists = false;
  if (sides_[size_t(other(side))].lane) send_reset(side);
}

void Connection::send_reset(int from) {
  const int to = other(from);
  const auto taken =
      world_.links().send(sides_[size_t(from)].address.ip, sides_[size_t(to)].address.ip);
  if (!taken) return;  // nobody repeats a RST: the peer learns when it sends
  const Instant when = std::max(world_.now() + *taken, sides_[size_t(from)].out.last_arrival);
  world_.at(when, [self = shared_from_this(), to] {
    if (!self->sides_[size_t(to)].exists) return;
    self->broke(to, {Code::unavailable,
                     "connection reset by " + self->sides_[size_t(other(to))].address.to_string()});
  });
}

void Connection::broke(int side, Error error) {
  Side& me = sides_[size_t(side)];
  if (!me.exists) return;
  me.exists = false;
  me.broken = std::move(error);
  wake(side);
}

void Connection::node_died(const Node& dead, bool host_stays) {
  for (int side = 0; side < 2; ++side) {
    Side& me = sides_[size_t(side)];
    if (!me.lane || &me.lane->node() != &dead) continue;
    me.handler = nullptr;
    if (me.exists && host_stays) {
      reset(side);
    } else if (me.exists) {
      me.exists = false;
      // Its peer's window probes go unanswered from now on.
      Side& peer = sides_[size_t(other(side))];
      if (peer.exists && peer.lane && peer.out.acked < peer.out.written) lost(other(side));
    }
    me.lingering.reset();
  }
}

void Connection::linger(int side, std::unique_ptr<port::Stream> self) {
  Side& me = sides_[size_t(side)];
  me.handler = nullptr;
  me.paused = false;
  me.lingering = std::move(self);
  finish(side);
  wake(side);
  linger_check(side, 0);
}

// Looked at now and then by the process, as its own timer would.
void Connection::linger_check(int side, unsigned checks) {
  Side& me = sides_[size_t(side)];
  if (!me.lingering) return;
  const bool flushed = me.out.fin_sent && me.out.acked == me.out.written;
  const bool peer_done = sides_[size_t(other(side))].out.fin_arrived;
  const bool is_over =
      !me.exists || (flushed && (peer_done || checks > 1)) || checks >= kLingerChecksMax;
  if (is_over) return release_lingering(side);
  world_.on_process(
      node(side), world_.now() + kLingerCheck,
      [self = shared_from_this(), side, checks] { self->linger_check(side, checks + 1); });
}

void Connection::release_lingering(int side) {
  const auto keep = shared_from_this();  // the stream may be our last owner
  const auto stream = std::move(sides_[size_t(side)].lingering);
}

// ── what the process is told
// ─────────────────────────────────────────────────────────────────────────

void Connection::wake(int side) {
  Side& me = sides_[size_t(side)];
  if (!me.lane || std::exchange(me.wake_queued, true)) return;
  world_.on_process(node(side), world_.now(),
                    [self = shared_from_this(), side] { self->wake_now(side); });
}

// Each call-back may pause, close or destroy the stream: look again after every one.
void Connection::wake_now(int side) {
  Side& me = sides_[size_t(side)];
  me.wake_queued = false;
  const auto listening = [&] { return me.handler != nullptr; };
  if (std::exchange(me.open_due, false)) {
    me.opened = true;
    send_some(side);
    if (listening()) me.handler->on_open();
  }
  if (side == 1 && !me.stream) return;
  if (!me.paused && !me.inbox.empty()) read(side);
  const bool all_read = me.inbox.empty();
  Flow& in = sides_[size_t(other(side))].out;
  if (all_read && !me.paused && listening() && in.fin_arrived &&
      !std::exchange(me.ended_told, true)) {
    me.handler->on_end();
  }
  if (std::exchange(me.drained_due, false) && listening() && me.exists) me.handler->on_drained();
  const bool may_tell = (all_read && !me.paused) || me.error_even_if_paused;
  if (me.broken && may_tell && listening()) {
    std::exchange(me.handler, nullptr)->on_error(*me.broken);
  }
}

void Connection::read(int side) {
  Side& me = sides_[size_t(side)];
  size_t bytes = std::min(me.inbox.size(), kReadBytesMax);
  // Streams have no message boundaries: now and then bytes come in pieces.
  if (bytes > 1 && world_.dice_.below(8) == 0) bytes = 1 + size_t(world_.dice_.below(bytes - 1));
  std::string data;
  if (bytes == me.inbox.size()) {
    data.swap(me.inbox);
  } else {
    data = me.inbox.substr(0, bytes);
    me.inbox.erase(0, bytes);
    wake(side);
  }
  Flow& in = sides_[size_t(other(side))].out;
  const uint64_t window = in.arrived - me.inbox.size() + world_.options().receive_buffer_bytes;
  if (me.exists && window - in.window_told >= world_.options().receive_buffer_bytes / 2)
    send_ack(side);
  if (me.handler) me.handler->on_data(data);
}

}  // namespace sealane::sim
