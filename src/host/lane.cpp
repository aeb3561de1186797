// SPDX-License-Identifier: Apache-2.0
#include "host/lane.h"

#include <pthread.h>
#include <sys/random.h>

#include <string>

namespace sealane::host {

HostLane::HostLane(Options options)
    : net_(loop_, options.tls),
      dice_(options.seed),
      lane_{.clock = loop_,
            .timers = loop_,
            .net = net_,
            .inbox = loop_,
            .log = options.log,
            .meter = options.meter,
            .dice = dice_,
            .index = options.index} {}

HostLane::~HostLane() { stop(); }

void HostLane::start() {
  thread_ = std::thread([this] { loop_.run(); });
  pthread_setname_np(thread_.native_handle(), ("lane-" + std::to_string(lane_.index)).c_str());
}

void HostLane::stop() {
  if (!thread_.joinable()) return;
  loop_.stop();
  thread_.join();
}

uint64_t random_seed() {
  uint64_t seed = 0;
  SL_ASSERT(::getrandom(&seed, sizeof seed, 0) == sizeof seed);
  return seed;
}

}  // namespace sealane::host
