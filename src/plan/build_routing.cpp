// SPDX-License-Identifier: Apache-2.0
// How the regions are chosen: the tree of groups under the public name, and each region's own name.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "plan/building.h"
#include "plan/values.h"

namespace sealane::plan {
namespace {

// The public group may hang under a region's own name and ends in the regions' node groups.
constexpr size_t kBranchDepthMax = kGroupDepthMax - 2;

Policy policy_of(std::string_view text, Policy fallback) {
  if (text == "simple") return Policy::simple;
  if (text == "weighted") return Policy::weighted;
  if (text == "latency") return Policy::latency;
  if (text == "failover") return Policy::failover;
  if (text == "multivalue") return Policy::multivalue;
  return fallback;
}

class RoutingBuilder {
 public:
  RoutingBuilder(const Node& root, Building& b)
      : b_(b), routing_(root.find("routing")), health_(root.find("health")) {}

  void build() {
    read_ttls();
    read_when_all_down();
    const Policy policy = policy_of(text_of(routing_, "policy"), Policy::latency);
    refuse_mixtures(policy);
    b_.plan.public_group =
        find("members") ? branch(*routing_, policy, b_.plan.domain, 1) : short_form(policy);
    b_.plan.names.push_back({b_.plan.domain, b_.plan.public_group});
    own_names();
    for (const Group& group : b_.plan.groups) {
      if (group.members.size() <= kMembersMax) continue;
      b_.mistakes.add(routing_ ? routing_->at : Mark(),
                      fmt::format("{} members in {}; allowed: at most {}", group.members.size(),
                                  quoted(group.name), kMembersMax));
    }
    for (Group& group : b_.plan.groups) {
      group.ttl_s = ttl_s_, group.ttl_min_s = ttl_min_s_;
      group.when_all_down = when_all_down_, group.last_resorts = last_resorts_;
    }
  }

 private:
  const Node* find(std::string_view key) const { return routing_ ? routing_->find(key) : nullptr; }

  uint32_t seconds_of(std::string_view key, uint32_t fallback) {
    const Duration value = duration_of(routing_, key, std::chrono::seconds(fallback));
    if (value % 1s != Duration{}) {
      b_.mistakes.add(find(key)->at, fmt::format("{}; allowed: whole seconds", to_text(value)));
    }
    return uint32_t(value / 1s);
  }

  void read_ttls() {
    ttl_s_ = seconds_of("ttl", Group{}.ttl_s);
    ttl_min_s_ = seconds_of("ttl_min", std::min(ttl_s_, Group{}.ttl_min_s));
    if (ttl_min_s_ > ttl_s_) {
      b_.mistakes.add(find("ttl_min")->at,
                      fmt::format("{}s; allowed: not more than the ttl, {}s", ttl_min_s_, ttl_s_));
    }
  }

  void read_when_all_down() {
    const Node* here = find("when_all_down");
    const Node* there = health_ ? health_->find("when_all_down") : nullptr;
    if (here && there) {
      b_.mistakes.add(here->at,
                      "when_all_down is given under 'health' and under 'routing'; keep one");
    }
    const Node* node = here ? here : there;
    if (!node) return;
    if (node->text == "closed") when_all_down_ = WhenAllDown::closed;
    if (node->kind != Node::Kind::list) return;
    when_all_down_ = WhenAllDown::last_resorts;
    for (const Node& resort : node->items) add_last_resort(resort);
  }

  void add_last_resort(const Node& node) {
    if (node.kind != Node::Kind::scalar) return;
    if (const auto ip = IpAddress::parse(node.text)) {
      if (const auto known = b_.plan.find_node(*ip)) {
        last_resorts_.push_back(*known);
        return;
      }
      Endpoint e;
      e.kind = EndpointKind::fixed, e.address = {*ip, b_.plan.ports.http};
      e.host = ip->is_v4() ? ip->to_string() : fmt::format("[{}]", ip->to_string());
      e.name = fmt::format("last resort {}", ip->to_string());
      e.check.kind = CheckKind::none;
      last_resorts_.push_back(EndpointId(b_.plan.endpoints.size()));
      b_.plan.endpoints.push_back(std::move(e));
    } else if (const auto region = b_.region_of(node)) {
      const auto& nodes = b_.plan.region(*region).nodes;
      last_resorts_.insert(last_resorts_.end(), nodes.begin(), nodes.end());
    }
  }

