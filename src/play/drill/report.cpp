// SPDX-License-Identifier: Apache-2.0
#include "play/drill/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "play/drill/rows.h"

namespace sealane::play::drill {

using plan::Plan;
using plan::RegionId;

namespace {

const char* policy_name(plan::Policy policy) {
  switch (policy) {
    case plan::Policy::simple:
      return "simple";
    case plan::Policy::weighted:
      return "weighted";
    case plan::Policy::latency:
      return "latency";
    case plan::Policy::failover:
      return "failover";
    case plan::Policy::multivalue:
      return "multivalue";
  }
  return "?";
}

std::string takes_over(const Plan& plan, const Scenario& scenario) {
  std::set<RegionId> regions;
  for (const Place& place : scenario.places) {
    if (!holds(place.before, scenario.target) || holds(place.during, scenario.target)) continue;
    regions.insert(place.during.begin(), place.during.end());
  }
  return names_of(plan, {regions.begin(), regions.end()});
}

// Gathers the story. Each first thing of its kind is told once, so a story that is told while it
// happens only grows.
struct Story {
  const Plan& plan;
  const Scenario& scenario;
  const Observations& seen;
  Instant zero;
  std::vector<Moment> moments;

  void tell(Instant at, const char* layer, std::string text) {
    if (at >= seen.began) moments.push_back({at - zero, layer, std::move(text)});
  }
  std::string region(RegionId id) const {
    return id == kNowhere ? "an unknown node" : plan.region(id).name;
  }
  std::string node(plan::EndpointId id) const {
    return fmt::format("{} ({})", plan.endpoint(id).address.ip.to_string(),
                       region(plan.endpoint(id).region));
  }

  void health() {
    for (const HealthSeen& h : seen.health) {
      tell(h.at, "health",
           fmt::format("{} sees {} {}{}", node(h.node), plan.endpoint(h.endpoint).name,
                       h.healthy ? "up" : "down", h.healthy ? "" : ": " + h.last));
    }
    for (const ReachSeen& r : seen.reach) {
      tell(r.at, "health",
           fmt::format("{} {} to its operator", node(r.node),
                       r.reachable ? "answers" : "does not answer"));
    }
  }
  void answers() {
    for (const AnswerSeen& a : seen.answers) {
      tell(a.at, "dns",
           a.rcode == "silent"
               ? fmt::format("{} no longer answers users near {}", node(a.node), region(a.near))
               : fmt::format("{} answers users near {}: {}", node(a.node), region(a.near),
                             a.regions.empty() ? a.rcode : names_of(plan, a.regions)));
    }
  }
  // First failed try, first failure, first answer from somebody else, first answer from home again.
  void users() {
    struct Firsts {
      bool tried = false, failed = false, moved = false, home = false;
    };
    std::map<std::pair<RegionId, Kind>, Firsts> firsts;
    for (const RequestSeen& r : seen.requests) {
      const Place* place = scenario.find_place(r.near);
      const Instant end = r.intended + r.wait;
      if (!seen.fault_at || end < *seen.fault_at || place == nullptr) continue;
      Firsts& first = firsts[{r.near, r.kind}];
      const std::string who = fmt::format("{} user near {}", name(r.kind), region(r.near));
      if (r.first != Failure::none && !std::exchange(first.tried, true)) {
        tell(end, "users",
             fmt::format("{}: a first try fails ({}), {}", who, name(r.first),
                         r.ok()            ? "a retry is answered"
                         : r.try_count > 1 ? "and so do its retries"
                                           : "and is not repeated"));
      }
      if (!r.ok() && !std::exchange(first.failed, true)) {
        tell(end, "users", fmt::format("{}: a request fails for good ({})", who, name(r.failure)));
      }
      if (!place->is_affected || !r.ok()) continue;
      if (r.served_by != scenario.target && !std::exchange(first.moved, true)) {
        tell(end, "users", fmt::format("{}: served by {}", who, region(r.served_by)));
      }
      const bool after = seen.heal_at && r.intended >= *seen.heal_at;
      if (after && r.served_by == scenario.target && !std::exchange(first.home, true)) {
        tell(end, "users", fmt::format("{}: back at {}", who, region(r.served_by)));
      }
    }
  }
  void streams() {
    for (const StreamSeen& s : seen.streams) {
      if (s.end == StreamEnd::open || s.end == StreamEnd::complete || !seen.fault_at ||
          s.ended < seen.began)
        continue;
      if (s.end == StreamEnd::refused) continue;  // its next try tells more
      tell(s.ended, "streams",
           fmt::format("stream near {} through {} ends: {}, {} tokens, {} missing", region(s.near),
                       region(s.served_by), name(s.end), s.token_count, s.missing_count));
    }
  }
};

}  // namespace

std::string print_time(Duration time) {
  const double ms = double(time.count()) / 1e6;
  if (ms < 10 && ms > -10) return fmt::format("{:.1f} ms", ms);
  if (ms < 1000 && ms > -1000) return fmt::format("{:.0f} ms", ms);
  return fmt::format("{:.2f} s", ms / 1000);
}

std::string one_line(const Moment& moment) {
  return fmt::format("{:+8.3f} s  {:<8}{}", double(moment.at.count()) / 1e9, moment.layer,
                     moment.text);
}

std::vector<Moment> make_moments(const Plan& plan, const Scenario& scenario,
                                 const Observations& seen) {
  Story story{.plan = plan,
              .scenario = scenario,
              .seen = seen,
              .zero = seen.fault_at.value_or(seen.began),
              .moments = {}};
  if (seen.fault_at) {
    story.tell(*seen.fault_at, "fault",
               fmt::format("{} {}", story.region(scenario.target), past_tense(scenario.fault)));
  }
  if (seen.heal_at)
    story.tell(*seen.heal_at, "fault", fmt::format("{} healed", story.region(scenario.target)));
  story.health();
  story.answers();
  story.users();
  story.streams();
  std::ranges::sort(story.moments, {},
                    [](const Moment& m) { return std::tie(m.at, m.layer, m.text); });
  return std::move(story.moments);
}

bool DrillReport::is_good() const {
  return std::ranges::any_of(verdicts, [](const Verdict& v) { return v.met == Met::yes; }) &&
         std::ranges::none_of(verdicts, [](const Verdict& v) { return v.met == Met::no; });
}

DrillReport make_report(const Plan& plan, const Scenario& scenario, const Observations& seen,
                        const ReportHead& head) {
  DrillReport report{
      .world = head.world,
      .domain = plan.domain,
      .plan_version = fmt::format("{:016x}", plan.version),
      .target = plan.region(scenario.target).name,
      .fault = verb(scenario.fault),
      .policy = policy_name(plan.group(plan.public_group).policy),
      .started = head.started,
      .takes_over = takes_over(plan, scenario),
      .stopped_by = seen.stopped_by,
      .bounds = scenario.bounds,
      .manners = scenario.manners,
      .detects = detect_rows(plan, scenario, seen),
      .answers = answer_rows(plan, scenario, seen),
      .users = user_rows(plan, scenario, seen),
      .streams = stream_rows(plan, scenario, seen),
      .turns = turn_rows(plan, scenario, seen),
      .moments = make_moments(plan, scenario, seen),
  };
  if (seen.fault_at && seen.heal_at) report.heal_after = *seen.heal_at - *seen.fault_at;
  if (seen.fault_at && seen.ended_at) report.lasted = *seen.ended_at - *seen.fault_at;
  report.verdicts = verdicts(plan, scenario, seen, report);
  return report;
}

}  // namespace sealane::play::drill
