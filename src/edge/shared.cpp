// SPDX-License-Identifier: Apache-2.0
#include "edge/shared.h"

#include <algorithm>

namespace sealane::edge {

void Shared::join(const std::shared_ptr<Seat>& seat) {
  const LockGuard lock(mu_);
  seats_.push_back(seat);
}

void Shared::leave(const std::shared_ptr<Seat>& seat) {
  const LockGuard lock(mu_);
  std::erase(seats_, seat);
}

void Shared::tell_others(const Seat* self, const std::function<void(Edge&)>& work) {
  const LockGuard lock(mu_);
  for (const std::shared_ptr<Seat>& seat : seats_) {
    if (seat.get() == self) continue;
    (void)seat->inbox->post([seat, work] {
      if (seat->edge != nullptr) work(*seat->edge);
    });
  }
}

}  // namespace sealane::edge
