// SPDX-License-Identifier: Apache-2.0
#include "state/handoff/handoff.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "wire/http/hop_by_hop.h"

namespace sealane::state {
namespace {

// Of a request these go on besides what is asked: what the server may use to answer better or to
// tell its own people more.
constexpr std::string_view kPassed[] = {"accept-encoding", "user-agent", "amz-sdk-invocation-id",
                                        "amz-sdk-request", "x-amzn-trace-id"};

bool is_passed(std::string_view name) {
  return std::ranges::any_of(
      kPassed, [&](std::string_view each) { return wire::http::equal_fold(each, name); });
}

// Of an answer everything goes back but what our own server writes, and tokens of another world.
bool is_answered(std::string_view name) {
  constexpr std::string_view kOwn[] = {"content-type", "content-length", "date"};
  constexpr std::string_view kOurs = "x-sealane-";
  return std::ranges::none_of(
             kOwn, [&](std::string_view each) { return wire::http::equal_fold(each, name); }) &&
         !wire::http::equal_fold(name.substr(0, kOurs.size()), kOurs);
}

}  // namespace

bool is_read(std::string_view operation) {
  constexpr std::string_view kWords[] = {"Get", "List", "Describe"};
  constexpr std::string_view kNames[] = {"BatchGetItem", "Query", "Scan", "TransactGetItems"};
  return std::ranges::find(kNames, operation) != std::end(kNames) ||
         std::ranges::any_of(kWords,
                             [&](std::string_view word) { return operation.starts_with(word); });
}

Handoff::Handoff(port::Lane& lane, port::Names& names, Options options)
    : front_(lane, options.region, std::move(options.regions), std::move(options.keys)),
      caller_(lane, names, std::move(options.caller)),
      declarer_(lane, caller_),
      server_(lane, *this, {.api = "state", .limits = options.limits}) {}

Handoff::~Handoff() = default;

void Handoff::drain() {
  declarer_.stop();
  server_.drain();
}

void Handoff::on_request(const serve::Request& request, serve::Responder responder) {
  const auto asked = front_.read(request, responder);
  if (!asked) return;
  // there are no tables here
  if (asked->service != "dynamodb") return front_.refuse(responder, unknown_operation());
  const bool reads = is_read(asked->operation);
  if (!front_.admit(request, responder, *asked, reads ? wire::Access::read : wire::Access::write))
    return;
  std::vector<wire::http::Field> fields;
  for (const wire::http::Field& each : request.fields) {
    if (is_passed(each.name)) fields.push_back(each);
  }
  const Caller::Ask ask{.operation = asked->operation,
                        .content_type = field(request, "content-type"),
                        .fields = std::move(fields),
                        .body = request.body,
                        .of_streams = asked->of_streams,
                        .is_repeatable = reads,
                        .is_wanted = [responder] { return !responder.client_gone(); }};
  const Status sent = caller_.call(
      ask, [this, responder](const Result<Reply>& reply) { answer(responder, reply); });
  if (!sent) answer(responder, std::unexpected(sent.error()));
}

// SDKs repeat what ended in a 5xx by themselves, with pauses that grow.
void Handoff::answer(const serve::Responder& responder, const Result<Reply>& reply) {
  if (!reply) {
    const bool is_busy = reply.error().code == Code::limit;
    return front_.refuse(responder, failure(is_busy ? "ServiceUnavailable" : "InternalServerError",
                                            reply.error().what, is_busy ? 503 : 500));
  }
  const wire::http::HopByHop hop_by_hop(reply->fields);
  std::vector<wire::http::Field> fields;
  for (const wire::http::Field& each : reply->fields) {
    if (is_answered(each.name) && !hop_by_hop.drops(each.name)) fields.push_back(each);
  }
  responder.answer(
      {.status = reply->status,
       .content_type = wire::http::find(reply->fields, "content-type").value_or(std::string_view{}),
       .fields = fields,
       .body = reply->body});
}

serve::Answer Handoff::word_refusal(uint16_t status, std::string_view what, std::string& text) {
  return Front::word_refusal(status, what, text);
}

}  // namespace sealane::state
