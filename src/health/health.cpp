// SPDX-License-Identifier: Apache-2.0
#include "health/health.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sealane::health {
namespace {

using plan::EndpointId;
using view::Outcome;

constexpr size_t kOutcomes = size_t(Outcome::unresolved) + 1;

Duration interval(const plan::Check& check) { return std::max(check.interval, kIntervalMin); }
// How soon after the start of a probe a suspect is probed again.
Duration confirm_interval(const plan::Check& check) {
  return std::max(interval(check) / 4, kConfirmMin);
}

}  // namespace

// One probed endpoint. It is the prober's listener, so it stays where it is while plans come and
// go.
struct Health::Slot final : ProbeListener {
  Slot(Health& owner, EndpointId at, Target to) : health(owner), id(at), target(std::move(to)) {}
  void on_probed(const ProbeResult& result) override { health.finished(*this, result); }

  Health& health;
  EndpointId id;
  Target target;
  std::unique_ptr<Prober> prober;  // null: the endpoint has no address yet
  port::Counter* gauge = nullptr;
  Instant due{};      // when the last probe should have begun, so that lateness does not add up
  Instant started{};  // when it did
  bool ever_started = false;
  bool running = false;
  bool forgiven = false;  // its deadline was put off once, for our own lateness
  bool recorded = false;  // has its first outcome
  bool suspected = false;
  bool doubted = false;  // the suspicion is younger than the probe that runs
};

struct Health::Metrics {
  explicit Metrics(port::Meter& meter)
      : up(meter.counter("sealane_health_flips_total", "to=\"up\"")),
        down(meter.counter("sealane_health_flips_total", "to=\"down\"")),
        suspicions(meter.counter("sealane_health_suspicions_total")),
        late(meter.counter("sealane_health_late_deadlines_total")),
        not_made(meter.counter("sealane_health_probes_not_made_total")),
        in_flight(meter.gauge("sealane_health_probes_in_flight")),
        view_version(meter.gauge("sealane_view_version")) {
    for (size_t i = 0; i < kOutcomes; ++i) {
      outcomes[i] = &meter.counter("sealane_health_probes_total",
                                   fmt::format("outcome=\"{}\"", view::name(Outcome(i))));
    }
  }
  port::Counter &up, &down, &suspicions, &late, &not_made, &in_flight, &view_version;
  std::array<port::Counter*, kOutcomes> outcomes{};
};

Health::Health(port::Lane& lane, const Published<plan::Plan>& plan, Published<view::View>& out,
               Options options)
    : lane_(lane),
      plan_(plan),
      out_(out),
      options_(std::move(options)),
      book_(plan_.pointer(), {options_.node, options_.region}, lane.clock.now()),
      metrics_(std::make_unique<Metrics>(lane.meter)),
      probe_timer_(lane.timers.make([this] { tick(); })),
      publish_timer_(lane.timers.make([this] { publish(); })),
      tidy_timer_(lane.timers.make([this] { tidy(); })),
      first_round_timer_(lane.timers.make([this] {
        first_round_over_ = true;
        if (auto done = std::exchange(first_round_, nullptr)) done();
      })) {}

Health::~Health() = default;

void Health::start() {
  SL_ASSERT(!started_);
  started_ = true;
  const Instant now = lane_.clock.now();
  take_plan(std::vector<std::optional<EndpointId>>(plan_->endpoints.size()));
  if (first_left_ > 0) first_round_timer_->arm_at(now + options_.first_round_max);
  tidy_timer_->arm_at(now + kTidyInterval);
  publish();
}

void Health::on_first_round(std::function<void()> done) {
  first_round_ = std::move(done);
  if (first_round_over_) first_round_timer_->arm_at(lane_.clock.now());
}

// ── the plan
// ─────────────────────────────────────────────────────────────────────────────────────────

Target Health::target(EndpointId id) const {
  const plan::Endpoint& endpoint = plan_->endpoint(id);
  Target to;
  to.address = endpoint.address;
  to.to_node = endpoint.kind == plan::EndpointKind::node;
  // Other nodes see who asks; an agent may stand where our public address is not ours to bind.
  if (to.to_node && options_.node.family() == to.address.ip.family()) to.from = options_.node;
  to.host = !endpoint.check.host.empty() ? endpoint.check.host
            : !endpoint.host.empty()     ? endpoint.host
                                         : endpoint.address.to_string();
  to.path = endpoint.base_path + endpoint.check.path;
  to.check = endpoint.check;
  return to;
}

std::unique_ptr<Health::Slot> Health::make_slot(EndpointId id, Target to) {
  auto slot = std::make_unique<Slot>(*this, id, std::move(to));
  if (!slot->target.address.ip.is_unspecified()) slot->prober = make_prober(slot->target, *slot);
  slot->gauge = &lane_.meter.gauge("sealane_endpoint_healthy",
                                   fmt::format("endpoint=\"{}\"", plan_->endpoint(id).name));
  slot->gauge->set(1);
  return slot;
}

