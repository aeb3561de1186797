// SPDX-License-Identifier: Apache-2.0
// The network as a role sees it. Everything happens on one lane: no call blocks, and handlers are
// called from the loop only, never from inside a call into this interface (so a handler may close
// or destroy the stream it was called for; the implementation survives that).
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/ip.h"
#include "base/result.h"
#include "base/time.h"

namespace sealane::port {

// ── byte streams: TCP, or TLS over TCP ───────────────────────────────────────────────────────────

class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  // A connect() succeeded (for TLS: the handshake too). Accepted streams are open from the start.
  virtual void on_open() {}
  // Bytes that came in; the span is valid during the call only. All of it must be taken (copy what
  // cannot be used yet, then pause()). Not called while paused.
  virtual void on_data(std::span<const char> bytes) = 0;
  // The peer has sent its last byte (FIN or TLS close_notify); writing may go on.
  virtual void on_end() = 0;
  // All of what was accepted by write() has left for the kernel. Called after a write() that could
  // not finish at once.
  virtual void on_drained() {}
  // The stream is gone. Last call; not called once the stream is destroyed, reset or lingering.
  // `code` says how:
  //   timeout      no connection (or TLS handshake) within ConnectOptions::timeout, or bytes that
  //                the peer has not acknowledged for so long that the kernel gave up
  //   unavailable  before on_open(): refused; after it: reset by the peer
  //   invalid      the TLS handshake failed: no TLS at the other end, or a certificate that does
  //                not verify
  // Bytes that came in before the end of the stream are handed over first; a paused stream
  // therefore hears of its end at resume(), or at the next write().
  virtual void on_error(const Error& error) = 0;
};

class Stream {
 public:
  virtual ~Stream() = default;  // closes at once, without on_error
  virtual void set_handler(StreamHandler& handler) = 0;
  // Queues bytes (copied only if the kernel will not take them now) and sends them. What waits is
  // pending_bytes(): a caller that streams stops at its own limit and goes on at on_drained().
  // Before on_open() everything waits; after end(), reset() or on_error() what is written is
  // dropped.
  virtual void write(std::span<const std::string_view> parts) = 0;
  void write(std::string_view bytes) { write(std::span(&bytes, 1)); }
  virtual size_t pending_bytes() const = 0;
  // While paused nothing is read, so the peer's window closes: back-pressure.
  virtual void pause() = 0;
  virtual void resume() = 0;
  // Sends FIN (TLS: close_notify first) after everything queued; reading goes on.
  virtual void end() = 0;
  // Sends what is queued, then closes, both directions; the handler hears nothing more. Bytes that
  // the peer still sends are drained for a moment so that it gets the answer and not a reset. Takes
  // the stream over: the caller gives up its pointer.
  static void close_after_flush(std::unique_ptr<Stream> stream) {
    Stream& s = *stream;
    s.linger(std::move(stream));
  }
  // Closes with RST where the transport can: the peer learns that something broke.
  virtual void reset() = 0;
  virtual SocketAddress peer() const = 0;
  virtual SocketAddress local() const = 0;
  virtual bool is_tls() const = 0;
  virtual std::string_view tls_server_name() const = 0;  // SNI that the client sent, or empty
  // The shortest way there and back that the transport has seen; zero: unknown. Not for a hot path.
  virtual Duration round_trip() const { return Duration::zero(); }

 protected:
  virtual void linger(std::unique_ptr<Stream> self) = 0;
};

struct ConnectOptions {
  Duration timeout = 2s;       // for the connect and the TLS handshake together
  IpAddress from{};            // source address; unspecified: the kernel chooses
  bool tls = false;
  std::string tls_name{};      // SNI, and the name that is verified when tls_verify is set
  bool tls_verify = false;     // against the world's own CA and the system's
  bool reset_on_close = false; // closing sends RST and leaves no TIME_WAIT: for probes
};

struct ListenOptions {
  bool tls = false;  // with the certificate that the lane was given
  int backlog = 4096;
  // nobody else may listen here: a second program is told, instead of sharing the port
  bool alone = false;
};

class Listener {
 public:
  virtual ~Listener() = default;  // stops accepting; accepted streams live on
  virtual SocketAddress local() const = 0;
};

// ── datagrams ────────────────────────────────────────────────────────────────────────────────────

struct Datagram {
  SocketAddress peer;
  SocketAddress local;
  std::span<const uint8_t> bytes;  // what came in
  std::span<uint8_t> reply;        // room for the answer
  size_t reply_bytes = 0;          // set by the handler; 0: no answer
};

class DatagramHandler {
 public:
  virtual ~DatagramHandler() = default;
  // A batch as the kernel gave it. Answers are sent together when the call returns.
  virtual void on_batch(std::span<Datagram> batch) = 0;
};

class DatagramSocket {
 public:
  virtual ~DatagramSocket() = default;
  virtual SocketAddress local() const = 0;
  // Best effort, as UDP is.
  virtual void send(const SocketAddress& to, std::span<const uint8_t> bytes) = 0;
};

// ── the way in ───────────────────────────────────────────────────────────────────────────────────

class Net {
 public:
  virtual ~Net() = default;
  // Never fails at once: the outcome is on_open() or on_error(). `handler` must outlive the stream.
  virtual std::unique_ptr<Stream> connect(const SocketAddress& to, const ConnectOptions& options,
                                          StreamHandler& handler) = 0;
  // `accepted` gets each new stream and must give it a handler before it returns (or drop it).
  // Several lanes may listen on one address; the kernel spreads the connections.
  virtual Result<std::unique_ptr<Listener>> listen(
      const SocketAddress& at, const ListenOptions& options,
      std::function<void(std::unique_ptr<Stream>)> accepted) = 0;
  virtual Result<std::unique_ptr<DatagramSocket>> bind(const SocketAddress& at,
                                                       DatagramHandler& handler) = 0;
};

}  // namespace sealane::port
