// SPDX-License-Identifier: Apache-2.0
#include "play/drill/status_watcher.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sealane::play::drill {

StatusWatcher::StatusWatcher(port::Lane& lane, const plan::Plan& plan, Options options,
                             Observations& seen)
    : lane_(lane),
      plan_(plan),
      options_(std::move(options)),
      seen_(seen),
      pool_(lane, options_.connect, *this),
      known_(plan.endpoints.size()),
      tick_(lane.timers.make([this] { ask(); })),
      deadline_(lane.timers.make([this] { fail("no answer in time"); })) {}

void StatusWatcher::stop() {
  tick_->disarm();
  deadline_->disarm();
  connection_ = nullptr;
  pool_.close_all();
}

void StatusWatcher::ask() {
  const IpAddress& ip = plan_.endpoint(options_.node).address.ip;
  connection_ = pool_.get({ip, plan_.ports.metrics});
  SL_ASSERT(connection_ != nullptr);  // one at a time
  body_.clear();
  asked_ = lane_.clock.now();
  deadline_->arm_at(asked_ + options_.connect.timeout);
  connection_->send(fmt::format("GET /status HTTP/1.1\r\nHost: {}\r\n\r\n", ip.to_string()));
}

void StatusWatcher::on_body(HttpConnection&, std::string_view bytes) {
  if (body_.size() + bytes.size() > kStatusBytesMax) return fail("its /status is too long");
  body_ += bytes;
}

void StatusWatcher::on_answer(HttpConnection&, uint16_t code) {
  if (connection_ == nullptr) return;
  if (code != 200) return fail(fmt::format("its /status answers {}", code));
  const auto status = parse_status(body_);
  if (!status) return fail(status.error().what);
  connection_ = nullptr;
  deadline_->disarm();
  set_reachable(true);
  take(*status);
  last_look_ = lane_.clock.now();
  tick_->arm_at(last_look_ + options_.interval);
}

void StatusWatcher::on_gone(HttpConnection& connection, Failure why, bool) {
  pool_.sweep_soon();
  if (&connection == connection_) fail(name(why));
}

void StatusWatcher::fail(std::string why) {
  if (HttpConnection* connection = std::exchange(connection_, nullptr)) connection->close();
  pool_.sweep_soon();
  deadline_->disarm();
  set_reachable(false);
  well_ = false;
  trouble_ = std::move(why);
  tick_->arm_at(lane_.clock.now() + options_.pause);
}

void StatusWatcher::take(const NodeStatus& status) {
  const Instant now = lane_.clock.now();
  const std::string plan = fmt::format("{:016x}", plan_.version);
  trouble_ = !status.ready ? "it is not ready"
             : status.plan != plan
                 ? fmt::format("it runs plan {}, and this world file is plan {}", status.plan, plan)
                 : "";
  well_ = trouble_.empty();
  for (const EndpointStatus& e : status.endpoints) {
    if (e.id >= known_.size()) continue;  // of another plan
    Known& known = known_[e.id];
    // A node probes the other nodes and the agents of its own region; of the rest it never knows.
    const plan::Endpoint& about = plan_.endpoints[e.id];
    const bool is_probed = about.kind != plan::EndpointKind::fixed &&
                           (about.kind == plan::EndpointKind::node ||
                            about.region == plan_.endpoint(options_.node).region);
    if (!e.healthy || (is_probed && !e.known)) {
      well_ = false;
      trouble_ = fmt::format("it sees {} {}", about.name,
                             e.known ? "down: " + e.last : "as not probed yet");
    }
    if (known.seen && known.healthy == e.healthy) continue;
    // The node says how old its state is, which is nearer to the truth than the time of our look;
    // but the change lies after our last look.
    const auto age = Duration(int64_t(std::clamp(e.since_ms, 0.0, 1e9) * 1e6));
    const Instant at = known.seen ? std::clamp(now - age, std::min(last_look_, now), now) : now;
    known = {true, e.healthy};
    seen_.add(HealthSeen{.at = at,
                         .node = options_.node,
                         .endpoint = plan::EndpointId(uint16_t(e.id)),
                         .healthy = e.healthy,
                         .last = e.last});
  }
}

void StatusWatcher::set_reachable(bool reachable) {
  if (reachable_ == reachable) return;
  reachable_ = reachable;
  seen_.add(ReachSeen{.at = lane_.clock.now(), .node = options_.node, .reachable = reachable});
}

}  // namespace sealane::play::drill
