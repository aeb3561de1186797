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

  // Appends the group's healthy endpoints to the choice, best first. False when there is none.
  // The first call that finds something also sets the head and the reasons.
  bool group(GroupId id, unsigned depth) {
    if (depth > plan::kGroupDepthMax) return false;  // the compiler refuses such plans
    const plan::Group& group = plan_.group(id);
    const PolicyRow& policy = row_of(group.policy);
    Ranking ranking;
    policy.rank({group, row_.get(), mix64(dice_ ^ plan::index(id))}, ranking);

    const bool decides = choice.order.empty();  // nothing better was found outside
    const size_t step_at = choice.why.size();
    if (decides && step_at < kStepsMax) choice.why.push_back({.group = id});
    bool found = false;
    uint16_t skipped_count = 0;
    for (const uint16_t position : ranking) {
      const plan::Member& member = group.members[position];
      const bool up = member.kind == plan::Member::Kind::endpoint
                          ? endpoint(member.endpoint())
                          : this->group(member.group(), depth + 1);
      if (up && decides) {
        if (!found) explain_step(step_at, group, position, skipped_count);
        const bool joins_head = !found || (policy.answers_together && choice.head_count < kHeadMax);
        if (joins_head && member.kind == plan::Member::Kind::endpoint && last_was_new_)
          ++choice.head_count;
      }
      if (!up && !found) ++skipped_count;
      found = found || up;
      // What ranks behind the first choice cannot change the answer by flipping.
      if (found && decides && !policy.answers_together) head_done_ = true;
    }
    // Its reasons, and those of the branches below, are none: the walk backs up and looks
    // elsewhere.
    if (!found && decides) choice.why.resize(step_at);
    return found;
  }

  Choice choice;
  // The soonest moment at which the head of the answer may change.
  std::optional<Duration> may_flip_in;

 private:
  bool endpoint(EndpointId id) {
    const view::EndpointView& seen = view_.endpoints[plan::index(id)];
    const bool up = all_healthy_ || seen.healthy;
    if (!head_done_ && seen.may_flip_in) {
      may_flip_in = may_flip_in ? std::min(*may_flip_in, *seen.may_flip_in) : *seen.may_flip_in;
    }
    last_was_new_ = false;
    if (up && choice.order.size() < kOrderMax &&
        std::ranges::find(choice.order, id) == choice.order.end()) {
      choice.order.push_back(id);
      last_was_new_ = true;
    }
    return up;
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
  bool last_was_new_ = false;  // the last endpoint() was appended
  bool head_done_ = false;
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
  if (walk.group(id, 0)) {
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
      open.group(id, 0);
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
