// SPDX-License-Identifier: Apache-2.0
// The walk: rank the members of the group, take what is healthy in that order, go into nested
// groups, and back out of those in which nothing is.
#include "steer/steer.h"

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "steer/policies.h"

namespace sealane::steer {
namespace {

using plan::EndpointId;
using plan::GroupId;

// The class's round-trip times, by RegionId.
class LatencyRow {
 public:
  LatencyRow(const plan::Plan& plan, const view::View& view, ClientClass client) {
    const size_t place_count = plan.geography.places.size();
    const size_t region_count = std::min(plan.regions.size(), plan::kRegionsMax);
    const bool sampled = client.id >= place_count;
    const size_t row = sampled ? client.id - place_count : 0;
    size_t place = client.id;
    if (sampled) place = row < view.samples->places.size() ? view.samples->places[row] : 0;
    for (size_t r = 0; r < region_count; ++r) {
      plan::Estimate& e = row_[r];
      if (place < place_count && r < plan.geography.places[place].to_region.size()) {
        e = plan.geography.places[place].to_region[r];
      }
      if (sampled && r < view.samples->rows[row].size() && view.samples->rows[row][r] != 0) {
        e = {view.samples->rows[row][r], plan::LatencySource::sample};
      }
    }
  }
  std::span<const plan::Estimate> get() const { return row_; }

 private:
  std::array<plan::Estimate, plan::kRegionsMax> row_{};
};

class Walk {
 public:
  Walk(const plan::Plan& plan, const view::View& view, ClientClass client, uint64_t dice,
       bool all_healthy)
      : plan_(plan),
        view_(view),
        row_(plan, view, client),
        dice_(dice),
        all_healthy_(all_healthy) {}

  using Head = boost::container::static_vector<EndpointId, kHeadMax>;

  // Appends the group's healthy endpoints to the order, best first, and returns those that it
  // answers: the first, or several where the policy answers together, those of branches among them.
  // Empty: nothing is healthy. `decides`: whether this head can still become the whole's.
  Head group(GroupId id, unsigned depth, bool decides) {
    if (depth > plan::kGroupDepthMax) return {};  // the compiler refuses such plans
    const plan::Group& group = plan_.group(id);
    const PolicyRow& policy = row_of(group.policy);
    Ranking ranking;
    policy.rank({group, row_.get(), mix64(dice_ ^ plan::index(id))}, ranking);

    const bool explains = choice.order.empty();  // nothing better was found outside
    const size_t step_at = choice.why.size();
    if (explains && step_at < kStepsMax) choice.why.push_back({.group = id});
    Head head;
    uint16_t skipped_count = 0;
    for (const uint16_t position : ranking) {
      const plan::Member& member = group.members[position];
      // What ranks behind the first choice cannot change the answer by flipping.
      const bool counts = decides && (head.empty() || policy.answers_together);
      const Head found = member.kind == plan::Member::Kind::endpoint
                             ? endpoint(member.endpoint(), counts)
                             : this->group(member.group(), depth + 1, counts);
      if (found.empty()) {
        if (head.empty()) ++skipped_count;
      } else if (head.empty()) {
        head = found;
        if (explains) explain_step(step_at, group, position, skipped_count);
      } else if (policy.answers_together) {
        for (const EndpointId one : found) add(one, head);
      }
    }
    // Its reasons, and those of the branches below, are none: the walk backs up and looks
    // elsewhere.
    if (head.empty() && explains) choice.why.resize(step_at);
    return head;
  }

  // Walks the whole tree. False when nothing in it is healthy.
  bool whole(GroupId id) {
    const Head head = group(id, 0, true);
    // Branches have put their standbys into the order before the heads of later branches.
    decltype(choice.order) order(head.begin(), head.end());
    for (const EndpointId one : choice.order) {
      if (order.size() < kOrderMax && std::ranges::find(head, one) == head.end())
        order.push_back(one);
    }
    choice.order = order;
    choice.head_count = uint8_t(head.size());
    return !head.empty();
  }

  Choice choice;
  // The soonest moment at which the head of the answer may change.
  std::optional<Duration> may_flip_in;

 private:
  Head endpoint(EndpointId id, bool counts) {
    const view::EndpointView& seen = view_.endpoints[plan::index(id)];
    if (counts && seen.may_flip_in) {
      may_flip_in = may_flip_in ? std::min(*may_flip_in, *seen.may_flip_in) : *seen.may_flip_in;
    }
    if (!all_healthy_ && !seen.healthy) return {};
    add(id, choice.order);
    return {id};
  }

  static void add(EndpointId id, auto& list) {
    if (list.size() < list.capacity() && std::ranges::find(list, id) == list.end())
      list.push_back(id);
  }

