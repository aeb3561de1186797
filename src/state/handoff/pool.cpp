// SPDX-License-Identifier: Apache-2.0
#include "state/handoff/pool.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "state/handoff/connection.h"

namespace sealane::state {

using port::kNever;

Pool::Pool(port::Lane& lane, port::Names& names, Place place, PoolLimits limits)
    : lane_(lane), names_(names), place_(std::move(place)), limits_(limits),
      turn_(lane.timers.make([this] { turn(); })),
      waiting_by_(lane.clock, lane.timers, [this] { feed(); }),
      look_up_by_(lane.clock, lane.timers, [this] {
        looked_up(fail(Code::timeout, fmt::format("no address within {} ms", to_ms(kLookUpMax))));
      }) {
  if (place_.ip) addresses_ = {*place_.ip};
}

Pool::~Pool() = default;

Status Pool::call(Call call) {
  Waiting waiting{.call = std::move(call), .deadline = lane_.clock.now() + limits_.call_timeout};
  Connection* const connection = waiting_.empty() ? take_connection() : nullptr;
  if (connection) {
    connection->send(std::move(waiting));
    return {};
  }
  if (waiting_.size() >= limits_.waiting_max) {
    return fail(Code::limit,
                fmt::format("{} requests wait for {} already", waiting_.size(), place_.authority));
  }
  waiting_.push_back(std::move(waiting));
  waiting_by_.set(waiting_.front().deadline);
  return {};
}

// ── who is next ──────────────────────────────────────────────────────────────────────────────────

void Pool::turn() {
  dropped_.clear();
  feed();
}

// Hands what waits to connections that are free, as far as they go; ends what has waited too long.
void Pool::feed() {
  const auto alive = std::weak_ptr(alive_);
  while (!waiting_.empty()) {
    Waiting& next = waiting_.front();
    const bool is_late = next.deadline <= lane_.clock.now();
    const bool is_wanted = !next.call.is_wanted || next.call.is_wanted();
    Connection* const connection = is_late || !is_wanted ? nullptr : take_connection();
    if (!is_late && is_wanted && !connection) break;
    Waiting waiting = std::move(next);
    waiting_.pop_front();
    if (connection) {
      connection->send(std::move(waiting));
      continue;
    }
    end(std::move(waiting), is_late
                                ? fail(Code::timeout, place_.authority + " was not reached in time")
                                : fail(Code::conflict, "nobody waits for the answer"));
    if (alive.expired()) return;
  }
  waiting_by_.set(waiting_.empty() ? kNever : waiting_.front().deadline);
}

// One that rests, or a new one, which is opened while the call is written to it; none: as many as
// may be are busy, or there is no address yet.
Connection* Pool::take_connection() {
  if (!resting_.empty()) {
    Connection* const connection = resting_.back();
    resting_.pop_back();
    return connection;
  }
  if (!may_open()) return nullptr;
  const SocketAddress to{addresses_[next_address_ % addresses_.size()], place_.port};
  const port::ConnectOptions options{.timeout = limits_.connect_timeout,
                                     .tls = place_.tls,
                                     .tls_name = place_.ip ? place_.ip->to_string() : place_.host,
                                     .tls_verify = true};
  connections_.push_back(std::make_unique<Connection>(*this, to, options));
  return connections_.back().get();
}

bool Pool::may_open() {
  if (connections_.size() >= limits_.connections_max) return false;
  if (!place_.ip && look_up_after_ <= lane_.clock.now()) look_up();
  return !addresses_.empty();
}

// ── where the host is ────────────────────────────────────────────────────────────────────────────

void Pool::look_up() {
  if (std::exchange(is_looking_, true)) return;
  look_up_by_.set(lane_.clock.now() + kLookUpMax);
  names_.resolve(place_.host,
                 [this, alive = std::weak_ptr(alive_)](Result<std::vector<IpAddress>> found) {
                   if (!alive.expired()) looked_up(std::move(found));
                 });
}

// The last good addresses go on while the resolver has none.
void Pool::looked_up(Result<std::vector<IpAddress>> found) {
  if (!std::exchange(is_looking_, false)) return;  // its time was over
  look_up_by_.set(kNever);
  if (found) {
    addresses_ = std::move(*found);
    look_up_after_ = lane_.clock.now() + kLookUpEvery;
    return feed();
  }
  if (!addresses_.empty()) {
    look_up_after_ = lane_.clock.now() + kLookUpAgain;
    return;
  }
  const auto alive = std::weak_ptr(alive_);
  auto waiting = std::exchange(waiting_, {});
  for (Waiting& each : waiting) {
    end(std::move(each), std::unexpected(found.error()));
    if (alive.expired()) return;
  }
}

// ── what becomes of a call ───────────────────────────────────────────────────────────────────────

void Pool::answered(Connection& connection, bool may_rest) {
  const auto alive = std::weak_ptr(alive_);
  const auto got = connection.take_answer();
  auto waiting = connection.take_call();
  buffered_bytes_ -= got->held_bytes;
  if (may_rest) {
    connection.rest();
    resting_.push_back(&connection);
  } else {
    drop(connection);
  }
  end(std::move(*waiting), Reply{.status = got->status, .fields = got->fields, .body = got->body});
  if (!alive.expired()) feed();
}

//   the connection          | the call
//   was not opened          | nothing was sent: the next address, as long as one was not tried
//   was kept, no answer yet | the server closed it, most likely: once more, if that may be
//   anything else           | fails
void Pool::broke(Connection& connection, const Error& why) {
  const auto alive = std::weak_ptr(alive_);
  const bool was_open = connection.is_open();
  const bool may_be_stale = connection.was_kept() && !connection.has_begun();
  if (const auto got = connection.take_answer()) buffered_bytes_ -= got->held_bytes;
  auto waiting = connection.take_call();
  drop(connection);
  if (!was_open) {
    ++next_address_;
    look_up_after_ = {};
  }
  if (!waiting) return;
  if (!was_open && ++waiting->tries < std::min<size_t>(kTriesMax, addresses_.size()))
    return again(std::move(*waiting));
  if (was_open && may_be_stale && waiting->call.is_repeatable && why.code == Code::unavailable &&
      !waiting->is_second) {
    waiting->is_second = true;
    // who closes one that it kept closes them all
    while (!resting_.empty()) drop(*resting_.back());
    return again(std::move(*waiting));
  }
  end(std::move(*waiting), fail(why.code, fmt::format("{}: {}", place_.authority, why.what)));
  if (!alive.expired()) feed();
}

// Before all others: it has waited the longest.
void Pool::again(Waiting waiting) {
  waiting_.push_front(std::move(waiting));
  feed();
}

void Pool::end(Waiting waiting, const Result<Reply>& reply) { waiting.call.done(reply); }

void Pool::drop(Connection& connection) {
  connection.close();
  std::erase(resting_, &connection);
  const auto at =
      std::ranges::find(connections_, &connection, [](const auto& each) { return each.get(); });
  if (at == connections_.end()) return;
  dropped_.push_back(std::move(*at));
  connections_.erase(at);
  turn_->arm_at(lane_.clock.now());
}

bool Pool::hold(size_t bytes) {
  if (buffered_bytes_ + bytes > limits_.buffered_bytes_max) return false;
  buffered_bytes_ += bytes;
  return true;
}

}  // namespace sealane::state
