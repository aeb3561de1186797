// SPDX-License-Identifier: Apache-2.0
#include "main/node.h"

#include <fmt/format.h>
#include <signal.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <thread>
#include <vector>

#include "base/snapshot.h"
#include "dns/name_server.h"
#include "edge/edge.h"
#include "edge/shared.h"
#include "health/health.h"
#include "host/authority.h"
#include "host/files.h"
#include "host/lane.h"
#include "host/log.h"
#include "host/memory.h"
#include "host/meter.h"
#include "host/signals.h"
#include "main/admin.h"
#include "main/reload.h"
#include "main/status.h"
#include "main/table_service.h"
#include "main/world.h"

namespace sealane::main {
namespace {

constexpr Duration kDrainCheck = 20ms;

// A lane with its roles. Roles are made before the thread starts and destroyed after it ended.
struct DataLane {
  std::unique_ptr<port::Meter> meter;
  std::unique_ptr<host::HostLane> host;
  std::unique_ptr<dns::NameServer> dns;
  std::unique_ptr<edge::Edge> edge;
  std::atomic<size_t> open_connections{0};  // written by the lane while draining
};

class Node {
 public:
  Node(const NodeOptions& options, LoadedWorld world, plan::RegionId region, IpAddress ip)
      : options_(options),
        region_(world.plan->region(region).name),
        ip_(ip),
        log_(fmt::format("{}/{}", region_, ip.to_string())),
        started_with_(world.plan),
        plan_(world.plan),
        view_(std::make_shared<const view::View>(view::View::unknown(*world.plan, Instant{}))) {}

  Status start();
  Status serve();

 private:
  bool role(const char* name) const { return options_.roles.contains(name); }
  std::filesystem::path own_dir() const { return options_.data_dir / ("node-" + ip_.to_string()); }
  Result<std::shared_ptr<const host::Tls>> load_tls(const plan::Plan& plan);
  Status open_tables(const plan::Plan& plan);
  void make_lane(unsigned index);
  Status open_data_lanes();
  void take_measured(const std::vector<edge::RoundTrip>& batch);
  void on_signal(int number);
  void reload();
  // A new world, and the certificate that goes with it (null: as it is).
  struct Fresh {
    Result<LoadedWorld> world;
    Result<std::shared_ptr<const host::Tls>> tls;
  };
  void take(const Fresh& with);
  void show(const std::shared_ptr<const host::Tls>& tls);
  void cut(bool yes);
  void drain();
  void look_if_drained();
  Page page(std::string_view path, const Admin::Query& query);

