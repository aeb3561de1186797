// SPDX-License-Identifier: Apache-2.0
#include "main/messaging.h"

#include <fmt/format.h>

#include <memory>

#include "host/authority.h"
#include "main/exit_code.h"
#include "main/tables.h"
#include "main/world.h"

namespace sealane::main {

Result<host::NatsConfig> nats_config_of(const plan::Plan& plan, plan::RegionId id,
                                        const std::filesystem::path& data_dir) {
  const plan::Region& region = plan.region(id);
  if (region.agents.empty())
    return fail(Code::invalid, region.name + " has no agents and so keeps no tables");
  if (plan.state_nodes().size() < 2)
    return fail(Code::invalid, "one node keeps tables in this world: it needs no nats-server");
  const auto address = [&](const plan::Region& of) {
    return plan.endpoint(of.nodes.front()).address.ip;
  };
  SL_TRY(const auto ca, host::Authority::open(data_dir / "ca", plan.domain));
  SL_TRY(const auto leaf, ca.issue("nats-" + region.name, {region.name}, {address(region)}));
  host::NatsConfig config{.region = region.name,
                          .listen = {address(region), plan.ports.nats},
                          .gateway = {address(region), plan.ports.gateway},
                          .user = "sealane",
                          .ca_file = std::filesystem::absolute(ca.ca_file()),
                          .cert_file = std::filesystem::absolute(leaf.cert_file),
                          .key_file = std::filesystem::absolute(leaf.key_file)};
  for (const plan::Region& other : plan.regions) {
    if (other.name == region.name || other.agents.empty()) continue;
    config.remotes.push_back({other.name, {address(other), plan.ports.gateway}});
  }
  SL_TRY(config.password, messaging_password(data_dir));
  return config;
}

namespace {

Status print_nats_config(const std::string& file, const std::string& name,
                         const std::string& data_dir) {
  SL_TRY(const LoadedWorld world, load_world(file, plan::built_in_data(false)));
  const auto region = world.plan->find_region(name);
  if (!region) return fail(Code::invalid, fmt::format("no region '{}' in {}", name, file));
  SL_TRY(const host::NatsConfig config, nats_config_of(*world.plan, *region, data_dir));
  SL_TRY(const std::string text, host::nats_config_text(config));
  fmt::print("{}", text);
  return {};
}

}  // namespace

void add_nats_config_command(CLI::App& app, int& exit_code) {
  struct Arguments {
    std::string world = "sealane.yaml", region, data = ".sealane";
  };
  auto arguments = std::make_shared<Arguments>();
  auto* command = app.add_subcommand(
      "nats-config", "print the configuration of a region's nats-server (it holds a password)");
  command->add_option("--world", arguments->world, "the world file")->capture_default_str();
  command->add_option("--region", arguments->region, "the region")->required();
  command->add_option("--data", arguments->data, "data directory")->capture_default_str();
  command->callback([arguments, &exit_code] {
    exit_code =
        report_failure(print_nats_config(arguments->world, arguments->region, arguments->data));
  });
}

}  // namespace sealane::main
