// SPDX-License-Identifier: Apache-2.0
// port::Net of one simulated lane: who listens, who is bound, and datagrams. Streams are in
// stream.h.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <vector>

#include "port/net.h"

namespace sealane::sim {

class Node;
class LaneImpl;
class World;

struct ListenerState {
  LaneImpl* lane = nullptr;
  SocketAddress at;
  port::ListenOptions options;
  std::function<void(std::unique_ptr<port::Stream>)> accepted;
  int waiting_count = 0;  // handshake done by the kernel, not yet taken by the process
  bool open = true;
};

struct SocketState {
  LaneImpl* lane = nullptr;
  SocketAddress at;
  port::DatagramHandler* handler = nullptr;
  struct Packet {
    SocketAddress peer, local;
    std::vector<uint8_t> bytes;
  };
  std::deque<Packet> waiting;
  bool wake_queued = false;
  bool open = true;
};

class NetImpl final : public port::Net {
 public:
  static constexpr size_t kBatchMax = 32;         // datagrams in one call
  static constexpr size_t kReplyBytesMax = 4096;  // room for an answer

  NetImpl(Node& node, LaneImpl& lane) : node_(node), lane_(lane) {}

  std::unique_ptr<port::Stream> connect(const SocketAddress& to,
                                        const port::ConnectOptions& options,
                                        port::StreamHandler& handler) override;
  Result<std::unique_ptr<port::Listener>> listen(
      const SocketAddress& at, const port::ListenOptions& options,
      std::function<void(std::unique_ptr<port::Stream>)> accepted) override;
  Result<std::unique_ptr<port::DatagramSocket>> bind(const SocketAddress& at,
                                                     port::DatagramHandler& handler) override;

  // The lane of this node that a connection (or datagram) to `at` goes to; by a hash of the peer
  // when several listen. Null: nobody does.
  static std::shared_ptr<ListenerState> listener_at(const Node& node, const SocketAddress& at,
                                                    const SocketAddress& peer);
  static std::shared_ptr<SocketState> socket_at(const Node& node, const SocketAddress& at,
                                                const SocketAddress& peer);
  static void send(World& world, const SocketAddress& from, const SocketAddress& to,
                   std::span<const uint8_t> bytes);
  void close(const ListenerState& state);
  void close(const SocketState& state);
  void clear();  // the process died

 private:
  template <typename State>
  static std::shared_ptr<State> pick(
      const Node& node, std::map<SocketAddress, std::shared_ptr<State>> NetImpl::* table,
      const SocketAddress& at, const SocketAddress& peer);
  Result<SocketAddress> claim(const SocketAddress& at, bool taken) const;
  uint16_t free_port();

  Node& node_;
  LaneImpl& lane_;
  uint16_t last_port_ = 32767;
  std::map<SocketAddress, std::shared_ptr<ListenerState>> listeners_;
  std::map<SocketAddress, std::shared_ptr<SocketState>> sockets_;
};

}  // namespace sealane::sim
