// SPDX-License-Identifier: Apache-2.0
// One lane of a node on a real machine: a loop, its network, and the thread that runs them.
#pragma once

#include <memory>
#include <thread>

#include "host/loop.h"
#include "host/net.h"
#include "port/lane.h"

namespace sealane::host {

class HostLane {
 public:
  struct Options {
    unsigned index = 0;
    uint64_t seed = 0;
    std::shared_ptr<const Tls> tls;
    port::Log& log;
    port::Meter& meter;
  };
  explicit HostLane(Options options);
  ~HostLane();  // stops and joins
  HostLane(const HostLane&) = delete;
  HostLane& operator=(const HostLane&) = delete;

  // What roles get. Build and destroy them on this lane's thread, or while it does not run.
  port::Lane& lane() { return lane_; }
  Loop& loop() { return loop_; }
  Net& net() { return net_; }
  // Runs the loop in a thread of its own.
  void start();
  // Lets the thread end after its present turn, and waits for it.
  void stop();

 private:
  Loop loop_;
  Net net_;
  Dice dice_;
  port::Lane lane_;
  std::thread thread_;
};

// 64 bits from the kernel.
uint64_t random_seed();

}  // namespace sealane::host
