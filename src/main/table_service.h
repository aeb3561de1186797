// SPDX-License-Identifier: Apache-2.0
// What a node has for tables, as the rest of it sees it: its own (tables.h), or those that another
// server keeps (handed_tables.h).
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "host/cut.h"
#include "host/log.h"
#include "host/meter.h"
#include "host/tls.h"
#include "plan/plan.h"
#include "port/sessions.h"
#include "state/engine.h"
#include "state/replica/replicator.h"
#include "wire/aws_credentials.h"

namespace sealane::main {

// What the status page tells of a node's own tables, as of a moment ago.
struct TablesStatus {
  struct Table {
    std::string name;
    uint64_t item_count = 0, bytes = 0;
    bool is_counting = false;  // after a crash: so far
  };
  std::vector<Table> tables;
  std::vector<state::Lag> lags;
  uint64_t position = 0, conflict_count = 0, disk_bytes = 0;
  bool is_connected = false;  // to the region's nats-server
  bool is_alone = false;      // no other node keeps tables
};

// And of tables that another server keeps.
struct HandedStatus {
  struct Table {
    std::string name;
    bool is_ready = false;
    std::string trouble;  // why it is not; or what is otherwise than declared
  };
  std::vector<Table> declared;
  std::string endpoint;
  bool is_known = false;      // something was asked of it
  bool is_reachable = false;  // the last call was answered
  std::string trouble;        // why it was not
  size_t connection_count = 0, waiting_count = 0;
};

class TableService {
 public:
  struct Options {
    std::string region;
    IpAddress node;
    std::filesystem::path data_dir;  // of the world
    std::filesystem::path own_dir;   // of this node
    host::JsonLog& log;
    host::Registry& registry;
    std::shared_ptr<const host::Tls> tls;
  };
  struct Report {
    std::shared_ptr<const TablesStatus> kept{};    // null: not this kind
    std::shared_ptr<const HandedStatus> handed{};
  };
  // Does what the plan declares and serves after start().
  static Result<std::unique_ptr<TableService>> open(Options options, const plan::Plan& plan);
  virtual ~TableService() = default;
  virtual Status start(const plan::Plan& plan) = 0;
  virtual void plan_changed(std::shared_ptr<const plan::Plan> plan) = 0;
  // For connections that it opens from now on; null: heal.
  virtual void set_cut(std::shared_ptr<const host::NetworkCut>) {}
  virtual void drain() = 0;
  virtual size_t pending_count() const = 0;
  virtual Report report() const = 0;
  // Null: nothing is replicated here, so nobody has to wait for it.
  virtual port::Sessions* sessions() { return nullptr; }
};

// Where a world's access keys are, by its plan.
std::filesystem::path keys_file(const plan::Plan& plan, const std::filesystem::path& data_dir);
// Reads the keys; makes a file with one key when there is none. Refuses a file that others may
// read.
Result<wire::AwsKeyring> load_keys(const std::filesystem::path& file);
// The key with which nodes sign for the server that keeps the tables: where it is, and itself.
struct EndpointKey {
  std::filesystem::path file;
  std::string profile;
};
EndpointKey endpoint_key(const plan::Plan& plan, const std::filesystem::path& data_dir);
Result<wire::AwsKey> load_key(const EndpointKey& from);
// What the plan declares. `now_ms`: since 1970.
// What a signature may be scoped to.
std::vector<std::string> region_names(const plan::Plan& plan);
std::vector<state::Table> declared_tables(const plan::Plan& plan, uint64_t now_ms);

}  // namespace sealane::main
