// SPDX-License-Identifier: Apache-2.0
#include "main/drill.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <optional>
#include <set>

#include "host/files.h"
#include "host/lane.h"
#include "host/log.h"
#include "host/meter.h"
#include "host/signals.h"
#include "host/tls.h"
#include "main/fault_line.h"
#include "main/world.h"
#include "play/drill/report.h"
#include "play/scene.h"

namespace sealane::main {

namespace drill = play::drill;

namespace {

int exit_code_of(const Error& error) {
  fmt::print(stderr, "{}\n", error.what);
  return error.code == Code::unavailable || error.code == Code::timeout ||
                 error.code == Code::not_found
             ? 3
             : 2;
}

// What is told while the drill runs: each moment of the story as a line, and under them, on a
// terminal, one line with the present state; without a terminal that line comes once a second.
class Telling {
 public:
  Telling(const plan::Plan& plan, const drill::Scenario& scenario)
      : plan_(plan), scenario_(scenario), terminal_(::isatty(STDOUT_FILENO) != 0) {}

  void tell(const drill::Drill::Progress& p) {
    if (terminal_) fmt::print("\r\033[K");
    if (p.seen.fault_at) moments(p.seen);
    const bool due = terminal_ || p.now - last_ >= 1s || p.phase != phase_;
    if (due && p.phase != drill::Phase::done) {
      fmt::print("{}{}", state(p), terminal_ ? "" : "\n");
      last_ = p.now;
      phase_ = p.phase;
    }
    std::fflush(stdout);
  }
  bool is_terminal() const { return terminal_; }

 private:
  // The story only grows, but what is new may belong before what was told: each line is told once.
  void moments(const drill::Observations& seen) {
    for (const drill::Moment& moment : drill::make_moments(plan_, scenario_, seen)) {
      std::string line = drill::one_line(moment);
      if (moment.at >= Duration{} && told_.insert(line).second) fmt::print("{}\n", line);
    }
  }
  std::string state(const drill::Drill::Progress& p) {
    std::string out;
    if (p.seen.fault_at)
      out = fmt::format("{:+8.1f} s  ", double((p.now - *p.seen.fault_at).count()) / 1e9);
    out += fmt::format("[{}]", drill::name(p.phase));
    if (!p.trouble.empty()) return out + " " + p.trouble;
    const double seconds = std::max(double((p.now - last_).count()) / 1e9, 0.001);
    for (const drill::Place& place : scenario_.places) {
      const auto count = p.tracker.take_count(place.region);
      const auto by = p.tracker.serves(place.region);
      out += fmt::format("  near {}: {:.0f}/s by {}", plan_.region(place.region).name,
                         double(count.ok) / seconds,
                         by == drill::kNowhere ? "nobody" : plan_.region(by).name);
      if (count.failed > 0) out += fmt::format(", {} FAILED", count.failed);
      if (count.retried > 0) out += fmt::format(", {} retried", count.retried);
    }
    return out;
  }

