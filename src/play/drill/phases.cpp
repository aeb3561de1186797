// SPDX-License-Identifier: Apache-2.0
#include "play/drill/phases.h"

#include <utility>

namespace sealane::play::drill {

const char* name(Phase phase) {
  switch (phase) {
    case Phase::waiting:
      return "waiting for a healthy world";
    case Phase::baseline:
      return "baseline";
    case Phase::fault:
      return "fault";
    case Phase::settle:
      return "settling";
    case Phase::heal:
      return "healing";
    case Phase::back:
      return "returning";
    case Phase::done:
      return "done";
  }
  return "?";
}

Action Phases::step(const Sight& s) {
  const Duration time = s.now - since_;
  switch (phase_) {
    case Phase::waiting:
      if (s.is_aborted) return stop(s.now, "interrupted before the fault");
      if (s.is_well) return go(Phase::baseline, s.now, Action::none);
      if (time >= options_.ready_max) return stop(s.now, "the world was not healthy to begin with");
      return Action::none;
    case Phase::baseline:
      if (s.is_aborted) return stop(s.now, "interrupted before the fault");
      return time >= options_.baseline ? go(Phase::fault, s.now, Action::inject) : Action::none;
    case Phase::fault:
      if (s.is_refused) return stop(s.now, "the fault could not be made");
      // Also when interrupted: the answer tells whether there is something to heal.
      return s.is_told ? go(Phase::settle, s.now, Action::none) : Action::none;
    case Phase::settle:
      if (s.is_aborted) stopped_by_ = "interrupted during the fault";
      if (s.is_aborted || time >= options_.settle_max ||
          (held(s.has_moved, s.now) && time >= options_.fault_min)) {
        return go(Phase::heal, s.now, Action::heal);
      }
      return Action::none;
    case Phase::heal:
      if (s.is_refused) return stop(s.now, "the region could not be healed");
      if (!s.is_told) return Action::none;
      return stopped_by_.empty() ? go(Phase::back, s.now, Action::none) : stop(s.now, nullptr);
    case Phase::back:
      if (s.is_aborted) return stop(s.now, "interrupted after the fault was healed");
      return held(s.has_returned, s.now) || time >= options_.back_max ? stop(s.now, nullptr)
                                                                      : Action::none;
    case Phase::done:
      return Action::none;
  }
  return Action::none;
}

Action Phases::go(Phase phase, Instant now, Action action) {
  phase_ = phase;
  since_ = now;
  holds_ = false;
  return action;
}

Action Phases::stop(Instant now, const char* why) {
  if (why != nullptr) stopped_by_ = why;
  return go(Phase::done, now, Action::finish);
}

bool Phases::held(bool condition, Instant now) {
  if (!std::exchange(holds_, condition)) holds_since_ = now;
  return condition && now - holds_since_ >= options_.linger;
}

}  // namespace sealane::play::drill
