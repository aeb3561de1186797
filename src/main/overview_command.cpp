// SPDX-License-Identifier: Apache-2.0
#include "main/overview_command.h"

#include <fmt/format.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <string>
#include <thread>

#include "host/http_get.h"
#include "main/exit_code.h"
#include "main/overview.h"
#include "main/world.h"

namespace sealane::main {
namespace {

constexpr Duration kPatience = 1s;  // for one node; they are asked at the same time
constexpr Duration kRefresh = 1s;

void ask(NodeReport& node, const SocketAddress& at) {
  const std::string url = "http://" + at.to_string();
  const auto status = host::http_get(url, "/status", kPatience);
  if (!status) {
    node.trouble = status.error().what;
    return;
  }
  if (const Status read = read_status(status->body, node); !read) node.trouble = read.error().what;
  if (const auto metrics = host::http_get(url, "/metrics", kPatience))
    node.traffic = read_metrics(metrics->body);
}

Overview ask_all(const plan::Plan& plan) {
  Overview out{.domain = plan.domain, .nodes = {}};
  std::vector<SocketAddress> places;
  for (const plan::Region& region : plan.regions) {
    for (const plan::EndpointId id : region.nodes) {
      const IpAddress& ip = plan.endpoint(id).address.ip;
      out.nodes.push_back({.region = region.name, .address = ip.to_string()});
      places.push_back({ip, plan.ports.metrics});
    }
  }
  std::vector<std::jthread> asking;
  for (size_t i = 0; i < places.size(); ++i) {
    asking.emplace_back([&, i] { ask(out.nodes[i], places[i]); });
  }
  asking.clear();  // waits for all
  return out;
}

int exit_code_of(const Overview& overview) {
  if (overview.answered_count() > 0) return 0;
  fmt::print(stderr, "no node of {} answers; is the world up?\n", overview.domain);
  return 3;
}

int run_status(const std::string& world, bool json) {
  const auto loaded = load_world(world, plan::built_in_data(false));
  if (!loaded) return report_failure(std::unexpected(loaded.error()));
  const Overview overview = ask_all(*loaded->plan);
  fmt::print("{}", json ? render_json(overview) : render(overview));
  return exit_code_of(overview);
}

// Until Ctrl-C, or until nobody answers any more.
int run_top(const std::string& world, bool json) {
  const auto loaded = load_world(world, plan::built_in_data(false));
  if (!loaded) return report_failure(std::unexpected(loaded.error()));
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGINT);
  sigaddset(&end, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &end, nullptr);  // before any thread: they inherit it
  const bool clears = !json && ::isatty(STDOUT_FILENO) != 0;

  Overview before;
  std::chrono::steady_clock::time_point asked_before{};
  while (true) {
    const auto asked = std::chrono::steady_clock::now();
    Overview now = ask_all(*loaded->plan);
    const auto earlier =
        before.nodes.empty() ? std::nullopt : std::optional(Earlier{before, asked - asked_before});
    if (clears) fmt::print("\x1b[H\x1b[2J");  // home, and clear
    fmt::print("{}", json ? render_json(now) : render(now, earlier));
    if (!json && !clears) fmt::print("\n");
    std::fflush(stdout);
    if (const int code = exit_code_of(now); code != 0) return code;
    before = std::move(now), asked_before = asked;
    const timespec pause{.tv_sec = kRefresh / 1s, .tv_nsec = 0};
    if (::sigtimedwait(&end, nullptr, &pause) > 0) return 0;
  }
}

}  // namespace

void add_overview_commands(CLI::App& app, int& exit_code) {
  struct Arguments {
    std::string world = "sealane.yaml", output = "text";
  };
  const auto add = [&](const char* name, const char* what, int (*run)(const std::string&, bool)) {
    auto arguments = std::make_shared<Arguments>();
    auto* command = app.add_subcommand(name, what);
    command->add_option("world", arguments->world, "the world file")->capture_default_str();
    command->add_option("-o,--output", arguments->output, "text or json")
        ->check(CLI::IsMember({"text", "json"}))
        ->capture_default_str();
    command->callback([arguments, run, &exit_code] {
      exit_code = run(arguments->world, arguments->output == "json");
    });
  };
  add("status", "health and traffic of every node; exit 3 when none answers", run_status);
  add("top", "the same, each second until Ctrl-C", run_top);
}

}  // namespace sealane::main
