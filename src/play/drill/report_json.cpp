// SPDX-License-Identifier: Apache-2.0
// The report as data. Times are milliseconds with three decimals; what was not seen is null.
#include <cmath>
#include <nlohmann/json.hpp>

#include "play/drill/report.h"

namespace sealane::play::drill {
namespace {

using json = nlohmann::ordered_json;

json ms(Duration time) { return std::round(double(time.count()) / 1e3) / 1e3; }
json ms(const std::optional<Duration>& time) { return time ? ms(*time) : json(nullptr); }

json verdict(const Verdict& v) {
  const json met = v.met == Met::not_seen ? json(nullptr) : json(v.met == Met::yes);
  return {{"layer", v.layer},
          {"expectation", v.what},
          {"bound", v.bound},
          {"measured", v.measured},
          {"met", met}};
}
json row(const DetectRow& r) {
  return {{"node", r.node},
          {"region", r.region},
          {"down_after_ms", ms(r.down_after)},
          {"up_after_heal_ms", ms(r.up_after)}};
}
json row(const AnswerRow& r) {
  return {{"node", r.node},
          {"users_near", r.near},
          {"before", r.before},
          {"during", r.during},
          {"changed_after_ms", ms(r.changed_after)},
          {"back_after_heal_ms", ms(r.back_after)},
          {"wrong_answers", r.wrong_count}};
}
json row(const UserRow& r) {
  return {{"near", r.near},
          {"kind", name(r.kind)},
          {"lost_their_node", r.is_affected},
          {"requests", r.request_count},
          {"first_tries_failed", r.first_failed_count},
          {"retried", r.retried_count},
          {"failed", r.failed_count},
          {"failed_before_fault", r.failed_before_count},
          {"failed_after_heal", r.failed_after_heal_count},
          {"p50_before_ms", ms(r.p50_before)},
          {"p99_before_ms", ms(r.p99_before)},
          {"p50_ms", ms(r.p50)},
          {"p99_ms", ms(r.p99)},
          {"longest_ms", ms(r.longest)},
          {"last_failed_ms", ms(r.last_failed)},
          {"elsewhere_after_ms", ms(r.elsewhere_after)},
          {"back_after_heal_ms", ms(r.back_after)}};
}
json row(const StreamRow& r) {
  return {{"near", r.near},
          {"lost_their_node", r.is_affected},
          {"hit", r.hit_count},
          {"torn", r.torn_count},
          {"silent", r.silent_count},
          {"told_by_an_error_event", r.told_count},
          {"elsewhere_after_ms", ms(r.elsewhere_after)},
          {"through_survivors", r.survivor_count},
          {"broken_through_survivors", r.survivor_broken_count},
          {"tokens", r.token_count},
          {"tokens_missing", r.missing_count},
          {"longest_gap_ms", ms(r.longest_gap)}};
}
json row(const TurnRow& r) {
  return {{"near", r.near},
          {"lost_their_node", r.is_affected},
          {"kind", r.is_ten ? "ten" : "running"},
          {"acknowledged", r.acknowledged_count},
          {"repeated", r.repeated_count},
          {"lost", r.lost_count},
          {"stale", r.stale_count},
          {"longest_ms", ms(r.longest)},
          {"elsewhere_after_ms", ms(r.elsewhere_after)},
          {"read_in", r.read_in},
          {"unread_in", r.unread_in}};
}
template <typename Rows>
json list(const Rows& rows) {
  json out = json::array();
  for (const auto& r : rows) out.push_back(row(r));
  return out;
}

}  // namespace

std::string to_json(const DrillReport& report) {
  const Bounds& b = report.bounds;
  json out = {{"good", report.is_good()},
              {"fault", report.fault},
              {"region", report.target},
              {"domain", report.domain},
              {"world", report.world},
              {"plan", report.plan_version},
              {"policy", report.policy},
              {"started", report.started},
              {"takes_over", report.takes_over},
              {"healed_after_ms", ms(report.heal_after)},
              {"lasted_ms", ms(report.lasted)},
              {"stopped_by", report.stopped_by.empty() ? json(nullptr) : json(report.stopped_by)},
              {"bounds_ms",
               {{"detect", ms(b.detect)},
                {"answer", ms(b.answer)},
                {"wait", ms(b.wait_max)},
                {"served_again", ms(b.served_again)},
                {"ttl_served", ms(b.ttl_served)},
                {"seen_again", ms(b.seen_again)},
                {"answer_again", ms(b.answer_again)},
                {"back", ms(b.back)}}},
              {"health", list(report.detects)},
              {"dns", list(report.answers)},
              {"users", list(report.users)},
              {"streams", list(report.streams)},
              {"turns", list(report.turns)}};
  out["expectations"] = json::array();
  for (const Verdict& v : report.verdicts) out["expectations"].push_back(verdict(v));
  out["timeline"] = json::array();
  for (const Moment& m : report.moments) {
    out["timeline"].push_back({{"at_ms", ms(m.at)}, {"layer", m.layer}, {"text", m.text}});
  }
  return out.dump(2) + "\n";
}

}  // namespace sealane::play::drill
