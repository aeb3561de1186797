// SPDX-License-Identifier: Apache-2.0
// The keeper of one region: starts its nodes, its agents and, for worlds with tables, its
// nats-server; and starts again what ends.
#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <vector>

#include "host/files.h"
#include "host/lane.h"
#include "host/log.h"
#include "host/meter.h"
#include "host/nats_config.h"
#include "host/process.h"
#include "host/signals.h"
#include "main/messaging.h"
#include "main/tables.h"
#include "main/up.h"
#include "main/world.h"

namespace sealane::main {
namespace {

constexpr Duration kBackoffMin = 1s;    // before the first restart; doubled up to
constexpr Duration kBackoffMax = 30s;
constexpr Duration kLivedLong = 2s;     // after which the back-off starts anew

enum class Kind : uint8_t { node, agent, messaging };
constexpr const char* name(Kind kind) {
  return kind == Kind::node ? "node" : kind == Kind::agent ? "agent" : "messaging";
}

struct Child {
  Kind kind = Kind::agent;
  std::string name;
  std::vector<std::string> command;
  std::filesystem::path output;
  pid_t pid = 0;
  Instant started{};
  Duration backoff = kBackoffMin;
  std::unique_ptr<port::Timer> restart{};
};

class Keeper {
 public:
  explicit Keeper(const KeeperOptions& options)
      : options_(options),
        log_("keeper/" + options.region),
        lane_({.index = 0,
               .seed = host::random_seed(),
               .tls = nullptr,
               .log = log_,
               .meter = meter_}) {}

  Status run() {
    signals_ = std::make_unique<host::Signals>(
        lane_.loop(),
        std::initializer_list<int>{SIGTERM, SIGINT, SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2},
        [this](int number) { on_signal(number); });
    SL_CHECK(plan_children());
    for (Child& child : children_) {
      if (auto started = start(child); !started) {
        kill_all(SIGKILL);
        return started;
      }
    }
    write_run_file();
    lane_.loop().run();
    return {};
  }

 private:
  Status plan_children() {
    SL_TRY(const LoadedWorld world, load_world(options_.world, plan::built_in_data(false)));
    const plan::Plan& plan = *world.plan;
    const auto id = plan.find_region(options_.region);
    if (!id)
      return fail(Code::invalid, "no region " + options_.region + " in " + options_.world.string());
    const auto logs = options_.data_dir / "log";
    // First, for the nodes look for it; not that they would need it to start.
    if (plan.is_replicated() && !plan.region(*id).agents.empty())
      SL_CHECK(plan_messaging(plan, *id, logs));
    for (const auto node : plan.region(*id).nodes) {
      const std::string ip = plan.endpoint(node).address.ip.to_string();
      children_.push_back(
          {.kind = Kind::node,
           .name = "node " + ip,
           .command = {host::own_executable(), "serve", "--world", options_.world, "--region",
                       options_.region, "--node", ip, "--data", options_.data_dir},
           .output = logs / (options_.region + "-node-" + ip + ".log")});
    }
    // A node that serves tables is reached by its region's agents without a look into the world.
    if (plan.state.enabled) {
      std::string urls;
      for (const auto node : plan.region(*id).nodes) {
        urls += fmt::format(
            "{}http://{}", urls.empty() ? "" : ",",
            SocketAddress{plan.endpoint(node).address.ip, plan.ports.state}.to_string());
      }
      agent_environment_["SEALANE_STATE"] = urls;
      agent_environment_["SEALANE_KEYS"] =
          std::filesystem::absolute(keys_file(plan, options_.data_dir)).string();
    }
    for (const plan::Agent& agent : plan.agents) {
      const plan::Endpoint& endpoint = plan.endpoint(agent.endpoint);
      if (endpoint.region != *id || agent.run.empty()) continue;
      children_.push_back({.name = "agent " + endpoint.address.to_string(),
                           .command = agent.run,
                           .output = logs / fmt::format("{}-agent-{}.log", options_.region,
                                                        endpoint.address.port)});
    }
    return {};
  }

  // The region's nats-server, with gateways to those of all other regions.
  Status plan_messaging(const plan::Plan& plan, plan::RegionId id,
                        const std::filesystem::path& logs) {
    const plan::Region& region = plan.region(id);
    const auto dir = options_.data_dir / "nats";
    SL_TRY(host::NatsConfig config, nats_config_of(plan, id, options_.data_dir));
    config.pid_file = dir / (region.name + ".pid");
    const auto file = dir / (region.name + ".conf");
    SL_CHECK(host::write_nats_config(config, file));
    // Debian keeps it where only root's PATH looks.
    const bool is_in_sbin = std::filesystem::exists("/usr/sbin/nats-server");
    children_.push_back(
        {.kind = Kind::messaging,
         .name = "nats-server",
         .command = {is_in_sbin ? "/usr/sbin/nats-server" : "nats-server", "-c", file},
         .output = logs / (region.name + "-nats.log")});
    return {};
  }