  void explain_step(size_t at, const plan::Group& group, uint16_t position,
                    uint16_t skipped_count) {
    if (at >= choice.why.size()) return;
    Step& step = choice.why[at];
    step.member = position;
    step.skipped_count = skipped_count;
    step.verdict = skipped_count > 0 ? Step::Verdict::next : Step::Verdict::first;
    if (group.policy == plan::Policy::weighted && group.members[position].weight == 0 &&
        std::ranges::any_of(group.members, [](const plan::Member& m) { return m.weight > 0; })) {
      step.verdict = Step::Verdict::zero_weight;
    }
    if (group.policy == plan::Policy::latency) {
      step.estimate = row_.get()[plan::index(group.members[position].region)];
    }
  }

  const plan::Plan& plan_;
  const view::View& view_;
  const LatencyRow row_;
  const uint64_t dice_;
  const bool all_healthy_;
};

uint32_t ttl_of(const plan::Group& group, std::optional<Duration> may_flip_in) {
  if (!may_flip_in) return group.ttl_s;
  // Rounded down: an answer must not outlive the state it was made from, except by the floor that
  // was asked for.
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*may_flip_in).count();
  return uint32_t(
      std::clamp<int64_t>(seconds, std::min(group.ttl_min_s, group.ttl_s), group.ttl_s));
}

// True when `test` holds for the policy of the group or of one below it.
bool any_policy(const plan::Plan& plan, GroupId id, bool (*test)(const PolicyRow&),
                unsigned depth = 0) {
  const plan::Group& group = plan.group(id);
  if (test(row_of(group.policy))) return true;
  return depth < plan::kGroupDepthMax && std::ranges::any_of(
                                             group.members,
                                             [&](const plan::Member& m) {
                                               return m.kind == plan::Member::Kind::group &&
                                                      any_policy(plan, m.group(), test, depth + 1);
                                             });
}

}  // namespace

ClientClass classify(const plan::Plan& plan, const view::View& view, const IpAddress& client) {
  const PrefixTable::Found sample = view.samples->table.find(client);
  const PrefixTable::Found place = plan.geography.table.find(client);
  // An address without a sample shares its class only with neighbours that have none either.
  const uint8_t scope = std::max(sample.scope_bits, place.scope_bits);
  if (sample.value > 0) {
    return {uint32_t(plan.geography.places.size()) + sample.value - 1, sample.scope_bits};
  }
  return {place.value, scope};
}

uint32_t class_count(const plan::Plan& plan, const view::View& view) {
  return uint32_t(plan.geography.places.size() + view.samples->rows.size());
}

bool uses_dice(const plan::Plan& plan, GroupId group) {
  return any_policy(plan, group, [](const PolicyRow& row) { return row.uses_dice; });
}

bool uses_client(const plan::Plan& plan, GroupId group) {
  return any_policy(plan, group, [](const PolicyRow& row) { return row.uses_client; });
}

Choice choose(const plan::Plan& plan, const view::View& view, GroupId id, ClientClass client,
              uint64_t dice) {
  const plan::Group& group = plan.group(id);
  const uint8_t scope_bits = uses_client(plan, id) ? client.scope_bits : 0;
  Walk walk(plan, view, client, dice, false);
  if (walk.whole(id)) {
    walk.choice.scope_bits = scope_bits;
    walk.choice.ttl_s = ttl_of(group, walk.may_flip_in);
    return std::move(walk.choice);
  }

  // Nothing is healthy. What to do then is the operator's choice; nobody should remember the answer
  // for long.
  //
  //   when_all_down   answer
  //   open            as if all were healthy (Route 53: "all of the group count as healthy")
  //   closed          none
  //   last resorts    those, in their order
  Choice choice;
  using enum Step::Verdict;
  switch (group.when_all_down) {
    case plan::WhenAllDown::open: {
      Walk open(plan, view, client, dice, true);
      (void)open.whole(id);
      choice = std::move(open.choice);
      if (choice.why.size() == kStepsMax) choice.why.pop_back();
      choice.why.insert(choice.why.begin(), Step{.group = id, .verdict = all_down_open});
      break;
    }
    case plan::WhenAllDown::closed:
      choice.why.push_back({.group = id, .verdict = all_down_closed});
      break;
    case plan::WhenAllDown::last_resorts:
      for (const EndpointId endpoint : group.last_resorts) {
        if (choice.order.size() < kOrderMax) choice.order.push_back(endpoint);
      }
      choice.head_count = uint8_t(std::min(choice.order.size(), kHeadMax));
      choice.why.push_back({.group = id, .verdict = last_resort});
      break;
  }
  choice.scope_bits = scope_bits;
  choice.ttl_s = std::min(group.ttl_min_s, group.ttl_s);
  return choice;
}

Choice steer(const plan::Plan& plan, const view::View& view, const Question& question,
             uint64_t dice) {
  return choose(plan, view, question.group, classify(plan, view, question.client), dice);
}

}  // namespace sealane::steer
