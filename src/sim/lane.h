// SPDX-License-Identifier: Apache-2.0
// One simulated lane: the small parts of port::Lane (clock, timers, inbox, log, meter); the network
// has a file of its own.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "port/lane.h"
#include "sim/net.h"
#include "sim/world.h"

namespace sealane::sim {

class LaneImpl final : port::Clock, port::Timers, port::Inbox, port::Log, port::Meter {
 public:
  LaneImpl(Node& node, unsigned index, Dice dice);
  port::Lane& lane() { return lane_; }
  Node& node() { return node_; }
  NetImpl& net_impl() { return net_; }

 private:
  // Clock
  Instant now() const override { return node_.local(node_.world_.now()); }
  WallTime wall() const override;
  // Timers
  std::unique_ptr<port::Timer> make(std::function<void()> fire) override;
  // Inbox
  bool post(std::function<void()> work) override;
  // Log
  void line(port::Level level, std::string_view event, std::string_view text) override;
  // Meter
  port::Counter& counter(std::string_view name, std::string_view labels) override;
  port::Counter& gauge(std::string_view name, std::string_view labels) override;

  Node& node_;
  NetImpl net_;
  Dice dice_;
  size_t posted_count_ = 0;
  uint64_t posted_life_ = 0;
  std::map<std::pair<std::string, std::string>, port::Counter> counters_;
  port::Lane lane_;
};

}  // namespace sealane::sim
