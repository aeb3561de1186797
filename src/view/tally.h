// SPDX-License-Identifier: Apache-2.0
// The step machine that turns probes into health: (state, check, outcome, now) -> (state,
// flipped?). Pure.
//
// Only consecutive probes count (Route 53's FailureThreshold, here with a threshold for each
// direction), and the first probe decides by itself: a node that starts does not send users to what
// is not there. A verdict against an endpoint by that single probe is provisional, so that one lost
// packet at the start does not cost `successes` intervals: the first good probe takes it back,
// until `failures` bad ones in a row confirm it.
#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"
#include "plan/plan.h"
#include "view/view.h"

namespace sealane::view {

struct Tally {
  bool healthy = true;
  bool known = false;  // at least one probe was counted
  bool provisional =
      false;  // down by the first probe, not confirmed yet; implies known and not healthy
  uint8_t contrary =
      0;            // consecutive probes that contradict `healthy`; provisional: that confirm it
  Instant since{};  // of the present `healthy`
  friend bool operator==(const Tally&, const Tally&) = default;
};

struct Counted {
  Tally tally;
  bool flipped = false;  // `healthy` changed
};

// True when `outcome` speaks for the endpoint: ok, or a failure when the check is inverted.
bool speaks_for(const plan::Check& check, Outcome outcome);

// True when the check asks for probes at all.
inline bool is_probed(const plan::Check& check) {
  return check.kind != plan::CheckKind::none && !check.disabled;
}

// Counts one probe. Outcome::unknown counts nothing; a check that is disabled or `none` is healthy
// always.
Counted count(Tally tally, const plan::Check& check, Outcome outcome, Instant now);

// While probes contradict the present state: how long it can last at the soonest, with one probe
// each `cadence` (gdnsd's sinking TTL: interval times the probes still needed).
std::optional<Duration> may_flip_in(const Tally& tally, const plan::Check& check, Duration cadence);

}  // namespace sealane::view
