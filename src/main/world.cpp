// SPDX-License-Identifier: Apache-2.0
#include "main/world.h"

#include <nlohmann/json.hpp>

#include "host/files.h"
#include "host/resolve.h"
#include "plan/world.h"

namespace sealane::main {
namespace {

constexpr size_t kWorldBytesMax = 64u << 20;

Result<LoadedWorld> compile(LoadedWorld world, const std::string& file_name, const plan::Data& data,
                            const plan::ReadFile& read) {
  auto keep = [&](std::string_view name) -> Result<std::string> {
    SL_TRY(std::string text, read(name));
    world.files[std::string(name)] = text;
    return text;
  };
  SL_TRY(plan::Plan plan, plan::compile(world.text, file_name, keep, data));
  for (plan::Endpoint& endpoint : plan.endpoints) {
    if (!endpoint.address.ip.is_unspecified() || endpoint.host.empty()) continue;
    if (const auto ip = host::resolve(endpoint.host)) endpoint.address.ip = *ip;
  }
  world.plan = std::make_shared<const plan::Plan>(std::move(plan));
  return world;
}

}  // namespace

Result<LoadedWorld> load_world(const std::filesystem::path& path, const plan::Data& data) {
  LoadedWorld world;
  SL_TRY(world.text, host::read_file(path, kWorldBytesMax));
  return compile(std::move(world), path.string(), data, [&](std::string_view name) {
    return host::read_file(path.parent_path() / std::string(name), kWorldBytesMax);
  });
}

Status save_last_good(const std::filesystem::path& dir, const LoadedWorld& world) {
  const nlohmann::json kept{{"world", world.text}, {"files", world.files}};
  return host::write_file(dir / "last-good.json",
                          kept.dump(1, ' ', false, nlohmann::json::error_handler_t::replace), 0600);
}

Result<LoadedWorld> load_last_good(const std::filesystem::path& dir, const plan::Data& data) {
  const auto path = dir / "last-good.json";
  SL_TRY(const std::string text, host::read_file(path, kWorldBytesMax));
  const auto kept = nlohmann::json::parse(text, nullptr, false);
  if (!kept.is_object() || !kept.contains("world") || !kept["world"].is_string() ||
      !kept.contains("files")) {
    return fail(Code::corrupt, path.string() + " does not hold a world; remove it");
  }
  LoadedWorld world;
  world.text = kept["world"];
  const auto files = kept["files"];
  return compile(
      std::move(world), path.string(), data, [&](std::string_view name) -> Result<std::string> {
        const auto found = files.find(std::string(name));
        if (found == files.end() || !found->is_string()) {
          return fail(Code::not_found, std::string(name) + " is not in " + path.string());
        }
        return found->get<std::string>();
      });
}

}  // namespace sealane::main
