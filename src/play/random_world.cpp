// SPDX-License-Identifier: Apache-2.0
#include "play/random_world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace sealane::play {
namespace {

constexpr size_t kNodesMax = 8;

template <typename T, size_t N>
const T& one_of(Dice& dice, const std::array<T, N>& list) {
  return list[size_t(dice.below(N))];
}

Target random_target(const plan::Plan& plan, Dice& dice, bool agents_only) {
  Target target;
  const plan::Region& region = plan.regions[size_t(dice.below(plan.regions.size()))];
  target.region = {region.name, {}};
  if (agents_only) {
    target.kind = Target::Kind::agents;
    if (!region.agents.empty() && dice.chance(0.5)) {
      target.kind = Target::Kind::agent;
      target.address =
          plan.endpoint(region.agents[size_t(dice.below(region.agents.size()))]).address;
    }
    return target;
  }
  constexpr std::array kKinds{Target::Kind::region, Target::Kind::nodes, Target::Kind::agents,
                              Target::Kind::node};
  target.kind = one_of(dice, kKinds);
  if (target.kind == Target::Kind::node) {
    const plan::EndpointId id = region.nodes[size_t(dice.below(region.nodes.size()))];
    target.address.ip = plan.endpoint(id).address.ip;
  }
  return target;
}

Duration random_time(Dice& dice, Duration begin, Duration end) {
  return begin + Duration(int64_t(dice.below(uint64_t((end - begin).count()))));
}

}  // namespace

std::string random_world(Dice& dice) {
  constexpr std::array kRegions{"us-east-1", "eu-west-1", "ap-southeast-1", "sa-east-1",
                                "ap-northeast-1"};
  constexpr std::array kPolicies{"latency", "failover", "weighted", "multivalue",
                                 "latency", "failover", "simple"};
  // What a run costs is probes: large worlds look more slowly.
  constexpr std::array kQuick{"50ms", "100ms", "250ms", "500ms", "1s", "10s"};
  constexpr std::array kSlow{"500ms", "1s", "2s", "5s", "10s", "30s"};
  const size_t region_count = 2 + size_t(dice.below(dice.chance(0.3) ? 4 : 2));
  const std::string policy = one_of(dice, kPolicies);
  std::string yaml = "domain: agent.example.test\nregions:\n", weights, order;
  size_t node_count = 0;
  for (size_t r = 0; r < region_count; ++r) {
    const size_t left_count =
        kNodesMax - node_count - (region_count - r - 1);  // one for each to come
    const size_t own_count = 1 + size_t(dice.below(std::min<size_t>(3, left_count)));
    yaml += fmt::format("  {}:\n    clients: [10.{}.0.0/16]\n    nodes: [", kRegions[r], r + 1);
    for (size_t n = 0; n < own_count; ++n) {
      yaml += fmt::format("{}10.{}.0.{}", n > 0 ? ", " : "", r + 1, n + 1);
    }
    node_count += own_count;
    // The first region always works; of the others some are edge locations.
    const size_t agent_count = r == 0 ? 1 + size_t(dice.below(2)) : size_t(dice.below(3));
    yaml += "]\n    agents: [";
    for (size_t a = 0; a < agent_count; ++a) {
      yaml += fmt::format("{}\"http://10.{}.1.{}:9001\"", a > 0 ? ", " : "", r + 1, a + 1);
    }
    yaml += "]\n";
    if (agent_count > 0) order += (order.empty() ? "" : ", ") + std::string(kRegions[r]);
    weights += fmt::format("{}{}: {}", r > 0 ? ", " : "", kRegions[r], dice.below(3) * 10);
  }
  yaml += fmt::format("routing:\n  policy: {}\n  ttl: {}s\n", policy, 1 + dice.below(20));
  // With `latency` the list names the standbys of the nearest.
  if (policy == "failover" || (policy == "latency" && dice.chance(0.3))) {
    yaml += "  failover: [" + order + "]\n";
  }
  if (policy == "weighted") yaml += "  weights: {" + weights + "}\n";
  constexpr std::array kAllDown{"open", "closed", "[us-east-1]"};
  yaml +=
      fmt::format("health: {{ interval: {}, failures: {}, successes: {}, when_all_down: {} }}\n",
                  one_of(dice, node_count > 3 ? kSlow : kQuick), 1 + dice.below(4),
                  1 + dice.below(4), one_of(dice, kAllDown));
  return yaml;
}

