// SPDX-License-Identifier: Apache-2.0
// One writer publishes immutable snapshots, many readers hold them. A reader on the hot path pays
// one relaxed load; only when the version moved does it take the lock and copy the pointer.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "base/thread_annotations.h"

namespace sealane {

template <typename T>
class Published {
 public:
  explicit Published(std::shared_ptr<const T> first) : value_(std::move(first)) {}
  Published(const Published&) = delete;
  Published& operator=(const Published&) = delete;

  void publish(std::shared_ptr<const T> next) {
    std::shared_ptr<const T> old;  // freed after the lock
    {
      const LockGuard lock(mu_);
      old = std::exchange(value_, std::move(next));
      version_.fetch_add(1, std::memory_order_release);
    }
  }
  std::shared_ptr<const T> get() const {
    const LockGuard lock(mu_);
    return value_;
  }
  uint64_t version() const { return version_.load(std::memory_order_acquire); }

 private:
  mutable Mutex mu_;
  std::shared_ptr<const T> value_ SL_GUARDED_BY(mu_);
  std::atomic<uint64_t> version_{1};
};

// A lane's own copy of a published snapshot. Not shared between threads.
template <typename T>
class Reader {
 public:
  explicit Reader(const Published<T>& from) : from_(from) { refresh(); }
  // True when a newer snapshot was taken over; references into the old one are then gone.
  bool refresh() {
    const uint64_t version = from_.version();
    if (version == version_) return false;
    value_ = from_.get();
    version_ = version;
    return true;
  }
  const T& operator*() const { return *value_; }
  const T* operator->() const { return value_.get(); }
  const std::shared_ptr<const T>& pointer() const { return value_; }

 private:
  const Published<T>& from_;
  uint64_t version_ = 0;
  std::shared_ptr<const T> value_;
};

}  // namespace sealane
