// SPDX-License-Identifier: Apache-2.0
// What the plan promised against what was seen. Each expectation is one function of its own below,
// so that a reader finds the rule beside its words; the order is that of the report.
#include <fmt/format.h>

#include <algorithm>

#include "play/drill/rows.h"

namespace sealane::play::drill {
namespace {

using plan::Plan;

struct Judge {
  const Plan& plan;
  const Scenario& scenario;
  const Observations& seen;
  const DrillReport& rows;
  std::vector<Verdict> out;

  bool has_fault() const { return seen.fault_at.has_value(); }
  // The fault lasted at least this long, so that something was there to be seen.
  bool lasted(Duration time) const {
    return has_fault() && seen.heal_at.value_or(*seen.fault_at) - *seen.fault_at >= time;
  }
  bool was_watched_back(Duration time) const {
    return seen.heal_at && seen.ended_at.value_or(*seen.heal_at) - *seen.heal_at >= time;
  }
  void add(const char* layer, std::string what, std::string bound, std::string measured, Met met) {
    out.push_back({layer, std::move(what), std::move(bound), std::move(measured), met});
  }

  // The slowest of some times against a bound. One that is missing was slower than what was
  // watched.
  struct Slowest {
    Duration worst{};
    size_t count = 0, missing = 0;
    void add(const std::optional<Duration>& time) {
      ++count;
      if (time)
        worst = std::max(worst, *time);
      else
        ++missing;
    }
  };
  void within(const char* layer, std::string what, Duration bound, const Slowest& slowest,
              bool watched) {
    const std::string limit = "within " + print_time(bound);
    if (slowest.count == 0)
      return add(layer, std::move(what), limit, "nobody to ask", Met::not_seen);
    if (slowest.missing > 0) {
      return add(layer, std::move(what), limit,
                 fmt::format("not seen by {} of {}", slowest.missing, slowest.count),
                 watched ? Met::no : Met::not_seen);
    }
    add(layer, std::move(what), limit,
        slowest.count > 1
            ? fmt::format("{} (slowest of {})", print_time(slowest.worst), slowest.count)
            : print_time(slowest.worst),
        slowest.worst <= bound ? Met::yes : Met::no);
  }
  void none(const char* layer, std::string what, uint64_t count, std::string_view of) {
    add(layer, std::move(what), "none",
        count == 0 ? fmt::format("none {}", of) : fmt::format("{} {}", count, of),
        count == 0 ? Met::yes : Met::no);
  }