  const NodeOptions options_;
  const std::string region_;
  const IpAddress ip_;
  host::JsonLog log_;
  host::Registry registry_;
  const std::shared_ptr<const plan::Plan> started_with_;
  Published<plan::Plan> plan_;
  Published<view::View> view_;
  std::shared_ptr<const host::Tls> tls_;
  std::shared_ptr<edge::Shared> edges_;
  std::shared_ptr<dns::AuthorityCache> authorities_ = std::make_shared<dns::AuthorityCache>();
  std::optional<SipKey> cookie_secret_;
  host::Registry::LaneMeter control_meter_{registry_};
  std::unique_ptr<host::HostLane> control_;
  std::unique_ptr<host::Signals> signals_;
  std::unique_ptr<health::Health> health_;
  std::unique_ptr<Admin> admin_;
  std::vector<std::unique_ptr<DataLane>> lanes_;
  // asked by the edges of the lanes, answers into their inboxes
  std::unique_ptr<TableService> tables_;
  std::unique_ptr<port::Timer> drain_timer_;
  Instant drain_until_{};
  bool is_edge_ = false;
  bool ready_ = false;
  bool draining_ = false;
  Status failed_;
  std::thread compiling_;      // a reload under way
  bool reload_again_ = false;  // asked for meanwhile
};

Result<std::shared_ptr<const host::Tls>> Node::load_tls(const plan::Plan& plan) {
  host::TlsFiles files{.cert_file = plan.edge.cert_file, .key_file = plan.edge.key_file};
  if (files.cert_file.empty()) {
    SL_TRY(const auto ca, host::Authority::open(options_.data_dir / "ca", plan.domain));
    std::vector<std::string> names;
    for (const auto& steered : plan.names) names.push_back(steered.name);
    SL_TRY(const auto leaf, ca.issue("node-" + ip_.to_string(), names, {ip_}));
    files = {.cert_file = leaf.cert_file, .key_file = leaf.key_file, .ca_file = ca.ca_file()};
  }
  return host::Tls::load(files);
}

Status Node::start() {
  const auto plan = plan_.get();
  is_edge_ = role("edge") && plan->edge.enabled;
  if (is_edge_) {
    SL_TRY(tls_, load_tls(*plan));
  } else {
    SL_TRY(tls_, host::Tls::load({}));  // probes connect with TLS too
  }
  // A client may come to any node with a cookie that another one gave, so the key is the world's.
  SL_CHECK(host::Authority::open(options_.data_dir / "ca", plan->domain));
  SL_TRY(const std::string secret, host::read_file(options_.data_dir / "ca" / "ca.key"));
  cookie_secret_ = SipKey{siphash({1, 2}, secret), siphash({3, 4}, secret)};
  control_ = std::make_unique<host::HostLane>(host::HostLane::Options{
      .index = 0, .seed = host::random_seed(), .tls = tls_, .log = log_, .meter = control_meter_});
  // Signals are blocked before any thread starts, so that only the control lane sees them.
  signals_ = std::make_unique<host::Signals>(
      control_->loop(), std::initializer_list<int>{SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2},
      [this](int number) { on_signal(number); });

  edges_ = std::make_shared<edge::Shared>(plan->edge.cache_bytes_max,
                                          SipKey{host::random_seed(), host::random_seed()});
  SL_CHECK(open_tables(*plan));
  const unsigned lane_count =
      plan->lanes != 0 ? plan->lanes : std::max(1u, std::thread::hardware_concurrency());
  for (unsigned i = 0; i < lane_count; ++i) make_lane(i);

  admin_ = std::make_unique<Admin>(
      control_->lane(),
      [this](std::string_view path, const Admin::Query& query) { return page(path, query); });
  SL_CHECK(admin_->listen({ip_, plan->ports.metrics}));

  if (!role("health")) return open_data_lanes();
  health_ = std::make_unique<health::Health>(
      control_->lane(), plan_, view_, health::Health::Options{.node = ip_, .region = region_});
  // Nobody is answered before every endpoint was looked at once.
  health_->on_first_round([this] {
    if (auto opened = open_data_lanes(); !opened) {
      failed_ = opened;
      control_->loop().stop();
    }
  });
  health_->start();
  return {};
}

Status Node::open_tables(const plan::Plan& plan) {
  const auto keepers = plan.state_nodes();
  const auto own = plan.find_node(ip_);
  if (!role("state") || std::ranges::find(keepers, *own) == keepers.end()) return {};
  SL_TRY(tables_, TableService::open({.region = region_,
                                      .node = ip_,
                                      .data_dir = options_.data_dir,
                                      .own_dir = own_dir(),
                                      .log = log_,
                                      .registry = registry_,
                                      .tls = tls_},
                                     plan));
  return {};
}

void Node::make_lane(unsigned index) {
  auto lane = std::make_unique<DataLane>();
  lane->meter = std::make_unique<host::Registry::LaneMeter>(registry_);
  lane->host = std::make_unique<host::HostLane>(host::HostLane::Options{.index = index,
                                                                        .seed = host::random_seed(),
                                                                        .tls = tls_,
                                                                        .log = log_,
                                                                        .meter = *lane->meter});
  lanes_.push_back(std::move(lane));
}

Status Node::open_data_lanes() {
  const auto plan = plan_.get();
  for (auto& lane : lanes_) {
    port::Lane& on = lane->host->lane();
    if (role("dns")) {
      lane->dns =
          std::make_unique<dns::NameServer>(on, plan_, view_,
                                            dns::NameServerOptions{.at = {ip_, plan->ports.dns},
                                                                   .nsid = {},
                                                                   .cookie_secret = cookie_secret_,
                                                                   .limit_loopback = false,
                                                                   .tcp = {},
                                                                   .authorities = authorities_});
      SL_CHECK(lane->dns->start());
    }
    if (is_edge_) {
      edge::Options options{
          .region = *plan->find_region(region_), .address = ip_, .shared = edges_};
      options.suspect = [this](plan::EndpointId id, view::Outcome outcome) {
        // A lost suspicion is found by the next probe.
        (void)control_->loop().post([this, id, outcome] {
          if (health_ != nullptr) health_->suspect(id, outcome);
        });
      };
      options.measured = [this](std::span<const edge::RoundTrip> batch) {
        // Lost ones are measured again on the next connections.
        (void)control_->loop().post(
            [this, told = std::vector(batch.begin(), batch.end())] { take_measured(told); });
      };
      options.sessions = tables_ ? tables_->sessions() : nullptr;
      lane->edge = std::make_unique<edge::Edge>(on, plan_, view_, std::move(options));
      SL_CHECK(lane->edge->start(true));
    }
  }
  if (tables_) SL_CHECK(tables_->start(*plan));
  for (auto& lane : lanes_) lane->host->start();
  ready_ = true;
  control_->lane().log.line(
      port::Level::info, "ready",
      fmt::format("serving {} on {}, {} lanes", plan->domain, ip_.to_string(), lanes_.size()));
  return {};
}

Status Node::serve() {
  control_->loop().run();
  if (compiling_.joinable()) compiling_.join();
  for (auto& lane : lanes_) lane->host->stop();
  tables_.reset();  // before the lanes, whose inboxes its last answers go to
  lanes_.clear();
  return failed_;
}

void Node::take_measured(const std::vector<edge::RoundTrip>& batch) {
  const auto here = plan_.get()->find_region(region_);
  if (health_ == nullptr || !here) return;
  for (const edge::RoundTrip& trip : batch) {
    health_->record_rtt(Prefix::of(trip.client, trip.client.bits()), *here,
                        uint32_t(to_us(trip.took)));
  }
}

void Node::on_signal(int number) {
  switch (number) {
    case SIGHUP: return reload();
    case SIGUSR1: return cut(true);
    case SIGUSR2: return cut(false);
    default: break;
  }
  if (draining_) return control_->loop().stop();  // asked twice: at once
  drain();
}

// Compiling takes the better part of a second with half a million address ranges, so a thread does
// it while the probes go on.
void Node::reload() {
  if (compiling_.joinable()) {
    reload_again_ = true;
    return;
  }
  compiling_ = std::thread([this] {
    // The address tables are decoded for this alone: between two reloads they would only cost
    // memory.
    const host::PromptRelease prompt;
    auto fresh = std::make_shared<Fresh>(load_world(options_.world, plan::built_in_data()));
    if (fresh->world && is_edge_) fresh->tls = load_tls(*fresh->world->plan);
    while (!control_->loop().post([this, fresh] {
      compiling_.join();
      take(*fresh);
      if (std::exchange(reload_again_, false)) reload();
    })) {
      std::this_thread::yield();  // a full inbox: the lane is about to empty it
    }
  });
}

void Node::take(const Fresh& with) {
  const auto& world = with.world;
  if (!world) {
    log_.line(port::Level::error, "reload_refused", "the old plan goes on: " + world.error().what);
    return;
  }
  const auto old = plan_.get();
  const auto& fresh = *world->plan;
  if (!fresh.find_region(region_) || !fresh.find_node(ip_)) {
    log_.line(port::Level::error, "reload_refused",
              fmt::format("the new world has no node {} in region {}; the old plan goes on",
                          ip_.to_string(), region_));
    return;
  }
  if (!with.tls) {
    log_.line(port::Level::error, "reload_refused",
              "the old plan and certificate go on: " + with.tls.error().what);
    return;
  }
  if (*with.tls) show(*with.tls);
  if (const std::string keys = waits_for_restart(*started_with_, fresh); !keys.empty()) {
    log_.line(port::Level::warn, "reload_partial", "waits for a restart: " + keys);
  }
  plan_.publish(world->plan);
  if (health_ != nullptr) health_->plan_changed();
  if (tables_ != nullptr) tables_->plan_changed(world->plan);
  if (auto saved = save_last_good(own_dir(), *world); !saved) {
    log_.line(port::Level::warn, "last_good_not_saved", saved.error().what);
  }
  log_.line(port::Level::info, "reloaded", options_.world.string());
}

// The certificate of connections from now on.
void Node::show(const std::shared_ptr<const host::Tls>& tls) {
  control_->net().set_tls(tls);
  for (auto& lane : lanes_) {
    host::Net& net = lane->host->net();
    if (!lane->host->loop().post([&net, tls] { net.set_tls(tls); })) {
      log_.line(port::Level::error, "certificate_not_taken",
                "a lane has no room for the news; send SIGHUP again");
    }
  }
}

void Node::cut(bool yes) {
  const auto plan = plan_.get();
  std::shared_ptr<const host::NetworkCut> cut;
  if (yes) {
    const plan::Region& region = plan->region(*plan->find_region(region_));
    std::vector<Prefix> inside = region.clients;
    inside.resize(std::min<size_t>(inside.size(), 64));  // a filter has room for that many
    auto add = [&](plan::EndpointId id) {
      const IpAddress& ip = plan->endpoint(id).address.ip;
      inside.push_back(Prefix::of(ip, ip.bits()));
    };
    std::ranges::for_each(region.nodes, add);
    std::ranges::for_each(region.agents, add);
    cut = std::make_shared<const host::NetworkCut>(std::move(inside));
    cut->attach_to_all();
  } else {
    host::NetworkCut::detach_from_all();
  }
  control_->net().set_cut(cut);
  if (tables_) tables_->set_cut(cut);
  for (auto& lane : lanes_) {
    host::Net& net = lane->host->net();
    (void)lane->host->loop().post([&net, cut] { net.set_cut(cut); });
  }
  log_.line(port::Level::warn, yes ? "network_cut" : "network_healed", "by signal");
}

// Stop being chosen first, then finish what is under way: /readyz and probes say no, so the other
// nodes and every name server move users away, while those who come all the same are still served.
void Node::drain() {
  draining_ = true;
  ready_ = false;
  const auto plan = plan_.get();
  Duration notice = 0ms;  // until every prober must have seen it
  for (const auto& endpoint : plan->endpoints) {
    notice = std::max(notice,
                      endpoint.check.interval * endpoint.check.failures + endpoint.check.timeout);
  }
  drain_until_ = control_->loop().now() + options_.drain_max;
  log_.line(port::Level::info, "draining", fmt::format("{} ms of notice", to_ms(notice)));
  for (auto& lane : lanes_) {
    if (lane->edge == nullptr) continue;
    DataLane* raw = lane.get();
    (void)raw->host->loop().post([raw] { raw->edge->refuse_probes(); });
  }
  drain_timer_ = control_->loop().make([this] {
    for (auto& lane : lanes_) {
      if (lane->edge == nullptr) continue;
      DataLane* raw = lane.get();
      raw->open_connections = 1;  // until the lane itself has counted
      (void)raw->host->loop().post([raw] {
        raw->edge->drain();
        raw->open_connections = raw->edge->connection_count();
      });
    }
    if (tables_) tables_->drain();
    drain_timer_ = control_->loop().make([this] { look_if_drained(); });
    drain_timer_->arm_at(control_->loop().now() + kDrainCheck);
  });
  drain_timer_->arm_at(control_->loop().now() + std::min(notice, options_.drain_max));
}

void Node::look_if_drained() {
  size_t left = tables_ ? tables_->pending_count() : 0;
  for (auto& lane : lanes_) {
    if (lane->edge == nullptr) continue;
    left += lane->open_connections.load();
    DataLane* raw = lane.get();
    (void)raw->host->loop().post([raw] { raw->open_connections = raw->edge->connection_count(); });
  }
  if (left == 0 || control_->loop().now() >= drain_until_) {
    log_.line(port::Level::info, "drained", fmt::format("{} connections cut", left));
    return control_->loop().stop();
  }
  drain_timer_->arm_at(control_->loop().now() + kDrainCheck);
}

Page Node::page(std::string_view path, const Admin::Query& query) {
  const auto plan = plan_.get();
  const auto view = view_.get();
  if (path == "/healthz") return {200, "text/plain", "ok\n"};
  if (path == "/readyz") {
    if (ready_) return {200, "text/plain", "ready\n"};
    return {503, "text/plain", draining_ ? "draining\n" : "starting\n"};
  }
  if (path == "/metrics") return {200, "text/plain; version=0.0.4", registry_.render()};
  if (path == "/status") {
    return {200, "application/json",
            status_json({.node = ip_, .region = region_, .ready = ready_, .draining = draining_,
                         .tables = tables_ ? tables_->report() : TableService::Report{}},
                        *plan, *view, control_->loop().now())};
  }
  if (path == "/explain") return explain_page(*plan, *view, query);
  return {404, "text/plain",
          "no such page: /metrics /healthz /readyz /status /explain?name=NAME&from=ADDRESS\n"};
}

}  // namespace

Status run_node(const NodeOptions& options) {
  std::optional<host::PromptRelease> prompt(std::in_place);
  auto data = std::make_unique<const plan::Data>(plan::built_in_data());
  auto world = load_world(options.world, *data);
  if (!world) {
    // Static stability: a node whose world file went bad starts from the last one that was good.
    const auto dir = options.data_dir / ("node-" + options.node.to_string());
    auto last = options.node.is_unspecified() ? world : load_last_good(dir, *data);
    if (!last) return std::unexpected(world.error());
    host::JsonLog("start").line(port::Level::error, "world_refused",
                                "starting from the last good plan: " + world.error().what);
    world = std::move(last);
  }
  const auto region = world->plan->find_region(options.region);
  if (!region) {
    std::string known;
    for (const auto& r : world->plan->regions) known += " " + r.name;
    return fail(Code::invalid, fmt::format("no region '{}' in {}; it has:{}", options.region,
                                           options.world.string(), known));
  }
  const auto& nodes = world->plan->region(*region).nodes;
  IpAddress ip = options.node;
  if (ip.is_unspecified() && !nodes.empty()) ip = world->plan->endpoint(nodes[0]).address.ip;
  if (std::ranges::none_of(nodes,
                           [&](auto id) { return world->plan->endpoint(id).address.ip == ip; })) {
    return fail(Code::invalid, fmt::format("{} is not a node of {} in {}", ip.to_string(),
                                           options.region, options.world.string()));
  }
  const LoadedWorld kept = *world;
  data.reset();
  prompt.reset();
  Node node(options, std::move(*world), *region, ip);
  SL_CHECK(node.start());
  (void)save_last_good(options.data_dir / ("node-" + ip.to_string()), kept);
  return node.serve();
}

}  // namespace sealane::main
