// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server of whole messages: a handler gets each request complete, body included, and
// answers it whole, at once or later. For signed APIs, whose requests cannot be judged before their
// last byte is there. One server lives on one lane.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "port/lane.h"
#include "wire/http/head.h"

namespace sealane::serve {

// Every bound of one server, that is of one lane.
struct Limits {
  // past it the oldest idle one is closed, or the new one refused
  size_t connections_max = 4096;
  size_t body_bytes_max = 16u << 20;        // of one request: 413
  size_t buffered_bytes_max = 256u << 20;   // bodies and unread answers of all connections together
  // unread answers of one connection: past it no request of it begins
  size_t backlog_bytes_max = 256u << 10;
  size_t waiting_max = 1024;                // requests whose body waits for memory; past it: 503
  size_t body_step_bytes = 64u << 10;       // so much of a body must come within each body_timeout
  Duration head_timeout = 10s;              // from a head's first byte to its last
  Duration body_timeout = 10s;
  Duration memory_timeout = 2s;             // how long a body waits for memory: 503
  Duration idle_timeout = 65s;              // between requests
  Duration write_timeout = 20s;             // without the client taking one byte
  Duration answer_timeout = 60s;            // for the handler: 500
  wire::http::Limits head;
};

// A whole request. Everything in it stays as it is until it is answered, even when its client has
// gone.
struct Request {
  std::string_view method;
  wire::http::Method method_id = wire::http::Method::other;
  std::string_view target;  // "/path?query" as it came, or "*"
  std::string_view host;
  std::span<const wire::http::Field> fields;
  std::string_view body;    // without its framing
  SocketAddress peer;
  bool tls = false;

  std::string_view path() const { return target.substr(0, target.find('?')); }
  std::string_view query() const {
    const size_t mark = target.find('?');
    return mark == target.npos ? std::string_view{} : target.substr(mark + 1);
  }
};

// A whole answer, as views that are used within the call. Date, Content-Length and Connection are
// the server's.
struct Answer {
  uint16_t status = 200;
  std::string_view content_type;  // empty: no such field
  std::span<const wire::http::Field> fields;
  std::string_view body;
  bool close = false;  // end the connection after it
};

class Core;

// The right to answer one request, once: a plain value that may be copied, kept and sent around,
// but used on the server's lane only and not after the server is gone.
class Responder {
 public:
  Responder() = default;
  // Sends the answer and ends the request: its views are gone. Nothing happens when it was answered
  // before. A later request of the same connection is never handed over from inside this call.
  void answer(const Answer& answer) const;
  // Nobody would read the answer. The request must be answered all the same.
  bool client_gone() const;

 private:
  friend class Connection;
  Responder(Core& core, uint32_t slot, uint64_t serial)
      : core_(&core), serial_(serial), slot_(slot) {}
  Core* core_ = nullptr;
  uint64_t serial_ = 0;
  uint32_t slot_ = 0;
};

class Handler {
 public:
  virtual ~Handler() = default;
  // `request` is valid until it is answered. Every request must be answered; one that is not within
  // answer_timeout gets 500, but its buffers are held until it is.
  virtual void on_request(const Request& request, Responder responder) = 0;
  // The API's own words for what the server refuses by itself (400 malformed, 408, 413, 414, 431,
  // 500, 501, 503, 505): `what` is a sentence for people. The answer may point into `text`, which
  // is the caller's scratch. The status must stay.
  virtual Answer word_refusal(uint16_t status, std::string_view what, std::string& text);
};

struct Options {
  std::string api = "api";  // label of the counters sealane_serve_*{api="..."}
  Limits limits;
};

class Server {
 public:
  Server(port::Lane& lane, Handler& handler, Options options);
  ~Server();  // cuts every connection
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Where it listens now; port 0 becomes the kernel's choice. May be called for several addresses.
  Result<SocketAddress> listen(const SocketAddress& at, const port::ListenOptions& options = {});
  // Stops listening, closes idle connections, and every other after the answer it waits for.
  void drain();
  bool draining() const;
  // Connections that have a client.
  size_t connection_count() const;
  // Requests that are with the handler, clients gone or not.
  size_t pending_count() const;
  size_t buffered_bytes() const;

 private:
  std::unique_ptr<Core> core_;
};

}  // namespace sealane::serve
