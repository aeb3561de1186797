// SPDX-License-Identifier: Apache-2.0
// port::Fabric on core NATS: subscriptions and requests of one lane over a NatsLink.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "host/nats_link.h"
#include "port/fabric.h"
#include "port/lane.h"

namespace sealane::host {

class NatsFabric final : public port::Fabric {
 public:
  // `invalid` for what can never work: a bad URL, certificates that cannot be read. A server that
  // is not there yet is connected to when it comes. Counts
  // sealane_fabric_{sent,received,dropped}_total and sealane_fabric_connections_lost_total.
  static Result<std::unique_ptr<NatsFabric>> open(const NatsOptions& options, port::Lane& lane);
  ~NatsFabric() override;

  std::unique_ptr<Subscription> subscribe(std::string_view subject, Handler handler) override;
  using Fabric::publish;
  bool publish(std::string_view subject, std::span<const std::string_view> parts) override;
  void request(std::string_view subject, std::string_view bytes, Duration timeout,
               std::function<void(Result<std::string_view>)> done) override;
  bool is_connected() const override { return link_->is_connected(); }

 private:
  class OneSubscription;
  using Done = std::function<void(Result<std::string_view>)>;
  struct Request {
    Done done;
    std::unique_ptr<port::Timer> timer;
  };
  // For calls in the inbox that may come after us.
  struct Alive {
    NatsFabric* fabric;
  };
  static constexpr uint64_t kAnswers = 0;  // the subscription of our requests

  explicit NatsFabric(port::Lane& lane);
  void hear(const std::shared_ptr<Alive>& alive);
  void deliver(const NatsLink::Arrived& arrived);
  void deliver_answer(const NatsMessageParts& parts);
  void answer(uint64_t request, Result<std::string_view> with);
  void fail_later(Done done, Error error);
  void tell_failed();

  port::Lane& lane_;
  port::Counter &sent_, &received_, &dropped_, &lost_;
  const std::string answers_;  // prefix of the subjects that our requests are answered to
  std::shared_ptr<Alive> alive_;
  uint64_t last_subscription_ = kAnswers, last_request_ = 0;
  std::unordered_map<uint64_t, std::shared_ptr<Handler>> handlers_;
  std::map<uint64_t, Request> requests_;
  std::vector<std::pair<Done, Error>> failed_;  // told in the next turn
  std::unique_ptr<port::Timer> failed_timer_;
  std::unique_ptr<NatsLink> link_;
};

}  // namespace sealane::host
