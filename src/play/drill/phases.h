// SPDX-License-Identifier: Apache-2.0
// The steps of a drill as a machine without a clock: what was seen comes in, what to do comes out.
//
//   waiting --well--> baseline --2 s--> fault --told--> settle --moved, and 2 s more--> heal
//   --told--> back
//      |                                  |               | (bounded)                     | |
//      returned
//      +-- not well in time --> done      +-- refused ----+-------------> done
//      <----------+-------------+ (bounded)
//
// Once the fault may be in the world, every way to `done` leads through `heal`.
#pragma once

#include <string>

#include "base/time.h"

namespace sealane::play::drill {

enum class Phase : unsigned char { waiting, baseline, fault, settle, heal, back, done };
const char* name(Phase phase);

enum class Action : unsigned char { none, inject, heal, finish };

struct Sight {
  Instant now;
  bool is_well = false;       // every node sees everything healthy, every user is served
  bool is_told = false;       // the order of this phase (fault, heal) was carried out
  bool is_refused = false;    // it was answered with an error
  bool has_moved = false;     // the answers changed and the users followed
  bool has_returned = false;  // all is as before
  bool is_aborted = false;    // somebody wants to stop
};

class Phases {
 public:
  struct Options {
    Duration ready_max = 20s;
    Duration baseline = 2s;
    Duration linger = 2s;  // after everything moved, and after everything returned
    Duration fault_min{};  // how long the fault lasts at least
    Duration settle_max = 20s;
    Duration back_max = 20s;
  };
  Phases(Options options, Instant now) : options_(options), since_(now) {}
  // Call it often; does at most one step a call.
  Action step(const Sight& sight);
  Phase phase() const { return phase_; }
  Instant since() const { return since_; }                       // of the present phase
  const std::string& stopped_by() const { return stopped_by_; }  // empty: the drill ran to its end

 private:
  Action go(Phase phase, Instant now, Action action);
  Action stop(Instant now, const char* why);
  // `condition` has held for the time of lingering.
  bool held(bool condition, Instant now);

  Options options_;
  Phase phase_ = Phase::waiting;
  Instant since_;
  bool holds_ = false;
  Instant holds_since_;
  std::string stopped_by_;
};

}  // namespace sealane::play::drill
