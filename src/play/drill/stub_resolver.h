// SPDX-License-Identifier: Apache-2.0
// The resolver of one user: asks authoritative servers over UDP for the addresses of one name, as a
// recursive resolver near the user would (EDNS with the user's subnet), keeps the answer for its
// TTL.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "port/lane.h"

namespace sealane::play::drill {

class StubResolver final : port::DatagramHandler {
 public:
  static constexpr unsigned kRoundsMax = 2;  // through the list of servers
  static constexpr size_t kWaitingMax =
      4096;  // callers for one answer; more are told "nothing" at once

  struct Options {
    std::string name;
    std::vector<SocketAddress> servers;  // nearest first; at least one
    IpAddress from;                      // unspecified: the kernel chooses
    Prefix subnet;                       // told to the servers
    Duration patience = 200ms;           // until the next server is asked
  };
  struct Answer {
    std::vector<IpAddress> addresses;  // empty: nobody answered, or with no address
    Instant until;                     // may be used up to here
  };
  using Done = std::function<void(const Answer&)>;

  // Errors: the source address cannot be bound.
  static Result<std::unique_ptr<StubResolver>> make(port::Lane& lane, Options options);

  // Calls `done` with what is remembered, at once, or with a new answer: when the TTL is over or
  // `anew`. Questions that come while one is under way share its answer.
  void ask(bool anew, Done done);
  const Answer& latest() const { return answer_; }

 private:
  StubResolver(port::Lane& lane, Options options);
  void on_batch(std::span<port::Datagram> batch) override;
  void send();
  void settle(Answer answer);

  port::Lane& lane_;
  const Options options_;
  std::unique_ptr<port::DatagramSocket> socket_;
  std::unique_ptr<port::Timer> impatient_;
  std::vector<Done> waiting_;
  Answer answer_;
  size_t asked_count_ =
      0;  // servers asked for the present question, with repetitions; 0: none under way
  uint16_t id_ = 0;
};

}  // namespace sealane::play::drill
