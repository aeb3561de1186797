// SPDX-License-Identifier: Apache-2.0
#include "main/up.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "host/authority.h"
#include "host/files.h"
#include "host/lane.h"
#include "host/log.h"
#include "host/meter.h"
#include "host/process.h"
#include "host/signals.h"
#include "main/table_service.h"
#include "main/world.h"

namespace sealane::main {
namespace {

constexpr Duration kStopMax = 12s;         // for a graceful end, then SIGKILL
constexpr size_t kLineMax = 512;           // of the fault protocol
constexpr size_t kFaultClientsMax = 16;

// What `up` knows of a region.
struct RegionProcess {
  std::string name;
  pid_t group = 0;        // the keeper's pid and process group; 0: not running
  bool held_down = false; // killed by a drill: stays down until healed
  bool frozen = false;
  bool cut = false;
};

class Up {
 public:
  Up(const UpOptions& options, std::shared_ptr<const plan::Plan> plan)
      : options_(options),
        plan_(std::move(plan)),
        log_("up"),
        lane_({.index = 0,
               .seed = host::random_seed(),
               .tls = nullptr,
               .log = log_,
               .meter = meter_}) {}
  Status run();

 private:
  class FaultClient;
  Status start_region(RegionProcess& region);
  Status listen_for_faults();
  void on_signal(int number);
  void reap();
  void stop();
  void look_if_ready();
  void say_where();
  Status write_run_file();
  std::string fault(std::string_view line);
  std::string apply(std::string_view verb, RegionProcess& region);
  void kill_agents(const RegionProcess& region);

  const UpOptions options_;
  const std::shared_ptr<const plan::Plan> plan_;
  host::JsonLog log_;
  host::Registry registry_;
  host::Registry::LaneMeter meter_{registry_};
  host::HostLane lane_;
  std::unique_ptr<host::Signals> signals_;
  std::vector<RegionProcess> regions_;
  std::unique_ptr<port::Listener> faults_;
  std::map<FaultClient*, std::unique_ptr<FaultClient>> fault_clients_;
  std::string token_;
  std::unique_ptr<port::Timer> stop_timer_;
  bool stopping_ = false;
  Status failed_;
};

// ── the fault protocol ───────────────────────────────────────────────────────────────────────────

class Up::FaultClient final : public port::StreamHandler {
 public:
  FaultClient(Up& up, std::unique_ptr<port::Stream> stream) : up_(up), stream_(std::move(stream)) {
    stream_->set_handler(*this);
  }
  void on_data(std::span<const char> bytes) override {
    line_.append(bytes.data(), bytes.size());
    for (size_t end; (end = line_.find('\n')) != line_.npos; line_.erase(0, end + 1)) {
      stream_->write(up_.fault(std::string_view(line_).substr(0, end)) + "\n");
    }
    if (line_.size() > kLineMax) gone();
  }
  void on_end() override { gone(); }
  void on_error(const Error&) override { gone(); }

