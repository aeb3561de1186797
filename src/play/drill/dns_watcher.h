// SPDX-License-Identifier: Apache-2.0
// Asks one node, every few milliseconds, what users near each region would be answered, and writes
// down every change.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "play/drill/observations.h"
#include "play/drill/scenario.h"
#include "port/lane.h"

namespace sealane::play::drill {

class DnsWatcher final : port::DatagramHandler {
 public:
  static constexpr Duration kSilence = 250ms;  // without any answer: "silent" is a change, too
  static constexpr size_t kUnderWayMax =
      4096;  // questions remembered; late answers to older ones are dropped

  struct Options {
    plan::EndpointId node{};
    IpAddress from;           // an address near the node
    Duration interval = 5ms;  // of each place
  };
  // Errors: the source address cannot be bound.
  static Result<std::unique_ptr<DnsWatcher>> make(port::Lane& lane, const plan::Plan& plan,
                                                  const Scenario& scenario, Options options,
                                                  Observations& seen);
  void start();
  void stop() { tick_->disarm(); }
  // Every place was answered lately.
  bool hears() const;

 private:
  struct Watched {
    const Place* place = nullptr;
    uint64_t newest = 0;  // number of the newest question that was answered
    std::vector<plan::RegionId> regions;
    std::string rcode;  // empty: nothing seen yet
    Instant heard;      // last answer
  };
  struct Question {
    uint64_t number = 0;
    uint16_t watched = 0;
  };
  DnsWatcher(port::Lane& lane, const plan::Plan& plan, const Scenario& scenario, Options options,
             Observations& seen);
  void ask();
  void on_batch(std::span<port::Datagram> batch) override;
  void note(Watched& watched, Instant at, std::vector<plan::RegionId> regions, uint32_t ttl_s,
            std::string rcode);

  port::Lane& lane_;
  const plan::Plan& plan_;
  const Options options_;
  const SocketAddress server_;
  Observations& seen_;
  std::vector<Watched> watched_;
  std::vector<Question> questions_;  // ring by DNS message id
  uint64_t last_number_ = 0;
  std::unique_ptr<port::DatagramSocket> socket_;
  std::unique_ptr<port::Timer> tick_;
};

}  // namespace sealane::play::drill
