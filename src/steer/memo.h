// SPDX-License-Identifier: Apache-2.0
// A lane's memory of choices: by (group, client class), emptied when the plan or the view changes.
// Groups that throw dice are not remembered. memo_test.cpp holds that it equals the function.
#pragma once

#include <memory>
#include <vector>

#include "base/hash.h"
#include "steer/steer.h"

namespace sealane::steer {

class Memo {
 public:
  static constexpr size_t kSlots = 1024;  // direct-mapped, about 400 bytes each when used

  // The reference is valid until the next call.
  const Choice& choose(const plan::Plan& plan, const view::View& view, plan::GroupId group,
                       ClientClass client, uint64_t dice);

 private:
  struct Slot {
    bool used = false;
    plan::GroupId group{};
    ClientClass client;
    Choice choice;
  };
  uint64_t plan_version_ = ~uint64_t{0};
  uint64_t view_version_ = ~uint64_t{0};
  std::vector<bool> throws_dice_;  // by GroupId
  std::vector<std::unique_ptr<Slot>> slots_;
  Choice unremembered_;
};

}  // namespace sealane::steer