 private:
  void gone() {
    stream_.reset();
    (void)up_.lane_.loop().post([&up = up_, self = this] { up.fault_clients_.erase(self); });
  }
  Up& up_;
  std::unique_ptr<port::Stream> stream_;
  std::string line_;
};

Status Up::listen_for_faults() {
  token_ = fmt::format("{:016x}{:016x}", host::random_seed(), host::random_seed());
  SL_TRY(faults_, lane_.net().listen({IpAddress::v4(127, 0, 0, 1), 0}, {},
                                     [this](std::unique_ptr<port::Stream> s) {
                                       if (fault_clients_.size() >= kFaultClientsMax) return;
                                       auto client =
                                           std::make_unique<FaultClient>(*this, std::move(s));
                                       fault_clients_.emplace(client.get(), std::move(client));
                                     }));
  return {};
}

// "TOKEN VERB [REGION]" -> "ok ..." or "error ..."
std::string Up::fault(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  std::vector<std::string_view> words;
  while (!line.empty()) {
    const size_t end = std::min(line.find(' '), line.size());
    if (end > 0) words.push_back(line.substr(0, end));
    line.remove_prefix(std::min(end + 1, line.size()));
  }
  if (words.size() < 2 || words[0] != token_) return "error the token of run/up.json comes first";
  if (words[1] == "list") {
    std::string out = "ok";
    for (const auto& r : regions_) {
      out += fmt::format(" {}={}", r.name,
                         r.held_down ? "killed"
                         : r.frozen  ? "frozen"
                         : r.cut     ? "cut"
                                     : "up");
    }
    return out;
  }
  if (words.size() != 3)
    return "error write: TOKEN kill|kill-agents|freeze|cut|heal REGION, or TOKEN list";
  for (RegionProcess& region : regions_) {
    if (region.name == words[2]) return apply(words[1], region);
  }
  return fmt::format("error no region '{}' in this world", words[2]);
}

std::string Up::apply(std::string_view verb, RegionProcess& region) {
  const pid_t group = region.group;
  if (verb == "heal") {
    if (region.frozen && group > 0) ::killpg(group, SIGCONT);
    if (region.cut && group > 0) ::kill(group, SIGUSR2);
    region.frozen = region.cut = false;
    if (std::exchange(region.held_down, false) && group == 0) {
      if (auto started = start_region(region); !started) return "error " + started.error().what;
      (void)write_run_file();
    }
    return "ok";
  }
  if (group == 0) return fmt::format("error {} is down already; heal it first", region.name);
  if (verb == "kill") {
    region.held_down = true;
    region.frozen = region.cut = false;
    ::killpg(group, SIGKILL);
  } else if (verb == "kill-agents") {
    kill_agents(region);
  } else if (verb == "freeze") {
    region.frozen = true;
    ::killpg(group, SIGSTOP);
  } else if (verb == "cut") {
    region.cut = true;
    ::kill(group, SIGUSR1);
  } else {
    return fmt::format("error '{}' is none of kill kill-agents freeze cut heal list", verb);
  }
  return "ok";
}

void Up::kill_agents(const RegionProcess& region) {
  const auto text = host::read_file(options_.data_dir / "run" / (region.name + ".json"));
  if (!text) return;
  const auto children = nlohmann::json::parse(*text, nullptr, false);
  if (!children.is_array()) return;
  for (const auto& child : children) {
    if (child.value("kind", "") == "agent") ::kill(child.value("pid", 0), SIGKILL);
  }
}

// ── processes ────────────────────────────────────────────────────────────────────────────────────

Status Up::start_region(RegionProcess& region) {
  SL_TRY(region.group, host::spawn({.command = {host::own_executable(), "keep-region", "--world",
                                                std::filesystem::absolute(options_.world),
                                                "--region", region.name, "--data",
                                                std::filesystem::absolute(options_.data_dir)},
                                    .set_env = {},
                                    .output = options_.data_dir / "log" / (region.name + ".log"),
                                    .own_group = true,
                                    .parent_death_signal = SIGTERM}));
  return {};
}

Status Up::write_run_file() {
  nlohmann::json regions;
  for (const auto& r : regions_) regions[r.name] = {{"pgid", r.group}};
  return host::write_file(options_.data_dir / "run" / "up.json",
                          nlohmann::json{{"port", faults_->local().port},
                                         {"token", token_},
                                         {"pid", ::getpid()},
                                         {"world", std::filesystem::absolute(options_.world)},
                                         {"regions", regions}}
                                  .dump(1) +
                              "\n",
                          0600);
}

void Up::reap() {
  int state = 0;
  for (pid_t pid; (pid = ::waitpid(-1, &state, WNOHANG)) > 0;) {
    for (RegionProcess& region : regions_) {
      if (region.group != pid) continue;
      ::killpg(pid, SIGKILL);  // what the keeper may have left
      region.group = 0;
      region.frozen = region.cut = false;
      if (stopping_ || region.held_down) continue;
      // The keeper itself restarts nodes and agents; that it ends unasked is news.
      log_.line(port::Level::error, "region_ended",
                fmt::format("{} ended with {}; see {}", region.name,
                            WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state),
                            (options_.data_dir / "log" / (region.name + ".log")).string()));
      region.held_down = true;
      failed_ = fail(Code::unavailable, region.name + " could not be kept up");
      stop();
    }
  }
  if (stopping_ && std::ranges::all_of(regions_, [](const auto& r) { return r.group == 0; }))
    lane_.loop().stop();
}

void Up::stop() {
  if (stopping_) return;
  stopping_ = true;
  for (const RegionProcess& region : regions_) {
    if (region.group == 0) continue;
    ::killpg(region.group, SIGCONT);
    ::kill(region.group, SIGTERM);
  }
  stop_timer_ = lane_.loop().make([this] {
    for (const RegionProcess& region : regions_) {
      if (region.group != 0) ::killpg(region.group, SIGKILL);
    }
    lane_.loop().stop();
  });
  stop_timer_->arm_at(lane_.loop().now() + kStopMax);
  reap();
}

void Up::on_signal(int number) {
  if (number == SIGCHLD) return reap();
  if (stopping_) {  // asked twice
    for (const RegionProcess& region : regions_) {
      if (region.group != 0) ::killpg(region.group, SIGKILL);
    }
    return;
  }
  stop();
}

void Up::say_where() {
  const plan::Ports& p = plan_->ports;
  fmt::print("world {} is starting; data and logs in {}\n", plan_->domain,
             options_.data_dir.string());
  for (const auto& region : plan_->regions) {
    for (const auto id : region.nodes) {
      const std::string ip = plan_->endpoint(id).address.ip.to_string();
      fmt::print("  {:<16} dns {}:{}  https {}:{}  http :{}  status http://{}:{}/status\n",
                 region.name, ip, p.dns, ip, p.https, p.http, ip, p.metrics);
    }
    if (plan_->state.enabled && !region.agents.empty()) {
      fmt::print("  {:<16} tables http://{}:{}\n", "",
                 plan_->endpoint(region.nodes.front()).address.ip.to_string(), p.state);
    }
    for (const auto id : region.agents) fmt::print("  {:<16}   {}\n", "", plan_->endpoint(id).name);
  }
  const auto& first = plan_->endpoint(plan_->regions[0].nodes[0]).address.ip;
  fmt::print(
      "try: dig @{} -p {} {}\n     curl --cacert {}/ca/ca.pem --connect-to ::{}:{} "
      "https://{}/tools\n",
      first.to_string(), p.dns, plan_->domain, options_.data_dir.string(), first.to_string(),
      p.https, plan_->domain);
  if (plan_->state.enabled) {
    fmt::print(
        "     AWS_SHARED_CREDENTIALS_FILE={} aws dynamodb list-tables --endpoint-url http://{}:{} "
        "--region {}\n",
        keys_file(*plan_, options_.data_dir).string(), first.to_string(), p.state,
        plan_->regions[0].name);
  }
  std::fflush(stdout);
}

Status Up::run() {
  signals_ = std::make_unique<host::Signals>(lane_.loop(),
                                             std::initializer_list<int>{SIGTERM, SIGINT, SIGCHLD},
                                             [this](int number) { on_signal(number); });
  SL_TRY(const auto ca, host::Authority::open(options_.data_dir / "ca", plan_->domain));
  SL_CHECK(listen_for_faults());
  for (const auto& region : plan_->regions) {
    regions_.push_back({.name = region.name});
    SL_CHECK(start_region(regions_.back()));
  }
  SL_CHECK(write_run_file());
  if (!options_.quiet) say_where();
  lane_.loop().run();
  std::error_code ignored;
  std::filesystem::remove(options_.data_dir / "run" / "up.json", ignored);
  return failed_;
}

}  // namespace

Status run_up(const UpOptions& options) {
  std::error_code ignored;
  std::filesystem::create_directories(options.data_dir / "run", ignored);
  const host::Fd lock(
      ::open((options.data_dir / "run" / "up.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock || ::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return fail(Code::conflict,
                fmt::format("a world is up already with the data in {}; stop it, or use --data",
                            options.data_dir.string()));
  }
  SL_TRY(const LoadedWorld world, load_world(options.world, plan::built_in_data(false)));
  Up up(options, world.plan);
  return up.run();
}

}  // namespace sealane::main
