// SPDX-License-Identifier: Apache-2.0
// A node's tables: the role `state` on a lane of its own, with its store on this machine's disk and
// its connection to the region's nats-server. The rest of the node meets it by published snapshots
// and by posting to its lane.
#pragma once

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "base/snapshot.h"
#include "host/lane.h"
#include "host/log.h"
#include "host/meter.h"
#include "main/table_service.h"
#include "plan/plan.h"
#include "port/fabric.h"
#include "port/store.h"
#include "state/session.h"
#include "state/state.h"

namespace sealane::main {

// What nodes show to the nats-servers of their world: known to who has the world's CA key.
Result<std::string> messaging_password(const std::filesystem::path& data_dir);

class Tables final : public TableService, public port::Sessions {
 public:
  // Opens the store and makes what the plan declares; serves after start().
  static Result<std::unique_ptr<TableService>> open(Options options, const plan::Plan& plan);
  ~Tables() override;
  Status start(const plan::Plan& plan) override;
  void plan_changed(std::shared_ptr<const plan::Plan> plan) override;
  void drain() override;
  size_t pending_count() const override { return pending_count_.load(); }
  Report report() const override { return {.kept = status_.get()}; }
  port::Sessions* sessions() override { return this; }

  // port::Sessions
  std::string token(std::string_view seen) override;
  bool has_reached(std::string_view token) override;
  void note(std::string_view session) override;
  std::string stream_session(uint32_t random) override {
    return state::stream_session(source_, random);
  }
  void when_reached(port::Lane& lane, std::string token, std::string session, Duration timeout,
                    std::function<void(const Reached&)> done) override;

 private:
  explicit Tables(Options options);
  Status build(const plan::Plan& plan);
  void wait_until_reached(table::Vector wanted, Duration timeout, bool is_all_known,
                          std::function<void(Reached)> done);
  void look_around();

  const Options options_;
  host::Registry::LaneMeter meter_;
  host::HostLane lane_;
  std::unique_ptr<port::Store> store_;
  std::unique_ptr<port::Fabric> fabric_;
  std::unique_ptr<state::State> state_;
  std::unique_ptr<port::Timer> look_timer_;
  std::set<std::string> lag_labels_;  // of the gauges that tell of a lag
  bool is_alone_ = false;
  table::Source source_ = 0;  // for all lanes: of our own log
  std::atomic<size_t> pending_count_{0};
  Published<TablesStatus> status_{std::make_shared<const TablesStatus>()};
};

}  // namespace sealane::main
