// SPDX-License-Identifier: Apache-2.0
#include "main/handed_tables.h"

#include <fmt/format.h>

#include <utility>

namespace sealane::main {
namespace {

constexpr Duration kLookEvery = 250ms;

}  // namespace

HandedTables::HandedTables(Options options)
    : options_(std::move(options)),
      meter_(options_.registry),
      lane_({.index = 1000,
             .seed = host::random_seed(),
             .tls = options_.tls,
             .log = options_.log,
             .meter = meter_}) {}

HandedTables::~HandedTables() {
  lane_.stop();
  look_timer_.reset();
  handoff_.reset();
  names_.reset();
}

Result<std::unique_ptr<TableService>> HandedTables::open(Options options, const plan::Plan& plan) {
  std::unique_ptr<HandedTables> tables(new HandedTables(std::move(options)));
  SL_CHECK(tables->build(plan));
  return tables;
}

Result<state::Endpoint> HandedTables::endpoint_of(const plan::Plan& plan) const {
  const auto region = plan.find_region(options_.region);
  SL_ASSERT(region && plan.state.is_handed());
  return state::endpoint_of(plan.state.endpoints[plan::index(*region)], plan.state.endpoint_region,
                            options_.region);
}

Status HandedTables::build(const plan::Plan& plan) {
  port::Lane& lane = lane_.lane();
  SL_TRY(auto keys, load_keys(keys_file(plan, options_.data_dir)));
  SL_TRY(auto endpoint, endpoint_of(plan));
  key_ = endpoint_key(plan, options_.data_dir);
  SL_CHECK(load_key(key_));
  names_ = std::make_unique<host::HostNames>(lane);
  handoff_ = std::make_unique<state::Handoff>(
      lane, *names_,
      state::Handoff::Options{.region = options_.region,
                              .regions = region_names(plan),
                              .keys = std::make_shared<const wire::AwsKeyring>(std::move(keys)),
                              .caller = {.endpoint = std::move(endpoint),
                                         .load_key = [this] { return load_key(key_); },
                                         .limits = {}},
                              .limits = {}});
  handoff_->declarer().declare(declared_tables(plan, 0));
  look_timer_ = lane.timers.make([this] { look_around(); });
  look_timer_->arm_at(lane.clock.now());
  return {};
}

Status HandedTables::start(const plan::Plan& plan) {
  SL_TRY(const SocketAddress at, handoff_->listen({options_.node, plan.ports.state}));
  lane_.start();
  const state::Place& to = handoff_->caller().endpoint().tables;
  options_.log.line(port::Level::info, "tables",
                    fmt::format("DynamoDB's API on http://{}, handed on to {}{}", at.to_string(),
                                to.tls ? "https://" : "http://", to.authority));
  return {};
}

void HandedTables::plan_changed(std::shared_ptr<const plan::Plan> plan) {
  (void)lane_.lane().inbox.post([this, plan] {
    if (const auto endpoint =
            plan->state.is_handed() ? endpoint_of(*plan) : fail(Code::conflict, "");
        !endpoint || *endpoint != handoff_->caller().endpoint()) {
      return options_.log.line(port::Level::warn, "reload_partial",
                               "who keeps the tables changes only at a restart");
    }
    handoff_->set_regions(region_names(*plan));
    if (auto keys = load_keys(keys_file(*plan, options_.data_dir))) {
      handoff_->set_keys(std::make_shared<const wire::AwsKeyring>(std::move(*keys)));
    } else {
      options_.log.line(port::Level::error, "keys_refused",
                        "the old ones go on: " + keys.error().what);
    }
    key_ = endpoint_key(*plan, options_.data_dir);
    if (const auto renewed = handoff_->caller().renew_key(); !renewed) {
      options_.log.line(port::Level::error, "keys_refused",
                        "the old one goes on: " + renewed.error().what);
    }
    handoff_->declarer().declare(declared_tables(*plan, 0));
  });
}

void HandedTables::set_cut(std::shared_ptr<const host::NetworkCut> cut) {
  (void)lane_.lane().inbox.post([this, cut = std::move(cut)] { lane_.net().set_cut(cut); });
}

void HandedTables::drain() {
  pending_count_ = 1;  // until the lane itself has counted
  (void)lane_.lane().inbox.post([this] {
    handoff_->drain();
    pending_count_ = handoff_->pending_count();
  });
}

void HandedTables::look_around() {
  look_timer_->arm_at(lane_.lane().clock.now() + kLookEvery);
  pending_count_ = handoff_->pending_count();
  const state::Caller& caller = handoff_->caller();
  const state::Place& place = caller.endpoint().tables;
  auto status = std::make_shared<HandedStatus>();
  for (const auto& each : handoff_->declarer().report())
    status->declared.push_back({each.name, each.is_done, each.trouble});
  status->endpoint = (place.tls ? "https://" : "http://") + place.authority;
  status->is_known = caller.health().is_known;
  status->is_reachable = caller.health().is_reachable;
  status->trouble = caller.health().trouble;
  status->connection_count = caller.connection_count();
  status->waiting_count = caller.waiting_count();
  port::Meter& meter = meter_;
  meter.gauge("sealane_state_handoff_reachable").set(status->is_reachable);
  status_.publish(std::move(status));
}

}  // namespace sealane::main