// Lays the slots out anew. `from`: by the new EndpointId, the old one of the same endpoint.
void Health::take_plan(std::vector<std::optional<EndpointId>> from) {
  const Instant now = lane_.clock.now();
  auto before = std::exchange(slots_, {});
  slots_.resize(plan_->endpoints.size());
  schedule_.resize(slots_.size());
  for (size_t i = 0; i < slots_.size(); ++i) {
    const EndpointId id{uint16_t(i)};
    if (!book_.is_probed(id)) continue;
    Target to = target(id);
    std::unique_ptr<Slot> was;
    if (from[i] && plan::index(*from[i]) < before.size())
      was = std::move(before[plan::index(*from[i])]);
    if (!was) {
      slots_[i] = make_slot(id, std::move(to));
      schedule_.set(uint32_t(i), now);
      continue;
    }
    const bool same = was->target == to;
    if (!same) {  // asked in another way from now on, at once
      if (was->running) --in_flight_count_;
      auto changed = make_slot(id, std::move(to));
      changed->recorded = was->recorded;
      slots_[i] = std::move(changed);
      schedule_.set(uint32_t(i), now);
      continue;
    }
    was->id = id;
    if (was->running) {
      schedule_.set(uint32_t(i), was->started + was->target.check.timeout);
    } else {
      schedule_.set(uint32_t(i), was->ever_started
                                     ? std::max(now, was->due + interval(was->target.check))
                                     : now);
    }
    slots_[i] = std::move(was);
  }
  for (const auto& gone : before) {
    if (!gone) continue;
    if (gone->running) --in_flight_count_;
    gone->gauge->set(0);
  }
  first_left_ =
      size_t(std::ranges::count_if(slots_, [](const auto& s) { return s && !s->recorded; }));
  if (first_left_ == 0 && !first_round_over_) first_round_timer_->arm_at(now);
  arm();
}

void Health::plan_changed() {
  if (!plan_.refresh() || !started_) return;
  take_plan(book_.change_plan(plan_.pointer(), lane_.clock.now()));
  publish();
}

// ── the schedule
// ─────────────────────────────────────────────────────────────────────────────────────

void Health::arm() {
  const auto first = schedule_.first();
  if (first) probe_timer_->arm_at(first->when);
  if (!first) probe_timer_->disarm();
}

void Health::tick() {
  const Instant now = lane_.clock.now();
  unsigned started_count = 0;
  while (const auto first = schedule_.first()) {
    if (first->when > now || started_count == kStartsPerTurnMax) break;
    Slot& slot = *slots_[first->slot];
    if (slot.running) {
      expire(slot, now);
    } else {
      begin(slot, now);
      ++started_count;
    }
  }
  arm();
}

void Health::begin(Slot& slot, Instant now) {
  const uint32_t at = uint32_t(plan::index(slot.id));
  slot.due = schedule_.when(at).value_or(now);
  if (now - slot.due > interval(slot.target.check))
    slot.due = now;  // what was missed is not made up for
  slot.started = now;
  slot.ever_started = true;
  slot.running = true;
  slot.forgiven = slot.doubted = false;
  metrics_->in_flight.set(++in_flight_count_);
  schedule_.set(at, now + slot.target.check.timeout);
  if (!slot.prober) return finished(slot, {.outcome = Outcome::unresolved});
  slot.prober->start(lane_.net);
}

// The whole-probe timeout. If the lane itself was held up, the answer may lie in the socket unread:
// then the loop gets one more chance to deliver it, or our own stall would take every endpoint
// down.
void Health::expire(Slot& slot, Instant now) {
  const uint32_t at = uint32_t(plan::index(slot.id));
  const Duration timeout = slot.target.check.timeout;
  if (now - *schedule_.when(at) > kLateMax && !slot.forgiven) {
    slot.forgiven = true;
    metrics_->late.add();
    schedule_.set(at, now + std::max(timeout / 4, Duration(1ms)));
    return;
  }
  slot.prober->stop();
  finished(slot, {.outcome = Outcome::timeout});
}

