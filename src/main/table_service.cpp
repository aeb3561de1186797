// SPDX-License-Identifier: Apache-2.0
#include "main/table_service.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "host/files.h"
#include "host/lane.h"
#include "main/handed_tables.h"
#include "main/tables.h"

namespace sealane::main {
namespace {

Result<std::string> read_secrets(const std::filesystem::path& file) {
  struct stat info {};
  if (::stat(file.c_str(), &info) == 0 && (info.st_mode & 077) != 0) {
    return fail(Code::invalid, fmt::format("{} holds secrets and others may read it; chmod 600 {}",
                                           file.string(), file.string()));
  }
  return host::read_file(file, wire::AwsKeyring::kTextBytesMax);
}

}  // namespace

Result<std::unique_ptr<TableService>> TableService::open(Options options, const plan::Plan& plan) {
  if (plan.state.is_handed()) return HandedTables::open(std::move(options), plan);
  return Tables::open(std::move(options), plan);
}

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
    const auto mine =
        std::filesystem::path(file.string() + fmt::format(".{:016x}", host::random_seed()));
    SL_CHECK(host::write_file(mine, wire::fresh_aws_credentials(random), 0600));
    std::filesystem::create_hard_link(mine, file, ignored);
    std::filesystem::remove(mine, ignored);
  }
  SL_TRY(const std::string text, read_secrets(file));
  auto keys = wire::AwsKeyring::parse(text);
  if (!keys) return fail(keys.error().code, file.string() + ": " + keys.error().what);
  return keys;
}

EndpointKey endpoint_key(const plan::Plan& plan, const std::filesystem::path& data_dir) {
  const std::string& own = plan.state.endpoint_keys;
  return {.file = own.empty() ? keys_file(plan, data_dir) : std::filesystem::path(own),
          .profile = plan.state.endpoint_profile};
}

Result<wire::AwsKey> load_key(const EndpointKey& from) {
  SL_TRY(const std::string text, read_secrets(from.file));
  const auto keys = wire::AwsKeyring::parse(text, wire::AwsKeyring::Use::sign);
  if (!keys) return fail(keys.error().code, from.file.string() + ": " + keys.error().what);
  const wire::AwsKey* const key = keys->find_profile(from.profile);
  if (!key) {
    return fail(
        Code::not_found,
        fmt::format("{} has no key under [{}]; state.endpoint_profile names the one to sign with",
                    from.file.string(), from.profile));
  }
  return *key;
}

std::vector<std::string> region_names(const plan::Plan& plan) {
  std::vector<std::string> names;
  for (const plan::Region& region : plan.regions) names.push_back(region.name);
  return names;
}

std::vector<state::Table> declared_tables(const plan::Plan& plan, uint64_t now_ms) {
  using Stream = plan::StateTable::Stream;
  std::vector<state::Table> all;
  for (const plan::StateTable& wanted : plan.state.tables) {
    state::Table table{.name = wanted.name};
    const auto attribute = [](const plan::TableKey& key) {
      const auto type = key.type == 'N'   ? table::Type::N
                        : key.type == 'B' ? table::Type::B
                                          : table::Type::S;
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
    table.ack = table::Ack(wanted.ack);
    table.stream = table::StreamView(wanted.stream);
    if (wanted.stream != Stream::off) table.stream_started_ms = now_ms;
    table.created_ms = now_ms;
    for (const plan::RegionId id : wanted.regions) table.replicas.push_back(plan.region(id).name);
    std::ranges::sort(table.replicas);
    all.push_back(std::move(table));
  }
  return all;
}

}  // namespace sealane::main