  void refuse_mixtures(Policy policy) {
    struct Rule {
      std::string_view key, goes_with;
      bool fits;
    };
    const std::array<Rule, 2> rules{{
        {"failover", "'latency' or 'failover'",
         policy == Policy::latency || policy == Policy::failover},
        {"weights", "'weighted'", policy == Policy::weighted},
    }};
    for (const Rule& rule : rules) {
      const Node* node = find(rule.key);
      if (!node) continue;
      if (find("members")) {
        b_.mistakes.add(node->at,
                        fmt::format("'{}' beside 'members'; allowed: one of the two", rule.key));
      } else if (!rule.fits) {
        b_.mistakes.add(node->at,
                        fmt::format("'{}' goes with the policy {}", rule.key, rule.goes_with));
      }
    }
  }

  GroupId add(Group group) {
    b_.plan.groups.push_back(std::move(group));
    return GroupId(b_.plan.groups.size() - 1);
  }

  Member to_group(GroupId group, RegionId region, uint8_t weight = 1) const {
    return {
        .kind = Member::Kind::group, .target = uint16_t(group), .weight = weight, .region = region};
  }
  Member to_nodes(RegionId region, uint8_t weight = 1) const {
    return to_group(b_.plan.region(region).node_group, region, weight);
  }

  // simple and multivalue answer with addresses, so the nodes themselves are their members.
  void add_region(Group& group, RegionId region, uint8_t weight) const {
    if (group.policy == Policy::simple || group.policy == Policy::multivalue) {
      const auto& nodes = b_.plan.group(b_.plan.region(region).node_group).members;
      group.members.insert(group.members.end(), nodes.begin(), nodes.end());
    } else {
      group.members.push_back(to_nodes(region, weight));
    }
  }

  // The regions of `failover`, in its order.
  std::vector<RegionId> failover_list() {
    std::vector<RegionId> order;
    for (const Node& node : items_of(routing_, "failover")) {
      const auto region = b_.region_of(node);
      if (!region) continue;
      if (std::ranges::find(order, *region) == order.end()) {
        order.push_back(*region);
      } else {
        b_.mistakes.add(node.at, fmt::format("the region {} is given twice", quoted(node.text)));
      }
    }
    return order;
  }

  // The list, then every region that it leaves out.
  std::vector<RegionId> listed_first(std::vector<RegionId> order) const {
    for (size_t i = 0; i < b_.plan.regions.size(); ++i) {
      if (std::ranges::find(order, RegionId(i)) == order.end()) order.push_back(RegionId(i));
    }
    return order;
  }

  GroupId short_form(Policy policy) {
    Group group = make_group(b_.plan.domain, policy);
    const std::vector<RegionId> list = failover_list();
    if (policy == Policy::latency) {
      for (const RegionId region : listed_first(list)) {
        group.members.push_back(list.empty() ? to_nodes(region)
                                             : to_group(with_standbys(region, list), region));
      }
    } else if (policy == Policy::failover) {
      for (const RegionId region : list.empty() ? default_failover() : list)
        group.members.push_back(to_nodes(region));
    } else {
      const Node* weights = find("weights");
      for (size_t i = 0; i < b_.plan.regions.size(); ++i)
        add_region(group, RegionId(i), weight_of(weights, i));
      if (weights) refuse_strangers(*weights);
    }
    return add(std::move(group));
  }

  // The tree that Route 53 wants for "nearest, and if that is down a chosen standby": latency over
  // failover.
  GroupId with_standbys(RegionId first, const std::vector<RegionId>& list) {
    Group group =
        make_group(fmt::format("{} then standbys", b_.plan.region(first).name), Policy::failover);
    group.members.push_back(to_nodes(first));
    for (const RegionId standby : list) {
      if (standby != first) group.members.push_back(to_nodes(standby));
    }
    return add(std::move(group));
  }

