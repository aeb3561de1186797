// SPDX-License-Identifier: Apache-2.0
// The list of policies. To add one: policies/x.cpp with its test, and a row here.
#include "steer/policies.h"

#include "base/result.h"

namespace sealane::steer {
namespace {

using plan::Policy;

//                                            dice   client together
constexpr PolicyRow kPolicies[] = {
    {Policy::simple,     "simple",            false, false, true,  rank_simple},
    {Policy::weighted,   "weighted",          true,  false, false, rank_weighted},
    {Policy::latency,    "latency",           false, true,  false, rank_latency},
    {Policy::failover,   "failover",          false, false, false, rank_failover},
    {Policy::multivalue, "multivalue answer", true,  false, true,  rank_multivalue},
};

}  // namespace

const PolicyRow& row_of(Policy policy) {
  const PolicyRow& row = kPolicies[size_t(policy)];
  SL_ASSERT(row.policy == policy);
  return row;
}

}  // namespace sealane::steer