// | probe ended                       | suspicion                 | next probe, from its start |
// |-----------------------------------|---------------------------|----------------------------|
// | not made (our own want)           | stays                     | interval                   |
// | speaks for, no younger doubt      | gone                      | interval                   |
// | younger suspicion, not a timeout  | stays                     | confirm interval           |
// | against, suspected, not a timeout | stays until it is down    | confirm interval           |
// | timeout                           | stays until it is down    | interval                   |
void Health::finished(Slot& slot, const ProbeResult& result) {
  const Instant now = lane_.clock.now();
  const plan::Check& check = slot.target.check;
  slot.running = false;
  metrics_->in_flight.set(--in_flight_count_);

  Duration cadence = interval(check);
  if (result.outcome == Outcome::unknown) {
    metrics_->not_made.add();
    next_probe(slot, now + cadence);
    return;
  }
  metrics_->outcomes[size_t(result.outcome)]->add();
  if (view::speaks_for(check, result.outcome) && !slot.doubted) slot.suspected = false;
  if (slot.suspected && result.outcome != Outcome::timeout) cadence = confirm_interval(check);

  const view::EndpointView before = book_.look(slot.id);
  const std::optional<EndpointId> own = book_.own_node();
  const Instant own_since = own ? book_.look(*own).since : now;
  const view::Recorded recorded =
      book_.record(slot.id,
                   {result.outcome, result.status,
                    uint32_t(std::max<int64_t>(1, to_us(now - slot.started))), cadence},
                   now);
  if (!book_.look(slot.id).healthy) {  // confirmed (or provisionally so): back to the common pace
    slot.suspected = false;
    cadence = interval(check);
  }
  if (recorded.changed) publish();
  if (recorded.flipped) say_flip(slot.id, now - before.since);
  if (recorded.own_flipped) say_flip(*own, now - own_since);
  slot.gauge->set(book_.look(slot.id).healthy ? 1 : 0);

  Instant next = (cadence == interval(check) ? slot.due : slot.started) + cadence;
  if (!slot.recorded) {  // from here on this endpoint has a phase of its own
    next = slot.started + Duration(1 + int64_t(lane_.dice.below(uint64_t(cadence.count()))));
  }
  count_first(slot);
  next_probe(slot, std::max(next, now));
}

void Health::next_probe(Slot& slot, Instant when) {
  schedule_.set(uint32_t(plan::index(slot.id)), when);
  arm();
}

void Health::count_first(Slot& slot) {
  if (std::exchange(slot.recorded, true)) return;
  if (--first_left_ == 0 && !first_round_over_) first_round_timer_->arm_at(lane_.clock.now());
}

void Health::suspect(EndpointId id, Outcome outcome) {
  if (plan::index(id) >= slots_.size() || !slots_[plan::index(id)]) return;
  if (outcome != Outcome::refused && outcome != Outcome::reset && outcome != Outcome::timeout)
    return;
  Slot& slot = *slots_[plan::index(id)];
  if (!book_.look(id).healthy) return;  // nothing new
  metrics_->suspicions.add();
  slot.suspected = true;
  slot.doubted = slot.running;
  if (slot.running || !slot.ever_started) return;
  const Instant soonest =
      std::max(lane_.clock.now(), slot.started + confirm_interval(slot.target.check));
  if (*schedule_.when(uint32_t(plan::index(id))) > soonest) next_probe(slot, soonest);
}

// ── the view
// ─────────────────────────────────────────────────────────────────────────────────────────

void Health::record_rtt(const Prefix& client, plan::RegionId region, uint32_t rtt_us) {
  book_.record_rtt(client, region, rtt_us, lane_.clock.now());  // published by tidy()
}

void Health::publish() {
  const Instant now = lane_.clock.now();
  if (published_at_ != Instant{} && now - published_at_ < kPublishMin) {
    if (!publish_timer_->armed()) publish_timer_->arm_at(published_at_ + kPublishMin);
    return;
  }
  published_at_ = now;
  publish_timer_->disarm();
  auto view = std::make_shared<const view::View>(book_.snapshot(now));
  metrics_->view_version.set(view->version);
  out_.publish(std::move(view));
}

void Health::tidy() {
  const Instant now = lane_.clock.now();
  plan_changed();
  if (const uint64_t count = metrics_->not_made.get(); count != not_made_said_) {
    lane_.log.line(
        port::Level::error, "probes_not_made",
        fmt::format(
            "count={} hint=\"out of descriptors (ulimit -n), or {} is not an address of this "
            "machine\"",
            count - not_made_said_, options_.node.to_string()));
    not_made_said_ = count;
  }
  if (book_.touched() || book_.latency_due(now)) publish();
  tidy_timer_->arm_at(now + kTidyInterval);
}

void Health::say_flip(EndpointId id, Duration lasted) {
  const plan::Endpoint& endpoint = plan_->endpoint(id);
  const view::EndpointView& seen = book_.look(id);
  (seen.healthy ? metrics_->up : metrics_->down).add();
  lane_.log.line(
      seen.healthy ? port::Level::info : port::Level::warn,
      seen.healthy ? "endpoint_up" : "endpoint_down",
      fmt::format("endpoint=\"{}\" region={} reason=\"{}\" status={} {}_ms={}", endpoint.name,
                  plan_->region(endpoint.region).name, view::name(seen.last), seen.status,
                  seen.healthy ? "was_down" : "was_up", to_ms(lasted)));
}

}  // namespace sealane::health
