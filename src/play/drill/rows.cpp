// SPDX-License-Identifier: Apache-2.0
#include "play/drill/rows.h"

#include <algorithm>
#include <map>
#include <set>

namespace sealane::play::drill {

using plan::EndpointId;
using plan::Plan;
using plan::RegionId;

bool holds(const std::vector<RegionId>& regions, RegionId region) {
  return std::ranges::find(regions, region) != regions.end();
}

std::vector<EndpointId> survivors(const Plan& plan, const Scenario& scenario) {
  std::vector<EndpointId> nodes;
  for (const plan::Region& region : plan.regions) {
    if (&region != &plan.region(scenario.target))
      nodes.insert(nodes.end(), region.nodes.begin(), region.nodes.end());
  }
  return nodes;
}

namespace {

// What happened between the fault and the heal, and after the heal.
struct Times {
  explicit Times(const Observations& seen)
      : fault(seen.fault_at.value_or(Instant::max())),
        heal(seen.heal_at.value_or(Instant::max())) {}
  bool is_during(Instant at) const { return at >= fault && at < heal; }
  bool is_after(Instant at) const { return at >= heal; }
  Instant fault, heal;
};

Duration quantile(std::vector<Duration>& waits, double q) {
  if (waits.empty()) return {};
  const auto at = waits.begin() + std::ptrdiff_t(q * double(waits.size() - 1) + 0.5);
  std::ranges::nth_element(waits, at);
  return *at;
}

std::string address_of(const Plan& plan, EndpointId node) {
  return plan.endpoint(node).address.ip.to_string();
}

}  // namespace

std::vector<DetectRow> detect_rows(const Plan& plan, const Scenario& scenario,
                                   const Observations& seen) {
  const Times times(seen);
  const auto& targets = target_nodes(plan, scenario);
  std::vector<DetectRow> rows;
  for (const EndpointId node : survivors(plan, scenario)) {
    DetectRow row{.node = address_of(plan, node),
                  .region = plan.region(plan.endpoint(node).region).name};
    std::map<EndpointId, bool> healthy;
    for (const HealthSeen& h : seen.health) {
      if (h.node != node || std::ranges::find(targets, h.endpoint) == targets.end()) continue;
      healthy[h.endpoint] = h.healthy;
      const auto up_count = std::ranges::count_if(healthy, [](const auto& e) { return e.second; });
      // All of the region's nodes are down; all of them are up again.
      if (times.is_during(h.at) && up_count == 0 && healthy.size() == targets.size() &&
          !row.down_after) {
        row.down_after = h.at - times.fault;
      }
      if (times.is_after(h.at) && size_t(up_count) == targets.size() && !row.up_after) {
        row.up_after = h.at - times.heal;
      }
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<AnswerRow> answer_rows(const Plan& plan, const Scenario& scenario,
                                   const Observations& seen) {
  const Times times(seen);
  const RegionId target = scenario.target;
  std::vector<AnswerRow> rows;
  for (const EndpointId node : survivors(plan, scenario)) {
    for (const Place& place : scenario.places) {
      if (!holds(place.before, target) || holds(place.during, target)) continue;
      AnswerRow row{.node = address_of(plan, node), .near = plan.region(place.region).name};
      for (const AnswerSeen& a : seen.answers) {
        if (a.node != node || a.near != place.region) continue;
        if (a.at < times.fault) row.before = names_of(plan, a.regions);
        if (a.at < seen.began) continue;
        const auto& allowed = times.is_during(a.at) ? place.during : place.before;
        const bool names_target = holds(a.regions, target);
        const bool is_known =
            !a.regions.empty() && std::ranges::all_of(a.regions, [&](RegionId region) {
              return region == target || holds(place.during, region) || holds(allowed, region);
            });
        if (!is_known) ++row.wrong_count;
        if (times.is_during(a.at) && !names_target && !a.regions.empty() && !row.changed_after) {
          row.changed_after = a.at - times.fault;
          row.during = names_of(plan, a.regions);
        } else if (times.is_during(a.at) && names_target && row.changed_after) {
          ++row.wrong_count;  // fell back to the dead region
        }
        if (times.is_after(a.at) && names_target && !row.back_after)
          row.back_after = a.at - times.heal;
      }
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

std::vector<UserRow> user_rows(const Plan& plan, const Scenario& scenario,
                               const Observations& seen) {
  const Times times(seen);
  std::vector<UserRow> rows;
  for (const Place& place : scenario.places) {
    for (const Kind kind : kKinds) {
      UserRow row{
          .near = plan.region(place.region).name, .kind = kind, .is_affected = place.is_affected};
      std::vector<Duration> before, since;
      Instant not_back_until{};  // intended start of the last request after the heal that was not
                                 // as before
      std::optional<Instant> first_after;
      std::vector<std::pair<Instant, bool>> after;  // intended, as before
      for (const RequestSeen& r : seen.requests) {
        if (r.near != place.region || r.kind != kind || r.intended < seen.began) continue;
        ++row.request_count;
        if (r.first != Failure::none) ++row.first_failed_count;
        if (r.try_count > 1) ++row.retried_count;
        if (!r.ok()) ++row.failed_count;
        // A request that was under way when the fault came is the fault's.
        const bool was_before = r.intended + r.wait < times.fault;
        (was_before ? before : since).push_back(r.wait);
        if (was_before) {
          if (!r.ok()) ++row.failed_before_count;
          continue;
        }
        if (times.is_after(r.intended)) {
          if (!r.ok()) ++row.failed_after_heal_count;
          const bool as_before = r.ok() && holds(place.before, r.served_by);
          if (!as_before) not_back_until = std::max(not_back_until, r.intended);
          after.emplace_back(r.intended, as_before);
          continue;
        }
        const Duration began = r.intended - times.fault;
        if (!r.ok()) row.last_failed = std::max(row.last_failed.value_or(Duration::min()), began);
        if (r.ok() && r.served_by != scenario.target) {
          const Duration end = began + r.wait;
          row.elsewhere_after = std::min(row.elsewhere_after.value_or(Duration::max()), end);
        }
      }
      for (const auto& [intended, as_before] : after) {
        if (as_before && intended > not_back_until && (!first_after || intended < *first_after))
          first_after = intended;
      }
      if (first_after) row.back_after = *first_after - times.heal;
      if (!before.empty())
        row.p50_before = quantile(before, 0.5), row.p99_before = quantile(before, 0.99);
      if (!since.empty()) {
        row.p50 = quantile(since, 0.5), row.p99 = quantile(since, 0.99);
        row.longest = std::ranges::max(since);
      }
      rows.push_back(row);
    }
  }
  return rows;
}

std::vector<StreamRow> stream_rows(const Plan& plan, const Scenario& scenario,
                                   const Observations& seen) {
  const Times times(seen);
  std::vector<StreamRow> rows;
  for (const Place& place : scenario.places) {
    StreamRow row{.near = plan.region(place.region).name, .is_affected = place.is_affected};
    std::vector<Duration> elsewhere;  // first tokens from others, since the fault
    for (const StreamSeen& s : seen.streams) {
      if (s.near != place.region || (s.end != StreamEnd::open && s.ended < seen.began)) continue;
      const bool by_target = s.served_by == scenario.target && place.is_affected;
      // A silent one ends, for its user, with its last token before the fault.
      const bool was_open = s.ended >= times.fault || s.end == StreamEnd::silent;
      if (by_target && s.token_count > 0 && s.opened < times.fault && was_open &&
          s.ended + scenario.manners.stream_silence_max >= times.fault) {
        ++row.hit_count;
        if (s.end == StreamEnd::torn) ++row.torn_count;
        if (s.end == StreamEnd::silent) ++row.silent_count;
        if (s.end == StreamEnd::error_event) ++row.told_count;
      }
      if (by_target) continue;
      if (s.token_count > 0 && times.is_during(s.began)) elsewhere.push_back(s.began - times.fault);
      // What was refused while its users were still being led to the target is no stream of a
      // survivor.
      if (s.end == StreamEnd::refused) {
        if (!place.is_affected) ++row.survivor_broken_count;
        continue;
      }
      ++row.survivor_count;
      row.token_count += s.token_count;
      row.missing_count += s.missing_count;
      row.longest_gap = std::max(row.longest_gap, s.longest_gap);
      if (!s.is_numbered) ++row.unnumbered_count;
      const bool may_be_told = place.loses_agents && s.end == StreamEnd::error_event;
      if (may_be_told) ++row.told_count;
      if (s.end != StreamEnd::open && s.end != StreamEnd::complete && !may_be_told)
        ++row.survivor_broken_count;
    }
    std::ranges::sort(elsewhere);
    if (row.hit_count > 0 && elsewhere.size() >= row.hit_count) {
      row.elsewhere_after = elsewhere[size_t(row.hit_count) - 1];
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<TurnRow> turn_rows(const Plan& plan, const Scenario& scenario,
                               const Observations& seen) {
  const Times times(seen);
  std::vector<TurnRow> rows;
  for (const Place& place : scenario.places) {
    for (const bool is_ten : {false, true}) {
      TurnRow row{.near = plan.region(place.region).name,
                  .is_affected = place.is_affected,
                  .is_ten = is_ten};
      for (const TurnSeen& t : seen.turns) {
        if (t.near != place.region || t.is_ten != is_ten || !t.is_acknowledged) continue;
        ++row.acknowledged_count;
        if (t.try_count > 1) ++row.repeated_count;
        if (t.is_stale) ++row.stale_count;
        if (t.intended + t.wait < times.fault) continue;
        row.longest = std::max(row.longest, t.wait);
        if (t.served_by != scenario.target && times.is_during(t.intended) && !row.elsewhere_after)
          row.elsewhere_after = t.intended + t.wait - times.fault;
      }
      for (const ConversationSeen& c : seen.conversations) {
        if (c.near != place.region || c.is_ten != is_ten) continue;
        (c.is_read ? row.read_in : row.unread_in).push_back(plan.region(c.in).name);
        row.lost_count = std::max<uint64_t>(row.lost_count, c.is_read ? c.missing_count : 0);
      }
      if (row.acknowledged_count > 0 || !row.read_in.empty() || !row.unread_in.empty())
        rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace sealane::play::drill
