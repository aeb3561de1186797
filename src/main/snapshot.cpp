// SPDX-License-Identifier: Apache-2.0
#include "main/snapshot.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <system_error>

#include "host/files.h"
#include "host/socket.h"

namespace sealane::main {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr int kFormat = 1;
constexpr const char* kInfoFile = "snapshot.json";

Error trouble(const fs::path& path, const std::error_code& error) {
  return {Code::unavailable, fmt::format("{}: {}", path.string(), error.message())};
}

// A running node holds this lock (RocksDB's; fcntl locks are of a process).
Status check_stopped(const fs::path& tables) {
  const host::Fd lock(::open((tables / "LOCK").c_str(), O_RDWR | O_CLOEXEC));
  if (!lock) return {};
  struct flock wanted{};
  wanted.l_type = F_WRLCK;
  wanted.l_whence = SEEK_SET;
  if (::fcntl(lock.get(), F_SETLK, &wanted) == 0) return {};
  return fail(Code::conflict, fmt::format("{} is in use: stop the node first", tables.string()));
}

Status sync_file(const fs::path& path, int flags) {
  const host::Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | flags));
  if (!file || ::fsync(file.get()) != 0)
    return std::unexpected(trouble(path, {errno, std::generic_category()}));
  return {};
}

// Files that are written once are linked when that is possible; those that a store goes on writing
// are copied.
Status copy_store(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::create_directories(to, error);
  if (error) return std::unexpected(trouble(to, error));
  for (fs::directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
    const fs::path target = to / it->path().filename();
    std::error_code failed;
    if (!it->is_regular_file(failed) || it->path().filename() == "LOCK") continue;
    if (it->path().extension() == ".sst") fs::create_hard_link(it->path(), target, failed);
    if (it->path().extension() != ".sst" || failed) {
      failed.clear();
      fs::copy_file(it->path(), target, fs::copy_options::overwrite_existing, failed);
    }
    if (failed) return std::unexpected(trouble(target, failed));
    SL_CHECK(sync_file(target, 0));
  }
  if (error) return std::unexpected(trouble(from, error));
  return sync_file(to, O_DIRECTORY);
}

}  // namespace

Status write_snapshot_info(const SnapshotInfo& info, const fs::path& dir) {
  const json text{{"format", kFormat},      {"world", info.world},   {"region", info.region},
                  {"node", info.node},      {"source", info.source}, {"made", info.made},
                  {"applied", info.applied}};
  return host::write_file(dir / kInfoFile,
                          text.dump(1, ' ', false, json::error_handler_t::replace) + "\n", 0600);
}

Result<SnapshotInfo> read_snapshot_info(const fs::path& dir) {
  const auto text = host::read_file(dir / kInfoFile, 1u << 20);
  if (!text) {
    return fail(Code::not_found,
                fmt::format("{} is no snapshot: it has no {}", dir.string(), kInfoFile));
  }
  const json said = json::parse(*text, nullptr, false);
  const auto wrong = [&] {
    return fail(Code::invalid, fmt::format("{}/{} does not read back", dir.string(), kInfoFile));
  };
  if (!said.is_object() || !said.contains("format") || !said.contains("applied") ||
      !said["applied"].is_object()) {
    return wrong();
  }
  if (said["format"] != kFormat) {
    return fail(Code::invalid, fmt::format("{} is of a newer Sealane", dir.string()));
  }
  SnapshotInfo info;
  const std::pair<const char*, std::string*> texts[] = {{"world", &info.world},
                                                        {"region", &info.region},
                                                        {"node", &info.node},
                                                        {"source", &info.source},
                                                        {"made", &info.made}};
  for (const auto& [name, into] : texts) {
    if (!said.contains(name) || !said[name].is_string()) return wrong();
    *into = said[name];
  }
  for (const auto& [source, position] : said["applied"].items()) {
    if (!position.is_number_unsigned()) return wrong();
    info.applied[source] = position;
  }
  return info;
}

Status move_snapshot(const fs::path& from, const fs::path& to) {
  std::error_code error;
  if (fs::exists(to, error) && !fs::is_empty(to, error)) {
    return fail(
        Code::conflict,
        fmt::format("{} is not empty: name a directory that is not there yet", to.string()));
  }
  fs::create_directories(fs::absolute(to).parent_path(), error);
  fs::rename(from, to, error);
  if (!error) return {};
  SL_CHECK(copy_store(from / "tables", to / "tables"));  // another file system
  fs::remove_all(from, error);
  return {};
}

Result<fs::path> restore_tables(const fs::path& snapshot_dir, const fs::path& own_dir,
                                const std::string& now_text) {
  const fs::path tables = own_dir / "tables", coming = own_dir / "tables.restoring";
  SL_CHECK(check_stopped(tables));
  std::error_code error;
  fs::remove_all(coming, error);  // of an earlier attempt that broke off
  SL_CHECK(copy_store(snapshot_dir / "tables", coming));
  fs::path before;
  if (fs::exists(tables, error)) {
    before = own_dir / ("tables.before-" + now_text);
    fs::rename(tables, before, error);
    if (error) return std::unexpected(trouble(before, error));
  }
  fs::rename(coming, tables, error);
  if (error) return std::unexpected(trouble(tables, error));
  SL_CHECK(sync_file(own_dir, O_DIRECTORY));
  return before;
}

}  // namespace sealane::main
