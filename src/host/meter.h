// SPDX-License-Identifier: Apache-2.0
// All counters of a process, and their page in the Prometheus text format (version 0.0.4).
#pragma once

#include <map>
#include <string>

#include "base/thread_annotations.h"
#include "port/meter.h"

namespace sealane::host {

class Registry {
 public:
  // One lane's meter: counters of one name and labels are kept a lane and summed on the page.
  class LaneMeter final : public port::Meter {
   public:
    explicit LaneMeter(Registry& registry) : registry_(registry) {}
    port::Counter& counter(std::string_view name, std::string_view labels) override {
      return registry_.add("counter", name, labels, this);
    }
    port::Counter& gauge(std::string_view name, std::string_view labels) override {
      return registry_.add("gauge", name, labels, this);
    }

   private:
    Registry& registry_;
  };

  // The page: families in the order of their names, `# TYPE` lines first.
  std::string render() const;
  // The sum over lanes of one series; 0 when there is none.
  uint64_t sum(std::string_view name, std::string_view labels = {}) const;

 private:
  struct Family {
    std::string_view type;
    // By labels, then by lane: each counter has one writer.
    std::map<std::string, std::map<const LaneMeter*, port::Counter>, std::less<>> series;
  };
  port::Counter& add(std::string_view type, std::string_view name, std::string_view labels,
                     const LaneMeter* lane);

  mutable Mutex mu_;
  std::map<std::string, Family, std::less<>> families_ SL_GUARDED_BY(mu_);
};

}  // namespace sealane::host
