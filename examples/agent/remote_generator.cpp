// SPDX-License-Identifier: Apache-2.0
// A client of OpenAI-compatible chat completions, streamed: one connection a reply, the events of
// its answer handed on as they come.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "generator.h"
#include "wire/http/reader.h"

namespace sealane::agent {
namespace {

using nlohmann::json;
using wire::http::Event;

constexpr Duration kIdleMax = 60s;           // between two reads; a model may think for long
constexpr size_t kLineBytesMax = 256 << 10;  // of an event
constexpr size_t kErrorBytesMax = 4096;      // of an error's text that is passed on

std::string request(const RemoteOptions& options, const Generate& turn) {
  json messages = json::array();
  messages.push_back(
      {{"role", "system"},
       {"content", fmt::format("You are a helpful agent running in region {}. Answer briefly.",
                               options.region.empty() ? "unknown" : options.region)}});
  for (const Turn& before : turn.before.turns) {
    messages.push_back({{"role", "user"}, {"content", before.prompt}});
    if (!before.reply.empty())
      messages.push_back({{"role", "assistant"}, {"content", before.reply}});
  }
  messages.push_back({{"role", "user"}, {"content", turn.prompt}});
  const std::string body =
      json{{"model", options.model}, {"messages", messages}, {"stream", true}}.dump(
          -1, ' ', false, json::error_handler_t::replace);
  return fmt::format(
      "POST {} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\n"
      "Accept: text/event-stream\r\nConnection: close\r\n{}Content-Length: {}\r\n\r\n{}",
      options.path, options.host,
      options.key.empty() ? "" : fmt::format("Authorization: Bearer {}\r\n", options.key),
      body.size(), body);
}

class RemoteGeneration final : public Generation, port::StreamHandler {
 public:
  RemoteGeneration(port::Lane& lane, const RemoteOptions& options, const Generate& turn,
                   TokenSink& sink)
      : clock_(lane.clock),
        request_(request(options, turn)),
        sink_(sink),
        idle_(lane.timers.make([this] { failed("the model did not answer for a minute"); })) {
    port::ConnectOptions connect;
    connect.timeout = 10s;
    connect.tls = connect.tls_verify = options.tls;
    connect.tls_name = options.host.substr(0, options.host.rfind(':'));
    stream_ = lane.net.connect(options.address, connect, *this);
    touch();
  }
  void hold(bool wait) override {
    if (!stream_) return;
    if (wait) {
      idle_->disarm();
      stream_->pause();
    } else {
      touch();
      stream_->resume();
    }
  }

 private:
  void touch() { idle_->arm_at(clock_.now() + kIdleMax); }
  void on_open() override { stream_->write(request_); }
  void on_error(const Error& error) override {
    failed("the model cannot be reached: " + error.what);
  }
  void on_end() override {
    if (status_ != 200)
      return failed(fmt::format("the model answered {}: {}", status_, error_text_));
    failed("the model broke off in the middle of its answer");
  }

  void on_data(std::span<const char> bytes) override {
    touch();
    std::string_view in(bytes.data(), bytes.size());
    while (true) {
      switch (reader_.next(in, {}, fields_)) {
        case Event::more:
          return;
        case Event::head:
          status_ = reader_.head().status;
          break;
        case Event::body:
          if (!take_body(reader_.body())) return;  // this may be gone
          break;
        case Event::end:
          if (status_ < 200) break;  // an interim answer
          return on_end();
        case Event::refused:
          return failed("the model's answer is not HTTP");
      }
    }
  }

  // False when the reply is finished or failed.
  bool take_body(std::string_view bytes) {
    if (status_ != 200) {
      error_text_ += bytes.substr(0, kErrorBytesMax - std::min(kErrorBytesMax, error_text_.size()));
      return true;
    }
    for (const char c : bytes) {
      if (c != '\n') {
        line_ += c;
        if (line_.size() > kLineBytesMax)
          return failed("the model sent an event without end"), false;
        continue;
      }
      if (line_.ends_with('\r')) line_.pop_back();
      const std::string line = std::exchange(line_, {});
      if (!take_line(line)) return false;
    }
    return true;
  }

  // One line of the event stream (WHATWG HTML 9.2.6); all but `data` is of no interest.
  bool take_line(std::string_view line) {
    if (!line.starts_with("data:")) return true;
    line.remove_prefix(5);
    if (line.starts_with(' ')) line.remove_prefix(1);
    if (line == "[DONE]") {
      stream_.reset();
      idle_->disarm();
      sink_.on_finished();
      return false;
    }
    const json event = json::parse(line, nullptr, false);
    const json::json_pointer kError("/error/message"), kContent("/choices/0/delta/content");
    if (event.is_object() && event.contains(kError) && event[kError].is_string()) {
      failed("the model says: " + event[kError].get<std::string>());
      return false;
    }
    if (event.is_object() && event.contains(kContent) && event[kContent].is_string()) {
      const std::string token = event[kContent].get<std::string>();
      const std::weak_ptr<bool> alive = alive_;
      if (!token.empty()) sink_.on_token(token);
      if (alive.expired()) return false;
    }
    return true;
  }

  void failed(const std::string& what) {
    stream_.reset();
    idle_->disarm();
    sink_.on_failed({Code::unavailable, what});
  }

  port::Clock& clock_;
  const std::string request_;
  TokenSink& sink_;
  std::unique_ptr<port::Timer> idle_;
  std::unique_ptr<port::Stream> stream_;
  wire::http::ResponseReader reader_;
  std::vector<wire::http::Field> fields_;
  uint16_t status_ = 0;
  std::string line_, error_text_;
  std::shared_ptr<bool> alive_ =
      std::make_shared<bool>(true);  // the sink may destroy this in on_token()
};

class RemoteGenerator final : public Generator {
 public:
  RemoteGenerator(port::Lane& lane, RemoteOptions options)
      : lane_(lane), options_(std::move(options)) {}
  std::unique_ptr<Generation> generate(const Generate& turn, TokenSink& sink) override {
    return std::make_unique<RemoteGeneration>(lane_, options_, turn, sink);
  }

 private:
  port::Lane& lane_;
  const RemoteOptions options_;
};

}  // namespace

std::unique_ptr<Generator> remote_generator(port::Lane& lane, RemoteOptions options) {
  return std::make_unique<RemoteGenerator>(lane, std::move(options));
}

}  // namespace sealane::agent
