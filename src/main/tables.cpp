// SPDX-License-Identifier: Apache-2.0
#include "main/tables.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/time.h"
#include "base/hash.h"
#include "host/authority.h"
#include "host/files.h"
#include "host/nats_fabric.h"
#include "host/rocks_store.h"
#include "port/no_fabric.h"

namespace sealane::main {
namespace {

constexpr Duration kLookEvery = 250ms;

std::vector<std::string> node_names(const plan::Plan& plan) {
  std::vector<std::string> names;
  for (const auto id : plan.state_nodes())
    names.push_back(plan.endpoint(id).address.ip.to_string());
  return names;
}

// The regions that keep tables.
std::vector<std::string> keeper_names(const plan::Plan& plan) {
  std::vector<std::string> names;
  for (const auto id : plan.state_nodes()) {
    const std::string& name = plan.region(plan.endpoint(id).region).name;
    if (names.empty() || names.back() != name) names.push_back(name);
  }
  return names;
}

}  // namespace

Result<std::string> messaging_password(const std::filesystem::path& data_dir) {
  SL_TRY(const std::string secret, host::read_file(data_dir / "ca" / "ca.key"));
  return fmt::format("{:016x}{:016x}", siphash({5, 6}, secret), siphash({7, 8}, secret));
}

Tables::Tables(Options options)
    : options_(std::move(options)),
      meter_(options_.registry),
      lane_({.index = 1000,
             .seed = host::random_seed(),
             .tls = options_.tls,
             .log = options_.log,
             .meter = meter_}) {}

Tables::~Tables() {
  lane_.stop();
  look_timer_.reset();
  if (state_) (void)state_->close();  // what it would have kept is found out anew
  state_.reset();
  fabric_.reset();
  store_.reset();
}

Result<std::unique_ptr<TableService>> Tables::open(Options options, const plan::Plan& plan) {
  std::unique_ptr<Tables> tables(new Tables(std::move(options)));
  SL_CHECK(tables->build(plan));
  return tables;
}

Status Tables::build(const plan::Plan& plan) {
  port::Lane& lane = lane_.lane();
  SL_TRY(store_, host::RocksStore::open(
                     {.dir = options_.own_dir / "tables",
                      .copies_dir = std::filesystem::absolute(options_.own_dir) / "snapshots",
                      .cache_bytes = size_t(plan.state.cache_bytes_max)},
                     lane));
  is_alone_ = !plan.is_replicated();
  if (is_alone_) {
    fabric_ = std::make_unique<port::NoFabric>(lane);
  } else {
    const plan::Region& region = plan.region(*plan.find_region(options_.region));
    const IpAddress server = plan.endpoint(region.nodes.front()).address.ip;
    host::NatsOptions nats{
        .servers = {fmt::format("nats://{}", SocketAddress{server, plan.ports.nats}.to_string())},
        .name = options_.node.to_string(),
        .user = "sealane"};
    SL_TRY(nats.password, messaging_password(options_.data_dir));
    SL_TRY(fabric_, host::NatsFabric::open(nats, lane));
  }
  SL_TRY(auto keys, load_keys(keys_file(plan, options_.data_dir)));
  std::string boot;
  if (!plan.state.fsync) {
    if (auto id = host::read_file("/proc/sys/kernel/random/boot_id")) boot = *id;
  }
  const std::string name = options_.node.to_string();
  state::State::Options state{
      .engine = {.region = options_.region,
                 .node = name,
                 .clock_ahead_max_ms = uint64_t(to_ms(plan.state.clock_ahead_max)),
                 .machine_boot = boot,
                 .is_alone = is_alone_},
      .replication = {.node = name,
                      .region = options_.region,
                      .nodes = node_names(plan),
                      .durability =
                          plan.state.fsync ? state::Durability::fsync : state::Durability::os,
                      .log_bytes_max = plan.state.log_bytes_max},
      .service = {.region = options_.region,
                  .regions = region_names(plan),
                  .keepers = keeper_names(plan),
                  .keys = std::make_shared<const wire::AwsKeyring>(std::move(keys)),
                  .stale_after = plan.state.stale_after},
      .limits = {}};
  SL_TRY(state_, state::State::open(lane, *store_, *fabric_, std::move(state)));
  source_ = state_->engine().self();
  SL_CHECK(state_->declare(declared_tables(plan, unix_ms(lane.clock.wall()))));
  look_timer_ = lane.timers.make([this] { look_around(); });
  look_timer_->arm_at(lane.clock.now());
  return {};
}

Status Tables::start(const plan::Plan& plan) {
  SL_TRY(const SocketAddress at, state_->listen({options_.node, plan.ports.state}));
  lane_.start();
  options_.log.line(port::Level::info, "tables",
                    fmt::format("DynamoDB's API on http://{}", at.to_string()));
  return {};
}

void Tables::plan_changed(std::shared_ptr<const plan::Plan> plan) {
  if (plan->state.is_handed()) {
    return options_.log.line(port::Level::warn, "reload_partial",
                             "who keeps the tables changes only at a restart");
  }
  (void)lane_.lane().inbox.post([this, plan] {
    state_->replicator().set_nodes(node_names(*plan));
    state_->service().set_regions(region_names(*plan), keeper_names(*plan));
    if (auto made = state_->declare(declared_tables(*plan, unix_ms(lane_.lane().clock.wall())));
        !made) {
      options_.log.line(port::Level::error, "tables_not_declared", made.error().what);
    }
    if (auto keys = load_keys(keys_file(*plan, options_.data_dir))) {
      state_->service().set_keys(std::make_shared<const wire::AwsKeyring>(std::move(*keys)));
    } else {
      options_.log.line(port::Level::error, "keys_refused",
                        "the old ones go on: " + keys.error().what);
    }
  });
}

void Tables::drain() {
  pending_count_ = 1;  // until the lane itself has counted
  (void)lane_.lane().inbox.post([this] {
    state_->drain();
    pending_count_ = state_->pending_count();
  });
}

void Tables::look_around() {
  look_timer_->arm_at(lane_.lane().clock.now() + kLookEvery);
  pending_count_ = state_->pending_count();
  auto status = std::make_shared<TablesStatus>();
  const state::Engine& engine = state_->engine();
  for (const auto& [name, table] : engine.tables()) {
    if (!engine.find_table(name)) continue;
    const auto count = engine.count(table);
    status->tables.push_back({name, count.item_count, count.bytes, engine.is_counting(table)});
  }
  status->lags = state_->replicator().lags();
  status->position = engine.applied().position(engine.self());
  status->conflict_count = engine.lost_count();
  status->disk_bytes = store_->bytes_on_disk();
  status->is_connected = fabric_->is_connected();
  status->is_alone = is_alone_;
  port::Meter& meter = meter_;
  // What a node that has left the plan was behind is no lag any more.
  std::set<std::string> left = std::exchange(lag_labels_, {});
  for (const state::Lag& lag : status->lags) {
    const std::string labels = fmt::format("node=\"{}\",region=\"{}\"", lag.node, lag.region);
    left.erase(labels);
    lag_labels_.insert(labels);
    meter.gauge("sealane_state_lag_ms", labels).set(lag.behind_ms);
    meter.gauge("sealane_state_lag_bytes", labels).set(lag.bytes);
  }
  for (const std::string& labels : left) {
    meter.gauge("sealane_state_lag_ms", labels).set(0);
    meter.gauge("sealane_state_lag_bytes", labels).set(0);
  }
  meter.gauge("sealane_state_conflicts").set(status->conflict_count);
  status_.publish(std::move(status));
}

// ── for the edge's lanes ─────────────────────────────────────────────────────────────────────────

std::string Tables::token(std::string_view seen) {
  table::Vector all = state_->engine().progress().shown();
  if (!seen.empty()) {
    if (const auto before = state::from_token(seen)) all.raise(*before);
  }
  return state::to_token(all);
}

bool Tables::has_reached(std::string_view token) {
  const auto seen = state::from_token(token);
  return !seen || state_->engine().progress().applied().reaches(*seen);
}

void Tables::note(std::string_view session) {
  (void)lane_.lane().inbox.post(
      [this, session = std::string(session)] { state_->replicator().note_session(session); });
}

void Tables::when_reached(port::Lane& lane, std::string token, std::string session,
                          Duration timeout, std::function<void(const Reached&)> done) {
  port::Inbox& back = lane.inbox;
  const bool sent = lane_.lane().inbox.post(
      [this, &back, token = std::move(token), session = std::move(session), timeout, done] {
        const Instant deadline = lane_.lane().clock.now() + timeout;
        state_->replicator().when_known(
            session, timeout,
            [this, &back, token, deadline, done](const Result<table::Vector>& known) {
              table::Vector wanted;
              if (auto seen = state::from_token(token)) wanted = std::move(*seen);
              if (known) wanted.raise(*known);
              const Duration left = std::max(deadline - lane_.lane().clock.now(), Duration{});
              wait_until_reached(std::move(wanted), left, known.has_value(),
                                 [&back, done](Reached reached) {
                                   (void)back.post([done, reached = std::move(reached)] {
                                     done(reached);
                                   });
                                 });
            });
      });
  // A state lane that is overrun: go on, and say so.
  if (!sent) (void)back.post([done] { done({.stale_ms = 1}); });
}

void Tables::wait_until_reached(table::Vector wanted, Duration timeout, bool is_all_known,
                                std::function<void(Reached)> done) {
  state::Replicator& replicator = state_->replicator();
  replicator.when_reached(wanted, timeout, [&replicator, wanted, is_all_known,
                                            done = std::move(done)](uint64_t stale_ms) {
    if (!is_all_known) return done({.stale_ms = std::max<uint64_t>(1, stale_ms), .ahead = {}});
    done({.stale_ms = stale_ms, .ahead = stale_ms > 0 ? replicator.region_with(wanted) : ""});
  });
}

}  // namespace sealane::main
