// SPDX-License-Identifier: Apache-2.0
#include "play/drill/scenario.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/dice.h"
#include "play/scene.h"
#include "steer/steer.h"
#include "view/view.h"

namespace sealane::play::drill {
namespace {

using plan::EndpointId;
using plan::Plan;
using plan::RegionId;

// Policies that throw dice are asked so often: a weight of 1 in 256 is then missed once in e^16
// times.
constexpr unsigned kRollsMax = 4096;

struct Served {
  std::vector<RegionId> regions;  // ascending
  uint32_t ttl_s = 0;
};

// Who may be answered to this client in this view, over all dice.
Served who_serves(const Plan& plan, const view::View& view, const IpAddress& client) {
  Served served;
  const unsigned rolls = steer::uses_dice(plan, plan.public_group) ? kRollsMax : 1;
  Dice dice(1);
  for (unsigned i = 0; i < rolls; ++i) {
    const auto choice = steer::steer(plan, view, {plan.public_group, client}, dice.roll());
    served.ttl_s = std::max(served.ttl_s, choice.ttl_s);
    for (size_t h = 0; h < choice.head_count; ++h) {
      const RegionId region = plan.endpoint(choice.order[h]).region;
      const auto at = std::ranges::lower_bound(served.regions, region);
      if (at == served.regions.end() || *at != region) served.regions.insert(at, region);
    }
  }
  return served;
}

std::optional<Prefix> block_of_users(const plan::Region& region) {
  std::optional<Prefix> found;
  for (const Prefix& prefix : region.clients) {
    if (!prefix.base.is_v4()) continue;
    if (!found || (prefix.base.is_loopback() && !found->base.is_loopback())) found = prefix;
  }
  return found;
}

// Its own nodes first, then the others by how far the plan takes them to be.
std::vector<EndpointId> nearest_nodes(const Plan& plan, RegionId here, const IpAddress& client) {
  const plan::Place& place = plan.geography.places[plan.geography.table.find(client).value];
  auto distance = [&](RegionId region) -> uint64_t {
    if (region == here) return 0;
    if (index(region) >= place.to_region.size()) return UINT64_MAX;
    const plan::Estimate& e = place.to_region[index(region)];
    return e.source == plan::LatencySource::unknown ? UINT64_MAX : uint64_t{e.rtt_us} + 1;
  };
  std::vector<EndpointId> nodes;
  for (const plan::Region& region : plan.regions)
    nodes.insert(nodes.end(), region.nodes.begin(), region.nodes.end());
  std::ranges::sort(
      nodes, {}, [&](EndpointId id) { return std::pair(distance(plan.endpoint(id).region), id); });
  return nodes;
}

bool holds(const std::vector<RegionId>& regions, RegionId region) {
  return std::ranges::find(regions, region) != regions.end();
}

Bounds bounds_of(const Plan& plan, const Scenario& s) {
  Duration down{}, up{};
  for (const EndpointId id : plan.region(s.target).nodes) {
    const plan::Check& check = plan.endpoint(id).check;
    down = std::max(down, check.failures * check.interval + check.timeout);
    up = std::max(up, check.successes * check.interval + check.timeout);
  }
  uint32_t ttl_s = 0;
  for (const Place& place : s.places) ttl_s = std::max(ttl_s, place.ttl_s);
  const Duration ttl = std::chrono::seconds(ttl_s);
  // A dead name server costs its users one patience; a dead node one try, unless its kernel refuses
  // at once.
  const Duration ask = int64_t(plan.region(s.target).nodes.size()) * s.manners.resolver_patience;
  const Duration one_try = s.fault == Fault::kill ? Duration{} : s.manners.try_timeout;

  Bounds b;
  b.detect = down + kDetectSlack;
  b.answer = b.detect + kAnswerSlack;
  b.wait_max = down + kWaitSlack;
  b.served_again = b.answer + ask + one_try + kServedSlack;
  b.ttl_served = b.served_again + ttl;
  b.seen_again = (s.fault == Fault::kill ? kRestartMax : Duration{}) + up + kBackSlack;
  b.answer_again = b.seen_again + kAnswerSlack;
  b.back = b.answer_again + ttl + kServedSlack;
  return b;
}

}  // namespace

const char* verb(Fault fault) {
  switch (fault) {
    case Fault::kill:
      return "kill";
    case Fault::freeze:
      return "freeze";
    case Fault::cut:
      return "cut";
  }
  return "?";
}

const char* past_tense(Fault fault) {
  switch (fault) {
    case Fault::kill:
      return "killed";
    case Fault::freeze:
      return "frozen";
    case Fault::cut:
      return "cut off";
  }
  return "?";
}

IpAddress Place::user(unsigned n) const {
  // .0 to .99 of a block are its nodes and agents.
  const uint64_t offset = 100 + uint64_t{n};
  const unsigned free_bits = 32u - clients.length;
  if (free_bits < 32 && offset >= uint64_t{1} << free_bits) return clients.base;
  return IpAddress::v4(uint32_t(clients.base.v4_bits() + offset));
}

const Place* Scenario::find_place(RegionId region) const {
  const auto at = std::ranges::find(places, region, &Place::region);
  return at == places.end() ? nullptr : &*at;
}

const std::vector<EndpointId>& target_nodes(const Plan& plan, const Scenario& scenario) {
  return plan.region(scenario.target).nodes;
}

std::string names_of(const Plan& plan, const std::vector<RegionId>& regions) {
  std::string out;
  for (const RegionId id : regions) {
    if (!out.empty()) out += ", ";
    out += plan.region(id).name;
  }
  return out.empty() ? "nobody" : out;
}

Result<Scenario> make_scenario(const Plan& plan, Fault fault, std::string_view region) {
  const auto target = plan.find_region(region);
  if (!target) {
    std::vector<std::string> names;
    for (const plan::Region& r : plan.regions) names.push_back(r.name);
    return fail(Code::invalid, fmt::format("no region '{}' in this world; it has {}{}", region,
                                           fmt::join(names, ", "), did_you_mean(region, names)));
  }
  if (plan.region(*target).nodes.empty()) {
    return fail(Code::invalid, fmt::format("region '{}' has no node that could fail", region));
  }
  Scenario s{.fault = fault, .target = *target};
  const view::View well = view::View::unknown(plan, Instant{});
  view::View ill = well;
  for (const EndpointId id : plan.region(*target).nodes) ill.endpoints[index(id)].healthy = false;
  for (const EndpointId id : plan.region(*target).agents) ill.endpoints[index(id)].healthy = false;
  for (size_t i = 0; i < plan.regions.size() && s.places.size() < kPlacesMax; ++i) {
    const auto block = block_of_users(plan.regions[i]);
    if (!block) continue;
    Place place{.region = RegionId(i), .clients = *block, .can_bind = block->base.is_loopback()};
    place.name_servers = nearest_nodes(plan, place.region, place.user(0));
    const Served before = who_serves(plan, well, place.user(0));
    const Served during = who_serves(plan, ill, place.user(0));
    place.before = before.regions;
    place.during = during.regions;
    place.ttl_s = std::max(before.ttl_s, during.ttl_s);
    // Inside a region that is cut off everything goes on.
    const bool keeps_node = fault == Fault::cut && place.region == *target;
    place.is_affected = holds(place.before, *target) && !keeps_node;
    place.loses_agents = std::ranges::any_of(
        place.before, [&](RegionId id) { return plan.region(id).agents.empty(); });
    s.places.push_back(std::move(place));
  }
  if (s.places.empty()) {
    return fail(Code::invalid,
                "no region of this world has IPv4 `clients`, so there is nobody to ask as");
  }
  s.is_relieved = std::ranges::any_of(s.places, [&](const Place& place) {
    return !place.during.empty() && !holds(place.during, *target);
  });
  s.bounds = bounds_of(plan, s);
  return s;
}

}  // namespace sealane::play::drill
