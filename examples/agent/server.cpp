// SPDX-License-Identifier: Apache-2.0
#include "server.h"

#include <fmt/format.h>

#include "wire/http/reader.h"
#include "wire/http/status.h"

namespace sealane::agent {

using wire::http::Event;
using wire::http::Method;

class Server::Connection final : public port::StreamHandler, public TokenSink {
 public:
  Connection(Server& server, std::unique_ptr<port::Stream> stream)
      : server_(server),
        stream_(std::move(stream)),
        idle_(server.lane_.timers.make([this] { gone(); })),
        wait_(server.lane_.timers.make([this] { waited(); })),
        again_(server.lane_.timers.make([this] { read_on(); })) {
    stream_->set_handler(*this);
    await_request();
  }
  bool busy() const { return busy_; }
  void close_when_idle() {
    closing_ = true;
    if (!busy_ && !reader_.in_body()) gone();
  }

 private:
  // ── in
  // ───────────────────────────────────────────────────────────────────────────────────────────

  void on_data(std::span<const char> bytes) override {
    if (!waits()) return read({bytes.data(), bytes.size()});
    early_.append(bytes.data(), bytes.size());
    if (early_.size() > kPipelinedBytesMax) stream_->pause();
  }
  // The client will send no more; what it asked for is still answered.
  void on_end() override {
    ended_ = true;
    if (!waits()) gone();
  }
  void on_error(const Error&) override { gone(); }
  void on_drained() override {
    if (generation_ && held_) {
      held_ = false;
      generation_->hold(false);
    }
  }

  // An answer is under way, or what came behind the last request is about to be read.
  bool waits() const { return busy_ || !early_.empty(); }

  void read(std::string_view in) {
    while (true) {
      switch (reader_.next(in, {}, server_.fields_)) {
        case Event::more:
          if (ended_) gone();
          return;
        case Event::head:
          take_head();
          break;
        case Event::body:
          if (body_.size() + reader_.body().size() > Service::kBodyBytesMax) {
            return refuse(413, "the body is longer than this agent takes");
          }
          body_ += reader_.body();
          break;
        case Event::end:
          early_.assign(in);
          return handle();
        case Event::refused:
          return refuse(reader_.refusal().status, reader_.refusal().what);
      }
    }
  }

  // The head's views die with the next read, so what matters is kept.
  void take_head() {
    const auto& head = reader_.head();
    method_ = head.method_id;
    target_ = head.target;
    keep_alive_ = head.keep_alive;
    http10_ = head.minor == 0;
    body_.clear();
    fields_text_.clear();
    fields_.clear();
    for (const auto& field : head.fields) fields_text_.emplace_back(field.name, field.value);
    for (const auto& [name, value] : fields_text_) fields_.push_back({name, value});
    if (head.expect_continue) stream_->write("HTTP/1.1 100 Continue\r\n\r\n");
  }

  // The table answers later, and this may be gone by then.
  template <typename F>
  auto guarded(F f) {
    return [alive = std::weak_ptr<bool>(alive_), f](auto result) {
      if (!alive.expired()) f(std::move(result));
    };
  }

