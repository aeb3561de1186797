// SPDX-License-Identifier: Apache-2.0
// A node's tables: the role `state` on a lane of its own, with its store on this machine's disk and its connection to the
// region's nats-server. The rest of the node meets it by published snapshots and by posting to its lane.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "base/snapshot.h"
#include "host/lane.h"
#include "host/log.h"
#include "host/meter.h"
#include "plan/plan.h"
#include "port/fabric.h"
#include "port/sessions.h"
#include "port/store.h"
#include "state/state.h"

namespace sealane::main {

// What the status page tells of the tables, as of a moment ago.
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

// Where a world's access keys are, by its plan.
std::filesystem::path keys_file(const plan::Plan& plan, const std::filesystem::path& data_dir);
// Reads the keys; makes a file with one key when there is none. Refuses a file that others may read.
Result<wire::AwsKeyring> load_keys(const std::filesystem::path& file);
// What nodes show to the nats-servers of their world: known to who has the world's CA key.
Result<std::string> messaging_password(const std::filesystem::path& data_dir);

class Tables final : public port::Sessions {
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
  // Opens the store and makes what the plan declares; serves after start().
  static Result<std::unique_ptr<Tables>> open(Options options, const plan::Plan& plan);
  ~Tables() override;
  Status start(const plan::Plan& plan);
  void plan_changed(std::shared_ptr<const plan::Plan> plan);
  void drain();
  size_t pending_count() const { return pending_count_.load(); }
  std::shared_ptr<const TablesStatus> status() const { return status_.get(); }

  // port::Sessions
  std::string token() override { return *token_.get(); }
  void note(std::string_view session) override;
  void when_reached(port::Lane& lane, std::string token, std::string session, Duration timeout,
                    std::function<void(uint64_t)> done) override;

 private:
  explicit Tables(Options options);
  Status build(const plan::Plan& plan);
  void look_around();

  const Options options_;
  host::Registry::LaneMeter meter_;
  host::HostLane lane_;
  std::unique_ptr<port::Store> store_;
  std::unique_ptr<port::Fabric> fabric_;
  std::unique_ptr<state::State> state_;
  std::unique_ptr<port::Timer> look_timer_;
  bool is_alone_ = false;
  bool is_token_due_ = false;
  std::atomic<size_t> pending_count_{0};
  Published<TablesStatus> status_{std::make_shared<const TablesStatus>()};
  Published<std::string> token_{std::make_shared<const std::string>()};
};

}  // namespace sealane::main
