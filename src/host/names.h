// SPDX-License-Identifier: Apache-2.0
// port::Names by getaddrinfo(3). It blocks for as long as it likes, so each look-up is a thread of
// its own that nobody waits for: when this ends, its answer goes nowhere.
#pragma once

#include <cstdint>
#include <map>
#include <memory>

#include "port/lane.h"
#include "port/names.h"

namespace sealane::host {

class HostNames final : public port::Names {
 public:
  // Built and destroyed on the lane, or while it does not run.
  explicit HostNames(port::Lane& lane);
  ~HostNames() override;
  void resolve(const std::string& name, Done done) override;

 private:
  struct Back;  // the threads' way back to the lane
  void answered(uint64_t id, Result<std::vector<IpAddress>> found);

  port::Lane& lane_;
  std::shared_ptr<Back> back_;
  std::map<uint64_t, Done> asked_;
  uint64_t last_id_ = 0;
};

}  // namespace sealane::host
