// SPDX-License-Identifier: Apache-2.0
#include "state/service.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/crc32.h"
#include "base/time.h"
#include "state/session.h"
#include "table/attribute_json.h"
#include "table/size.h"

namespace sealane::state {
namespace {

const api::Operation* find_operation(const Front::Asked& asked) {
  const auto all = api::operations();
  const auto at = std::ranges::lower_bound(all, asked.operation, {}, &api::Operation::name);
  return at != all.end() && at->name == asked.operation && at->service == asked.service ? &*at
                                                                                        : nullptr;
}

}  // namespace

struct Service::Waiting {
  serve::Request request;
  serve::Responder responder;
  const api::Operation* operation = nullptr;
  api::Outcome<api::Answer> outcome;
  table::Vector seen;      // what the session brought
  uint64_t stale_ms = 0;
  std::optional<table::Ack> wanted_ack;  // x-sealane-ack, before what the table says
  std::optional<table::Ack> told_ack;    // who has the write, where somebody wanted more than us
  bool refuses_stale = false;  // x-sealane-stale: refuse
};

Service::Service(port::Lane& lane, Engine& engine, Replicator& replicator, Options options)
    : lane_(lane), engine_(engine), replicator_(replicator), options_(std::move(options)),
      front_(lane, options_.region, options_.regions, options_.keys),
      parser_(table::kRequestBytesMax), alive_(std::make_shared<bool>(true)),
      stale_counter_(lane.meter.counter("sealane_state_stale_total")) {}

Service::~Service() = default;

// A wish that nobody understands must not be passed over: who made it relies on it.
api::Outcome<void> Service::read_wishes(Waiting& waiting) {
  const std::string_view ack = field(waiting.request, kAckField),
                         stale = field(waiting.request, kStaleField);
  waiting.wanted_ack = table::ack_from(ack);
  waiting.refuses_stale = stale == "refuse";
  if (!ack.empty() && !waiting.wanted_ack) {
    return api::validation(
        fmt::format("{}: '{}' is none of 'local', 'remote', 'reachable'", kAckField, ack));
  }
  if (!stale.empty() && !waiting.refuses_stale)
    return api::validation(fmt::format("{}: '{}' is not 'refuse'", kStaleField, stale));
  return {};
}

void Service::on_request(const serve::Request& request, serve::Responder responder) {
  const auto asked = front_.read(request, responder);
  if (!asked) return;
  const api::Operation* operation = find_operation(*asked);
  if (!operation) return refuse(responder, unknown_operation());
  const wire::Access access = operation->is_write ? wire::Access::write : wire::Access::read;
  if (!front_.admit(request, responder, *asked, access)) return;
  const auto waiting = std::make_shared<Waiting>();
  waiting->request = request;
  waiting->responder = responder;
  waiting->operation = operation;
  if (auto read = read_wishes(*waiting); !read) return refuse(responder, read.error());
  const std::string_view token = field(request, kSessionField);
  if (token.empty()) return run(waiting);
  auto seen = from_token(token);
  if (!seen)
    return refuse(responder, failure("ValidationException",
                                     "x-sealane-session: not a session token of this world"));
  waiting->seen = std::move(*seen);
  replicator_.when_reached(waiting->seen, options_.stale_after,
                           [this, waiting, alive = std::weak_ptr(alive_)](uint64_t stale_ms) {
                             if (alive.expired()) return;
                             waiting->stale_ms = stale_ms;
                             if (stale_ms > 0) stale_counter_.add();
                             if (stale_ms > 0 && waiting->refuses_stale)
                               return refuse_as_stale(*waiting);
                             run(waiting);
                           });
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
    return refuse(waiting->responder,
                  failure("SerializationException", "Unexpected value type in payload"));
  }
  api::Call call{.engine = engine_,
                 .region = options_.region,
                 .regions = options_.keepers,
                 .body = object,
                 .now_ms = unix_ms(lane_.clock.wall()),
                 .host = field(waiting->request, "host"),
                 .lags = [this] { return replicator_.lags(); }};
  waiting->outcome = waiting->operation->run(call);
  if (!waiting->outcome || !waiting->outcome->later) return finish(waiting);
  const auto later = std::exchange(waiting->outcome->later, {});
  later([this, waiting, alive = std::weak_ptr(alive_)](api::Outcome<api::Answer> answer) {
    if (alive.expired()) return;
    waiting->outcome = std::move(answer);
    finish(waiting);
  });
}

