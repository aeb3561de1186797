// SPDX-License-Identifier: Apache-2.0
#include "play/oracle.h"

#include <algorithm>

namespace sealane::play {

using plan::index;
using plan::Member;
using plan::Policy;
using plan::RegionId;

// A region's nodes that are healthy; without a view all of them are.
Endpoints Oracle::nodes(const view::View* view, RegionId region) const {
  Endpoints out;
  for (const plan::EndpointId id : plan_.region(region).nodes) {
    if (!view || view->healthy(id)) out.push_back(id);
  }
  std::ranges::sort(out);
  return out;
}

// The members in the order of the policy; a member that is a branch of its own (a region and its
// standbys) as the regions in it.
std::vector<Oracle::Chain> Oracle::chains(const plan::Group& group, RegionId near) const {
  std::vector<Chain> out;
  for (const Member& member : group.members) {
    Chain chain{member.region};
    if (member.kind == Member::Kind::group) {
      for (const Member& below : plan_.group(member.group()).members) {
        if (below.kind == Member::Kind::group && below.region != member.region)
          chain.push_back(below.region);
      }
    }
    out.push_back(std::move(chain));
  }
  if (group.policy == Policy::latency) {
    std::ranges::stable_sort(
        out, {}, [&](const Chain& c) { return distances_[index(near)][index(c.front())]; });
  }
  return out;
}

std::vector<Endpoints> Oracle::among(const view::View* view, plan::GroupId name,
                                     RegionId near) const {
  const plan::Group& group = plan_.group(name);
  if (name != plan_.public_group) {  // a region's own name: that region, then the public order
    if (Endpoints own = nodes(view, group.members.front().region); !own.empty()) return {own};
    return among(view, plan_.public_group, near);
  }
  switch (group.policy) {
    case Policy::latency:
    case Policy::failover:
      for (const Chain& chain : chains(group, near)) {
        for (const RegionId region : chain) {
          if (Endpoints found = nodes(view, region); !found.empty()) return {found};
        }
      }
      return {};
    case Policy::weighted: {
      std::vector<Endpoints> weighty, rest;
      for (const Member& member : group.members) {
        Endpoints found = nodes(view, member.region);
        if (!found.empty()) (member.weight > 0 ? weighty : rest).push_back(std::move(found));
      }
      return weighty.empty() ? rest : weighty;
    }
    case Policy::simple:
    case Policy::multivalue: {
      Endpoints all;
      for (size_t r = 0; r < plan_.regions.size(); ++r) {
        for (const plan::EndpointId id : nodes(view, RegionId(r))) all.push_back(id);
      }
      std::ranges::sort(all);
      return all.empty() ? std::vector<Endpoints>{} : std::vector<Endpoints>{all};
    }
  }
  return {};
}

std::vector<Endpoints> Oracle::answers(const view::View& view, plan::GroupId name,
                                       RegionId near) const {
  auto found = among(&view, name, near);
  if (!found.empty()) return found;
  const plan::Group& group = plan_.group(name);
  switch (group.when_all_down) {
    case plan::WhenAllDown::closed:
      return {{}};
    case plan::WhenAllDown::last_resorts: {
      Endpoints resorts(group.last_resorts.begin(), group.last_resorts.end());
      std::ranges::sort(resorts);
      return {resorts};
    }
    case plan::WhenAllDown::open:
      return among(nullptr, name, near);
  }
  return {};
}

std::vector<RegionId> Oracle::servers(RegionId entry, RegionId near) const {
  const auto works = [&](RegionId region) { return !plan_.region(region).agents.empty(); };
  if (works(entry)) return {entry};
  const plan::Group& group = plan_.group(plan_.public_group);
  std::vector<RegionId> out;
  if (group.policy != Policy::latency && group.policy != Policy::failover) {
    for (size_t r = 0; r < plan_.regions.size(); ++r) {
      if (works(RegionId(r))) out.push_back(RegionId(r));
    }
    return out;
  }
  for (const Chain& chain : chains(group, near)) {
    for (const RegionId region : chain) {
      if (works(region)) return {region};
    }
  }
  return out;
}

}  // namespace sealane::play
