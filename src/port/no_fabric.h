// SPDX-License-Identifier: Apache-2.0
// The Fabric of a node that is alone in its world: nobody to tell, nobody to hear.
#pragma once

#include "port/fabric.h"
#include "port/lane.h"

namespace sealane::port {

class NoFabric final : public Fabric {
 public:
  explicit NoFabric(Lane& lane) : inbox_(lane.inbox) {}
  std::unique_ptr<Subscription> subscribe(std::string_view, Handler) override {
    return std::make_unique<Subscription>();
  }
  using Fabric::publish;
  bool publish(std::string_view, std::span<const std::string_view>) override { return false; }
  void request(std::string_view, std::string_view, Duration,
               std::function<void(Result<std::string_view>)> done) override {
    (void)inbox_.post(
        [done = std::move(done)] { done(fail(Code::unavailable, "this node has no peers")); });
  }
  bool is_connected() const override { return false; }

 private:
  Inbox& inbox_;
};

}  // namespace sealane::port
