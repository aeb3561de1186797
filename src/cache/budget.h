// SPDX-License-Identifier: Apache-2.0
// The memory that cached bodies and heads may take, on all lanes together. An object that several
// lanes' indexes hold is one Charge, so it counts once.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace sealane::cache {

class Budget {
 public:
  explicit Budget(uint64_t bytes_max) : bytes_max_(bytes_max) {}
  Budget(const Budget&) = delete;
  Budget& operator=(const Budget&) = delete;
  uint64_t bytes_max() const { return bytes_max_; }
  uint64_t used() const { return used_.load(std::memory_order_relaxed); }
  bool over() const { return used() > bytes_max_; }

 private:
  friend class Charge;
  const uint64_t bytes_max_;
  std::atomic<uint64_t> used_{0};
};

// Bytes taken from a budget for as long as this lives.
class Charge {
 public:
  Charge() = default;
  Charge(std::shared_ptr<Budget> budget, uint64_t bytes) : budget_(std::move(budget)) {
    add(bytes);
  }
  Charge(Charge&& other) noexcept
      : budget_(std::move(other.budget_)), bytes_(std::exchange(other.bytes_, 0)) {}
  Charge& operator=(Charge&& other) noexcept {
    std::swap(budget_, other.budget_);
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~Charge() {
    if (budget_) budget_->used_.fetch_sub(bytes_, std::memory_order_relaxed);
  }
  void add(uint64_t bytes) {
    if (!budget_) return;
    bytes_ += bytes;
    budget_->used_.fetch_add(bytes, std::memory_order_relaxed);
  }
  uint64_t bytes() const { return bytes_; }

 private:
  std::shared_ptr<Budget> budget_;
  uint64_t bytes_ = 0;
};

}  // namespace sealane::cache
