// SPDX-License-Identifier: Apache-2.0
#include "main/demo.h"

#include <fmt/format.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "host/http_get.h"
#include "host/process.h"
#include "main/drill.h"
#include "main/exit_code.h"
#include "main/world.h"

namespace sealane::main {
namespace {

constexpr Duration kUpMax = 60s;

bool node_is_level(const plan::Plan& plan, plan::EndpointId node) {
  const std::string at = fmt::format(
      "http://{}", SocketAddress{plan.endpoint(node).address.ip, plan.ports.metrics}.to_string());
  const auto answer = host::http_get(at, "/status", 1s);
  if (!answer || answer->status != 200) return false;
  const auto status = nlohmann::json::parse(answer->body, nullptr, false);
  if (!status.is_object() || !status.value("ready", false)) return false;
  return std::ranges::all_of(status["endpoints"],
                             [](const auto& e) { return e.value("healthy", false); });
}

Status wait_until_level(const plan::Plan& plan, pid_t up) {
  const auto until = std::chrono::steady_clock::now() + kUpMax;
  for (const plan::Region& region : plan.regions) {
    for (const auto node : region.nodes) {
      while (!node_is_level(plan, node)) {
        if (::waitpid(up, nullptr, WNOHANG) == up)
          return fail(Code::unavailable, "the world did not come up");
        if (std::chrono::steady_clock::now() > until) {
          return fail(
              Code::timeout,
              "the world is not healthy after a minute; see the logs in the data directory");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
      }
    }
  }
  return {};
}

int drill_on(const plan::Plan& plan, const DemoOptions& options) {
  DrillArguments drill;
  drill.fault = play::drill::Fault::kill;
  drill.region = plan.regions[0].name;
  drill.world = options.world;
  drill.data_dir = options.data_dir;
  drill.report = options.data_dir / "drill.html";
  drill.json = options.data_dir / "drill.json";
  return run_drill(drill);
}

}  // namespace

int run_demo(const DemoOptions& options) {
  const auto world = load_world(options.world, plan::built_in_data(false));
  if (!world) return report_failure(std::unexpected(world.error()));
  const auto up = host::spawn(
      {.command = {host::own_executable(), "up", options.world, "--data", options.data_dir},
       .set_env = {},
       .output = {},
       .own_group = true,  // Ctrl-C reaches us; we end the world in order
       .parent_death_signal = SIGTERM});
  if (!up) return report_failure(std::unexpected(up.error()));

  int exit_code = report_failure(wait_until_level(*world->plan, *up));
  if (exit_code == 0) {
    exit_code = drill_on(*world->plan, options);
    if (!options.once && ::isatty(STDIN_FILENO) != 0) {
      fmt::print("\nThe world stays up for you to try; the report is {}. Ctrl-C stops it.\n",
                 (options.data_dir / "drill.html").string());
      std::fflush(stdout);
      sigset_t end;
      sigemptyset(&end);
      sigaddset(&end, SIGINT);
      sigaddset(&end, SIGTERM);
      ::sigprocmask(SIG_BLOCK, &end, nullptr);
      int number = 0;
      ::sigwait(&end, &number);
    }
  }
  ::kill(*up, SIGTERM);
  ::waitpid(*up, nullptr, 0);
  return exit_code;
}

}  // namespace sealane::main
