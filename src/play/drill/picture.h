// SPDX-License-Identifier: Apache-2.0
// The drill as one picture: time from left to right, a lane for each layer. SVG for the inside of
// an HTML page; colours are CSS classes of the page (region-0 ..., up, down, failed), so that it
// follows light and dark.
#pragma once

#include <string>
#include <string_view>

#include "play/drill/observations.h"
#include "play/drill/scenario.h"

namespace sealane::play::drill {

constexpr size_t kDotsMax =
    4000;  // answered requests drawn; failed and slow ones always are, up to this too
constexpr size_t kRegionColors = 8;  // then they repeat

std::string picture(const plan::Plan& plan, const Scenario& scenario, const Observations& seen);

}  // namespace sealane::play::drill
