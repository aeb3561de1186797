// SPDX-License-Identifier: Apache-2.0
#include "sim/net.h"

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "sim/lane.h"
#include "sim/stream.h"
#include "sim/world.h"

namespace sealane::sim {
namespace {

uint64_t hash_of(const SocketAddress& at) {
  return mix64(at.ip.high() ^ mix64(at.ip.low() ^ mix64(at.port)));
}

class ListenerImpl final : public port::Listener {
 public:
  ListenerImpl(NetImpl& net, std::shared_ptr<ListenerState> state)
      : net_(net), state_(std::move(state)) {}
  ~ListenerImpl() override { net_.close(*state_); }
  SocketAddress local() const override { return state_->at; }

 private:
  NetImpl& net_;
  std::shared_ptr<ListenerState> state_;
};

class SocketImpl final : public port::DatagramSocket {
 public:
  SocketImpl(NetImpl& net, World& world, std::shared_ptr<SocketState> state)
      : net_(net), world_(world), state_(std::move(state)) {}
  ~SocketImpl() override { net_.close(*state_); }
  SocketAddress local() const override { return state_->at; }
  void send(const SocketAddress& to, std::span<const uint8_t> bytes) override {
    if (!state_->open) return;
    SocketAddress source = state_->at;  // the kernel fills in what was left open
    if (source.ip.is_unspecified()) source.ip = state_->lane->node().address();
    NetImpl::send(world_, source, to, bytes);
  }

