// SPDX-License-Identifier: Apache-2.0
// A user in a long conversation: one server-sent event stream, read token by token, opened again
// when it ends.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "play/drill/http_connection.h"
#include "play/drill/scenario.h"
#include "play/drill/sse_reader.h"
#include "play/drill/stub_resolver.h"

namespace sealane::play::drill {

class StreamUser final : HttpConnection::User {
 public:
  struct Options {
    plan::RegionId near{};
    uint16_t user = 0;    // number among the place's
    std::string request;  // its bytes
    uint16_t port = 0;
    port::ConnectOptions connect;
    Duration silence_max = 1s;  // without a token: lost
    Duration pause = 100ms;     // between the end of one stream and the next
  };
  StreamUser(port::Lane& lane, const plan::Plan& plan, Options options, StubResolver& resolver,
             Observations& seen);
  void start();
  // Writes down the stream that is running, and stops.
  void stop();
  uint64_t token_count() const { return stream_ ? stream_->token_count : 0; }
  bool is_flowing() const { return stream_ && stream_->token_count > 0; }

 private:
  void open();
  void connect(const StubResolver::Answer& answer);
  void take(const SseEvent& event);
  void count(std::string_view id);
  void finish(StreamEnd end);
  void on_head(HttpConnection&, const wire::http::ResponseHead& head) override;
  void on_body(HttpConnection&, std::string_view bytes) override;
  void on_answer(HttpConnection&, uint16_t status) override;
  void on_gone(HttpConnection&, Failure why, bool during_request) override;

  port::Lane& lane_;
  const plan::Plan& plan_;
  const Options options_;
  StubResolver& resolver_;
  Observations& seen_;
  ConnectionPool pool_;
  HttpConnection* connection_ = nullptr;
  std::optional<StreamSeen> stream_;
  SseReader reader_;
  std::optional<uint64_t> last_number_;
  Instant last_token_;
  bool is_event_stream_ = false, said_done_ = false, said_error_ = false;
  bool ask_anew_ = false;
  std::unique_ptr<port::Timer> silence_, reopen_;
};

}  // namespace sealane::play::drill
