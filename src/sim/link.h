// SPDX-License-Identifier: Apache-2.0
// What lies between two hosts: how long a packet takes, and what is wrong with the way at the
// moment.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/dice.h"
#include "base/ip.h"
#include "base/time.h"

namespace sealane::sim {

// Hosts by address block. Empty: every host.
using Hosts = std::vector<Prefix>;

// A fault of the ways from some hosts to others, in this direction only; several add up.
struct Impairment {
  Hosts from, to;
  bool cut = false;      // nothing passes
  double loss = 0;       // chance that a packet is lost, 0 to 1
  Duration slow{};       // added to the one-way delay
  double duplicate = 0;  // chance that a datagram comes twice
  double reorder = 0;    // chance that a datagram is late by up to one more round trip
};
using ImpairmentId = uint64_t;

class Links {
 public:
  using RoundTrip = std::function<Duration(const IpAddress&, const IpAddress&)>;
  // `jitter`: a packet takes up to this share longer than half of the round trip.
  Links(RoundTrip round_trip, double jitter, Dice dice)
      : round_trip_(std::move(round_trip)), jitter_(jitter), dice_(dice) {}

  ImpairmentId impair(Impairment fault);
  void heal(ImpairmentId id) { faults_.erase(id); }
  void heal_all() { faults_.clear(); }

  // What becomes of a packet that leaves now: its time under way, or nothing when it is lost.
  std::optional<Duration> send(const IpAddress& from, const IpAddress& to);
  bool is_cut(const IpAddress& from, const IpAddress& to) const;
  // For a datagram: the times under way of each copy that arrives.
  std::vector<Duration> send_datagram(const IpAddress& from, const IpAddress& to);
  // There and back, without jitter, with what slows the way at present.
  Duration round_trip(const IpAddress& a, const IpAddress& b) const;

 private:
  struct Sum {
    bool cut = false;
    double pass = 1, duplicate = 0, reorder = 0;
    Duration slow{};
  };
  Sum sum(const IpAddress& from, const IpAddress& to) const;
  Duration base(const IpAddress& from, const IpAddress& to) const;
  Duration under_way(Duration round_trip, Duration slow);

  RoundTrip round_trip_;
  double jitter_;
  Dice dice_;
  std::map<ImpairmentId, Impairment> faults_;  // ordered: the run must not depend on hashing
  ImpairmentId last_id_ = 0;
};

}  // namespace sealane::sim
