// SPDX-License-Identifier: Apache-2.0
// One sync of the disk for all who wait for one: a thread of its own syncs, and while it does, the
// next callers gather. So the slower the disk, the larger the groups; no timer and nothing to tune.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "base/thread_annotations.h"
#include "port/lane.h"
#include "port/store.h"

namespace sealane::host {

class GroupSync {
 public:
  using Done = std::function<void(Status)>;
  // `sync_disk` is called on the thread of its own and may block. Once it has failed it is not
  // called again: what a failed fsync had to write may be gone, and the next one would not know
  // (the page is clean then). Everyone hears of the failure from that moment on.
  GroupSync(std::function<Status()> sync_disk, port::Lane& lane);
  // Waits for a sync that is under way. Callers that were not answered are forgotten.
  ~GroupSync();
  GroupSync(const GroupSync&) = delete;
  GroupSync& operator=(const GroupSync&) = delete;

  // On the lane. `done` is called on the lane after a sync that began after this call.
  void add(Done done);
  // The failure that ended all syncing, or success. On the lane.
  const Status& health() const { return health_; }

  static constexpr size_t kWaitingMax = port::Store::kSyncsMax;

 private:
  // What the lane shares with the calls that wait in its inbox: they may outlive us.
  struct Alive {
    GroupSync* sync;
  };
  void run();
  void deliver(std::vector<Done> group, const Status& outcome);
  void refuse(Done done);

  const std::function<Status()> sync_disk_;
  port::Lane& lane_;
  port::Counter& syncs_;
  port::Counter& callers_;
  std::shared_ptr<Alive> alive_;  // of the lane
  Status health_;                 // of the lane

  Mutex mu_;
  std::condition_variable_any wake_;
  std::vector<Done> waiting_ SL_GUARDED_BY(mu_);
  bool stopping_ SL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace sealane::host
