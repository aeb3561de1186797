// SPDX-License-Identifier: Apache-2.0
#include "state/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/time.h"
#include "base/crc32.h"
#include "state/session.h"
#include "table/attribute_json.h"
#include "table/size.h"

namespace sealane::state {
namespace {

constexpr std::string_view kContentType = "application/x-amz-json-1.0";
// What stands before an operation's name, and the service that such an operation is of.
struct Target {
  std::string_view prefix, service;
};
constexpr Target kTargets[] = {{"DynamoDB_20120810.", "dynamodb"},
                               {"DynamoDBStreams_20120810.", "dynamodb"},
                               {"Sealane_20261122.", "sealane"}};

std::string_view field(const serve::Request& request, std::string_view name) {
  return wire::http::find(request.fields, name).value_or(std::string_view{});
}

const api::Operation* find_operation(std::string_view target) {
  for (const Target& each : kTargets) {
    if (!target.starts_with(each.prefix)) continue;
    const std::string_view name = target.substr(each.prefix.size());
    const auto all = api::operations();
    const auto at = std::ranges::lower_bound(all, name, {}, &api::Operation::name);
    if (at != all.end() && at->name == name && at->service == each.service) return &*at;
  }
  return nullptr;
}

api::Failure failure(std::string_view type, std::string message, uint16_t status = 400) {
  return {std::string(type), std::move(message), {}, status};
}

// DynamoDB names its own errors, and those of the layer in front of it, in two namespaces.
std::string error_json(const api::Failure& failure) {
  constexpr std::string_view kOfCoral[] = {"SerializationException", "UnknownOperationException", "AccessDeniedException",
                                           "MissingAuthenticationTokenException", "IncompleteSignatureException",
                                           "UnrecognizedClientException", "InvalidSignatureException",
                                           "ValidationException", "ThrottlingException"};
  const bool is_coral = std::ranges::find(kOfCoral, failure.type) != std::end(kOfCoral);
  const std::string_view space = failure.type == "ValidationException" ? "com.amazon.coral.validate#"
                                 : is_coral                            ? "com.amazon.coral.service#"
                                                                       : "com.amazonaws.dynamodb.v20120810#";
  std::string json = "{\"__type\":\"";
  json.append(space).append(failure.type).append("\"");
  if (!failure.message.empty()) {
    // Coral's SerializationException has its message under another name.
    json += failure.type == "SerializationException" ? ",\"Message\":" : ",\"message\":";
    table::append_json_string(json, failure.message);
  }
  json.append(failure.members).append("}");
  return json;
}

}  // namespace

struct Service::Waiting {
  serve::Request request;
  serve::Responder responder;
  const api::Operation* operation = nullptr;
  api::Answer answer;
  table::Vector seen;      // what the session brought
  uint64_t stale_ms = 0;
  bool is_remote = false;  // x-sealane-ack: remote
  bool is_local = false;   // x-sealane-ack: local
};

Service::Service(port::Lane& lane, Engine& engine, Replicator& replicator, Options options)
    : lane_(lane), engine_(engine), replicator_(replicator), options_(std::move(options)),
      parser_(table::kRequestBytesMax), alive_(std::make_shared<bool>(true)),
      request_counter_(lane.meter.counter("sealane_state_requests_total")),
      error_counter_(lane.meter.counter("sealane_state_errors_total")),
      stale_counter_(lane.meter.counter("sealane_state_stale_total")) {}

Service::~Service() = default;

void Service::on_request(const serve::Request& request, serve::Responder responder) {
  request_counter_.add();
  if (request.method_id == wire::http::Method::get && request.path() == "/") {
    const std::string text = fmt::format("healthy: dynamodb.{}.sealane ", options_.region);
    return responder.answer({.status = 200, .content_type = "text/plain", .body = text});
  }
  const std::string_view type = field(request, "content-type");
  const std::string_view media_type = wire::http::trim(type.substr(0, type.find(';')));
  if (!wire::http::equal_fold(media_type, kContentType) && !wire::http::equal_fold(media_type, "application/json")) {
    // The layer in front of DynamoDB speaks XML.
    return responder.answer({.status = 404, .body = "<UnknownOperationException/>\n"});
  }
  const api::Operation* operation = find_operation(field(request, "x-amz-target"));
  if (request.method_id != wire::http::Method::post || !operation) {
    return refuse(responder, failure("UnknownOperationException", {}));
  }
  const wire::sigv4::Message message{request.method, request.target, request.fields, request.body, request.tls};
  const auto identity = verifier_.verify(message, *options_.keys, lane_.clock.wall());
  if (!identity) {
    const auto error = wire::sigv4::json_error(identity.error().why);
    return refuse(responder, failure(error.type, identity.error().what, error.status));
  }
  if (const auto allowed = check_scope(*identity, *operation); !allowed) return refuse(responder, allowed.error());
  const auto waiting = std::make_shared<Waiting>();
  waiting->request = request;
  waiting->responder = responder;
  waiting->operation = operation;
  const std::string_view ack = field(request, kAckField);
  waiting->is_remote = ack == "remote";
  waiting->is_local = ack == "local";
  const std::string_view token = field(request, kSessionField);
  if (token.empty()) return run(waiting);
  auto seen = from_token(token);
  if (!seen) return refuse(responder, failure("ValidationException", "x-sealane-session: not a session token of this world"));
  waiting->seen = std::move(*seen);
  replicator_.when_reached(waiting->seen, options_.stale_after,
                           [this, waiting, alive = std::weak_ptr(alive_)](uint64_t stale_ms) {
                             if (alive.expired()) return;
                             waiting->stale_ms = stale_ms;
                             if (stale_ms > 0) stale_counter_.add();
                             if (stale_ms > 0 && field(waiting->request, kStaleField) == "refuse") {
                               return refuse(waiting->responder,
                                             failure("StaleReplicaException",
                                                     "This region has not yet received what the session wrote or read "
                                                     "elsewhere. Try again, or accept stale reads.", 503));
                             }
                             run(waiting);
                           });
}

// A client with one name for its tables is steered from region to region and signs for one of them, so any region of the
// world will do; one that is none of it is a client that means another place, and is told as AWS tells it.
api::Outcome<void> Service::check_scope(const wire::sigv4::Identity& identity, const api::Operation& operation) const {
  const auto scope = [](std::string message) {
    return std::unexpected(failure("InvalidSignatureException", std::move(message)));
  };
  if (identity.service != operation.service) {
    return scope(fmt::format("Credential should be scoped to correct service: '{}'. ", operation.service));
  }
  if (identity.region != options_.region && std::ranges::find(options_.regions, identity.region) == options_.regions.end()) {
    return scope(fmt::format("Credential should be scoped to a valid region, not '{}'. ", identity.region));
  }
  const wire::Access access = operation.is_write ? wire::Access::write : wire::Access::read;
  if (!identity.key->may(operation.service, access)) {
    return std::unexpected(failure("AccessDeniedException",
                                   fmt::format("User: {} is not authorized to perform: {}:{}", identity.access_key,
                                               operation.service, operation.name)));
  }
  return {};
}

void Service::run(const std::shared_ptr<Waiting>& waiting) {
  const std::string_view body = waiting->request.body;
  padded_.assign(body);
  padded_.append(simdjson::SIMDJSON_PADDING, '\0');
  simdjson::dom::element root;
  simdjson::dom::object object;
  if (parser_.parse(padded_.data(), body.size(), false).get(root)) {
    return refuse(waiting->responder, failure("SerializationException", {}));
  }
  if (root.get(object)) {
    return refuse(waiting->responder, failure("SerializationException", "Unexpected value type in payload"));
  }
  api::Call call{.engine = engine_, .region = options_.region, .body = object, .now_ms = unix_ms(lane_.clock.wall()),
                 .host = field(waiting->request, "host"), .lags = [this] { return replicator_.lags(); }};
  auto outcome = waiting->operation->run(call);
  if (!outcome) return refuse(waiting->responder, outcome.error());
  if (!outcome->later) {
    waiting->answer = std::move(*outcome);
    return finish(waiting);
  }
  outcome->later([this, waiting, alive = std::weak_ptr(alive_)](api::Outcome<api::Answer> answer) {
    if (alive.expired()) return;
    if (!answer) return refuse(waiting->responder, answer.error());
    waiting->answer = std::move(*answer);
    finish(waiting);
  });
}

void Service::finish(const std::shared_ptr<Waiting>& waiting) {
  api::Answer& answer = waiting->answer;
  if (answer.written == Position{}) return send(waiting->responder, 200, answer.json, waiting.get());
  const bool is_remote = waiting->is_remote || (answer.ack == table::Ack::remote && !waiting->is_local);
  replicator_.when_acknowledged(
      answer.written, is_remote ? table::Ack::remote : table::Ack::local, options_.ack_timeout,
      [this, waiting, alive = std::weak_ptr(alive_)](const Status& status) {
        if (alive.expired()) return;
        if (status) return send(waiting->responder, 200, waiting->answer.json, waiting.get());
        refuse(waiting->responder, failure("InternalServerError", status.error().what, 500));
      });
}

void Service::refuse(const serve::Responder& responder, const api::Failure& why) {
  error_counter_.add();
  send(responder, why.status, error_json(why), nullptr);
}

void Service::send(const serve::Responder& responder, uint16_t status, std::string_view json, const Waiting* waiting) {
  const std::string id = request_id();
  char crc[16];
  const auto crc_end = std::to_chars(crc, crc + sizeof crc, crc32(json)).ptr;
  wire::http::Field fields[5] = {{"x-amzn-RequestId", id}, {"x-amz-crc32", {crc, size_t(crc_end - crc)}}};
  size_t count = 2;
  std::string stale, lag;
  if (waiting) {
    fields[count++] = {kSessionField, token_after(waiting->seen)};
    if (waiting->stale_ms > 0) {
      stale = std::to_string(waiting->stale_ms);
      fields[count++] = {kStaleField, stale};
    }
    if (!replicator_.peers().empty()) {
      lag = std::to_string(replicator_.lag_ms());
      fields[count++] = {kLagField, lag};
    }
  }
  responder.answer({.status = status, .content_type = kContentType, .fields = std::span(fields, count), .body = json});
}

// What the session saw before, and all that this answer may have shown.
std::string_view Service::token_after(const table::Vector& seen) {
  const table::Vector& applied = engine_.applied();
  if (!applied.reaches(seen)) {
    token_of_ = seen;
    token_of_.raise(applied);
    token_ = to_token(token_of_);
  } else if (token_.empty() || token_of_ != applied) {
    token_of_ = applied;
    token_ = to_token(token_of_);
  }
  return token_;
}

// As AWS makes them: 52 letters and digits.
std::string Service::request_id() {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
  std::string id(52, '0');
  uint64_t bits = 0;
  for (size_t i = 0; i < id.size(); ++i, bits >>= 5) {
    if (i % 12 == 0) bits = lane_.dice.roll();
    id[i] = kDigits[bits & 31];
  }
  return id;
}

serve::Answer Service::word_refusal(uint16_t status, std::string_view what, std::string& text) {
  // DynamoDB answers a request that is too large as a 413 with a plain body; the rest in its JSON.
  const std::string_view type = status == 413   ? "RequestEntityTooLargeException"
                                : status == 503 ? "ServiceUnavailable"
                                : status >= 500 ? "InternalServerError"
                                                : "SerializationException";
  text = error_json(failure(type, std::string(what), status));
  return {.status = status, .content_type = kContentType, .body = text};
}

}  // namespace sealane::state
