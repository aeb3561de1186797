// SPDX-License-Identifier: Apache-2.0
#include "edge/context.h"

#include <algorithm>

#include "edge/fetch.h"
#include "edge/fill_job.h"
#include "edge/origin_pool.h"
#include "edge/request.h"

namespace sealane::edge {

Counters::Counters(port::Meter& meter)
    : requests_2xx(meter.counter("sealane_edge_requests_total", R"(class="2xx")")),
      requests_3xx(meter.counter("sealane_edge_requests_total", R"(class="3xx")")),
      requests_4xx(meter.counter("sealane_edge_requests_total", R"(class="4xx")")),
      requests_5xx(meter.counter("sealane_edge_requests_total", R"(class="5xx")")),
      hits(meter.counter("sealane_edge_cache_total", R"(result="hit")")),
      misses(meter.counter("sealane_edge_cache_total", R"(result="miss")")),
      refreshes(meter.counter("sealane_edge_cache_total", R"(result="refresh")")),
      passes(meter.counter("sealane_edge_cache_total", R"(result="pass")")),
      stale(meter.counter("sealane_edge_cache_total", R"(result="stale")")),
      retries(meter.counter("sealane_edge_retries_total")),
      moved_on(meter.counter("sealane_edge_moved_on_total")),
      origin_failures(meter.counter("sealane_edge_origin_failures_total")),
      cut_answers(meter.counter("sealane_edge_cut_answers_total")),
      session_waits(meter.counter("sealane_edge_session_waits_total")),
      session_stale(meter.counter("sealane_edge_session_stale_total")),
      connections(meter.counter("sealane_edge_connections_total")),
      refused_connections(meter.counter("sealane_edge_refused_connections_total")),
      in_flight(meter.gauge("sealane_edge_fetches_in_flight")),
      open_connections(meter.gauge("sealane_edge_connections_open")) {}

Context::Context(port::Lane& on, const Published<plan::Plan>& plan,
                 const Published<view::View>& view, Options with)
    : lane(on),
      options(std::move(with)),
      shared(*options.shared),
      count(lane.meter),
      index({.bytes_max = options.shared->budget->bytes_max()}, options.shared->budget),
      fills({.object_bytes_max = plan.get()->edge.object_bytes_max}, options.shared->budget),
      round_trips(lane, options.measured),
      current_(plan, view, on.clock.now()),
      here_(options.region),
      here_name_(this->plan().region(options.region).name) {
  origins = std::make_unique<OriginPool>(*this);
  sweeper_ = lane.timers.make([this] { sweep(); });
  watcher_ = lane.timers.make([this] {
    refresh();
    if (!fetches_.empty()) watcher_->arm_at(now() + kWatchInterval);
  });
  take_plan();
}

Context::~Context() {
  for (auto& [fill, job] : std::exchange(jobs, {})) retired_jobs_.push_back(std::move(job));
  while (!graveyard_.empty() || !retired_jobs_.empty()) sweep();
  origins.reset();
}

// Freeing one may bury another, for the next turn. The lists keep their room.
void Context::sweep() {
  graveyard_.swap(swept_);
  swept_.clear();
  if (!retired_jobs_.empty()) std::exchange(retired_jobs_, {}).clear();
}

void Context::retire(std::shared_ptr<FillJob> job) {
  retired_jobs_.push_back(std::move(job));
  if (!sweeper_->armed()) sweeper_->arm_at(now());
}

bool Context::is_node(const IpAddress& ip) const { return std::ranges::binary_search(nodes_, ip); }

plan::GroupId Context::group_of(const Request& request) const {
  if (request.caller.generation == generation_) return request.caller.group;
  return hosts_->find(request.head.host).value_or(plan().public_group);
}

void Context::bury(std::unique_ptr<Mortal> mortal) {
  if (!mortal) return;
  graveyard_.push_back(std::move(mortal));
  if (!sweeper_->armed()) sweeper_->arm_at(now());
}

void Context::watch(Fetch& fetch) {
  fetch.slot_ = fetches_.size();
  fetches_.push_back(&fetch);
  count.in_flight.set(fetches_.size());
  if (!watcher_->armed()) watcher_->arm_at(now() + kWatchInterval);
}

void Context::unwatch(Fetch& fetch) {
  const size_t slot = std::exchange(fetch.slot_, Fetch::kUnwatched);
  if (slot == Fetch::kUnwatched) return;
  Fetch* const last = fetches_.back();
  fetches_.pop_back();
  if (last != &fetch) {
    last->slot_ = slot;
    fetches_[slot] = last;
  }
  count.in_flight.set(fetches_.size());
}

void Context::take_plan() {
  const plan::Plan& now_valid = plan();
  ++generation_;
  if (const auto id = now_valid.find_region(here_name_)) here_ = *id;
  hosts_.emplace(now_valid);
  nodes_.clear();
  for (const plan::Endpoint& endpoint : now_valid.endpoints) {
    if (endpoint.kind == plan::EndpointKind::node) nodes_.push_back(endpoint.address.ip);
  }
  std::ranges::sort(nodes_);
  if (const auto self = now_valid.find_node(options.address)) {
    const plan::Endpoint& node = now_valid.endpoint(*self);
    health_path_ = node.base_path + node.check.path;
  }
  limits_.head_bytes_max = now_valid.edge.header_bytes_max;
  fills.set_object_bytes_max(now_valid.edge.object_bytes_max);
  loads.assign(now_valid.endpoints.size(), 0);
  origins->plan_moved();
}

void Context::moved_on(bool to_new_plan) {
  // First all know where they are; only then do they act on it, below.
  if (to_new_plan) {
    take_plan();
    for (Fetch* fetch : fetches_) fetch->plan_moved(current_.plan_before(), plan());
  }
  // A fetch that moves on may end others or begin new ones. From the back to the front: what
  // unwatch() moves comes from behind and has been told, so nobody is left out (and being told
  // twice changes nothing).
  for (size_t i = fetches_.size(); i > 0; i = std::min(i - 1, fetches_.size())) {
    fetches_[i - 1]->view_moved();
  }
}

}  // namespace sealane::edge
