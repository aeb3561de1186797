// SPDX-License-Identifier: Apache-2.0
// Worlds and fault stories made up from dice.
#pragma once

#include <string>
#include <vector>

#include "base/dice.h"
#include "plan/plan.h"
#include "play/scene.h"

namespace sealane::play {

// A world file of 2 to 5 regions with 1 to 3 nodes each (8 at most), every policy, every threshold.
std::string random_world(Dice& dice);
// Faults and their ends between `begin` and `end`, by time; afterwards everything is healed,
// started and thawed.
std::vector<Fault> random_faults(const plan::Plan& plan, Dice& dice, Duration begin, Duration end);
std::string words_of(const Fault& fault);

}  // namespace sealane::play
