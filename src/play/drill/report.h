// SPDX-License-Identifier: Apache-2.0
// Observations in, judgement out: what each layer took, what users felt, and whether that is what
// the plan promised. Pure. Times are relative to the fault; those of the way back to the heal.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "play/drill/observations.h"
#include "play/drill/scenario.h"

namespace sealane::play::drill {

enum class Met : uint8_t { yes, no, not_seen };  // not_seen: this drill had nothing to judge it by

struct Verdict {
  std::string layer;     // "health", "dns", "users", "streams", "turns", "return", "drill"
  std::string what;      // the expectation as a sentence
  std::string bound;     // "550 ms"
  std::string measured;  // "312 ms"
  Met met = Met::not_seen;
};

// One surviving node's view of the target.
struct DetectRow {
  std::string node, region;
  std::optional<Duration> down_after, up_after;
};

// What one surviving node answers users near a region whom the target served.
struct AnswerRow {
  std::string node, near;
  std::string before, during;  // regions; "" while unchanged
  std::optional<Duration> changed_after, back_after;
  uint32_t wrong_count = 0;  // answers without an address, or with one that the plan does not name
};

struct UserRow {
  std::string near;
  Kind kind = Kind::retrying;
  bool is_affected = false;
  uint64_t request_count = 0, retried_count = 0, failed_count = 0, first_failed_count = 0;
  uint64_t failed_before_count = 0, failed_after_heal_count = 0;
  Duration p50_before{}, p99_before{};  // of the baseline
  Duration p50{}, p99{}, longest{};     // from the fault on
  std::optional<Duration>
      last_failed;  // intended start of the last request that failed before the heal
  std::optional<Duration> elsewhere_after;  // end of the first request that somebody else served
  std::optional<Duration>
      back_after;  // intended start of the first request since which all are served as before
};

struct StreamRow {
  std::string near;
  bool is_affected = false;
  uint64_t hit_count = 0;  // streams that were open through the target when the fault came
  uint64_t torn_count = 0, silent_count = 0, told_count = 0;  // how those ended
  uint64_t survivor_count = 0;                                // streams through surviving nodes
  uint64_t survivor_broken_count = 0, missing_count = 0, unnumbered_count = 0;
  uint64_t token_count = 0;  // through surviving nodes
  Duration longest_gap{};    // through surviving nodes
  std::optional<Duration>
      elsewhere_after;  // the last of the hit streams has a token from somebody else
};

// The conversations of users near a region whose agents keep them in a table.
struct TurnRow {
  std::string near;
  bool is_affected = false;
  bool is_ten = false;  // ten turns, five of them after the fault; else turn after turn
  uint64_t acknowledged_count = 0, repeated_count = 0;  // repeated: more than one try
  uint64_t stale_count = 0;  // replies that knew less than an earlier one did
  uint64_t lost_count = 0;   // acknowledged, and missing at the end, in the region that misses most
  Duration longest{};        // from the fault on
  std::optional<Duration> elsewhere_after;  // the first turn that another region took
  std::vector<std::string> read_in, unread_in;
};

// One line of the story.
struct Moment {
  Duration at{};  // since the fault; before it: negative
  std::string layer;
  std::string text;
};

struct DrillReport {
  std::string world, domain, plan_version, target, fault, policy,
      started;  // started: UTC, ISO 8601
  std::string takes_over;
  std::optional<Duration> heal_after, lasted;
  std::string stopped_by;
  Bounds bounds;
  Manners manners;
  std::vector<Verdict> verdicts;
  std::vector<DetectRow> detects;
  std::vector<AnswerRow> answers;
  std::vector<UserRow> users;
  std::vector<StreamRow> streams;
  std::vector<TurnRow> turns;
  std::vector<Moment> moments;
  bool is_good() const;  // at least one expectation was judged, and none was missed
};

struct ReportHead {
  std::string world;
  std::string started;
};

DrillReport make_report(const plan::Plan& plan, const Scenario& scenario, const Observations& seen,
                        const ReportHead& head);
// The story so far, oldest first; also while the drill runs.
std::vector<Moment> make_moments(const plan::Plan& plan, const Scenario& scenario,
                                 const Observations& seen);

// ── as text, as data, as a page
// ──────────────────────────────────────────────────────────────────────

std::string to_text(const DrillReport& report, bool color);
std::string to_json(const DrillReport& report);
// One self-contained page. The observations are drawn.
std::string to_html(const plan::Plan& plan, const Scenario& scenario, const Observations& seen,
                    const DrillReport& report);

// "312 ms", "4.21 s", "0.8 ms".
std::string print_time(Duration time);
std::string one_line(const Moment& moment);

}  // namespace sealane::play::drill
