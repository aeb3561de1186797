// SPDX-License-Identifier: Apache-2.0
// port::Stream over a TCP socket, plain or TLS, and the listener that accepts them.
#pragma once

#include <functional>
#include <memory>
#include <new>
#include <string>

#include "host/loop.h"
#include "host/socket.h"
#include "host/tls.h"
#include "port/net.h"

namespace sealane::host {

class TcpStream final : public port::Stream, public Waiter {
 public:
  enum class Role : uint8_t { connecting, accepted };

  TcpStream(Loop& loop, Fd fd, Role role, SslPtr ssl, const SocketAddress& peer);
  ~TcpStream() override;
  // The owner's `delete` closes the socket; the memory goes at the end of the turn, because the
  // owner may be deleting from inside one of our callbacks.
  void operator delete(TcpStream* self, std::destroying_delete_t);

  // For a connect under way: on_error(timeout) at `deadline` if it has not opened.
  void open_by(Instant deadline);
  // For an accepted TLS stream: hands over the opened stream, or drops it silently.
  using Accepted = std::function<void(std::unique_ptr<port::Stream>)>;
  static void accept(std::unique_ptr<TcpStream> stream, const Accepted& accepted, Instant deadline);
  // Tells on_error(error) in the next turn.
  void fail_later(Error error);
  Status watch();

  void set_handler(port::StreamHandler& handler) override { handler_ = &handler; }
  void write(std::span<const std::string_view> parts) override;
  using port::Stream::write;
  size_t pending_bytes() const override { return out_.size() - out_sent_; }
  void pause() override { paused_ = true; }
  void resume() override;
  void end() override;
  void reset() override;
  SocketAddress peer() const override { return peer_; }
  SocketAddress local() const override { return local_of(fd_.get()); }
  bool is_tls() const override { return ssl_ != nullptr; }
  std::string_view tls_server_name() const override;
  Duration round_trip() const override;
  void reset_on_close();

  void on_events(uint32_t epoll_events) override;
  void on_again() override;

  // a turn: one busy peer must not starve the others
  static constexpr size_t kReadBytesMax = 256 << 10;
  static constexpr Duration kLinger = 2s;               // at most, to let the peer read its answer
  static constexpr size_t kLingerBytesMax = 1 << 20;    // discarded while lingering

 protected:
  void linger(std::unique_ptr<port::Stream> self) override;

 private:
  enum class State : uint8_t { connecting, handshaking, open, broken };

  void close_now();
  void finish_connect();
  void handshake();
  void opened();
  void read_some();
  bool flush();
  ssize_t receive(char* into, size_t size);
  ssize_t transmit(std::span<const std::string_view> parts);
  void break_with(Error error);
  void finish_linger();
  void send_end();

  Loop& loop_;
  Fd fd_;
  SslPtr ssl_;
  port::StreamHandler* handler_ = nullptr;
  SocketAddress peer_;
  State state_;
  bool server_side_ = false;
  bool paused_ = false;
  bool peer_ended_ = false;
  bool end_wanted_ = false;   // end() was called
  bool end_sent_ = false;
  bool dead_ = false;         // retired: nothing may be called any more
  bool told_error_ = false;
  bool hup_seen_ = false;     // FIN or RST is in the queue: read on to the end
  bool drain_wanted_ = false; // a write() did not finish at once
  std::string out_;           // accepted by write(), not yet by the kernel
  size_t out_sent_ = 0;
  std::unique_ptr<Error> error_;
  std::unique_ptr<port::Timer> deadline_;
  bool lingering_ = false;     // owned by the loop; what comes in is thrown away
  size_t lingered_bytes_ = 0;
  Accepted accepted_;
};

class TcpListener final : public port::Listener, public Waiter {
 public:
  TcpListener(Loop& loop, Fd fd, std::shared_ptr<const TlsSlot> tls,
              TcpStream::Accepted accepted);
  ~TcpListener() override = default;
  void operator delete(TcpListener* self, std::destroying_delete_t);
  Status watch();
  SocketAddress local() const override { return local_of(fd_.get()); }
  void on_events(uint32_t) override { on_again(); }
  void on_again() override;

  static constexpr int kAcceptsMax = 64;        // a turn
  static constexpr Duration kHandshake = 10s;   // for a client's TLS handshake

 private:
  Loop& loop_;
  Fd fd_;
  std::shared_ptr<const TlsSlot> tls_;  // null: plain TCP
  TcpStream::Accepted accepted_;
  std::unique_ptr<port::Timer> retry_;  // after running out of descriptors
};

}  // namespace sealane::host
