// SPDX-License-Identifier: Apache-2.0
// A node's tables when another server keeps them (state.engine: dynamodb): the role `state` without
// a store, on a lane of its own.
#pragma once

#include <atomic>
#include <memory>

#include "base/snapshot.h"
#include "host/lane.h"
#include "host/names.h"
#include "main/table_service.h"
#include "state/handoff/handoff.h"

namespace sealane::main {

class HandedTables final : public TableService {
 public:
  // Error: no key for the server, or none of the world's.
  static Result<std::unique_ptr<TableService>> open(Options options, const plan::Plan& plan);
  ~HandedTables() override;
  Status start(const plan::Plan& plan) override;
  void plan_changed(std::shared_ptr<const plan::Plan> plan) override;
  void set_cut(std::shared_ptr<const host::NetworkCut> cut) override;
  void drain() override;
  size_t pending_count() const override { return pending_count_.load(); }
  Report report() const override { return {.handed = status_.get()}; }

 private:
  explicit HandedTables(Options options);
  Status build(const plan::Plan& plan);
  Result<state::Endpoint> endpoint_of(const plan::Plan& plan) const;
  void look_around();

  const Options options_;
  host::Registry::LaneMeter meter_;
  host::HostLane lane_;
  std::unique_ptr<host::HostNames> names_;
  std::unique_ptr<state::Handoff> handoff_;
  std::unique_ptr<port::Timer> look_timer_;
  EndpointKey key_;  // the lane's
  std::atomic<size_t> pending_count_{0};
  Published<HandedStatus> status_{std::make_shared<const HandedStatus>()};
};

}  // namespace sealane::main
