// SPDX-License-Identifier: Apache-2.0
// Any text is either a plan or a list of mistakes; a plan that comes out keeps what steering relies
// on.
#include "base/result.h"
#include "plan/world.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace sealane;
  using namespace sealane::plan;
  static const Data tables = built_in_data(false);
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto plan = compile(
      text, "w", [&](std::string_view) -> Result<std::string> { return std::string(text); },
      tables);
  if (!plan) {
    SL_ASSERT(plan.error().code == Code::invalid && !plan.error().what.empty());
    return 0;
  }
  SL_ASSERT(!plan->regions.empty() && plan->regions.size() <= kRegionsMax &&
            plan->endpoints.size() <= kEndpointsMax);
  SL_ASSERT(plan->names.size() == plan->regions.size() + 1);
  SL_ASSERT(index(plan->public_group) < plan->groups.size());
  for (const Region& region : plan->regions) SL_ASSERT(!region.nodes.empty());
  for (size_t i = 0; i < plan->groups.size(); ++i) {
    const Group& group = plan->groups[i];
    SL_ASSERT(!group.members.empty() && group.members.size() <= kMembersMax &&
              group.ttl_min_s <= group.ttl_s);
    for (const Member& member : group.members) {
      SL_ASSERT(index(member.region) < plan->regions.size());
      // Groups are added leaf first, so a tree has no circle.
      SL_ASSERT(member.kind == Member::Kind::group ? member.target < i
                                                   : member.target < plan->endpoints.size());
    }
  }
  for (const Endpoint& endpoint : plan->endpoints) {
    SL_ASSERT(endpoint.address.port != 0 && endpoint.check.interval >= 10ms &&
              endpoint.check.timeout >= 1ms);
    SL_ASSERT(endpoint.check.failures >= 1 && endpoint.check.successes >= 1);
  }
  return 0;
}