  void handle() {
    busy_ = true;
    idle_->disarm();
    const Request request{method_, target_, fields_, body_, stream_->peer().ip.is_loopback()};
    auto answer = server_.service_.handle(request, server_.lane_.clock.now());
    if (auto* response = std::get_if<Response>(&answer)) {
      response_ = std::move(*response);
      after(response_.delay);
    } else if (const auto* lookup = std::get_if<Lookup>(&answer)) {
      look_up(lookup->session);
    } else {
      turn_ = std::get<Generate>(std::move(answer));
      generating_ = true;
      after(server_.service_.options().delay);
    }
  }
  void after(Duration delay) {
    if (delay > Duration{}) return wait_->arm_at(server_.lane_.clock.now() + delay);
    waited();
  }
  void waited() {
    if (!generating_) return answer(response_);
    reply_.clear();
    token_count_ = 0;
    if (server_.table_ == nullptr) return generate();
    server_.table_->read(turn_.session, guarded([this](Result<Conversation> stored) {
                           if (!stored) return fail_turn(stored.error());
                           server_.service_.take_up(turn_, std::move(*stored));
                           generate();
                         }));
  }
  void generate() {
    if (turn_.stream) start_stream();
    if (turn_.replayed.empty()) {
      generation_ = server_.generator_.generate(turn_, *this);
    } else {
      on_token(turn_.replayed);
      complete();
    }
  }
  void look_up(const std::string& session) {
    server_.table_->read(session, guarded([this, session](Result<Conversation> stored) {
                           answer(stored ? server_.service_.conversation(session, *stored)
                                         : server_.service_.not_kept(stored.error()));
                         }));
  }

  // ── out
  // ──────────────────────────────────────────────────────────────────────────────────────────

  std::string head_of(const Response& response, std::string_view framing) {
    std::string head = fmt::format("HTTP/1.1 {} {}\r\nServer: sealane-demo-agent\r\n",
                                   response.status, wire::http::reason_of(response.status));
    for (const auto& [name, value] : response.fields)
      head += fmt::format("{}: {}\r\n", name, value);
    head += framing;
    if (!keep()) head += "Connection: close\r\n";
    return head += "\r\n";
  }
  bool keep() const { return keep_alive_ && !closing_ && (!ended_ || !early_.empty()); }

  void answer(const Response& response) {
    const std::string head = head_of(
        response,
        response.has_body ? fmt::format("Content-Length: {}\r\n", response.body.size()) : "");
    const std::string_view parts[] = {head, response.body};
    stream_->write(std::span(parts, method_ == Method::head ? 1 : 2));
    next_request();
  }

  void refuse(uint16_t status, std::string_view what) {
    busy_ = true;
    keep_alive_ = false;
    method_ = Method::get;
    answer(server_.service_.error(status, status == 413 ? "limit" : "invalid", what));
  }

  void start_stream() {
    if (http10_) keep_alive_ = false;  // no chunks there: the end of the connection ends the stream
    const std::string head =
        head_of(server_.service_.event_stream(), http10_ ? "" : "Transfer-Encoding: chunked\r\n");
    stream_->write(head);
  }
  void send_event(std::string_view event) {
    if (http10_) return stream_->write(event);
    const wire::http::ChunkSize size(event.size());
    const std::string_view parts[] = {size.view(), event, "\r\n"};
    stream_->write(parts);
  }
  void end_stream() {
    if (!http10_) stream_->write(wire::http::kLastChunk);
    next_request();
  }

  void on_token(std::string_view token) override {
    reply_ += token;
    if (!turn_.stream) return;
    send_event(Service::token_event(turn_, ++token_count_, token));
    if (stream_->pending_bytes() > kUnsentBytesMax) {
      held_ = true;
      generation_->hold(true);
    }
  }
  void on_finished() override {
    finished_ = std::move(
        generation_);  // it is in the middle of a call; freed with the next one or with this
    if (server_.table_ == nullptr) return complete();
    // A turn is answered when it is kept, and not before.
    server_.table_->append(turn_.session, server_.service_.to_append(turn_, reply_),
                           guarded([this](const Status& kept) {
                             if (!kept) return fail_turn(kept.error());
                             complete();
                           }));
  }
  void complete() {
    generating_ = false;
    if (!turn_.stream) return answer(server_.service_.finish(turn_, std::move(reply_)));
    send_event(server_.service_.done_event(turn_, ++token_count_, std::move(reply_)));
    end_stream();
  }
  // The table failed: before the answer began, or at the end of a stream.
  void fail_turn(const Error& error) {
    generating_ = false;
    const Response response = server_.service_.not_kept(error);
    if (!turn_.stream || token_count_ == 0) return answer(response);
    send_event(Service::error_event(error.what));
    end_stream();
  }
  void on_failed(const Error& error) override {
    finished_ = std::move(generation_);
    generating_ = false;
    if (!turn_.stream) return answer(server_.service_.error(502, "unavailable", error.what));
    send_event(Service::error_event(error.what));
    end_stream();
  }

