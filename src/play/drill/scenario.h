// SPDX-License-Identifier: Apache-2.0
// What a drill is about to do to a world, and what the plan promises for it: who is near which
// region, who takes over, and how long each layer may take. Pure: everything comes out of the plan
// by asking steer().
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/result.h"
#include "base/time.h"
#include "plan/plan.h"

namespace sealane::play::drill {

constexpr size_t kPlacesMax = 16;  // regions whose users and name servers are watched

enum class Fault : uint8_t {
  kill,    // SIGKILL to every process of the region
  freeze,  // SIGSTOP: the kernel still accepts and acknowledges
  cut,     // packets from outside the region are dropped, both ways
};
const char* verb(Fault fault);        // as `sealane up` is told
const char* past_tense(Fault fault);  // for people: "killed"

// Users near one region: where they ask from, and what the plan gives them.
struct Place {
  plan::RegionId region{};
  Prefix clients;         // the region's prefix that they are from
  bool can_bind = false;  // addresses of this machine: used as source addresses
  std::vector<plan::EndpointId> name_servers;  // nearest first
  std::vector<plan::RegionId> before, during;  // who may serve them: all well; the target down
  uint32_t ttl_s = 0;                          // the longest that an answer may be kept
  bool is_affected = false;                    // the fault takes away nodes that serve them
  // Its node survives, but agents behind it may not: what cannot be repeated is answered with an
  // error there.
  bool loses_agents = false;
  // The n-th user's address; `can_bind` false: of the block, for EDNS Client Subnet only.
  IpAddress user(unsigned n) const;
};

// What the plan promises, with the slack that a shared machine is given.
struct Bounds {
  Duration detect{};    // until a surviving node sees the target down
  Duration answer{};    // until its DNS answers leave the target out
  Duration wait_max{};  // of a request whose node survives
  Duration
      served_again{};     // until users of the target are served elsewhere, with their own retries
  Duration ttl_served{};  // the same for those who only follow the TTL
  Duration seen_again{};  // after heal: until every node sees the target up
  Duration answer_again{};  // after heal: until DNS answers name it again
  Duration back{};          // after heal: until its users are back
};

// How users behave; part of what is promised to them.
struct Manners {
  Duration resolver_patience = 200ms;  // then the next name server is asked
  Duration try_timeout = 500ms;        // of one try: connect, TLS, request, the whole answer
  unsigned retries_max = 3;
  Duration stream_silence_max = 1s;  // then a stream counts as lost
};

// Slack, all stated in the report. Measured on two shared cores; an idle machine needs a tenth.
constexpr Duration kDetectSlack = 150ms;  // scheduling of a probe, and the watcher's own 10 ms
constexpr Duration kAnswerSlack =
    50ms;  // from a node's view to its answers, with the watcher's 5 ms
constexpr Duration kWaitSlack = 200ms;
constexpr Duration kServedSlack =
    250ms;  // a new connection with TLS on a machine that just lost some
constexpr Duration kBackSlack = 500ms;
constexpr Duration kRestartMax = 5s;  // a killed region has to start its processes first

struct Scenario {
  Fault fault = Fault::kill;
  plan::RegionId target{};
  std::vector<Place> places;  // by region, those with users
  Manners manners;
  Bounds bounds;
  bool is_relieved = false;  // somebody else can take over

  const Place* find_place(plan::RegionId region) const;
  bool is_target(plan::RegionId region) const { return region == target; }
};

// Errors (Code::invalid): no such region, nothing in it to break, nobody near any region.
Result<Scenario> make_scenario(const plan::Plan& plan, Fault fault, std::string_view region);

// The endpoints of the target that other nodes probe and DNS answers.
const std::vector<plan::EndpointId>& target_nodes(const plan::Plan& plan, const Scenario& scenario);
// "us-east-1, eu-west-1"; "nobody" for none.
std::string names_of(const plan::Plan& plan, const std::vector<plan::RegionId>& regions);

}  // namespace sealane::play::drill
