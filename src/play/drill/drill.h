// SPDX-License-Identifier: Apache-2.0
// The drill on one lane: users and watchers around the phases. The same code runs against a live
// world and in the simulator; how a fault is made comes in as a function.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "play/drill/caller.h"
#include "play/drill/dns_watcher.h"
#include "play/drill/phases.h"
#include "play/drill/status_watcher.h"
#include "play/drill/stream_user.h"
#include "play/drill/tracker.h"
#include "play/drill/turn_reader.h"
#include "play/drill/turn_user.h"

namespace sealane::play::drill {

class Drill {
 public:
  static constexpr double kRateMax = 2000;                // requests a second of one user
  static constexpr unsigned kStreamsMax = 32;             // of one place
  static constexpr uint16_t kConversationsPerPlace = 2;
  static constexpr Duration kDrainMax = 6s;               // for the last requests to end
  static constexpr double kQuestionsPerSecondMax = 2000;  // of all DNS watchers

  struct Options {
    double rate = 50;  // requests a second, of each retrying and each ttl-only user
    double prompt_rate = 5;
    unsigned stream_count = 4;  // of each place
    Phases::Options phases;
  };
  // Carries out "kill", "freeze", "cut" or "heal" on the target; `done` is called from the loop.
  using Inject = std::function<void(std::string_view verb, std::function<void(Status)> done)>;
  struct Progress {
    Phase phase = Phase::waiting;
    Instant now;
    const Observations& seen;
    Tracker& tracker;
    std::string trouble;  // why the world is not healthy yet
  };

  // Errors: an address of a user cannot be bound. Scenario, plan and lane must outlive the drill.
  static Result<std::unique_ptr<Drill>> make(port::Lane& lane, const plan::Plan& plan,
                                             const Scenario& scenario, const Options& options,
                                             Inject inject);
  // `progress` is called every kProgressEvery; `done` once, at the end.
  static constexpr Duration kProgressEvery = 200ms;
  void start(std::function<void(const Progress&)> progress, std::function<void()> done);
  // Ends soon, but not before a fault that was made is healed.
  void abort() { aborted_ = true; }
  const Observations& seen() const { return seen_; }

 private:
  struct User {  // one with a memory of DNS of its own
    std::unique_ptr<StubResolver> resolver;
    std::unique_ptr<Caller> caller;
    std::unique_ptr<StreamUser> stream;
    std::unique_ptr<TurnUser> turns;
  };
  Drill(port::Lane& lane, const plan::Plan& plan, const Scenario& scenario, Options options,
        Inject inject);
  Status add_users(const Place& place);
  Status add_conversations(const Place& place, unsigned first_user);
  Status add_watchers();
  Result<std::unique_ptr<StubResolver>> resolver_for(const Place& place,
                                                     const IpAddress& user) const;
  port::ConnectOptions connect_from(const Place& place, const IpAddress& user,
                                    Duration timeout) const;
  void turn();
  void order(std::string_view verb);
  std::string trouble() const;
  void drain();
  void finish();
  void read_conversations();

  port::Lane& lane_;
  const plan::Plan& plan_;
  const Scenario& scenario_;
  const Options options_;
  const Inject inject_;
  const bool tls_;
  const uint16_t port_;
  Observations seen_;
  Tracker tracker_;
  Phases phases_;
  std::vector<User> users_;
  std::vector<std::unique_ptr<DnsWatcher>> dns_watchers_;
  std::vector<std::unique_ptr<StatusWatcher>> status_watchers_;
  std::vector<std::unique_ptr<TurnReader>> turn_readers_;
  const std::string run_;  // in the names of sessions: a drill begins new ones
  std::function<void(const Progress&)> progress_;
  std::function<void()> done_;
  bool is_reading_ = false;
  bool is_told_ = false, is_refused_ = false, aborted_ = false;
  std::optional<Instant> drain_until_;
  Instant next_progress_;
  std::unique_ptr<port::Timer> tick_;
};

}  // namespace sealane::play::drill
