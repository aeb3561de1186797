// SPDX-License-Identifier: Apache-2.0
// TCP as its users feel it, between two simulated hosts: handshakes, windows, acknowledgements,
// retransmission, half-close and resets. No packets: a flow of byte offsets in each direction,
// exact in its delays.
//
// Kept apart: what the kernels do (goes on while a process is frozen) and what the processes are
// told.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "port/net.h"
#include "sim/world.h"

namespace sealane::sim {

class StreamImpl;
struct ListenerState;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  static std::unique_ptr<port::Stream> open(LaneImpl& lane, const SocketAddress& from,
                                            const SocketAddress& to,
                                            const port::ConnectOptions& options,
                                            port::StreamHandler& handler);
  Connection(World& world, LaneImpl& client, const SocketAddress& from, const SocketAddress& to,
             const port::ConnectOptions& options);
  ~Connection();

  // The process on this node is gone. The host answers for it with RST when it stays.
  void node_died(const Node& node, bool host_stays);

 private:
  friend class StreamImpl;

  // Bytes from one side to the other, by their offsets since the beginning:
  //   acked <= arrived <= sent <= written;  queue holds [arrived, written).
  struct Flow {
    std::string queue;
    size_t queue_skip = 0;  // bytes of `queue` that have arrived already
    uint64_t arrived = 0, acked = 0, sent = 0, written = 0;
    uint64_t window_end = 0;   // how far the receiver allows, as the sender knows
    uint64_t window_told = 0;  // as the receiver last said
    bool fin = false, fin_sent = false, fin_arrived = false;
    uint32_t flight = 0;  // a loss makes what is under way behind it worthless
    bool recovering = false, retransmit_queued = false;
    unsigned attempts = 0;
    Instant lost_since{};
    Instant last_arrival{};  // packets do not overtake
  };
  struct Side {
    LaneImpl* lane = nullptr;
    SocketAddress address;
    StreamImpl* stream = nullptr;  // null: not accepted yet, or closed by its process
    std::unique_ptr<port::Stream> lingering;
    port::StreamHandler* handler = nullptr;
    bool exists = false;  // the kernel has this socket
    bool opened = false;  // the process has been told of it
    bool open_due = false, drained_due = false, wants_drained = false;
    bool paused = false, ended_told = false, wake_queued = false, error_even_if_paused = false;
    std::optional<Error> broken;
    std::string inbox;  // arrived, not yet read
    Flow out;
  };

  static int other(int side) { return 1 - side; }
  Node& node(int side) const;
  bool established(int side) const { return side == 1 || established_; }

  // Handshake
  void send_syn(unsigned attempt);
  void syn_arrived(unsigned attempt);
  void refuse();
  void send_syn_ack(std::shared_ptr<ListenerState> listener);
  void syn_ack_arrived(const std::shared_ptr<ListenerState>& listener);
  void shake_tls(const std::shared_ptr<ListenerState>& listener);
  void accept(const std::shared_ptr<ListenerState>& listener);
  void client_open();

  // Flow
  size_t pending_bytes(int side) const;
  void write(int side, std::span<const std::string_view> parts);
  void finish(int side);
  void send_some(int side);
  void transmit(int side);
  void arrive(int from, uint32_t flight, size_t bytes, bool fin);
  void send_ack(int to);
  void acked(int side, uint32_t flight, uint64_t arrived, uint64_t window_end);
  void lost(int side);
  void retransmit(int side);

  // Endings
  void close(int side);
  void reset(int side);
  void send_reset(int from);
  void broke(int side, Error error);
  void linger(int side, std::unique_ptr<port::Stream> self);
  void linger_check(int side, unsigned checks);
  void release_lingering(int side);

  // Process
  void wake(int side);
  void wake_now(int side);
  void read(int side);

  World& world_;
  uint64_t id_;
  port::ConnectOptions options_;
  bool established_ = false;   // the client's kernel has had its SYN answered
  bool garbled_ = false;       // TLS met plain text: no handshake will succeed
  std::array<Side, 2> sides_;  // 0: who connected, 1: who listened
};

class StreamImpl final : public port::Stream {
 public:
  StreamImpl(std::shared_ptr<Connection> connection, int side);
  ~StreamImpl() override;
  void set_handler(port::StreamHandler& handler) override;
  void write(std::span<const std::string_view> parts) override;
  using port::Stream::write;
  size_t pending_bytes() const override;
  void pause() override;
  void resume() override;
  void end() override;
  void reset() override;
  SocketAddress peer() const override;
  SocketAddress local() const override;
  bool is_tls() const override;
  std::string_view tls_server_name() const override;
  Duration round_trip() const override;

 private:
  void linger(std::unique_ptr<port::Stream> self) override;
  Connection::Side& side() const { return connection_->sides_[size_t(side_)]; }
  const std::shared_ptr<Connection> connection_;
  const int side_;
};

}  // namespace sealane::sim
