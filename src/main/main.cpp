// SPDX-License-Identifier: Apache-2.0
// The command line. Exit codes: 0 done, 1 it ran and the answer is no, 2 the input is wrong, 3
// something that is needed is unreachable.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <filesystem>
#include <functional>

#include "host/http_get.h"
#include "main/demo.h"
#include "main/drill.h"
#include "main/exit_code.h"
#include "main/messaging.h"
#include "main/node.h"
#include "main/overview_command.h"
#include "main/play_command.h"
#include "main/status.h"
#include "main/tables_command.h"
#include "main/up.h"
#include "main/world.h"
#include "plan/world.h"

namespace {

using namespace sealane;

int check(const std::string& world) {
  const auto loaded = main::load_world(world, plan::built_in_data(false));
  if (!loaded) {
    fmt::print(stderr, "{}\n", loaded.error().what);
    return 2;
  }
  const plan::Plan& plan = *loaded->plan;
  fmt::print("{}: ok. {} region{}, {} endpoints, {} steered names, {} zone{}\n", world,
             plan.regions.size(), plan.regions.size() == 1 ? "" : "s", plan.endpoints.size(),
             plan.names.size(), plan.zones.size(), plan.zones.size() == 1 ? "" : "s");
  return 0;
}

struct ExplainArguments {
  std::string name, from, endpoint, world;
};

// With a world file: what this plan says when everything is healthy. With an endpoint: what a
// running node would do now.
int explain(const ExplainArguments& arguments) {
  if (!arguments.world.empty()) {
    const auto loaded = main::load_world(arguments.world, plan::built_in_data());
    if (!loaded) return main::report_failure(std::unexpected(loaded.error()));
    const auto page =
        main::explain_page(*loaded->plan, view::View::unknown(*loaded->plan, Instant{}),
                           {{"name", arguments.name}, {"from", arguments.from}});
    fmt::print(page.status == 200 ? stdout : stderr, "{}", page.body);
    return page.status == 200 ? 0 : 2;
  }
  const auto answer =
      host::http_get(arguments.endpoint,
                     fmt::format("/explain?name={}&from={}", host::percent_encoded(arguments.name),
                                 host::percent_encoded(arguments.from)));
  if (!answer) return main::report_failure(std::unexpected(answer.error()));
  fmt::print(answer->status == 200 ? stdout : stderr, "{}", answer->body);
  return answer->status == 200 ? 0 : 2;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Sealane: steers the users of an agent to the nearest healthy region"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "sealane 0.1.0");
  int exit_code = 0;

  main::NodeOptions serve_options;
  std::string node_address;
  std::vector<std::string> roles;
  auto* serve_command = app.add_subcommand("serve", "run one node");
  serve_command->add_option("--world", serve_options.world, "the world file")->required();
  serve_command->add_option("--region", serve_options.region, "the region of this node")
      ->required();
  serve_command->add_option("--node", node_address, "its address, when the region has several");
  serve_command->add_option("--roles", roles, "dns,edge,health,state (default: all)")
      ->delimiter(',');
  serve_command->add_option("--data", serve_options.data_dir, "data directory")
      ->capture_default_str();
  serve_command->callback([&] {
    if (!roles.empty()) serve_options.roles = {roles.begin(), roles.end()};
    for (const auto& role : serve_options.roles) {
      if (role != "dns" && role != "edge" && role != "health" && role != "state") {
        exit_code = main::report_failure(fail(
            Code::invalid, "'" + role + "' is not a role; there are dns, edge, health, state"));
        return;
      }
    }
    if (!node_address.empty()) {
      const auto ip = IpAddress::parse(node_address);
      if (!ip) {
        exit_code = main::report_failure(std::unexpected(ip.error()));
        return;
      }
      serve_options.node = *ip;
    }
    exit_code = main::report_failure(main::run_node(serve_options));
  });

  main::UpOptions up_options;
  up_options.world = "sealane.yaml";
  auto* up_command = app.add_subcommand("up", "run every region of a world on this machine");
  up_command->add_option("world", up_options.world, "the world file")->capture_default_str();
  up_command->add_option("--data", up_options.data_dir, "data directory")->capture_default_str();
  up_command->callback([&] { exit_code = main::report_failure(main::run_up(up_options)); });

  main::KeeperOptions keeper_options;
  auto* keeper_command = app.add_subcommand("keep-region", "")->group("");
  keeper_command->add_option("--world", keeper_options.world)->required();
  keeper_command->add_option("--region", keeper_options.region)->required();
  keeper_command->add_option("--data", keeper_options.data_dir)->required();
  keeper_command->callback(
      [&] { exit_code = main::report_failure(main::run_keeper(keeper_options)); });

  std::string check_world = "sealane.yaml";
  auto* check_command = app.add_subcommand("check", "validate a world file; exit 0 or 2");
  check_command->add_option("world", check_world, "the world file")->capture_default_str();
  check_command->callback([&] { exit_code = check(check_world); });

  ExplainArguments explain_arguments{.endpoint = "http://127.1.0.1:8901"};
  auto* explain_command =
      app.add_subcommand("explain", "the order of endpoints for a client, and why");
  explain_command->add_option("name", explain_arguments.name, "a steered name, or a URL")
      ->required();
  explain_command->add_option("--from", explain_arguments.from, "the client's address")->required();
  explain_command
      ->add_option("--endpoint", explain_arguments.endpoint, "a running node's status page")
      ->capture_default_str();
  explain_command->add_option("--world", explain_arguments.world,
                              "ask a world file instead of a running node");
  explain_command->callback([&] { exit_code = explain(explain_arguments); });

  main::add_overview_commands(app, exit_code);
  main::add_nats_config_command(app, exit_code);
  main::add_tables_command(app, exit_code);
  main::add_play_command(app, exit_code);
  main::add_drill_command(app, exit_code);

  main::DemoOptions demo_options;
  demo_options.world = "examples/two-regions.yaml";
  auto* demo_command =
      app.add_subcommand("demo", "bring a world up, kill its primary, show what users felt");
  demo_command->add_option("world", demo_options.world, "the world file")->capture_default_str();
  demo_command->add_option("--data", demo_options.data_dir, "data directory")
      ->capture_default_str();
  demo_command->add_flag("--once", demo_options.once, "stop when the verdict is out");
  demo_command->callback([&] { exit_code = main::run_demo(demo_options); });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return exit_code;
}
