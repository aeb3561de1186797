// SPDX-License-Identifier: Apache-2.0
#include "play/drill/caller.h"

#include <algorithm>
#include <utility>

namespace sealane::play::drill {

Caller::Caller(port::Lane& lane, const plan::Plan& plan, Options options, StubResolver& resolver,
               Observations& seen)
    : lane_(lane),
      plan_(plan),
      options_(std::move(options)),
      resolver_(resolver),
      seen_(seen),
      pool_(lane, options_.connect, *this),
      gap_(Duration(int64_t(1e9 / options_.per_second))),
      tick_(lane.timers.make([this] { begin_due(); })) {
  SL_ASSERT(gap_ > Duration{});
}

void Caller::start(Instant first) {
  next_ = first;
  tick_->arm_at(next_);
}

void Caller::give_up() {
  while (!calls_.empty()) finish(calls_.begin()->first, Failure::timeout);
  pool_.close_all();
}

void Caller::begin_due() {
  const Instant now = lane_.clock.now();
  for (unsigned i = 0; i < kCatchUpMax && next_ <= now; ++i, next_ += gap_) begin(next_);
  tick_->arm_at(next_);
}

void Caller::begin(Instant intended) {
  if (calls_.size() >= kCallsMax) {
    seen_.add(RequestSeen{.intended = intended,
                          .near = options_.near,
                          .kind = options_.kind,
                          .first = Failure::crowded,
                          .failure = Failure::crowded});
    return;
  }
  const uint64_t id = ++last_id_;
  calls_[id].intended = intended;
  resolve(id, std::exchange(ask_anew_, false));
}

void Caller::resolve(uint64_t id, bool anew) {
  resolver_.ask(anew, [this, id](const StubResolver::Answer& answer) { try_at(id, answer); });
}

void Caller::try_at(uint64_t id, const StubResolver::Answer& answer) {
  const auto at = calls_.find(id);
  if (at == calls_.end()) return;  // given up meanwhile
  Call& call = at->second;
  ++call.try_count;
  if (answer.addresses.empty()) return fail_try(id, Failure::unresolved);
  pool_.close_idle_unless([&](const SocketAddress& to) {
    return std::ranges::find(answer.addresses, to.ip) != answer.addresses.end();
  });
  // Each further try takes the next address, where there are several.
  const SocketAddress to{answer.addresses[(call.try_count - 1u) % answer.addresses.size()],
                         options_.port};
  const auto node = plan_.find_node(to.ip);
  call.served_by = node ? plan_.endpoint(*node).region : kNowhere;
  call.connection = pool_.get(to);
  if (call.connection == nullptr) return fail_try(id, Failure::crowded);
  call.connection->tag = id;
  call.deadline = lane_.timers.make([this, id] { fail_try(id, Failure::timeout); });
  call.deadline->arm_at(lane_.clock.now() + options_.connect.timeout);
  call.connection->send(options_.request);
}

bool Caller::may_repeat(const Call& call, Failure why, bool sent) const {
  if (call.try_count > options_.retries_max || why == Failure::crowded) return false;
  switch (options_.kind) {
    case Kind::retrying:
      return true;
    case Kind::ttl_only:
      return false;
    case Kind::prompt:
      return !sent;
  }
  return false;
}

void Caller::fail_try(uint64_t id, Failure why) {
  Call& call = calls_.at(id);
  if (call.try_count == 1) call.first = why;
  bool sent = false;
  if (HttpConnection* connection = std::exchange(call.connection, nullptr)) {
    sent = connection->has_sent();
    const SocketAddress to = connection->to();
    connection->close();
    // What else is kept to that address is not trusted either.
    pool_.close_idle_unless([&](const SocketAddress& other) { return other != to; });
  }
  if (call.deadline) call.deadline->disarm();
  if (!may_repeat(call, why, sent)) return finish(id, why);
  resolve(id, true);
}

void Caller::finish(uint64_t id, Failure failure) {
  const Call& call = calls_.at(id);
  const Instant now = lane_.clock.now();
  seen_.add(RequestSeen{
      .intended = call.intended,
      .wait = now - call.intended,
      .near = options_.near,
      .served_by = failure == Failure::none || call.status != 0 ? call.served_by : kNowhere,
      .kind = options_.kind,
      .try_count = call.try_count,
      .status = call.status,
      .first = call.first,
      .failure = failure});
  if (failure != Failure::none && options_.kind == Kind::prompt) ask_anew_ = true;
  calls_.erase(id);
}

void Caller::on_answer(HttpConnection& connection, uint16_t status) {
  const auto at = calls_.find(connection.tag);
  if (at == calls_.end() || at->second.connection != &connection) return;
  at->second.status = status;
  if (status < 200 || status >= 300) return fail_try(at->first, Failure::bad_status);
  at->second.connection = nullptr;
  finish(at->first, Failure::none);
}

void Caller::on_gone(HttpConnection& connection, Failure why, bool during_request) {
  pool_.sweep_soon();
  const auto at = calls_.find(connection.tag);
  if (!during_request || at == calls_.end() || at->second.connection != &connection) return;
  fail_try(at->first, why);
}

}  // namespace sealane::play::drill
