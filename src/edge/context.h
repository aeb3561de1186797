// SPDX-License-Identifier: Apache-2.0
// What everything on one lane's edge works with: snapshots, cache, origin pool, counters, scratch.
// One per lane, owned by Edge, never touched by another thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/snapshot.h"
#include "cache/fill.h"
#include "cache/index.h"
#include "edge/balance.h"
#include "edge/cork.h"
#include "edge/round_trips.h"
#include "edge/route.h"
#include "edge/shared.h"
#include "plan/plan.h"
#include "port/lane.h"
#include "port/sessions.h"
#include "view/current.h"
#include "view/view.h"
#include "wire/http/head.h"

namespace sealane::edge {

class Fetch;
class FillJob;
class OriginPool;
struct Request;

struct Options {
  plan::RegionId region{};  // where this node stands
  IpAddress address;        // of this node: it listens here and connects from here
  std::shared_ptr<Shared> shared;
  // Health hears of what the traffic met. Called on this lane; may be empty.
  std::function<void(plan::EndpointId, view::Outcome)> suspect;
  // How far clients are, in batches. Called on this lane; may be empty.
  RoundTrips::Tell measured;
  // How far this node's tables are; null: it keeps none, and no client is told of any.
  port::Sessions* sessions = nullptr;
};

// Things that may be in the middle of a call when they end: they are put aside and freed in a later
// turn.
class Mortal {
 public:
  virtual ~Mortal() = default;
};

struct Counters {
  explicit Counters(port::Meter& meter);
  port::Counter &requests_2xx, &requests_3xx, &requests_4xx, &requests_5xx;
  port::Counter &hits, &misses, &refreshes, &passes, &stale;
  port::Counter &retries, &moved_on, &origin_failures, &cut_answers;
  port::Counter &session_waits, &session_stale;
  port::Counter &connections, &refused_connections;
  port::Counter &in_flight, &open_connections;  // gauges
  void count_status(uint16_t status) {
    (status < 300   ? requests_2xx
     : status < 400 ? requests_3xx
     : status < 500 ? requests_4xx
                    : requests_5xx)
        .add();
  }
};

class Context {
 public:
  Context(port::Lane& lane, const Published<plan::Plan>& plan, const Published<view::View>& view,
          Options options);
  ~Context();
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  // Takes over newer snapshots: two loads when there are none. Called at the start of every turn.
  void refresh() {
    const auto moved = current_.refresh();
    if (moved != view::Current::Moved::nothing) moved_on(moved == view::Current::Moved::both);
  }
  const plan::Plan& plan() const { return *current_.plan(); }
  const plan::Edge& edge() const { return plan().edge; }
  const view::View& view() const { return current_.view(); }
  plan::RegionId here() const { return here_; }
  const std::string& region_name() const { return plan().region(here_).name; }
  const Hosts& hosts() const { return *hosts_; }
  const wire::http::Limits& limits() const { return limits_; }
  // Where other nodes probe this one.
  const std::string& health_path() const { return health_path_; }
  // Changes when EndpointIds may have another meaning.
  uint64_t generation() const { return generation_; }
  bool is_node(const IpAddress& ip) const;
  // The group of the name that was asked for, in the plan of now. The public one when the name has
  // gone: what was let in is answered.
  plan::GroupId group_of(const Request& request) const;

  Instant now() const { return lane.clock.now(); }
  void suspect(plan::EndpointId endpoint, view::Outcome outcome) {
    if (options.suspect && outcome != view::Outcome::unknown) options.suspect(endpoint, outcome);
  }
  void bury(std::unique_ptr<Mortal> mortal);
  void retire(std::shared_ptr<FillJob> job);

  // Fetches under way: each is told when the view moves, also when nothing else happens on the
  // lane.
  void watch(Fetch& fetch);
  void unwatch(Fetch& fetch);
  size_t fetch_count() const { return fetches_.size(); }

  port::Lane& lane;
  const Options options;
  Shared& shared;
  Counters count;
  cache::Index index;
  cache::Fills fills;
  std::unique_ptr<OriginPool> origins;
  std::unordered_map<const cache::Fill*, std::shared_ptr<FillJob>> jobs;  // under way
  const std::shared_ptr<Shared::Seat> seat = std::make_shared<Shared::Seat>();
  std::vector<uint32_t> loads;  // requests under way by EndpointId
  // Scratch, valid within one call-back.
  std::vector<wire::http::Field> request_fields, response_fields;
  std::string head_text, key_text, lines_text;
  RoundTrips round_trips;
  Cork cork;          // of the transaction whose origin is being read
  Cork request_cork;  // of the fetch whose client is being read

  bool probes_refused = false;  // this node is about to drain

  static constexpr Duration kWatchInterval = 5ms;  // while a fetch is under way

 private:
  void moved_on(bool to_new_plan);
  void take_plan();

  view::Current current_;
  plan::RegionId here_{};
  std::string here_name_;
  std::optional<Hosts> hosts_;
  std::vector<IpAddress> nodes_;  // sorted
  std::string health_path_;
  wire::http::Limits limits_;
  uint64_t generation_ = 0;
  std::vector<Fetch*> fetches_;
  void sweep();
  std::vector<std::unique_ptr<Mortal>> graveyard_, swept_;  // swept_: being freed
  std::vector<std::shared_ptr<FillJob>> retired_jobs_;
  std::unique_ptr<port::Timer> sweeper_, watcher_;
};

}  // namespace sealane::edge