  Status start(Child& child) {
    child.started = lane_.loop().now();
    // In our own process group: a signal to the group reaches the whole region.
    std::map<std::string, std::string> environment = {{"SEALANE_REGION", options_.region}};
    if (child.kind == Kind::agent)
      environment.insert(agent_environment_.begin(), agent_environment_.end());
    SL_TRY(child.pid, host::spawn({.command = child.command,
                                   .set_env = environment,
                                   .output = child.output,
                                   .own_group = false,
                                   .parent_death_signal = SIGKILL}));
    return {};
  }

  void on_signal(int number) {
    switch (number) {
      case SIGCHLD: return reap();
      case SIGHUP:
      case SIGUSR1:
      case SIGUSR2:
        for (const Child& child : children_) {
          if (child.kind == Kind::node && child.pid > 0) ::kill(child.pid, number);
          // A region that is cut off hears nothing of the others; its nats-server has no cut of its
          // own.
          if (child.kind == Kind::messaging && child.pid > 0 && number != SIGHUP) {
            ::kill(child.pid, number == SIGUSR1 ? SIGSTOP : SIGCONT);
          }
        }
        return;
      default: break;
    }
    if (stopping_) return kill_all(SIGKILL);
    stopping_ = true;
    end_next();
    reap();
  }

  bool is_left(Kind kind) const {
    return std::ranges::any_of(children_,
                               [&](const Child& c) { return c.kind == kind && c.pid > 0; });
  }

  // Nodes drain first, while their agents still answer what is under way and their writes still
  // reach other regions.
  void end_next() {
    const Kind next = is_left(Kind::node)    ? Kind::node
                      : is_left(Kind::agent) ? Kind::agent
                                             : Kind::messaging;
    for (const Child& child : children_) {
      if (child.pid <= 0 || child.kind != next) continue;
      ::kill(child.pid, SIGTERM);
      if (next == Kind::messaging) ::kill(child.pid, SIGCONT);
    }
  }

  void kill_all(int signal) {
    for (const Child& child : children_) {
      if (child.pid > 0) ::kill(child.pid, signal);
    }
  }

  void reap() {
    int state = 0;
    for (pid_t pid; (pid = ::waitpid(-1, &state, WNOHANG)) > 0;) {
      const auto found = std::ranges::find(children_, pid, &Child::pid);
      if (found != children_.end()) ended(*found, state);
    }
    if (stopping_ && std::ranges::all_of(children_, [](const Child& c) { return c.pid == 0; }))
      lane_.loop().stop();
  }

  void ended(Child& child, int state) {
    child.pid = 0;
    const std::string how = WIFEXITED(state)
                                ? fmt::format("exited with {}", WEXITSTATUS(state))
                                : fmt::format("was ended by signal {}", WTERMSIG(state));
    if (stopping_) {
      const bool as_told = WIFEXITED(state) || WTERMSIG(state) == SIGTERM ||
                           WTERMSIG(state) == SIGKILL;
      if (!as_told) {
        log_.line(port::Level::error, "ended",
                  fmt::format("{} {} while it was to stop; its output is in {}", child.name, how,
                              child.output.string()));
      }
      if (!is_left(child.kind)) end_next();
      return;
    }
    const Instant now = lane_.loop().now();
    if (now - child.started >= kLivedLong) child.backoff = kBackoffMin;
    log_.line(port::Level::warn, "ended",
              fmt::format("{} {}; restart in {} ms; its output is in {}", child.name, how,
                          to_ms(child.backoff), child.output.string()));
    child.restart = lane_.loop().make([this, &child] {
      if (stopping_) return;
      if (auto started = start(child); !started) {
        log_.line(port::Level::error, "restart_failed", started.error().what);
        child.restart->arm_at(lane_.loop().now() + child.backoff);
      }
      child.backoff = std::min<Duration>(child.backoff * 2, kBackoffMax);
      write_run_file();
    });
    child.restart->arm_at(now + child.backoff);
    write_run_file();
  }

  // Who runs, for drills and for people.
  void write_run_file() {
    nlohmann::json all = nlohmann::json::array();
    for (const Child& child : children_) {
      all.push_back({{"kind", main::name(child.kind)}, {"name", child.name}, {"pid", child.pid}});
    }
    (void)host::write_file(options_.data_dir / "run" / (options_.region + ".json"),
                           all.dump(1) + "\n", 0600);
  }

  const KeeperOptions options_;
  host::JsonLog log_;
  host::Registry registry_;
  host::Registry::LaneMeter meter_{registry_};
  host::HostLane lane_;
  std::unique_ptr<host::Signals> signals_;
  std::vector<Child> children_;
  std::map<std::string, std::string> agent_environment_;  // beside SEALANE_REGION
  bool stopping_ = false;
};

}  // namespace

Status run_keeper(const KeeperOptions& options) {
  Keeper keeper(options);
  return keeper.run();
}

}  // namespace sealane::main