  // An edge location is never the end of the road; where no region has agents, all are alike.
  std::vector<RegionId> default_failover() const {
    std::vector<RegionId> order;
    for (size_t i = 0; i < b_.plan.regions.size(); ++i) {
      if (b_.plan.agents.empty() || !b_.plan.regions[i].agents.empty())
        order.push_back(RegionId(i));
    }
    return order;
  }

  uint8_t weight_of(const Node* weights, size_t region) {
    if (!weights) return 1;
    const std::string& name = b_.plan.regions[region].name;
    if (!weights->find(name)) {
      b_.mistakes.add(weights->at,
                      fmt::format("no weight for the region '{}'; allowed: 0 to 255", name));
    }
    return uint8_t(integer_of(weights, name, 0));
  }

  void refuse_strangers(const Node& weights) {
    for (const Node::Entry& entry : weights.entries) {
      Node name;
      name.kind = Node::Kind::scalar, name.at = entry.at, name.text = entry.key;
      b_.region_of(name);
    }
  }

  // The general form. `depth` counts the groups from the public one.
  GroupId branch(const Node& node, Policy policy, std::string name, size_t depth) {
    Group group = make_group(std::move(name), policy);
    std::set<RegionId> seen;
    for (const Node& item : items_of(&node, "members")) {
      const Node *region_name = item.find("region"), *members = item.find("members"),
                 *weight = item.find("weight");
      const auto region = region_name ? b_.region_of(*region_name) : std::nullopt;
      if (weight && policy != Policy::weighted) {
        b_.mistakes.add(weight->at, "a weight goes with the policy 'weighted'");
      }
      const auto share = uint8_t(integer_of(&item, "weight", 1));
      if (!members) {
        if (item.kind == Node::Kind::map) add_leaf(group, item, region, share, seen);
        continue;
      }
      if (!item.find("policy")) b_.mistakes.add(item.at, "a branch with members needs its policy");
      if (policy == Policy::latency && !region_name) {
        b_.mistakes.add(item.at, "a branch under 'latency' needs `region`, where it stands");
      }
      if (depth == kBranchDepthMax) {
        b_.mistakes.add(item.at, fmt::format("branches more than {} deep", kBranchDepthMax));
        continue;
      }
      const std::string below = fmt::format("{} branch {}", group.name, group.members.size() + 1);
      const GroupId id =
          branch(item, policy_of(text_of(&item, "policy"), Policy::simple), below, depth + 1);
      group.members.push_back(to_group(id, region.value_or(RegionId{}), share));
    }
    return add(std::move(group));
  }

  void add_leaf(Group& group, const Node& item, std::optional<RegionId> region, uint8_t weight,
                std::set<RegionId>& seen) {
    if (const Node* policy = item.find("policy")) {
      b_.mistakes.add(
          policy->at,
          "a policy without members; allowed: a region alone, or a policy and its members");
    } else if (!item.find("region")) {
      b_.mistakes.add(item.at,
                      "an empty member; allowed: a region alone, or a policy and its members");
    }
    if (!region) return;
    if (!seen.insert(*region).second) {
      b_.mistakes.add(item.at,
                      fmt::format("the region '{}' is given twice", b_.plan.region(*region).name));
      return;
    }
    add_region(group, *region, weight);
  }

  // agent.example.test -> agent-us-east-1.example.test: that region while it is healthy.
  void own_names() {
    const std::string& domain = b_.plan.domain;
    const size_t dot = std::min(domain.find('.'), domain.size());
    for (size_t i = 0; i < b_.plan.regions.size(); ++i) {
      std::string name = fmt::format("{}-{}{}", domain.substr(0, dot), b_.plan.regions[i].name,
                                     domain.substr(dot));
      Group group = make_group(name, Policy::failover);
      group.members = {to_nodes(RegionId(i)), to_group(b_.plan.public_group, RegionId(i))};
      const GroupId id = add(std::move(group));
      b_.plan.names.push_back({std::move(name), id});
    }
  }

  Building& b_;
  const Node* routing_;
  const Node* health_;
  uint32_t ttl_s_ = 0, ttl_min_s_ = 0;
  WhenAllDown when_all_down_ = WhenAllDown::open;
  std::vector<EndpointId> last_resorts_;
};

}  // namespace

void build_routing(const Node& root, Building& b) { RoutingBuilder(root, b).build(); }

}  // namespace sealane::plan