void Service::finish(const std::shared_ptr<Waiting>& waiting) {
  const auto& outcome = waiting->outcome;
  const table::Ack ack =
      outcome ? waiting->wanted_ack.value_or(outcome->ack) : table::Ack::local;
  const auto show_if = [this, waiting, alive = std::weak_ptr(alive_)](const Status& status) {
    if (alive.expired()) return;
    if (status) return show(waiting);
    refuse(*waiting, failure("InternalServerError", status.error().what, 500));
  };
  if (outcome && outcome->written.source == engine_.self()) {
    return replicator_.when_acknowledged(
        outcome->written, ack, options_.ack_timeout,
        [waiting, ack, show_if](const Result<table::Ack>& got) {
          if (got && ack != table::Ack::local) waiting->told_ack = *got;
          show_if(got ? Status{} : std::unexpected(got.error()));
        });
  }
  if (ack != table::Ack::local && outcome->written != Position{}) {
    waiting->told_ack =
        is_in_two_regions(outcome->written) ? table::Ack::remote : table::Ack::local;
    if (ack == table::Ack::remote && waiting->told_ack != ack)
      return show_if(fail(Code::timeout, "no other region has confirmed the write yet"));
  }
  if (replicator_.is_kept()) return show(waiting);
  replicator_.when_kept(options_.ack_timeout, show_if);
}

// Of what is here, but was written elsewhere, or in an earlier life of this node: a transaction
// that is asked for again.
bool Service::is_in_two_regions(const Position& written) const {
  const Engine::Owner* owner = engine_.owner_of(written.source);
  if (owner && owner->region != options_.region) return true;
  table::Vector wanted;
  wanted.raise(table::Reach{written.source, written.position, 0});
  return !replicator_.region_with(wanted).empty();
}

void Service::show(const std::shared_ptr<Waiting>& waiting) {
  if (!waiting->outcome) return refuse(*waiting, waiting->outcome.error());
  send(*waiting);
}

// What an answer says of sessions and regions, whatever its outcome. Must stay until it is sent.
struct Service::Marks {
  enum class Token : uint8_t { none, given };

  Marks(Service& service, const Waiting& waiting, Token token) {
    if (token == Token::given) add(kSessionField, service.token_after(waiting.seen));
    if (waiting.stale_ms > 0) add(kStaleField, text(stale_, waiting.stale_ms));
    if (waiting.told_ack) add(kAckField, table::kAckNames[size_t(*waiting.told_ack)]);
    if (!service.replicator_.peers().empty())
      add(kLagField, text(lag_, service.replicator_.lag_ms()));
  }
  Marks(const Marks&) = delete;
  std::span<const wire::http::Field> fields() const { return std::span(fields_, count_); }

 private:
  using Digits = char[20];  // of 2^64

  void add(std::string_view name, std::string_view value) { fields_[count_++] = {name, value}; }
  static std::string_view text(Digits& digits, uint64_t number) {
    return {digits, std::to_chars(digits, digits + sizeof digits, number).ptr};
  }

  wire::http::Field fields_[Front::kMoreFieldsMax];
  size_t count_ = 0;
  Digits stale_, lag_;
};

void Service::refuse(const Waiting& waiting, const api::Failure& why) {
  front_.refuse(waiting.responder, why, Marks(*this, waiting, Marks::Token::given).fields());
}

void Service::refuse_as_stale(const Waiting& waiting) {
  // It has shown nothing, so the client's token stays what it is.
  front_.refuse(waiting.responder,
                failure("StaleReplicaException",
                        "This region has not yet received what the session wrote or read "
                        "elsewhere. Try again, or accept stale reads.",
                        503),
                Marks(*this, waiting, Marks::Token::none).fields());
}

void Service::send(const Waiting& waiting) {
  const std::string_view json = waiting.outcome->json;
  const std::string id = front_.request_id();
  char crc[16];
  const auto crc_end = std::to_chars(crc, crc + sizeof crc, crc32(json)).ptr;
  wire::http::Field fields[2 + Front::kMoreFieldsMax] = {
      {"x-amzn-RequestId", id}, {"x-amz-crc32", {crc, size_t(crc_end - crc)}}};
  const Marks marks(*this, waiting, Marks::Token::given);
  std::ranges::copy(marks.fields(), fields + 2);
  waiting.responder.answer({.status = 200,
                            .content_type = kContentType,
                            .fields = std::span(fields, 2 + marks.fields().size()),
                            .body = json});
}

// What the session saw before, and all that this answer may have shown.
std::string_view Service::token_after(const table::Vector& seen) {
  const table::Vector& shown = engine_.shown();
  if (!shown.reaches(seen)) {
    token_of_ = seen;
    token_of_.raise(shown);
    token_ = to_token(token_of_);
  } else if (token_.empty() || token_of_ != shown) {
    token_of_ = shown;
    token_ = to_token(token_of_);
  }
  return token_;
}

serve::Answer Service::word_refusal(uint16_t status, std::string_view what, std::string& text) {
  return Front::word_refusal(status, what, text);
}

}  // namespace sealane::state
