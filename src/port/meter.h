// SPDX-License-Identifier: Apache-2.0
// Counters for operators. A counter belongs to one lane and is added to without a lock; readers
// (the metrics page) sum over the lanes with relaxed loads.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace sealane::port {

class Counter {
 public:
  // One writer only: load and store instead of a locked add.
  void add(uint64_t n = 1) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }  // for gauges
  uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

class Meter {
 public:
  virtual ~Meter() = default;
  // The counter of this name (Prometheus style: sealane_dns_queries_total) and labels
  // (`rcode="NOERROR"`), made at the first call; the reference stays valid as long as the meter.
  // Call it at start-up, not per packet.
  virtual Counter& counter(std::string_view name, std::string_view labels = {}) = 0;
  virtual Counter& gauge(std::string_view name, std::string_view labels = {}) = 0;
};

}  // namespace sealane::port
