// SPDX-License-Identifier: Apache-2.0
// How a simulated connection comes to be: SYN, SYN-ACK, the backlog, TLS's extra round trip,
// refusals.
#include <algorithm>

#include "sim/lane.h"
#include "sim/stream.h"

namespace sealane::sim {
namespace {

constexpr Duration kSynRetry = 1s;  // RFC 6298 2.1; doubles each time
constexpr unsigned kSynRetryMax = 6;
constexpr std::string_view kClientHello{"\x16\x03\x01\x00\x01", 5};

}  // namespace

std::unique_ptr<port::Stream> Connection::open(LaneImpl& lane, const SocketAddress& from,
                                               const SocketAddress& to,
                                               const port::ConnectOptions& options,
                                               port::StreamHandler& handler) {
  auto self = std::make_shared<Connection>(lane.node().world(), lane, from, to, options);
  auto stream = std::make_unique<StreamImpl>(self, 0);
  stream->set_handler(handler);
  self->node(0).connections_.emplace(self->id_, self);
  World& world = self->world_;
  // Held weakly: an attempt that was given up long ago needs no clock.
  world.on_process(self->node(0), world.now() + options.timeout, [weak = std::weak_ptr(self)] {
    const auto me = weak.lock();
    if (!me) return;
    Side& client = me->sides_[0];
    if (client.opened || client.open_due || client.broken || !client.exists) return;
    if (me->sides_[1].exists) me->send_reset(0);
    me->broke(
        0, {Code::timeout, "no connection to " + me->sides_[1].address.to_string() + " in time"});
  });
  self->send_syn(0);
  return stream;
}

Connection::Connection(World& world, LaneImpl& client, const SocketAddress& from,
                       const SocketAddress& to, const port::ConnectOptions& options)
    : world_(world), id_(++world.last_connection_), options_(options) {
  sides_[0].lane = &client;
  sides_[0].address = from;
  sides_[0].exists = true;
  sides_[1].address = to;
  for (Side& side : sides_) {
    side.out.window_end = side.out.window_told = world.options().receive_buffer_bytes;
  }
}

Connection::~Connection() {
  for (Side& side : sides_) {
    if (side.lane) side.lane->node().connections_.erase(id_);
  }
}

Node& Connection::node(int side) const { return sides_[size_t(side)].lane->node(); }

void Connection::send_syn(unsigned attempt) {
  if (!sides_[0].exists || established_) return;
  const auto taken = world_.links().send(sides_[0].address.ip, sides_[1].address.ip);
  const auto self = shared_from_this();
  if (taken) {
    world_.at(world_.now() + *taken, [self, attempt] { self->syn_arrived(attempt); });
  } else if (attempt < kSynRetryMax) {
    world_.at(world_.now() + kSynRetry * (1 << attempt),
              [self, attempt] { self->send_syn(attempt + 1); });
  }
}

void Connection::syn_arrived(unsigned attempt) {
  if (!sides_[0].exists || sides_[1].exists) return;
  bool is_there = false;
  std::shared_ptr<ListenerState> listener;
  for (const Node* host : world_.at(sides_[1].address.ip)) {
    is_there |= host->state() != NodeState::off;
    if (!listener) listener = NetImpl::listener_at(*host, sides_[1].address, sides_[0].address);
  }
  if (is_there && !listener) return refuse();
  // A full backlog drops the SYN as if it had been lost (Linux, tcp_abort_on_overflow off).
  if (!is_there || listener->waiting_count >= listener->options.backlog) {
    if (attempt < kSynRetryMax) {
      world_.at(world_.now() + kSynRetry * (1 << attempt),
                [self = shared_from_this(), attempt] { self->send_syn(attempt + 1); });
    }
    return;
  }
  ++listener->waiting_count;
  sides_[1].lane = listener->lane;
  sides_[1].exists = true;
  node(1).connections_.emplace(id_, weak_from_this());
  send_syn_ack(listener);
}

void Connection::refuse() {
  const auto taken = world_.links().send(sides_[1].address.ip, sides_[0].address.ip);
  if (!taken) return;
  world_.at(world_.now() + *taken, [self = shared_from_this()] {
    if (!self->sides_[0].exists || self->established_) return;
    self->broke(
        0, {Code::unavailable, "connection refused by " + self->sides_[1].address.to_string()});
  });
}

void Connection::send_syn_ack(std::shared_ptr<ListenerState> listener) {
  if (!sides_[1].exists || established_) return;
  const auto taken = world_.links().send(sides_[1].address.ip, sides_[0].address.ip);
  const Instant when = world_.now() + (taken ? *taken : kSynRetry);
  world_.at(when, [self = shared_from_this(), listener = std::move(listener), taken] {
    if (taken) {
      self->syn_ack_arrived(listener);
    } else if (self->sides_[0].exists) {
      self->send_syn_ack(listener);
    } else {
      self->sides_[1].exists = false;
      --listener->waiting_count;
    }
  });
}

void Connection::syn_ack_arrived(const std::shared_ptr<ListenerState>& listener) {
  if (!sides_[0].exists) {  // given up meanwhile: the answer to SYN-ACK is RST
    sides_[1].exists = false;
    --listener->waiting_count;
    return;
  }
  established_ = true;
  const auto taken = world_.links().send(sides_[0].address.ip, sides_[1].address.ip);
  // A lost ACK is repeated by the first data or the next SYN-ACK.
  const Instant when = world_.now() + (taken ? *taken : kSynRetry);
  auto self = shared_from_this();
  if (!options_.tls) {
    client_open();
    world_.on_process(node(1), when, [self, listener] { self->accept(listener); });
    sides_[0].out.last_arrival = when;  // data goes behind the ACK
  } else if (listener->options.tls) {
    world_.on_process(node(1), when, [self, listener] { self->shake_tls(listener); });
  } else {
    garbled_ = true;  // a plain server reads our ClientHello
    world_.on_process(node(1), when, [self, listener] {
      self->sides_[1].inbox = kClientHello;
      self->sides_[0].out.arrived = self->sides_[0].out.sent = self->sides_[0].out.written =
          kClientHello.size();
      self->accept(listener);
    });
  }
}

// The server's process answers the ClientHello (a frozen one does not), the client's Finished opens
// its side.
void Connection::shake_tls(const std::shared_ptr<ListenerState>& listener) {
  const auto self = shared_from_this();
  const auto back = world_.links().send(sides_[1].address.ip, sides_[0].address.ip);
  if (!back) {
    if (!sides_[0].exists || !sides_[1].exists) {
      --listener->waiting_count;
      return;
    }
    world_.on_process(node(1), world_.now() + kSynRetry,
                      [self, listener] { self->shake_tls(listener); });
    return;
  }
  world_.at(world_.now() + *back, [self, listener] {
    if (!self->sides_[0].exists || !self->sides_[1].exists) {
      --listener->waiting_count;
      return;
    }
    self->client_open();
    const Duration there = self->world_.links()
                               .send(self->sides_[0].address.ip, self->sides_[1].address.ip)
                               .value_or(kSynRetry);
    self->sides_[0].out.last_arrival = self->world_.now() + there;
    self->world_.on_process(self->node(1), self->world_.now() + there,
                            [self, listener] { self->accept(listener); });
  });
}

void Connection::client_open() {
  sides_[0].open_due = true;
  wake(0);
}

void Connection::accept(const std::shared_ptr<ListenerState>& listener) {
  --listener->waiting_count;
  Side& server = sides_[1];
  if (!server.exists) return;
  if (!listener->open) return reset(1);
  server.opened = true;
  if (listener->options.tls && !options_.tls)
    return;  // plain text at a TLS port: the first byte resets
  auto stream = std::make_unique<StreamImpl>(shared_from_this(), 1);
  const auto keep = listener;  // it may be destroyed by its own call-back
  keep->accepted(std::move(stream));
  wake(1);
}

}  // namespace sealane::sim