  void baseline();
  void health();
  void dns();
  void users_of_survivors();
  void users_of_target();
  void streams();
  void turns();
  void way_back();
  void drill();
};

void Judge::baseline() {
  uint64_t failed = 0, count = 0, astray = 0;
  for (const UserRow& row : rows.users)
    failed += row.failed_before_count, count += row.request_count;
  for (const RequestSeen& r : seen.requests) {
    const Place* place = scenario.find_place(r.near);
    if (r.intended < seen.began || !r.ok() || place == nullptr) continue;
    if (has_fault() && r.intended + r.wait >= *seen.fault_at) continue;
    if (!holds(place->before, r.served_by)) ++astray;
  }
  if (count == 0)
    return add("users", "before the fault every request is answered", "none fail", "no request",
               Met::no);
  none("users", "before the fault no request fails", failed, "failed");
  none("users", "before the fault users are where the plan puts them", astray, "elsewhere");
}

void Judge::health() {
  Slowest slowest;
  for (const DetectRow& row : rows.detects) slowest.add(row.down_after);
  within("health", fmt::format("every surviving node sees {} down", rows.target),
         scenario.bounds.detect, slowest, lasted(scenario.bounds.detect));
  // A node that is itself cut off is right about the others, from where it stands.
  uint64_t false_alarms = 0;
  for (const HealthSeen& h : seen.health) {
    const plan::Endpoint& about = plan.endpoint(h.endpoint);
    if (h.at < seen.began || h.healthy || about.region == scenario.target) continue;
    if (plan.endpoint(h.node).region != scenario.target) ++false_alarms;
  }
  none("health", "nobody else is taken for dead", false_alarms, "false alarms");
}

void Judge::dns() {
  Slowest slowest;
  uint64_t wrong = 0;
  for (const AnswerRow& row : rows.answers)
    slowest.add(row.changed_after), wrong += row.wrong_count;
  if (rows.answers.empty()) {
    return add("dns", fmt::format("{} serves nobody whom others could take over", rows.target), "",
               "", Met::not_seen);
  }
  within("dns", fmt::format("every surviving node leaves {} out of its answers", rows.target),
         scenario.bounds.answer, slowest, lasted(scenario.bounds.answer));
  none("dns", "no answer is empty, or names a region that the plan does not", wrong,
       "wrong answers");
}

void Judge::users_of_survivors() {
  uint64_t failed = 0, lost = 0;
  Duration longest{};
  bool any = false;
  for (const UserRow& row : rows.users) {
    if (row.is_affected) continue;
    any = true;
    const Place* place = scenario.find_place(*plan.find_region(row.near));
    if (row.kind == Kind::prompt) {
      if (!place->loses_agents) lost += row.failed_count - row.failed_before_count;
      continue;
    }
    failed += row.failed_count - row.failed_before_count;
    longest = std::max(longest, row.longest);
  }
  if (!any) {
    return add("users", "users whose node survives feel nothing", "", "there are none",
               Met::not_seen);
  }
  none("users", "no repeatable request of users whose node survives fails", failed, "failed");
  add("users", "nor waits longer than a detection",
      "within " + print_time(scenario.bounds.wait_max), print_time(longest),
      longest <= scenario.bounds.wait_max ? Met::yes : Met::no);
  none("users", "no prompt of theirs is lost", lost, "lost");
}

void Judge::users_of_target() {
  if (!scenario.is_relieved) {
    return add("users", "nobody else can serve the users of " + rows.target, "", "", Met::not_seen);
  }
  for (const Kind kind : {Kind::retrying, Kind::ttl_only}) {
    const Duration bound =
        kind == Kind::retrying ? scenario.bounds.served_again : scenario.bounds.ttl_served;
    Slowest first, last;
    for (const UserRow& row : rows.users) {
      if (!row.is_affected || row.kind != kind) continue;
      first.add(row.elsewhere_after);
      if (row.last_failed) last.add(row.last_failed);
    }
    if (first.count == 0) continue;
    const char* who = kind == Kind::retrying ? "users who retry" : "users who only follow the TTL";
    within("users", fmt::format("{} are served elsewhere", who), bound, first, lasted(bound));
    const std::string what = fmt::format("{} have no request fail for longer", who);
    if (last.count == 0) {
      add("users", what, "within " + print_time(bound), "none failed", Met::yes);
    } else {
      within("users", what, bound, last, true);
    }
  }
}

void Judge::streams() {
  uint64_t count = 0, broken = 0, missing = 0, unnumbered = 0;
  Slowest again;
  for (const StreamRow& row : rows.streams) {
    count += row.survivor_count, broken += row.survivor_broken_count;
    missing += row.missing_count, unnumbered += row.unnumbered_count;
    if (row.hit_count > 0) again.add(row.elsewhere_after);
  }
  if (count == 0) {
    add("streams", "streams through surviving nodes go on", "", "there are none", Met::not_seen);
  } else {
    none("streams", "no stream through a surviving node breaks", broken,
         fmt::format("of {} broken", count));
    if (unnumbered > 0) {
      add("streams", "every token of theirs arrives", "none missing", "tokens are not numbered",
          Met::not_seen);
    } else {
      none("streams", "every token of theirs arrives", missing, "missing");
    }
  }
  if (again.count > 0 && scenario.is_relieved) {
    const Duration bound = scenario.bounds.served_again + scenario.manners.stream_silence_max;
    within("streams", "broken streams run again elsewhere", bound, again, lasted(bound));
  }
}

// Only where agents keep conversations in a table.
void Judge::turns() {
  if (rows.turns.empty()) return;
  uint64_t acknowledged = 0, lost = 0, stale = 0;
  std::vector<std::string> unread;
  for (const TurnRow& row : rows.turns) {
    acknowledged += row.acknowledged_count, lost += row.lost_count, stale += row.stale_count;
    unread.insert(unread.end(), row.unread_in.begin(), row.unread_in.end());
  }
  if (!unread.empty()) {
    add("turns", "no acknowledged turn is lost, in any region", "none",
        fmt::format("could not be read in {}", unread.front()), Met::no);
  } else {
    none("turns", "no acknowledged turn is lost, in any region", lost,
         fmt::format("of {} lost", acknowledged));
  }
  for (const TurnRow& row : rows.turns) {
    if (!row.is_ten || !row.unread_in.empty()) continue;
    const uint64_t there =
        row.acknowledged_count - std::min(row.acknowledged_count, row.lost_count);
    add("turns", fmt::format("ten turns near {}, five after the fault, are all there", row.near),
        "10", fmt::format("{}", there), there == 10 ? Met::yes : Met::no);
  }
  // A write that one region acknowledges alone may reach the other a moment after its users do.
  const bool is_promised = !plan.state.tables.empty() &&
                           std::ranges::all_of(plan.state.tables, [](const plan::StateTable& t) {
                             return t.ack == plan::StateTable::Ack::remote;
                           });
  add("turns", "no reply knows less than an earlier one did", "none",
      stale == 0 ? fmt::format("none of {}", acknowledged)
                 : fmt::format("{} of {}", stale, acknowledged),
      stale == 0    ? Met::yes
      : is_promised ? Met::no
                    : Met::not_seen);
}

void Judge::way_back() {
  const Bounds& b = scenario.bounds;
  Slowest sees, answers, back;
  for (const DetectRow& row : rows.detects) sees.add(row.up_after);
  for (const AnswerRow& row : rows.answers) answers.add(row.back_after);
  uint64_t failed = 0;
  for (const UserRow& row : rows.users) {
    if (row.kind == Kind::retrying) failed += row.failed_after_heal_count;
    if (row.is_affected && row.kind != Kind::prompt) back.add(row.back_after);
  }
  within("return", fmt::format("every node sees {} up again", rows.target), b.seen_again, sees,
         was_watched_back(b.seen_again));
  if (!rows.answers.empty()) {
    within("return", fmt::format("{} is in the answers again", rows.target), b.answer_again,
           answers, was_watched_back(b.answer_again));
  }
  if (back.count > 0)
    within("return", "its users are back", b.back, back, was_watched_back(b.back));
  if (seen.heal_at)
    none("return", "no retrying user has a request fail on the way back", failed, "failed");
}

void Judge::drill() {
  if (!seen.stopped_by.empty())
    add("drill", "the drill runs to its end", "", seen.stopped_by, Met::no);
  if (seen.dropped_count > 0) {
    add("drill", "everything that was seen is in the report", "none dropped",
        fmt::format("{} dropped", seen.dropped_count), Met::no);
  }
}

}  // namespace

std::vector<Verdict> verdicts(const Plan& plan, const Scenario& scenario, const Observations& seen,
                              const DrillReport& rows) {
  Judge judge{.plan = plan, .scenario = scenario, .seen = seen, .rows = rows, .out = {}};
  judge.baseline();
  if (judge.has_fault()) {
    judge.health();
    judge.dns();
    judge.users_of_survivors();
    judge.users_of_target();
    judge.streams();
    judge.turns();
    judge.way_back();
  }
  judge.drill();
  return std::move(judge.out);
}

}  // namespace sealane::play::drill
