// SPDX-License-Identifier: Apache-2.0
// What a mutex guards says so, and clang's -Wthread-safety checks it.
#pragma once

#include <mutex>

#if defined(__clang__)
#define SL_THREAD_ATTRIBUTE(x) __attribute__((x))
#else
#define SL_THREAD_ATTRIBUTE(x)
#endif
#define SL_GUARDED_BY(mu) SL_THREAD_ATTRIBUTE(guarded_by(mu))
#define SL_REQUIRES(mu) SL_THREAD_ATTRIBUTE(requires_capability(mu))

namespace sealane {

class SL_THREAD_ATTRIBUTE(capability("mutex")) Mutex {
 public:
  void lock() SL_THREAD_ATTRIBUTE(acquire_capability()) { mu_.lock(); }
  void unlock() SL_THREAD_ATTRIBUTE(release_capability()) { mu_.unlock(); }

 private:
  std::mutex mu_;
};

class SL_THREAD_ATTRIBUTE(scoped_lockable) LockGuard {
 public:
  explicit LockGuard(Mutex& mu) SL_THREAD_ATTRIBUTE(acquire_capability(mu)) : mu_(mu) {
    mu_.lock();
  }
  ~LockGuard() SL_THREAD_ATTRIBUTE(release_capability()) { mu_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Mutex& mu_;
};

}  // namespace sealane
