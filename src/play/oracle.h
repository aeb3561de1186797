// SPDX-License-Identifier: Apache-2.0
// What docs/WORLD.md promises of a name's answers, worked out a second time from the plan and one
// view: plainly, by region, and without steer/. The explorer holds the decision and the name
// servers against it.
#pragma once

#include <vector>

#include "plan/plan.h"
#include "view/view.h"

namespace sealane::play {

using Endpoints = std::vector<plan::EndpointId>;  // sorted
// There and back between two regions, by RegionId.
using Distances = std::vector<std::vector<Duration>>;

class Oracle {
 public:
  Oracle(const plan::Plan& plan, const Distances& distances) : plan_(plan), distances_(distances) {}

  // The answers that are right, each a set of endpoints: one, or several between which the dice
  // decide. An empty set is an answer without addresses.
  std::vector<Endpoints> answers(const view::View& view, plan::GroupId name,
                                 plan::RegionId near) const;
  // The regions that may serve users whom DNS has sent to `entry`, when all is well.
  std::vector<plan::RegionId> servers(plan::RegionId entry, plan::RegionId near) const;

 private:
  using Chain = std::vector<plan::RegionId>;  // the first, and who stands in for it
  std::vector<Chain> chains(const plan::Group& group, plan::RegionId near) const;
  std::vector<Endpoints> among(const view::View* view, plan::GroupId name,
                               plan::RegionId near) const;
  Endpoints nodes(const view::View* view, plan::RegionId region) const;

  const plan::Plan& plan_;
  const Distances& distances_;
};

}  // namespace sealane::play
