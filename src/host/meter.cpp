// SPDX-License-Identifier: Apache-2.0
#include "host/meter.h"

#include <fmt/format.h>

#include <iterator>

namespace sealane::host {
namespace {

template <typename Lanes>
uint64_t total(const Lanes& lanes) {
  uint64_t sum = 0;
  for (const auto& [lane, counter] : lanes) sum += counter.get();
  return sum;
}

}  // namespace

port::Counter& Registry::add(std::string_view type, std::string_view name, std::string_view labels,
                             const LaneMeter* lane) {
  const LockGuard lock(mu_);
  Family& family = families_[std::string(name)];
  family.type = type;
  return family.series[std::string(labels)][lane];
}

std::string Registry::render() const {
  const LockGuard lock(mu_);
  std::string page;
  for (const auto& [name, family] : families_) {
    fmt::format_to(std::back_inserter(page), "# TYPE {} {}\n", name, family.type);
    for (const auto& [labels, lanes] : family.series) {
      const char* open = labels.empty() ? "" : "{";
      const char* close = labels.empty() ? "" : "}";
      fmt::format_to(std::back_inserter(page), "{}{}{}{} {}\n", name, open, labels, close,
                     total(lanes));
    }
  }
  return page;
}

uint64_t Registry::sum(std::string_view name, std::string_view labels) const {
  const LockGuard lock(mu_);
  const auto family = families_.find(name);
  if (family == families_.end()) return 0;
  const auto series = family->second.series.find(labels);
  return series == family->second.series.end() ? 0 : total(series->second);
}

}  // namespace sealane::host
