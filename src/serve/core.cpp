// SPDX-License-Identifier: Apache-2.0
#include "serve/core.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "serve/connection.h"

namespace sealane::serve {

Counts::Counts(port::Meter& meter, const std::string& api)
    : connections(meter.gauge("sealane_serve_connections", fmt::format("api=\"{}\"", api))),
      buffered_bytes(meter.gauge("sealane_serve_buffered_bytes", fmt::format("api=\"{}\"", api))),
      requests(meter.counter("sealane_serve_requests_total", fmt::format("api=\"{}\"", api))),
      evicted(meter.counter("sealane_serve_evicted_total", fmt::format("api=\"{}\"", api))),
      memory_waits(
          meter.counter("sealane_serve_memory_waits_total", fmt::format("api=\"{}\"", api))) {
  for (size_t i = 0; i < kStatuses.size(); ++i) {
    refused_[i] = &meter.counter("sealane_serve_refused_total",
                                 fmt::format("api=\"{}\",status=\"{}\"", api, kStatuses[i]));
  }
}

void Counts::refused(uint16_t status) {
  const auto at = std::ranges::find(kStatuses, status);
  SL_ASSERT(at != kStatuses.end());
  refused_[size_t(at - kStatuses.begin())]->add();
}

Core::Core(port::Lane& on, Handler& to, Options with)
    : lane(on),
      handler(to),
      options(std::move(with)),
      count(on.meter, options.api),
      turn_(on.timers.make([this] { turn(); })) {}

Core::~Core() = default;

// ── who is there ─────────────────────────────────────────────────────────────────────────────────

Result<SocketAddress> Core::listen(const SocketAddress& at, const port::ListenOptions& how) {
  SL_TRY(auto listener, lane.net.listen(at, how, [this](std::unique_ptr<port::Stream> stream) {
    accept(std::move(stream));
  }));
  const SocketAddress where = listener->local();
  listeners_.push_back(std::move(listener));
  return where;
}

void Core::accept(std::unique_ptr<port::Stream> stream) {
  if (draining) return;  // the stream goes, the client sees a close
  if (open_count >= limits.connections_max && !idle.empty()) {
    count.evicted.add();
    idle.front().close();
  }
  const bool full = open_count >= limits.connections_max;
  if (free_slots_.empty()) {
    free_slots_.push_back(uint32_t(connections_.size()));
    connections_.emplace_back();
  }
  const uint32_t slot = free_slots_.back();
  free_slots_.pop_back();
  ++open_count;
  count.connections.set(open_count);
  connections_[slot] = std::make_unique<Connection>(*this, slot, std::move(stream));
  if (full) connections_[slot]->refuse(503, "This node has no room for another connection now.");
}

void Core::drain() {
  draining = true;
  listeners_.clear();
  while (!idle.empty()) idle.front().close();
}

Connection* Core::find(uint32_t slot, uint64_t serial) {
  Connection* const connection = slot < connections_.size() ? connections_[slot].get() : nullptr;
  return connection != nullptr && connection->is_pending(serial) ? connection : nullptr;
}

void Core::client_left() {
  --open_count;
  count.connections.set(open_count);
}

void Core::bury(Connection& connection) {
  const uint32_t slot = connection.slot();
  buried_.push_back(std::move(connections_[slot]));
  free_slots_.push_back(slot);
  turn_->arm_at(lane.clock.now());
}

void Core::turn_to(Connection& connection) {
  ready_.push_back(connection.slot());
  turn_->arm_at(lane.clock.now());
}

void Core::turn() {
  buried_.clear();
  feed_waiting();
  // By index: what goes on may ask for another turn, which is the next one.
  const auto now = std::exchange(ready_, {});
  for (const uint32_t slot : now) {
    if (connections_[slot]) connections_[slot]->go_on();
  }
}

// ── memory ───────────────────────────────────────────────────────────────────────────────────────

std::unique_ptr<Buffers> Core::take_buffers() {
  if (spares_.empty()) return std::make_unique<Buffers>();
  auto out = std::move(spares_.back());
  spares_.pop_back();
  return out;
}

void Core::give_back(std::unique_ptr<Buffers> buffers) {
  if (spares_.size() == kSparesMax) return;
  buffers->text.clear();
  buffers->fields.clear();
  buffers->body.clear();
  buffers->request = {};
  if (buffers->text.capacity() > kSpareBytesMax) buffers->text.shrink_to_fit();
  if (buffers->body.capacity() > kSpareBytesMax) buffers->body.shrink_to_fit();
  spares_.push_back(std::move(buffers));
}

bool Core::has_room(size_t bytes) const {
  const size_t max = limits.buffered_bytes_max;
  const size_t share = bytes > limits.body_step_bytes ? max / 4 * 3 : max;
  return buffered_bytes + bytes <= share;
}

void Core::hold(size_t before, size_t now) {
  buffered_bytes += now - before;  // may wrap on the way, not in the sum
  count.buffered_bytes.set(buffered_bytes);
  if (now < before && waiting_count > 0) turn_->arm_at(lane.clock.now());
}

bool Core::wait_for_memory(Connection& connection) {
  if (waiting_count == limits.waiting_max) return false;
  ++waiting_count;
  count.memory_waits.add();
  waiting_.push_back(connection);
  return true;
}

// In the order of their coming; a large one that does not fit holds up the large ones behind it
// only.
void Core::feed_waiting() {
  bool large_waits = false;
  for (auto at = waiting_.begin(); at != waiting_.end();) {
    Connection& connection = *at++;
    const size_t bytes = connection.wanted_bytes();
    const bool large = bytes > limits.body_step_bytes;
    if (large && large_waits) continue;
    if (has_room(bytes)) {
      connection.memory_granted();
    } else if (large) {
      large_waits = true;
    } else {
      break;
    }
  }
}

std::string_view Core::date_line() {
  const auto second = std::chrono::floor<std::chrono::seconds>(lane.clock.wall());
  if (second != date_of_ || date_line_.empty()) {
    date_of_ = second;
    date_line_ =
        fmt::format("\r\nDate: {}\r\n", wire::http::view(wire::http::format_http_date(second)));
  }
  return date_line_;
}

}  // namespace sealane::serve