 private:
  NetImpl& net_;
  World& world_;
  std::shared_ptr<SocketState> state_;
};

}  // namespace

// ── who is there
// ─────────────────────────────────────────────────────────────────────────────────────

template <typename State>
std::shared_ptr<State> NetImpl::pick(
    const Node& node, std::map<SocketAddress, std::shared_ptr<State>> NetImpl::* table,
    const SocketAddress& at, const SocketAddress& peer) {
  std::vector<std::shared_ptr<State>> found;
  for (unsigned i = 0; i < node.lane_count(); ++i) {
    const auto& mine = const_cast<Node&>(node).lane_impl(i).net_impl().*table;
    auto it = mine.find(at);
    if (it == mine.end()) it = mine.find({IpAddress{}, at.port});  // 0.0.0.0: every address
    if (it != mine.end()) found.push_back(it->second);
  }
  if (found.empty()) return nullptr;
  return found[hash_of(peer) % found.size()];
}

std::shared_ptr<ListenerState> NetImpl::listener_at(const Node& node, const SocketAddress& at,
                                                    const SocketAddress& peer) {
  return pick(node, &NetImpl::listeners_, at, peer);
}

std::shared_ptr<SocketState> NetImpl::socket_at(const Node& node, const SocketAddress& at,
                                                const SocketAddress& peer) {
  return pick(node, &NetImpl::sockets_, at, peer);
}

uint16_t NetImpl::free_port() {
  // Lanes of a node take ports of their own: every lane_count-th.
  const unsigned step = node_.lane_count();
  if (last_port_ == 32767) last_port_ = uint16_t(32768 + lane_.lane().index);
  last_port_ = last_port_ + step > 65535 ? uint16_t(32768 + lane_.lane().index)
                                         : uint16_t(last_port_ + step);
  return last_port_;
}

Result<SocketAddress> NetImpl::claim(const SocketAddress& at, bool taken) const {
  const auto ours = node_.addresses();
  if (!at.ip.is_unspecified() && std::ranges::find(ours, at.ip) == ours.end()) {
    return fail(Code::conflict, at.ip.to_string() + " is not an address of " + node_.name());
  }
  if (taken) return fail(Code::conflict, at.to_string() + " is in use already");
  return at;
}

Result<std::unique_ptr<port::Listener>> NetImpl::listen(
    const SocketAddress& at, const port::ListenOptions& options,
    std::function<void(std::unique_ptr<port::Stream>)> accepted) {
  SL_TRY(SocketAddress claimed, claim(at, listeners_.contains(at)));
  while (claimed.port == 0 || listeners_.contains(claimed)) claimed.port = free_port();
  auto state = std::make_shared<ListenerState>();
  state->lane = &lane_;
  state->at = claimed;
  state->options = options;
  state->accepted = std::move(accepted);
  listeners_.emplace(claimed, state);
  return std::make_unique<ListenerImpl>(*this, std::move(state));
}

Result<std::unique_ptr<port::DatagramSocket>> NetImpl::bind(const SocketAddress& at,
                                                            port::DatagramHandler& handler) {
  SL_TRY(SocketAddress claimed, claim(at, at.port != 0 && sockets_.contains(at)));
  while (claimed.port == 0 || sockets_.contains(claimed)) claimed.port = free_port();
  auto state = std::make_shared<SocketState>();
  state->lane = &lane_;
  state->at = claimed;
  state->handler = &handler;
  sockets_.emplace(claimed, state);
  return std::make_unique<SocketImpl>(*this, node_.world(), std::move(state));
}

void NetImpl::close(const ListenerState& state) {
  const auto it = listeners_.find(state.at);
  if (it == listeners_.end() || it->second.get() != &state) return;
  it->second->open = false;
  listeners_.erase(it);
}

void NetImpl::close(const SocketState& state) {
  const auto it = sockets_.find(state.at);
  if (it == sockets_.end() || it->second.get() != &state) return;
  it->second->open = false;
  sockets_.erase(it);
}

void NetImpl::clear() {
  for (auto& [at, state] : listeners_) state->open = false;
  for (auto& [at, state] : sockets_) state->open = false;
  listeners_.clear();
  sockets_.clear();
}

std::unique_ptr<port::Stream> NetImpl::connect(const SocketAddress& to,
                                               const port::ConnectOptions& options,
                                               port::StreamHandler& handler) {
  const IpAddress source = options.from.is_unspecified() ? node_.address() : options.from;
  return Connection::open(lane_, {source, free_port()}, to, options, handler);
}

// ── datagrams
// ────────────────────────────────────────────────────────────────────────────────────────

namespace {

void read_batch(const std::shared_ptr<SocketState>& state);

void wake(const std::shared_ptr<SocketState>& state) {
  if (state->wake_queued) return;
  state->wake_queued = true;
  Node& node = state->lane->node();
  node.world().on_process(node, node.world().now(), [state] { read_batch(state); });
}

void read_batch(const std::shared_ptr<SocketState>& state) {
  state->wake_queued = false;
  if (!state->open) return;
  const size_t count = std::min(state->waiting.size(), NetImpl::kBatchMax);
  std::vector<SocketState::Packet> packets;
  for (size_t i = 0; i < count; ++i) {
    packets.push_back(std::move(state->waiting.front()));
    state->waiting.pop_front();
  }
  std::vector<std::array<uint8_t, NetImpl::kReplyBytesMax>> room(count);
  std::vector<port::Datagram> batch;
  for (size_t i = 0; i < count; ++i) {
    batch.push_back({packets[i].peer, packets[i].local, packets[i].bytes, room[i]});
  }
  if (!state->waiting.empty()) wake(state);
  World& world = state->lane->node().world();
  state->handler->on_batch(batch);
  for (const port::Datagram& datagram : batch) {
    if (datagram.reply_bytes == 0) continue;
    NetImpl::send(world, datagram.local, datagram.peer, datagram.reply.first(datagram.reply_bytes));
  }
}

}  // namespace

void NetImpl::send(World& world, const SocketAddress& from, const SocketAddress& to,
                   std::span<const uint8_t> bytes) {
  SocketAddress source = from;
  for (const Duration taken : world.links().send_datagram(from.ip, to.ip)) {
    world.at(
        world.now() + taken,
        [&world, source, to, bytes = std::vector<uint8_t>(bytes.begin(), bytes.end())]() mutable {
          std::shared_ptr<SocketState> state;
          for (const Node* node : world.at(to.ip)) {
            if (!state) state = socket_at(*node, to, source);
          }
          // Nobody there: the ICMP error is no concern of a best-effort sender.
          if (!state || state->waiting.size() >= world.options().datagrams_max) return;
          world.record(fnv1a({reinterpret_cast<const char*>(bytes.data()), bytes.size()}));
          state->waiting.push_back({source, to, std::move(bytes)});
          wake(state);
        });
  }
}

}  // namespace sealane::sim
