// SPDX-License-Identifier: Apache-2.0
// The health role of one node: probes every endpoint that the node steers to, folds the outcomes
// into the book, and publishes a new View the moment something changed that a reader decides by.
// Runs on one lane.
//
// What is probed: the agents of the own region directly; every other node end to end, through its
// edge. The own node's health is derived (view/book.h).
//
// When: the first probe of each endpoint at once, the later ones spread by chance over the
// interval, counted from start to start. A suspicion (traffic met a refused, reset or timed-out
// connection) brings the next probe forward, to a quarter of the interval after the last one at the
// soonest, and keeps that pace until the endpoint is confirmed up or down. Only probes flip an
// endpoint, never a suspicion by itself.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/snapshot.h"
#include "health/probes.h"
#include "health/schedule.h"
#include "plan/plan.h"
#include "port/lane.h"
#include "view/book.h"
#include "view/view.h"

namespace sealane::health {

constexpr Duration kIntervalMin = 10ms;  // of a check
constexpr Duration kConfirmMin = 5ms;    // between two probes of a suspect
constexpr Duration kPublishMin =
    1ms;  // between two Views, so that a whole region's fall is a few of them
constexpr Duration kTidyInterval = 1s;  // for what only people look at: status, round-trip times
constexpr Duration kLateMax = 5ms;      // our own lateness that a deadline forgives
constexpr unsigned kStartsPerTurnMax = 64;  // probes begun before the loop gets a turn

class Health {
 public:
  struct Options {
    IpAddress node;      // our own
    std::string region;  // our own, when the plan has no such node
    Duration first_round_max = 2s;
  };

  Health(port::Lane& lane, const Published<plan::Plan>& plan, Published<view::View>& out,
         Options options);
  ~Health();
  Health(const Health&) = delete;

  void start();
  // `done` is called once, from the loop: when each endpoint was probed once, or first_round_max
  // after start().
  void on_first_round(std::function<void()> done);
  // Traffic met trouble with this endpoint. Cheap; call it as often as it happens.
  void suspect(plan::EndpointId id, view::Outcome outcome);
  // A measured round-trip time between a client's network and a region.
  void record_rtt(const Prefix& client, plan::RegionId region, uint32_t rtt_us);
  // A new plan was published. Endpoints that stay are probed on without a gap. (Health looks by
  // itself once a second; this makes it look now.)
  void plan_changed();

 private:
  struct Slot;
  struct Metrics;

  void tick();
  void begin(Slot& slot, Instant now);
  void expire(Slot& slot, Instant now);
  void finished(Slot& slot, const ProbeResult& result);
  void next_probe(Slot& slot, Instant when);
  void count_first(Slot& slot);
  void arm();
  void tidy();
  void publish();
  void take_plan(std::vector<std::optional<plan::EndpointId>> from);
  std::unique_ptr<Slot> make_slot(plan::EndpointId id, Target target);
  Target target(plan::EndpointId id) const;
  void say_flip(plan::EndpointId id, Duration lasted);

  port::Lane& lane_;
  Reader<plan::Plan> plan_;
  Published<view::View>& out_;
  const Options options_;
  view::Book book_;
  std::unique_ptr<Metrics> metrics_;
  std::vector<std::unique_ptr<Slot>> slots_;  // by EndpointId; null: not probed from here
  Schedule schedule_;  // a slot's next start, or the deadline of its running probe
  size_t in_flight_count_ = 0;
  size_t first_left_ = 0;  // endpoints that still wait for their first outcome
  bool started_ = false, first_round_over_ = false;
  Instant published_at_{};
  uint64_t not_made_said_ = 0;  // probes not made, as the last line about them said
  std::function<void()> first_round_;
  std::unique_ptr<port::Timer> probe_timer_, publish_timer_, tidy_timer_, first_round_timer_;
};

}  // namespace sealane::health
