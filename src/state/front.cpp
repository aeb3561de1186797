// SPDX-License-Identifier: Apache-2.0
#include "state/front.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/crc32.h"
#include "table/attribute_json.h"

namespace sealane::state {
namespace {

// What stands before an operation's name, and the service that such an operation is of.
struct Target {
  std::string_view prefix, service;
  bool of_streams = false;
};
constexpr Target kTargets[] = {{"DynamoDB_20120810.", "dynamodb"},
                               {"DynamoDBStreams_20120810.", "dynamodb", true},
                               {"Sealane_20261122.", "sealane"}};
constexpr size_t kOperationBytesMax = 64;  // AWS's longest has 41

// DynamoDB names its own errors, and those of the layer in front of it, in two namespaces.
std::string error_json(const api::Failure& failure) {
  constexpr std::string_view kOfCoral[] = {
      "SerializationException",       "UnknownOperationException",
      "AccessDeniedException",        "MissingAuthenticationTokenException",
      "IncompleteSignatureException", "UnrecognizedClientException",
      "InvalidSignatureException",    "ValidationException",
      "ThrottlingException"};
  const bool is_coral = std::ranges::find(kOfCoral, failure.type) != std::end(kOfCoral);
  const std::string_view space = failure.type == "ValidationException"
                                     ? "com.amazon.coral.validate#"
                                 : is_coral ? "com.amazon.coral.service#"
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

bool is_operation_name(std::string_view name) {
  return !name.empty() && name.size() <= kOperationBytesMax &&
         std::ranges::all_of(name, [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
         });
}

}  // namespace

std::string_view field(const serve::Request& request, std::string_view name) {
  return wire::http::find(request.fields, name).value_or(std::string_view{});
}

api::Failure failure(std::string_view type, std::string message, uint16_t status) {
  return {std::string(type), std::move(message), {}, status};
}

api::Failure unknown_operation() { return failure("UnknownOperationException", {}); }

Front::Front(port::Lane& lane, std::string region, std::vector<std::string> regions,
             std::shared_ptr<const wire::AwsKeyring> keys)
    : lane_(lane), region_(std::move(region)), regions_(std::move(regions)), keys_(std::move(keys)),
      request_counter_(lane.meter.counter("sealane_state_requests_total")),
      error_counter_(lane.meter.counter("sealane_state_errors_total")) {}

std::optional<Front::Asked> Front::read(const serve::Request& request,
                                        const serve::Responder& responder) {
  request_counter_.add();
  if (request.method_id == wire::http::Method::get && request.path() == "/") {
    const std::string text = fmt::format("healthy: dynamodb.{}.sealane ", region_);
    responder.answer({.status = 200, .content_type = "text/plain", .body = text});
    return std::nullopt;
  }
  const std::string_view type = field(request, "content-type");
  const std::string_view media_type = wire::http::trim(type.substr(0, type.find(';')));
  if (!wire::http::equal_fold(media_type, kContentType) &&
      !wire::http::equal_fold(media_type, "application/json")) {
    // The layer in front of DynamoDB speaks XML.
    responder.answer({.status = 404, .body = "<UnknownOperationException/>\n"});
    return std::nullopt;
  }
  const std::string_view target = field(request, "x-amz-target");
  Asked asked;
  for (const Target& each : kTargets) {
    if (!target.starts_with(each.prefix)) continue;
    asked = {.operation = target.substr(each.prefix.size()),
             .service = each.service,
             .of_streams = each.of_streams};
  }
  if (request.method_id != wire::http::Method::post || !is_operation_name(asked.operation)) {
    refuse(responder, unknown_operation());
    return std::nullopt;
  }
  return asked;
}

bool Front::admit(const serve::Request& request, const serve::Responder& responder,
                  const Asked& asked, wire::Access access) {
  const wire::sigv4::Message message{request.method, request.target, request.fields, request.body,
                                     request.tls};
  const auto identity = verifier_.verify(message, *keys_, lane_.clock.wall());
  if (!identity) {
    const auto error = wire::sigv4::json_error(identity.error().why);
    refuse(responder, failure(error.type, identity.error().what, error.status));
    return false;
  }
  const auto allowed = check_scope(*identity, asked, access);
  if (!allowed) refuse(responder, allowed.error());
  return allowed.has_value();
}

// A client with one name for its tables is steered from region to region and signs for one of them,
// so any region of the world will do; one that is none of it is a client that means another place,
// and is told as AWS tells it.
api::Outcome<void> Front::check_scope(const wire::sigv4::Identity& identity, const Asked& asked,
                                      wire::Access access) const {
  const auto scope = [](std::string message) {
    return std::unexpected(failure("InvalidSignatureException", std::move(message)));
  };
  if (identity.service != asked.service) {
    return scope(
        fmt::format("Credential should be scoped to correct service: '{}'. ", asked.service));
  }
  if (identity.region != region_ &&
      std::ranges::find(regions_, identity.region) == regions_.end()) {
    return scope(
        fmt::format("Credential should be scoped to a valid region, not '{}'. ", identity.region));
  }
  if (!identity.key->may(asked.service, access)) {
    return std::unexpected(failure(
        "AccessDeniedException", fmt::format("User: {} is not authorized to perform: {}:{}",
                                             identity.access_key, asked.service, asked.operation)));
  }
  return {};
}

void Front::refuse(const serve::Responder& responder, const api::Failure& why,
                   std::span<const wire::http::Field> more) {
  error_counter_.add();
  SL_ASSERT(more.size() <= kMoreFieldsMax);
  const std::string json = error_json(why), id = request_id();
  char crc[16];
  const auto crc_end = std::to_chars(crc, crc + sizeof crc, crc32(json)).ptr;
  wire::http::Field fields[2 + kMoreFieldsMax] = {{"x-amzn-RequestId", id},
                                                  {"x-amz-crc32", {crc, size_t(crc_end - crc)}}};
  std::ranges::copy(more, fields + 2);
  responder.answer({.status = why.status,
                    .content_type = kContentType,
                    .fields = std::span(fields, 2 + more.size()),
                    .body = json});
}

std::string Front::request_id() {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";
  std::string id(52, '0');
  uint64_t bits = 0;
  for (size_t i = 0; i < id.size(); ++i, bits >>= 5) {
    if (i % 12 == 0) bits = lane_.dice.roll();
    id[i] = kDigits[bits & 31];
  }
  return id;
}

serve::Answer Front::word_refusal(uint16_t status, std::string_view what, std::string& text) {
  // DynamoDB answers a request that is too large as a 413 with a plain body; the rest in its JSON.
  const std::string_view type = status == 413   ? "RequestEntityTooLargeException"
                                : status == 503 ? "ServiceUnavailable"
                                : status >= 500 ? "InternalServerError"
                                                : "SerializationException";
  text = error_json(failure(type, std::string(what), status));
  return {.status = status, .content_type = kContentType, .body = text};
}

}  // namespace sealane::state
