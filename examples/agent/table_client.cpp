// SPDX-License-Identifier: Apache-2.0
#include "table_client.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "wire/http/reader.h"

namespace sealane::agent {
namespace {

using nlohmann::json;
using wire::http::Event;

bool is_passing(std::string_view type) {
  return type == "ThrottlingException" || type == "ProvisionedThroughputExceededException" ||
         type == "RequestLimitExceeded" || type == "LimitExceededException";
}
bool is_about_the_key(std::string_view type) {
  return type == "UnrecognizedClientException" || type == "InvalidSignatureException";
}

}  // namespace

// {"__type":"com.amazonaws.dynamodb.v20120810#ValidationException","message":"..."}
TableRefusal refusal_of(std::string_view body) {
  const json answer = json::parse(body, nullptr, false);
  TableRefusal refusal;
  if (!answer.is_object()) return refusal;
  const auto text = [&](const char* name) {
    const auto found = answer.find(name);
    return found != answer.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  refusal.type = text("__type");
  refusal.type.erase(0, refusal.type.rfind('#') + 1);  // npos + 1 is 0
  refusal.message = text("message");
  if (refusal.message.empty()) refusal.message = text("Message");
  return refusal;
}

// One request at a time.
class TableClient::Connection final : public port::StreamHandler {
 public:
  Connection(TableClient& client, const SocketAddress& to)
      : client_(client),
        to_(to),
        stream_(client.lane_.net.connect(to, {.timeout = kTryMax, .from = client.options_.from},
                                         *this)) {}
  bool is_idle() const { return stream_ && call_ == 0; }
  bool is_closed() const { return !stream_; }
  const SocketAddress& to() const { return to_; }
  void send(uint64_t call, std::string_view request) {
    call_ = call;
    body_.clear();
    stream_->write(request);
  }
  void close() {
    stream_.reset();
    call_ = 0;
    client_.sweep_soon();
  }

 private:
  void on_data(std::span<const char> bytes) override {
    std::string_view in(bytes.data(), bytes.size());
    while (stream_) {
      switch (reader_.next(in, {}, client_.fields_)) {
        case Event::more:
          return;
        case Event::head:
          status_ = reader_.head().status;
          keep_alive_ = reader_.head().keep_alive;
          break;
        case Event::body:
          if (body_.size() + reader_.body().size() > kAnswerBytesMax)
            return gone("an answer without end");
          body_ += reader_.body();
          break;
        case Event::end:
          if (status_ >= 200) answered();
          break;
        case Event::refused:
          return gone("an answer that is not HTTP");
      }
    }
  }
  void on_end() override { gone("the connection was closed"); }
  void on_error(const Error& error) override { gone(error.what); }

  void answered() {
    const uint64_t call = std::exchange(call_, 0);
    if (!keep_alive_ || call == 0) close();
    if (call != 0) client_.answered(call, status_, std::exchange(body_, {}));
  }
  void gone(const std::string& why) {
    const uint64_t call = call_;
    close();
    if (call != 0) client_.failed(call, {Code::unavailable, why}, true);
  }

  TableClient& client_;
  const SocketAddress to_;
  uint64_t call_ = 0;
  wire::http::ResponseReader reader_;
  uint16_t status_ = 0;
  bool keep_alive_ = true;
  std::string body_;
  std::unique_ptr<port::Stream> stream_;
};

TableClient::TableClient(port::Lane& lane, Options options)
    : lane_(lane), options_(std::move(options)), sweep_timer_(lane.timers.make([this] {
        std::erase_if(connections_, [](const auto& c) { return c->is_closed(); });
      })) {
  SL_ASSERT(!options_.servers.empty());
}

TableClient::~TableClient() = default;

void TableClient::call(std::string_view operation, std::string body, Done done) {
  if (calls_.size() >= kCallsMax)
    return done(fail(Code::limit, "too many calls to the tables are under way"));
  const uint64_t id = ++last_id_;
  Call& call = calls_[id];
  call.operation = operation;
  call.body = std::move(body);
  call.done = std::move(done);
  call.deadline = lane_.clock.now() + kCallMax;
  call.timer = lane_.timers.make([this, id] { timer_fired(id); });
  call.timer->arm_at(lane_.clock.now());
}

void TableClient::timer_fired(uint64_t id) {
  Call& call = calls_.at(id);
  Connection* connection = std::exchange(call.connection, nullptr);
  if (connection == nullptr) return begin_try(id);
  connection->close();
  failed(id, {Code::timeout, fmt::format("no answer within {} ms", to_ms(kTryMax))}, true);
}

void TableClient::begin_try(uint64_t id) {
  Call& call = calls_.at(id);
  const SocketAddress& server = options_.servers[server_];
  const auto text = request(call, server);
  if (!text) return failed(id, text.error(), false);
  call.connection = &connection_to(server);
  call.timer->arm_at(std::min(call.deadline, lane_.clock.now() + kTryMax));
  call.connection->send(id, *text);
}

TableClient::Connection& TableClient::connection_to(const SocketAddress& server) {
  for (const auto& connection : connections_) {
    if (connection->is_idle() && connection->to() == server) return *connection;
  }
  return *connections_.emplace_back(std::make_unique<Connection>(*this, server));
}

Result<std::string> TableClient::request(const Call& call, const SocketAddress& server) {
  if (!key_) {
    SL_TRY(key_, options_.load_key());
  }
  const std::string host = server.to_string(), target = "DynamoDB_20120810." + call.operation;
  const wire::http::Field fields[] = {
      {"Host", host}, {"Content-Type", "application/x-amz-json-1.0"}, {"X-Amz-Target", target}};
  std::string text = "POST / HTTP/1.1\r\n";
  for (const auto& [name, value] : fields) text += fmt::format("{}: {}\r\n", name, value);
  signer_.sign({.method = "POST", .target = "/", .fields = fields, .body = call.body}, *key_,
               {.region = options_.region, .service = "dynamodb"}, lane_.clock.wall(), text);
  return text += fmt::format("Content-Length: {}\r\n\r\n{}", call.body.size(), call.body);
}

void TableClient::failed(uint64_t id, Error error, bool elsewhere) {
  Call& call = calls_.at(id);
  call.connection = nullptr;
  call.last = std::move(error);
  if (elsewhere) server_ = (server_ + 1) % options_.servers.size();
  const Instant next = lane_.clock.now() + call.pause;
  if (next >= call.deadline) return finish(id, std::unexpected(call.last));
  call.pause *= 2;
  call.timer->arm_at(next);
}

void TableClient::answered(uint64_t id, uint16_t status, std::string body) {
  calls_.at(id).connection = nullptr;
  if (status == 200) return finish(id, std::move(body));
  const TableRefusal refusal = refusal_of(body);
  const std::string what = fmt::format("{} {}: {}", status, refusal.type, refusal.message);
  if (status >= 500 || is_passing(refusal.type))
    return failed(id, {Code::unavailable, what}, status >= 500);
  if (is_about_the_key(refusal.type)) {
    key_.reset();
    return failed(id, {Code::invalid, what}, false);
  }
  if (refusal.type == "ConditionalCheckFailedException")
    return finish(id, fail(Code::conflict, what));
  const bool is_size =
      refusal.message.contains("size has exceeded") || refusal.message.contains("Item size");
  finish(id, fail(is_size ? Code::limit : Code::invalid, what));
}

void TableClient::finish(uint64_t id, Result<std::string> result) {
  auto call = calls_.extract(id);
  call.mapped().done(std::move(result));
}

}  // namespace sealane::agent