  // ── between exchanges
  // ────────────────────────────────────────────────────────────────────────────

  void await_request() { idle_->arm_at(server_.lane_.clock.now() + kIdleMax); }
  void next_request() {
    if (!keep()) {
      port::Stream::close_after_flush(std::move(stream_));
      return server_.drop(*this);
    }
    busy_ = false;
    await_request();
    if (early_.empty()) return;
    stream_->resume();
    // The next request is here already. Not from inside this one: a thousand of them would be a
    // deep stack.
    again_->arm_at(server_.lane_.clock.now());
  }
  void read_on() {
    const std::string all = std::exchange(early_, {});
    read(all);
  }
  // Not from inside a call of the generation: those end in next_request().
  void gone() {
    alive_.reset();
    generation_.reset();
    idle_->disarm();
    wait_->disarm();
    again_->disarm();
    stream_.reset();
    server_.drop(*this);
  }

  Server& server_;
  std::unique_ptr<port::Stream> stream_;
  std::unique_ptr<port::Timer> idle_, wait_, again_;
  wire::http::RequestReader reader_;
  // The request.
  Method method_ = Method::get;
  std::string target_, body_;
  std::vector<std::pair<std::string, std::string>> fields_text_;
  std::vector<wire::http::Field> fields_;  // views of fields_text_
  std::string early_;                      // what came behind it
  bool keep_alive_ = true, http10_ = false;
  // The answer.
  bool busy_ = false, generating_ = false, held_ = false, closing_ = false, ended_ = false;
  Response response_;
  Generate turn_;
  std::string reply_;
  size_t token_count_ = 0;
  std::unique_ptr<Generation> generation_, finished_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

Server::Server(port::Lane& lane, Service& service, Generator& generator, ConversationTable* table)
    : lane_(lane),
      service_(service),
      generator_(generator),
      table_(table),
      sweep_timer_(lane.timers.make([this] {
        dropped_.clear();
        if (drained_ && connections_.empty()) std::exchange(drained_, nullptr)();
      })),
      drain_timer_(lane.timers.make([this] {
        if (drained_) std::exchange(drained_, nullptr)();
      })) {}

Server::~Server() = default;

Status Server::listen(const SocketAddress& at) {
  SL_TRY(auto listener,
         lane_.net.listen(at, {}, [this](auto stream) { accept(std::move(stream)); }));
  listeners_.push_back(std::move(listener));
  return {};
}

void Server::accept(std::unique_ptr<port::Stream> stream) {
  if (connections_.size() >= kConnectionsMax) {
    static constexpr std::string_view kFull =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: "
        "close\r\n\r\n";
    stream->write(kFull);
    return port::Stream::close_after_flush(std::move(stream));
  }
  auto connection = std::make_unique<Connection>(*this, std::move(stream));
  Connection* key = connection.get();
  connections_.emplace(key, std::move(connection));
}

// Called from inside the connection, so it is freed a turn later.
void Server::drop(Connection& connection) {
  const auto found = connections_.find(&connection);
  if (found == connections_.end()) return;
  dropped_.push_back(std::move(found->second));
  connections_.erase(found);
  sweep_timer_->arm_at(lane_.clock.now());
}

void Server::drain(std::function<void()> done) {
  service_.drain();
  listeners_.clear();
  drained_ = std::move(done);
  std::vector<Connection*> all;
  for (const auto& [key, connection] : connections_) all.push_back(key);
  for (Connection* connection : all) connection->close_when_idle();
  sweep_timer_->arm_at(lane_.clock.now());
  drain_timer_->arm_at(lane_.clock.now() + kDrainMax);
}

}  // namespace sealane::agent