std::vector<Fault> random_faults(const plan::Plan& plan, Dice& dice, Duration begin, Duration end) {
  constexpr std::array kVerbs{Verb::kill,   Verb::kill,     Verb::power_off, Verb::freeze,
                              Verb::freeze, Verb::brownout, Verb::think,     Verb::cut,
                              Verb::cut,    Verb::slow,     Verb::lossy,     Verb::clock};
  std::vector<Fault> faults;
  // Now and then no agent is well anywhere, though every one of them could answer.
  if (dice.chance(0.15)) {
    Fault blackout, over;
    blackout.verb = Verb::brownout, over.verb = Verb::recover;
    blackout.when = random_time(dice, begin, end),
    over.when = random_time(dice, blackout.when, end);
    for (const plan::Region& region : plan.regions) {
      blackout.target.kind = over.target.kind = Target::Kind::agents;
      blackout.target.region = over.target.region = {region.name, {}};
      faults.push_back(blackout);
      faults.push_back(over);
    }
  }
  const size_t count = 1 + size_t(dice.below(5));
  for (size_t i = 0; i < count; ++i) {
    Fault fault;
    fault.verb = one_of(dice, kVerbs);
    fault.when = random_time(dice, begin, end);
    const bool on_agents = fault.verb == Verb::brownout || fault.verb == Verb::think;
    fault.target = random_target(plan, dice, on_agents);
    fault.other.kind = Target::Kind::everybody;
    fault.one_way = dice.chance(0.3);
    fault.share = 0.01 + 0.3 * dice.unit();
    fault.amount = fault.verb == Verb::think   ? 3s
                   : fault.verb == Verb::clock ? (dice.chance(0.5) ? 5h : -5h)
                                               : Duration(int64_t(dice.below(200'000'000)));
    Fault undone = fault;
    undone.when = random_time(dice, fault.when, end);
    switch (fault.verb) {
      case Verb::kill:
      case Verb::power_off:
        undone.verb = Verb::start;
        break;
      case Verb::freeze:
        undone.verb = Verb::thaw;
        break;
      case Verb::brownout:
      case Verb::think:
        undone.verb = Verb::recover;
        break;
      case Verb::clock:
        undone.verb = Verb::clock;
        break;
      default:
        undone.verb = Verb::heal;
        undone.target.kind = Target::Kind::everybody;
        break;
    }
    faults.push_back(fault);
    faults.push_back(undone);
  }
  for (const plan::Region& region : plan.regions) {
    for (const Verb verb : {Verb::thaw, Verb::start, Verb::recover}) {
      Fault well;
      well.verb = verb;
      well.when = end;
      well.target.kind = verb == Verb::recover ? Target::Kind::agents : Target::Kind::region;
      well.target.region = {region.name, {}};
      faults.push_back(well);
    }
  }
  Fault heal;
  heal.verb = Verb::heal;
  heal.when = end;
  heal.target.kind = Target::Kind::everybody;
  faults.push_back(heal);
  std::ranges::stable_sort(faults, {}, &Fault::when);
  return faults;
}

std::string words_of(const Fault& fault) {
  using Kind = Target::Kind;
  const auto words = [](const Target& target) -> std::string {
    switch (target.kind) {
      case Kind::region:
        return target.region.text;
      case Kind::nodes:
        return "nodes of " + target.region.text;
      case Kind::agents:
        return "agents of " + target.region.text;
      case Kind::node:
        return "node " + target.address.ip.to_string();
      case Kind::agent:
        return "agent " + target.address.to_string();
      case Kind::everybody:
        return "everybody";
    }
    return "";
  };
  std::string out = fmt::format("{} {}", name(fault.verb), words(fault.target));
  if (fault.verb == Verb::cut || fault.verb == Verb::slow || fault.verb == Verb::lossy) {
    out += fmt::format(" {} {}", fault.one_way ? "to" : "from", words(fault.other));
  }
  if (fault.verb == Verb::brownout) out += fmt::format(" {}", fault.status);
  if (fault.verb == Verb::lossy) out += fmt::format(" {:.0f}%", fault.share * 100);
  const bool has_amount =
      fault.verb == Verb::slow || fault.verb == Verb::think || fault.verb == Verb::clock;
  if (has_amount) out += " " + print_duration(fault.amount);
  return out;
}

}  // namespace sealane::play
