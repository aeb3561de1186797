// SPDX-License-Identifier: Apache-2.0
#include "play/agent.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "wire/http/status.h"

namespace sealane::play {

namespace http = wire::http;

// One connection, one request at a time: what is pipelined waits unread.
class Agent::Connection final : public port::StreamHandler {
 public:
  Connection(Agent& agent, uint64_t id, std::unique_ptr<port::Stream> stream)
      : agent_(agent),
        id_(id),
        stream_(std::move(stream)),
        timer_(agent.lane_.timers.make([this] { due(); })) {
    stream_->set_handler(*this);
  }

 private:
  enum class Doing : uint8_t { reading, thinking, streaming };

  void on_data(std::span<const char> bytes) override {
    in_.append(bytes.data(), bytes.size());
    if (doing_ == Doing::reading) read();
  }
  void on_end() override {
    if (doing_ == Doing::reading) return agent_.drop(id_);
    ended_ = true;
  }
  void on_error(const Error&) override { agent_.drop(id_); }

  void read();
  void begin();
  void due();
  void answer();
  void send_event();
  std::string conversation();

  Agent& agent_;
  const uint64_t id_;
  std::unique_ptr<port::Stream> stream_;
  std::unique_ptr<port::Timer> timer_;
  std::string in_, attempt_;
  size_t node_count_ = 0;
  http::RequestReader reader_;
  std::vector<http::Field> fields_;
  Doing doing_ = Doing::reading;
  bool ended_ = false, keep_alive_ = true, is_post_ = false, is_stream_ = false, is_health_ = false;
  unsigned event_ = 0;  // the last that was sent
  std::string target_, turn_id_, body_;
};

void Agent::Connection::read() {
  std::string_view left = in_;
  bool complete = false, refused = false;
  while (!complete && !refused) {
    const http::Event event = reader_.next(left, {}, fields_);
    if (event == http::Event::more) break;
    if (event == http::Event::head) {
      const http::RequestHead& head = reader_.head();
      keep_alive_ = head.keep_alive;
      is_post_ = head.method == "POST";
      is_health_ = head.target == "/health";
      is_stream_ = http::find(head.fields, "accept").value_or("") == "text/event-stream";
      event_ = 0;
      target_ = head.target;
      turn_id_ = http::find(head.fields, "idempotency-key").value_or("");
      body_.clear();
      const std::string_view last = http::find(head.fields, "last-event-id").value_or("");
      std::from_chars(last.data(), last.data() + last.size(), event_);
      attempt_ = http::find(head.fields, kAttemptField).value_or("");
      // Each node appends whom it got the request from: the first one the user.
      const std::string_view chain = http::find(head.fields, "x-forwarded-for").value_or("");
      node_count_ = chain.empty() ? 0 : size_t(1 + std::ranges::count(chain, ','));
    }
    if (event == http::Event::body) body_ += reader_.body();
    complete = event == http::Event::end;
    refused = event == http::Event::refused;
  }
  in_.erase(0, in_.size() - left.size());
  if (refused) return agent_.drop(id_);
  if (complete) begin();
}

void Agent::Connection::begin() {
  if (!is_health_ && agent_.mood_.on_request) {
    agent_.mood_.on_request({stream_->peer().ip, attempt_, is_post_, node_count_});
  }
  doing_ = Doing::thinking;
  const Duration work = is_post_ ? agent_.mood_.think : kQuickWork;
  timer_->arm_at(agent_.lane_.clock.now() + work);
}

void Agent::Connection::due() {
  if (doing_ == Doing::streaming) return send_event();
  if (doing_ == Doing::thinking) answer();
}

void Agent::Connection::answer() {
  const AgentMood& mood = agent_.mood_;
  if (is_stream_ && mood.brownout == 0) {
    stream_->write(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nCache-Control: no-store\r\n"
        "Connection: close\r\n\r\n");
    doing_ = Doing::streaming;
    return send_event();
  }
  const uint16_t status = mood.brownout != 0 ? mood.brownout : 200;
  const bool is_turn =
      mood.conversations && (!turn_id_.empty() || target_.starts_with("/sessions/"));
  const std::string body = is_turn ? conversation() : "served by " + mood.region + "\n";
  stream_->write(
      fmt::format("HTTP/1.1 {} {}\r\nContent-Type: text/plain\r\nCache-Control: "
                  "no-store\r\nContent-Length: {}\r\n{}\r\n{}",
                  status, http::reason_of(status), body.size(),
                  keep_alive_ ? "" : "Connection: close\r\n", body));
  if (!keep_alive_ || ended_) {
    port::Stream::close_after_flush(std::move(stream_));
    return agent_.drop(id_);
  }
  doing_ = Doing::reading;
  if (!in_.empty()) read();
}

// A turn is added once, whoever repeats it; what comes back is as the demo agent tells it.
std::string Agent::Connection::conversation() {
  constexpr std::string_view kSession = "\"sessionId\":\"", kPath = "/sessions/";
  std::string session = target_.starts_with(kPath) ? target_.substr(kPath.size()) : "";
  if (const size_t at = body_.find(kSession); is_post_ && at != body_.npos) {
    const size_t from = at + kSession.size();
    session = body_.substr(from, body_.find('"', from) - from);
  }
  std::vector<std::string>& ids = (*agent_.mood_.conversations)[session];
  if (is_post_ && std::ranges::find(ids, turn_id_) == ids.end()) ids.push_back(turn_id_);
  std::string list;
  for (const std::string& id : ids)
    list += fmt::format(R"({}{{"id":"{}"}})", list.empty() ? "" : ",", id);
  return fmt::format(R"({{"turns":{},"region":"{}","conversation":[{}]}})", ids.size(),
                     agent_.mood_.region, list);
}

void Agent::Connection::send_event() {
  ++event_;
  stream_->write(fmt::format("id: {}\ndata: served by {}\n\n", event_, agent_.mood_.region));
  if (event_ >= kStreamEvents) {
    port::Stream::close_after_flush(std::move(stream_));
    return agent_.drop(id_);
  }
  timer_->arm_at(agent_.lane_.clock.now() + kStreamInterval);
}

Agent::Agent(port::Lane& lane, const AgentMood& mood) : lane_(lane), mood_(mood) {
  auto listener = lane_.net.listen(mood.at, {}, [this](std::unique_ptr<port::Stream> stream) {
    if (connections_.size() >= kConnectionsMax) return stream->reset();
    const uint64_t id = ++last_id_;
    connections_.emplace(id, std::make_unique<Connection>(*this, id, std::move(stream)));
  });
  SL_ASSERT(listener);
  listener_ = std::move(*listener);
}

Agent::~Agent() = default;

void Agent::drop(uint64_t id) { connections_.erase(id); }

}  // namespace sealane::play
