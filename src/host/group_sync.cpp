// SPDX-License-Identifier: Apache-2.0
#include "host/group_sync.h"

#include <pthread.h>

#include <chrono>
#include <utility>

namespace sealane::host {

GroupSync::GroupSync(std::function<Status()> sync_disk, port::Lane& lane)
    : sync_disk_(std::move(sync_disk)),
      lane_(lane),
      syncs_(lane.meter.counter("sealane_store_syncs_total")),
      callers_(lane.meter.counter("sealane_store_sync_callers_total")),
      alive_(std::make_shared<Alive>(this)),
      thread_([this] { run(); }) {
  pthread_setname_np(thread_.native_handle(), "store-sync");
}

GroupSync::~GroupSync() {
  alive_->sync = nullptr;
  {
    const LockGuard lock(mu_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void GroupSync::add(Done done) {
  {
    const LockGuard lock(mu_);
    if (waiting_.size() < kWaitingMax) {
      waiting_.push_back(std::move(done));
      if (waiting_.size() > 1) return;  // the thread knows
    }
  }
  if (done) return refuse(std::move(done));
  wake_.notify_one();
}

void GroupSync::refuse(Done done) {
  const bool posted = lane_.inbox.post([alive = alive_, done = std::move(done)] {
    if (alive->sync == nullptr) return;
    done(fail(Code::limit, "too many callers wait for the disk; try again later"));
  });
  // A lane that has this many calls waiting in one turn has lost count of its own requests.
  SL_ASSERT(posted);
}

void GroupSync::run() {
  Status outcome;
  std::vector<Done> group;
  while (true) {
    {
      const LockGuard lock(mu_);
      while (waiting_.empty() && !stopping_) wake_.wait(mu_);
      if (stopping_) return;
      group.swap(waiting_);
    }
    if (outcome) outcome = sync_disk_();
    // Captured by value in a shared pointer: a std::function must be copyable, the callers need
    // not.
    auto shared = std::make_shared<std::vector<Done>>(std::exchange(group, {}));
    const std::function<void()> delivery = [alive = alive_, shared, outcome] {
      if (alive->sync != nullptr) alive->sync->deliver(std::move(*shared), outcome);
    };
    while (!lane_.inbox.post(delivery)) {
      // The lane is drowning; it hears of this when it has caught up. More callers gather
      // meanwhile.
      const LockGuard lock(mu_);
      if (stopping_) return;
      wake_.wait_for(mu_, std::chrono::milliseconds(1));
    }
  }
}

void GroupSync::deliver(std::vector<Done> group, const Status& outcome) {
  syncs_.add();
  callers_.add(group.size());
  if (!outcome && health_) health_ = outcome;
  const std::shared_ptr<Alive> alive = alive_;
  for (Done& done : group) {
    if (alive->sync == nullptr) return;  // a caller destroyed the store
    done(outcome);
  }
}

}  // namespace sealane::host
