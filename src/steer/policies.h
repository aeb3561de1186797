// SPDX-License-Identifier: Apache-2.0
// A routing policy puts the members of a group in an order, best first, without looking at their
// health: the walk in steer.cpp skips what is down. So "what if the first is down" is answered in
// one place for all.
#pragma once

#include <boost/container/static_vector.hpp>
#include <cstdint>
#include <span>

#include "plan/plan.h"

namespace sealane::steer {

struct RankInput {
  const plan::Group& group;
  std::span<const plan::Estimate> to_region;  // of the client's class, by RegionId
  uint64_t dice = 0;
};

// positions in group.members
using Ranking = boost::container::static_vector<uint16_t, plan::kMembersMax>;

struct PolicyRow {
  plan::Policy policy;
  const char* name;      // as the world file has it
  bool uses_dice;
  bool uses_client;
  // the healthy endpoints of the group make up one answer, instead of the first alone
  bool answers_together;
  void (*rank)(const RankInput& in, Ranking& out);
};

const PolicyRow& row_of(plan::Policy policy);

// policies/*.cpp, one each.
void rank_simple(const RankInput& in, Ranking& out);
void rank_weighted(const RankInput& in, Ranking& out);
void rank_latency(const RankInput& in, Ranking& out);
void rank_failover(const RankInput& in, Ranking& out);
void rank_multivalue(const RankInput& in, Ranking& out);

}  // namespace sealane::steer
