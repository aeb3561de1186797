// SPDX-License-Identifier: Apache-2.0
// Signals as events of a loop (signalfd): handlers run between two callbacks and may do anything.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>

#include "host/loop.h"
#include "host/socket.h"

namespace sealane::host {

class Signals final : public Waiter {
 public:
  // Blocks these signals in the calling thread; threads started later inherit that, so make this
  // first.
  Signals(Loop& loop, std::initializer_list<int> numbers, std::function<void(int)> handle);
  void on_events(uint32_t) override;

 private:
  Fd fd_;
  std::function<void(int)> handle_;
};

}  // namespace sealane::host