  const plan::Plan& plan_;
  const drill::Scenario& scenario_;
  const bool terminal_;
  std::set<std::string> told_;
  Instant last_{};
  drill::Phase phase_ = drill::Phase::waiting;
};

std::string now_utc() {
  const auto now =
      std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
  const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

void say_plan(const plan::Plan& plan, const drill::Scenario& s) {
  using drill::print_time;
  fmt::print("drill: {} {} of {}\n", drill::verb(s.fault), plan.region(s.target).name, plan.domain);
  for (const drill::Place& place : s.places) {
    fmt::print("  users near {}: served by {}, then by {}{}\n", plan.region(place.region).name,
               drill::names_of(plan, place.before), drill::names_of(plan, place.during),
               place.is_affected ? "" : "; should feel nothing");
  }
  fmt::print(
      "  promised: seen within {}, answers within {}, served again within {}, back within {} of "
      "the heal\n",
      print_time(s.bounds.detect), print_time(s.bounds.answer), print_time(s.bounds.served_again),
      print_time(s.bounds.back));
  std::fflush(stdout);
}

// Settling has to show how the slowest users move: those who follow the TTL. A long TTL is not
// waited for.
void fit_phases(drill::Phases::Options& phases, const drill::Scenario& s) {
  constexpr Duration kTtlWaitMax = 15s;
  const Duration ttl = std::min<Duration>(s.bounds.ttl_served - s.bounds.served_again, kTtlWaitMax);
  phases.settle_max = std::max(phases.fault_min, s.bounds.served_again + ttl + phases.linger + 1s);
  phases.back_max = std::max<Duration>(
      20s, s.bounds.back - s.bounds.answer_again + ttl + s.bounds.answer_again + 3s);
}

Status write_reports(const DrillArguments& a, const plan::Plan& plan,
                     const drill::Scenario& scenario, const drill::Observations& seen,
                     const drill::DrillReport& report) {
  if (!a.json.empty()) SL_CHECK(host::write_file(a.json, drill::to_json(report)));
  if (!a.report.empty()) {
    SL_CHECK(host::write_file(a.report, drill::to_html(plan, scenario, seen, report)));
    fmt::print("report: {}\n", a.report.string());
  }
  return {};
}

}  // namespace

int run_drill(const DrillArguments& arguments) {
  const auto up = read_up_file(arguments.data_dir);
  if (!up) return exit_code_of(up.error());
  const auto path = arguments.world.empty() ? up->world : arguments.world;
  const auto loaded = load_world(path, plan::built_in_data(false));
  if (!loaded) return exit_code_of(loaded.error());
  const plan::Plan& plan = *loaded->plan;
  const auto scenario = drill::make_scenario(plan, arguments.fault, arguments.region);
  if (!scenario) return exit_code_of(scenario.error());
  const auto ca = arguments.data_dir / "ca" / "ca.pem";
  const auto tls = host::Tls::load({.cert_file = "", .key_file = "", .ca_file = ca.string()});
  if (!tls) return exit_code_of(tls.error());

  host::JsonLog log("drill", port::Level::warn);
  host::Registry registry;
  host::Registry::LaneMeter meter(registry);
  host::HostLane lane(
      {.index = 0, .seed = host::random_seed(), .tls = *tls, .log = log, .meter = meter});
  FaultLine line(lane.lane(), *up);
  const std::string& region = plan.region(scenario->target).name;
  drill::Drill::Options options = arguments.options;
  fit_phases(options.phases, *scenario);
  auto made = drill::Drill::make(lane.lane(), plan, *scenario, options,
                                 [&](std::string_view verb, std::function<void(Status)> done) {
                                   line.order(verb, region, std::move(done));
                                 });
  if (!made) return exit_code_of(made.error());
  drill::Drill& run = **made;
  // Ctrl-C heals first; a second one is for those who know better.
  int asked_count = 0;
  const host::Signals signals(lane.loop(), {SIGINT, SIGTERM}, [&](int) {
    if (++asked_count > 1) lane.loop().stop();
    run.abort();
  });
  Telling telling(plan, *scenario);
  say_plan(plan, *scenario);
  const std::string started = now_utc();
  run.start([&](const drill::Drill::Progress& progress) { telling.tell(progress); },
            [&] { lane.loop().stop(); });
  lane.loop().run();

  const drill::Observations& seen = run.seen();
  if (!seen.fault_at) {
    fmt::print(stderr, "\n{}\n", seen.stopped_by);
    return asked_count > 0 ? 1 : 3;
  }
  const auto report = drill::make_report(plan, *scenario, seen,
                                         {.world = path.filename().string(), .started = started});
  fmt::print("\n{}", drill::to_text(report, telling.is_terminal()));
  if (const Status written = write_reports(arguments, plan, *scenario, seen, report); !written) {
    return exit_code_of(written.error());
  }
  return report.is_good() ? 0 : 1;
}

void add_drill_command(CLI::App& app, int& exit_code) {
  struct Words {
    DrillArguments arguments;
    std::string kill, freeze, cut, duration;
  };
  auto words = std::make_shared<Words>();
  DrillArguments& a = words->arguments;
  auto* command =
      app.add_subcommand("drill", "break a region of the world that is up, heal it, and report");
  auto* fault = command->add_option_group("fault", "exactly one");
  fault->add_option("--kill", words->kill, "kill every process of this region");
  fault->add_option("--freeze", words->freeze, "stop them without killing: connections hang");
  fault->add_option("--cut", words->cut, "cut the region off from the others");
  fault->require_option(1);
  command->add_option("--world", a.world, "the world file (default: of the world that is up)");
  command->add_option("--data", a.data_dir, "its data directory")->capture_default_str();
  command->add_option("--report", a.report, "write a page, HTML in one file");
  command->add_option("--json", a.json, "write the report as JSON");
  command->add_option("--rate", a.options.rate, "requests a second of each user")
      ->capture_default_str();
  command->add_option("--streams", a.options.stream_count, "event streams near each region")
      ->capture_default_str();
  command->add_option("--duration", words->duration, "how long the fault lasts at least, like 10s");
  command->callback([words, &exit_code] {
    DrillArguments& args = words->arguments;
    const std::pair<drill::Fault, const std::string&> faults[] = {
        {drill::Fault::kill, words->kill},
        {drill::Fault::freeze, words->freeze},
        {drill::Fault::cut, words->cut}};
    for (const auto& [kind, region] : faults) {
      if (!region.empty()) args.fault = kind, args.region = region;
    }
    if (!words->duration.empty()) {
      const auto duration = play::parse_duration(words->duration);
      if (!duration || *duration > 1h) {
        fmt::print(stderr, "'{}' is not a duration up to 1h, like 10s or 1.5min\n",
                   words->duration);
        exit_code = 2;
        return;
      }
      args.options.phases.fault_min = *duration;
    }
    exit_code = run_drill(args);
  });
}

}  // namespace sealane::main
