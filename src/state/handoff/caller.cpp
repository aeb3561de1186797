// SPDX-License-Identifier: Apache-2.0
#include "state/handoff/caller.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace sealane::state {
namespace {

constexpr size_t kErrorBytesMax = 64u << 10;  // of an answer that is looked into; errors are short

// The server does not take this node's key: the client's own is fine, so this is not for the client
// to read.
bool is_about_the_key(std::string_view type) {
  constexpr std::string_view kTypes[] = {"UnrecognizedClientException",
                                         "InvalidSignatureException",
                                         "IncompleteSignatureException",
                                         "MissingAuthenticationTokenException",
                                         "MissingAuthenticationToken",
                                         "ExpiredTokenException",
                                         "ExpiredToken",
                                         "InvalidClientTokenId",
                                         "SignatureDoesNotMatch"};
  return std::ranges::find(kTypes, type) != std::end(kTypes);
}

}  // namespace

AwsError aws_error_of(std::string_view body) {
  AwsError error;
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  if (body.size() > kErrorBytesMax || parser.parse(simdjson::padded_string(body)).get(object))
    return error;
  const auto text = [&](std::string_view name) {
    std::string_view value;
    return object[name].get(value) ? std::string_view{} : value;
  };
  error.type = text("__type");
  error.type.erase(0, error.type.rfind('#') + 1);  // npos + 1 is 0
  error.message = text("message");
  if (error.message.empty()) error.message = text("Message");
  return error;
}

struct Caller::Asked {
  Ask ask;
  Done done;
  bool has_new_key = false;  // the first one was refused
};

Caller::Caller(port::Lane& lane, port::Names& names, Options options)
    : lane_(lane), options_(std::move(options)),
      call_counter_(lane.meter.counter("sealane_state_handoff_calls_total")),
      failure_counter_(lane.meter.counter("sealane_state_handoff_failures_total")),
      key_counter_(lane.meter.counter("sealane_state_handoff_key_refused_total")),
      connection_gauge_(lane.meter.gauge("sealane_state_handoff_connections")),
      waiting_gauge_(lane.meter.gauge("sealane_state_handoff_waiting")),
      tables_(lane, names, options_.endpoint.tables, options_.limits) {
  if (options_.endpoint.streams != options_.endpoint.tables) {
    streams_.emplace(lane, names, options_.endpoint.streams, options_.limits);
  }
  (void)renew_key();  // its error is told by the first call
}

Status Caller::renew_key() {
  load_key_after_ = lane_.clock.now() + kLoadKeyEvery;
  auto key = options_.load_key();
  if (!key) {
    key_trouble_ = key.error().what;
    return std::unexpected(key.error());
  }
  key_ = std::move(*key);
  return {};
}

size_t Caller::connection_count() const {
  return tables_.connection_count() + (streams_ ? streams_->connection_count() : 0);
}
size_t Caller::waiting_count() const {
  return tables_.waiting_count() + (streams_ ? streams_->waiting_count() : 0);
}

Status Caller::call(const Ask& ask, Done done) {
  const auto asked = std::make_shared<Asked>(Asked{.ask = ask, .done = std::move(done)});
  return send(asked);
}

Status Caller::send(const std::shared_ptr<Asked>& asked) {
  if (!key_ && load_key_after_ <= lane_.clock.now()) (void)renew_key();
  if (!key_)
    return fail(Code::unavailable, "this node has no key for " +
                                       options_.endpoint.tables.authority + ": " + key_trouble_);
  const Ask& ask = asked->ask;
  const Place& place = ask.of_streams ? options_.endpoint.streams : options_.endpoint.tables;
  call_counter_.add();
  const Status sent =
      pool(ask.of_streams)
          .call({.head = head_of(ask, place),
                 .body = ask.body,
                 .is_repeatable = ask.is_repeatable,
                 .is_wanted = ask.is_wanted,
                 .done = [this, asked](const Result<Reply>& reply) { answered(asked, reply); }});
  connection_gauge_.set(connection_count());
  waiting_gauge_.set(waiting_count());
  return sent;
}

// Signed are the host, what is asked for and the body; AWS wants no more, and what passes others on
// the way may change.
std::string Caller::head_of(const Ask& ask, const Place& place) {
  const std::string target =
      fmt::format("{}_20120810.{}", ask.of_streams ? "DynamoDBStreams" : "DynamoDB", ask.operation);
  std::vector<wire::http::Field> fields{
      {"Host", place.authority}, {"Content-Type", ask.content_type}, {"X-Amz-Target", target}};
  if (!key_->session_token.empty()) fields.push_back({"X-Amz-Security-Token", key_->session_token});
  std::string head = fmt::format("POST {} HTTP/1.1\r\n", options_.endpoint.target);
  const auto append = [&](const wire::http::Field& field) {
    head.append(field.name).append(": ").append(field.value).append("\r\n");
  };
  std::ranges::for_each(fields, append);
  signer_.sign({.method = "POST",
                .target = options_.endpoint.target,
                .fields = fields,
                .body = ask.body,
                .tls = place.tls},
               *key_, {.region = options_.endpoint.region, .service = "dynamodb"},
               lane_.clock.wall(), head);
  std::ranges::for_each(ask.fields, append);
  fmt::format_to(std::back_inserter(head), "Content-Length: {}\r\n\r\n", ask.body.size());
  return head;
}

void Caller::answered(const std::shared_ptr<Asked>& asked, const Result<Reply>& reply) {
  connection_gauge_.set(connection_count());
  waiting_gauge_.set(waiting_count());
  if (!reply) {
    failure_counter_.add();
    if (reply.error().code != Code::limit && reply.error().code != Code::conflict)
      note(false, reply.error().what);
    return asked->done(reply);
  }
  note(true, {});
  if (reply->status != 400 && reply->status != 403) return asked->done(reply);
  const AwsError error = aws_error_of(reply->body);
  if (!is_about_the_key(error.type)) return asked->done(reply);
  // Refused by its signature it was not done, so it may be sent again.
  key_counter_.add();
  if (!std::exchange(asked->has_new_key, true) && has_new_key() && send(asked)) return;
  const std::string what =
      fmt::format("{} refuses this node's key: {}: {}", options_.endpoint.tables.authority,
                  error.type, error.message);
  note(false, what);
  asked->done(fail(Code::unavailable, what));
}

// Temporary credentials are exchanged in their file before they run out.
bool Caller::has_new_key() {
  if (load_key_after_ > lane_.clock.now()) return false;
  const auto before = key_;
  return renew_key() && before != key_;
}

void Caller::note(bool is_reachable, std::string_view trouble) {
  health_.trouble = trouble;
  if (health_.is_known && health_.is_reachable == is_reachable) return;
  if (!is_reachable) {
    lane_.log.line(port::Level::error, "tables_endpoint_away", trouble);
  } else {
    lane_.log.line(port::Level::info, "tables_endpoint_answers",
                   options_.endpoint.tables.authority);
  }
  health_.is_known = true;
  health_.is_reachable = is_reachable;
  health_.since = lane_.clock.now();
}

}  // namespace sealane::state
