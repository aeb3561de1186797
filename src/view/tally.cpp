// SPDX-License-Identifier: Apache-2.0
#include "view/tally.h"

#include <algorithm>

namespace sealane::view {
namespace {

// A threshold of 0 would flip without a probe; the plan refuses it, and here it means 1.
unsigned failures(const plan::Check& check) { return std::max<unsigned>(check.failures, 1); }
unsigned successes(const plan::Check& check) { return std::max<unsigned>(check.successes, 1); }

}  // namespace

bool speaks_for(const plan::Check& check, Outcome outcome) {
  return (outcome == Outcome::ok) != check.inverted;
}

// | state          | probe   | contrary after     | becomes                                    |
// |----------------|---------|--------------------|--------------------------------------------|
// | not probed     | none    | any                | healthy, known (check disabled or `none`)  |
// | unknown        | for     | 0                  | up                                         |
// | unknown        | against | 1 (the first one)  | down at once; provisional if failures > 1  |
// | provisional    | for     | 0                  | up                                         |
// | provisional    | against | + 1                | down for good at `failures`                |
// | up             | for     | 0                  | up                                         |
// | up             | against | + 1                | down at `failures`, then contrary is 0     |
// | down           | for     | + 1                | up at `successes`, then contrary is 0      |
// | down           | against | 0                  | down                                       |
Counted count(Tally tally, const plan::Check& check, Outcome outcome, Instant now) {
  const bool before = tally.healthy;
  auto settle = [&](bool healthy) {
    if (healthy != before) tally.since = now;
    tally.healthy = healthy;
    tally.provisional = false;
    tally.contrary = 0;
    return Counted{tally, healthy != before};
  };
  if (!is_probed(check)) {
    tally.known = true;
    return settle(true);
  }
  if (outcome == Outcome::unknown) return {tally, false};

  const bool good = speaks_for(check, outcome);
  const bool first = !tally.known;
  tally.known = true;
  if (first || tally.provisional) {
    if (good) return settle(true);
    const unsigned bad_count = first ? 1u : tally.contrary + 1u;
    Counted down = settle(false);
    down.tally.provisional = bad_count < failures(check);
    down.tally.contrary = down.tally.provisional ? uint8_t(bad_count) : uint8_t{0};
    return down;
  }
  if (good == tally.healthy) {
    tally.contrary = 0;
    return {tally, false};
  }
  const unsigned needed = tally.healthy ? failures(check) : successes(check);
  if (tally.contrary + 1u >= needed) return settle(good);
  ++tally.contrary;
  return {tally, false};
}

std::optional<Duration> may_flip_in(const Tally& tally, const plan::Check& check,
                                    Duration cadence) {
  if (!is_probed(check)) return std::nullopt;
  if (tally.provisional) return cadence;  // one good probe away from up
  if (tally.contrary == 0) return std::nullopt;
  const unsigned needed = tally.healthy ? failures(check) : successes(check);
  // A reload may have lowered the threshold below what was counted: then the next probe decides.
  return cadence * std::max(int(needed) - int(tally.contrary), 1);
}

}  // namespace sealane::view
