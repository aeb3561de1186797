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
#include "state/session.h"

namespace sealane::main {
namespace {

constexpr Duration kLookEvery = 250ms;

std::vector<std::string> node_names(const plan::Plan& plan) {
  std::vector<std::string> names;
  for (const auto id : plan.state_nodes()) names.push_back(plan.endpoint(id).address.ip.to_string());
  return names;
}

std::vector<std::string> region_names(const plan::Plan& plan) {
  std::vector<std::string> names;
  for (const plan::Region& region : plan.regions) names.push_back(region.name);
  return names;
}

std::vector<state::Table> declared(const plan::Plan& plan, uint64_t now_ms) {
  using Stream = plan::StateTable::Stream;
  std::vector<state::Table> all;
  for (const plan::StateTable& wanted : plan.state.tables) {
    state::Table table{.name = wanted.name};
    const auto attribute = [](const plan::TableKey& key) {
      const auto type = key.type == 'N' ? table::Type::N : key.type == 'B' ? table::Type::B : table::Type::S;
      return table::KeyAttribute{key.name, type};
    };
    table.key.hash = attribute(wanted.hash);
    table.attribute_definitions = {table.key.hash};
    if (wanted.range) {
      table.key.range = attribute(*wanted.range);
      table.attribute_definitions.push_back(*table.key.range);
    }
    table.ttl_attribute = wanted.ttl_attribute;
    table.merge = table::Merge(wanted.merge);
    table.ack = wanted.ack_remote ? table::Ack::remote : table::Ack::local;
    table.stream = table::StreamView(wanted.stream);
    if (wanted.stream != Stream::off) table.stream_started_ms = now_ms;
    table.created_ms = now_ms;
    for (const plan::RegionId id : wanted.regions) table.replicas.push_back(plan.region(id).name);
    std::ranges::sort(table.replicas);
    all.push_back(std::move(table));
  }
  return all;
}

}  // namespace

std::filesystem::path keys_file(const plan::Plan& plan, const std::filesystem::path& data_dir) {
  return plan.keys_file.empty() ? data_dir / "sealane-keys" : std::filesystem::path(plan.keys_file);
}

Result<wire::AwsKeyring> load_keys(const std::filesystem::path& file) {
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    std::array<uint8_t, 40> random;
    for (size_t i = 0; i < random.size(); i += 8) {
      const uint64_t bits = host::random_seed();
      std::memcpy(&random[i], &bits, 8);
    }
    // Several nodes may start at once: the first to link its file wins, all read the winner's.
    const auto mine = std::filesystem::path(file.string() + fmt::format(".{:016x}", host::random_seed()));
    SL_CHECK(host::write_file(mine, wire::fresh_aws_credentials(random), 0600));
    std::filesystem::create_hard_link(mine, file, ignored);
    std::filesystem::remove(mine, ignored);
  }
  struct stat info {};
  if (::stat(file.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    return fail(Code::invalid, fmt::format("{} holds secrets and others may read it; chmod 600 {}", file.string(), file.string()));
  }
  SL_TRY(const std::string text, host::read_file(file, wire::AwsKeyring::kTextBytesMax));
  auto keys = wire::AwsKeyring::parse(text);
  if (!keys) return fail(keys.error().code, file.string() + ": " + keys.error().what);
  return keys;
}

Result<std::string> messaging_password(const std::filesystem::path& data_dir) {
  SL_TRY(const std::string secret, host::read_file(data_dir / "ca" / "ca.key"));
  return fmt::format("{:016x}{:016x}", siphash({5, 6}, secret), siphash({7, 8}, secret));
}

Tables::Tables(Options options)
    : options_(std::move(options)), meter_(options_.registry),
      lane_({.index = 1000, .seed = host::random_seed(), .tls = options_.tls, .log = options_.log, .meter = meter_}) {}

Tables::~Tables() {
  lane_.stop();
  look_timer_.reset();
  if (state_) (void)state_->close();  // what it would have kept is found out anew
  state_.reset();
  fabric_.reset();
  store_.reset();
}

Result<std::unique_ptr<Tables>> Tables::open(Options options, const plan::Plan& plan) {
  std::unique_ptr<Tables> tables(new Tables(std::move(options)));
  SL_CHECK(tables->build(plan));
  return tables;
}

Status Tables::build(const plan::Plan& plan) {
  if (!plan.state.endpoint.empty()) {
    return fail(Code::invalid, "state.engine dynamodb is not supported by this version; point the agents at " +
                                   plan.state.endpoint + " themselves, or take `engine` and `endpoint` out");
  }
  port::Lane& lane = lane_.lane();
  SL_TRY(store_, host::RocksStore::open({.dir = options_.own_dir / "tables", .copies_dir = std::filesystem::absolute(options_.own_dir) / "snapshots",
                                         .cache_bytes = size_t(plan.state.cache_bytes_max)},
                                        lane));
  is_alone_ = plan.state_nodes().size() < 2;
  if (is_alone_) {
    fabric_ = std::make_unique<port::NoFabric>(lane);
  } else {
    const plan::Region& region = plan.region(*plan.find_region(options_.region));
    const IpAddress server = plan.endpoint(region.nodes.front()).address.ip;
    host::NatsOptions nats{.servers = {fmt::format("nats://{}", SocketAddress{server, plan.ports.nats}.to_string())},
                           .name = options_.node.to_string(), .user = "sealane"};
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
      .engine = {.region = options_.region, .node = name, .clock_ahead_max_ms = uint64_t(to_ms(plan.state.clock_ahead_max)),
                 .machine_boot = boot},
      .replication = {.node = name, .region = options_.region, .nodes = node_names(plan),
                      .durability = plan.state.fsync ? state::Durability::fsync : state::Durability::os,
                      .log_bytes_max = plan.state.log_bytes_max},
      .service = {.region = options_.region, .regions = region_names(plan), .keys = std::make_shared<const wire::AwsKeyring>(std::move(keys)),
                  .stale_after = plan.state.stale_after},
      .limits = {}};
  SL_TRY(state_, state::State::open(lane, *store_, *fabric_, std::move(state)));
  SL_CHECK(state_->declare(declared(plan, unix_ms(lane.clock.wall()))));
  state_->replicator().on_applied = [this] {
    if (std::exchange(is_token_due_, true)) return;
    (void)lane_.lane().inbox.post([this] {
      is_token_due_ = false;
      token_.publish(std::make_shared<const std::string>(state::to_token(state_->engine().applied())));
    });
  };
  state_->replicator().on_applied();
  look_timer_ = lane.timers.make([this] { look_around(); });
  look_timer_->arm_at(lane.clock.now());
  return {};
}

Status Tables::start(const plan::Plan& plan) {
  SL_TRY(const SocketAddress at, state_->listen({options_.node, plan.ports.state}));
  lane_.start();
  options_.log.line(port::Level::info, "tables", fmt::format("DynamoDB's API on http://{}", at.to_string()));
  return {};
}

void Tables::plan_changed(std::shared_ptr<const plan::Plan> plan) {
  (void)lane_.lane().inbox.post([this, plan] {
    state_->replicator().set_nodes(node_names(*plan));
    state_->service().set_regions(region_names(*plan));
    if (auto made = state_->declare(declared(*plan, unix_ms(lane_.lane().clock.wall()))); !made) {
      options_.log.line(port::Level::error, "tables_not_declared", made.error().what);
    }
    if (auto keys = load_keys(keys_file(*plan, options_.data_dir))) {
      state_->service().set_keys(std::make_shared<const wire::AwsKeyring>(std::move(*keys)));
    } else {
      options_.log.line(port::Level::error, "keys_refused", "the old ones go on: " + keys.error().what);
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
  for (const state::Lag& lag : status->lags) {
    const std::string labels = fmt::format("node=\"{}\",region=\"{}\"", lag.node, lag.region);
    meter.gauge("sealane_state_lag_ms", labels).set(lag.behind_ms);
    meter.gauge("sealane_state_lag_bytes", labels).set(lag.bytes);
  }
  meter.gauge("sealane_state_conflicts").set(status->conflict_count);
  status_.publish(std::move(status));
}

// ── for the edge's lanes ────────────────────────────────────────────────────────────────────────────

void Tables::note(std::string_view session) {
  (void)lane_.lane().inbox.post([this, session = std::string(session)] { state_->replicator().note_session(session); });
}

void Tables::when_reached(port::Lane& lane, std::string token, std::string session, Duration timeout,
                          std::function<void(uint64_t)> done) {
  port::Inbox& back = lane.inbox;
  const bool sent = lane_.lane().inbox.post([this, &back, token = std::move(token), session = std::move(session), timeout, done] {
    table::Vector wanted;
    if (auto seen = state::from_token(token)) wanted = std::move(*seen);
    wanted.raise(state_->replicator().session(session));
    state_->replicator().when_reached(std::move(wanted), timeout, [&back, done](uint64_t stale_ms) {
      (void)back.post([done, stale_ms] { done(stale_ms); });
    });
  });
  if (!sent) (void)back.post([done] { done(1); });  // a state lane that is overrun: go on, and say so
}

}  // namespace sealane::main
