// SPDX-License-Identifier: Apache-2.0
#include "play/explore.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>

#include "plan/world.h"
#include "play/random_world.h"
#include "play/stage.h"
#include "steer/steer.h"

namespace sealane::play {
namespace {

using plan::EndpointId;
using plan::index;

constexpr uint64_t kProbesMax =
    500;  // of the whole world while faults are about: what a seed may cost
constexpr Duration kSlack = 60ms;      // our own lateness and the last event's way
constexpr Duration kBootMax = 2500ms;  // until a started node answers (health's first round)
constexpr Duration kRecoverTcp = 2s;   // a SYN or a segment that was lost is sent again
constexpr size_t kStreamsPerEndpoint = 16;

// Ordered by what is remembered of a node's views: an answer that comes now was made from one of
// these.
struct Remembered {
  Instant until{};  // replaced at; far future: the newest
  std::shared_ptr<const view::View> view;
};

class Explorer {
 public:
  Explorer(uint64_t seed, const plan::Data& data, size_t trace_max);
  Exploration go();

 private:
  struct Life {
    Instant running_since{};
    Instant not_running_since{};
    sim::NodeState state = sim::NodeState::running;
    uint64_t changes = 0;
  };

  Duration pace(const plan::Check& check) const { return std::max(check.interval, check.timeout); }
  void violate(std::string_view who, std::string what);
  void check_view(const Stage::Seat& seat, const view::View& view);
  void check_answer(const DnsSample& sample, plan::RegionId near, const IpAddress& asker);
  bool fits(const view::View& view, const DnsSample& sample, const IpAddress& asker) const;
  void look_at_lives();
  void check_detection(size_t node, uint64_t changes, EndpointId dead, Duration bound);
  void check_all_well();
  void check_leaks();
  size_t life_of(const sim::Node& node) const;
  std::vector<EndpointId> leaves(plan::GroupId group) const;

  uint64_t seed_;
  Dice dice_;
  Exploration out_;
  std::unique_ptr<Stage> stage_;
  std::vector<Life> lives_;                      // agents, then seats
  std::vector<std::deque<Remembered>> views_;    // by seat
  std::vector<std::vector<EndpointId>> leaves_;  // by GroupId
};

Explorer::Explorer(uint64_t seed, const plan::Data& data, size_t trace_max)
    : seed_(seed), dice_(mix64(seed)) {
  out_.seed = seed;
  out_.world = random_world(dice_);
  const auto nothing = [](std::string_view) -> Result<std::string> {
    return fail(Code::not_found, "no files");
  };
  auto plan = plan::compile(out_.world, "seed " + std::to_string(seed), nothing, data);
  if (!plan) {
    violate("plan", plan.error().what + "\n" + out_.world);
    return;
  }
  stage_ = std::make_unique<Stage>(
      std::make_shared<const plan::Plan>(std::move(*plan)),
      StageOptions{.seed = seed, .jitter = 0.02, .trace_max = trace_max, .give_up = 20s});
  for (size_t i = 0; i < stage_->plan().groups.size(); ++i)
    leaves_.push_back(leaves(plan::GroupId(i)));
  lives_.resize(stage_->agents().size() + stage_->seats().size());
  views_.resize(stage_->seats().size());
}

void Explorer::violate(std::string_view who, std::string what) {
  if (!out_.held) return;  // the first one counts
  out_.held = false;
  const double at_s = stage_ ? double(stage_->world().now().time_since_epoch().count()) / 1e9 : 0;
  out_.violation = fmt::format("at {:.6f}s, {}: {}", at_s, who, what);
  if (stage_) out_.trace = stage_->world().trace();
}

// ── the decision
// ─────────────────────────────────────────────────────────────────────────────────────

std::vector<EndpointId> Explorer::leaves(plan::GroupId group) const {
  std::vector<EndpointId> out;
  for (const plan::Member& member : stage_->plan().group(group).members) {
    if (member.kind == plan::Member::Kind::endpoint) {
      out.push_back(member.endpoint());
    } else {
      for (const EndpointId id : leaves(member.group())) out.push_back(id);
    }
  }
  return out;
}

// Every decision that this view leads to, for users everywhere.
void Explorer::check_view(const Stage::Seat& seat, const view::View& view) {
  const plan::Plan& plan = stage_->plan();
  ++out_.view_count;
  for (const plan::SteeredName& name : plan.names) {
    const plan::Group& group = plan.group(name.group);
    const auto& all = leaves_[index(name.group)];
    const bool any = std::ranges::any_of(all, [&](EndpointId id) { return view.healthy(id); });
    for (const plan::Region& near : plan.regions) {
      const steer::Question question{name.group, near.clients.front().base};
      const steer::Choice choice = steer::steer(plan, view, question, dice_.roll());
      if (choice.why.empty())
        violate(seat.node->name(), "a choice without a reason for " + name.name);
      if (steer::explain(plan, view, question, choice).empty()) {
        violate(seat.node->name(), "a choice that explain() has no words for");
      }
      if (choice.ttl_s > group.ttl_s ||
          (choice.ttl_s < group.ttl_min_s && choice.ttl_s < group.ttl_s)) {
        violate(seat.node->name(), fmt::format("TTL {} outside of {} to {}", choice.ttl_s,
                                               group.ttl_min_s, group.ttl_s));
      }
      for (size_t i = 0; any && i < choice.head_count; ++i) {
        if (view.healthy(choice.order[i])) continue;
        violate(seat.node->name(), name.name + " answers " + plan.endpoint(choice.order[i]).name +
                                       ", which is down, while a healthy one is there");
      }
      const bool may_refuse = !any && group.when_all_down == plan::WhenAllDown::closed;
      if (choice.order.empty() && !may_refuse)
        violate(seat.node->name(), "no endpoint for " + name.name);
    }
  }
}

// ── DNS against the decision
// ─────────────────────────────────────────────────────────────────────────

bool Explorer::fits(const view::View& view, const DnsSample& sample, const IpAddress& asker) const {
  const plan::Plan& plan = stage_->plan();
  const plan::GroupId group = plan.public_group;
  std::vector<IpAddress> answered = sample.addresses;
  std::ranges::sort(answered);
  if (!steer::uses_dice(plan, group)) {
    const steer::Choice choice = steer::steer(plan, view, {group, asker}, 0);
    std::vector<IpAddress> wanted;
    for (size_t i = 0; i < choice.head_count; ++i)
      wanted.push_back(plan.endpoint(choice.order[i]).address.ip);
    std::ranges::sort(wanted);
    return wanted == answered && (answered.empty() || sample.ttl_s == choice.ttl_s);
  }
  const auto& all = leaves_[index(group)];
  const bool any = std::ranges::any_of(all, [&](EndpointId id) { return view.healthy(id); });
  if (answered.empty()) return !any && plan.group(group).when_all_down == plan::WhenAllDown::closed;
  return std::ranges::all_of(answered, [&](const IpAddress& ip) {
    const auto id = plan.find_node(ip);
    return id && (!any || view.healthy(*id));
  });
}

void Explorer::check_answer(const DnsSample& sample, plan::RegionId near, const IpAddress& asker) {
  ++out_.answer_count;
  for (const Remembered& remembered : views_[sample.server]) {
    if (fits(*remembered.view, sample, asker)) return;
  }
  violate(
      stage_->seats()[sample.server].node->name(),
      fmt::format("its answer near {} ({}, TTL {}) fits none of its views",
                  stage_->plan().region(near).name,
                  sample.addresses.empty() ? "no address" : sample.addresses.front().to_string(),
                  sample.ttl_s));
}

// ── detection
// ────────────────────────────────────────────────────────────────────────────────────────

// Follows who runs. When something stops running, every node that goes on running and probes it
// must have it down after `failures` more probes and one timeout.
void Explorer::look_at_lives() {
  const plan::Plan& plan = stage_->plan();
  sim::World& world = stage_->world();
  const size_t agent_count = stage_->agents().size();
  for (size_t i = 0; i < lives_.size(); ++i) {
    const bool is_agent = i < agent_count;
    const sim::Node& node =
        is_agent ? *stage_->agents()[i].node : *stage_->seats()[i - agent_count].node;
    const EndpointId endpoint =
        is_agent ? stage_->agents()[i].endpoint : stage_->seats()[i - agent_count].endpoint;
    Life& life = lives_[i];
    if (node.state() == life.state) continue;
    const bool was = life.state == sim::NodeState::running,
               is = node.state() == sim::NodeState::running;
    life.state = node.state();
    if (is) life.running_since = world.now();
    if (is != was) ++life.changes;
    if (!was || is) continue;
    life.not_running_since = world.now();
    const plan::Check& check = plan.endpoint(endpoint).check;
    const Duration bound = pace(check) * check.failures + check.timeout + kSlack;
    world.at(world.now() + bound, [this, i, changes = life.changes, endpoint, bound] {
      check_detection(i, changes, endpoint, bound);
    });
  }
}

void Explorer::check_detection(size_t node, uint64_t changes, EndpointId dead, Duration bound) {
  if (lives_[node].changes != changes) return;  // it ran in between
  const plan::Plan& plan = stage_->plan();
  const bool is_agent = node < stage_->agents().size();
  for (size_t s = 0; s < stage_->seats().size(); ++s) {
    const Stage::Seat& seat = stage_->seats()[s];
    const Life& life = lives_[stage_->agents().size() + s];
    const bool probes =
        is_agent ? seat.region == plan.endpoint(dead).region : seat.endpoint != dead;
    const bool watched = life.state == sim::NodeState::running &&
                         life.running_since + kBootMax <= lives_[node].not_running_since;
    if (!probes || !watched || !seat.view || !seat.view->healthy(dead)) continue;
    violate(seat.node->name(), fmt::format("{} does not run since {}, and still counts as healthy",
                                           plan.endpoint(dead).name, print_duration(bound)));
  }
}

// ── the end
// ──────────────────────────────────────────────────────────────────────────────────────────

void Explorer::check_all_well() {
  const plan::Plan& plan = stage_->plan();
  for (const Stage::Seat& seat : stage_->seats()) {
    if (!seat.view) {
      violate(seat.node->name(), "does not run although it was started");
      continue;
    }
    for (size_t i = 0; i < plan.endpoints.size(); ++i) {
      if (seat.view->healthy(EndpointId(i))) continue;
      violate(seat.node->name(),
              plan.endpoints[i].name + " is well again, and still counts as down");
    }
  }
}

void Explorer::check_leaks() {
  for (const Stage::Seat& seat : stage_->seats()) {
    const size_t allowed = kStreamsPerEndpoint * stage_->plan().endpoints.size();
    if (seat.node->stream_count() > allowed) {
      violate(seat.node->name(),
              fmt::format("{} streams are open in a quiet world", seat.node->stream_count()));
    }
    if (seat.node->timer_count() > 4 * allowed) {
      violate(seat.node->name(),
              fmt::format("{} timers in a quiet world", seat.node->timer_count()));
    }
  }
}

Exploration Explorer::go() {
  if (!stage_) return std::move(out_);
  const plan::Plan& plan = stage_->plan();
  sim::World& world = stage_->world();
  // How long: so many intervals that the world's probes cost what a seed may cost.
  uint64_t probers = 0;
  Duration slowest{}, returns{};
  for (const plan::Endpoint& endpoint : plan.endpoints) {
    slowest = std::max(slowest, pace(endpoint.check));
    returns = std::max(
        returns, pace(endpoint.check) * (endpoint.check.successes + 2) + endpoint.check.timeout);
    probers += endpoint.kind == plan::EndpointKind::agent
                   ? plan.region(endpoint.region).nodes.size()
                   : stage_->seats().size() - 1;
  }
  const uint64_t rounds =
      std::clamp<uint64_t>(kProbesMax / std::max<uint64_t>(probers, 1), 12, 100);
  const Duration begin = kBootMax + 8 * slowest, end = begin + slowest * int64_t(rounds);
  // Agents first, then the nodes in front of them, then who forwards to those nodes.
  const Duration settled = end + 3 * returns + kBootMax + kRecoverTcp;

  std::vector<UserGroup*> groups;
  for (size_t i = 0; i < plan.regions.size(); ++i) {
    const auto near = plan::RegionId(i);
    constexpr Users::Action kActions[] = {Users::Action::get, Users::Action::post,
                                          Users::Action::stream};
    const double per_second =
        40.0 / (double((end - begin).count()) / 1e9) / double(plan.regions.size());
    groups.push_back(
        &stage_->add_users({{}, {}, std::min(per_second, 20.0), kActions[i % 3], "/work"}, near));
    const IpAddress asker = plan.regions[i].clients.front().base;
    stage_->add_watcher(near, slowest / 2, [this, near, asker](const DnsSample& sample) {
      check_answer(sample, near, asker);
    });
  }
  const std::vector<Fault> faults = random_faults(plan, dice_, begin, end);
  for (const Fault& fault : faults) {
    out_.story +=
        fmt::format("  {:>10.3f}s {}\n", double(fault.when.count()) / 1e9, words_of(fault));
    world.at(Instant{fault.when}, [this, &fault] {
      stage_->apply(fault);
      look_at_lives();
    });
  }
  stage_->on_view = [this](const Stage::Seat& seat, const view::View&) {
    auto& views = views_[size_t(&seat - stage_->seats().data())];
    if (!views.empty()) views.back().until = stage_->world().now();
    // An answer under way is a second old at most.
    while (!views.empty() && views.front().until + 2s < stage_->world().now() && views.size() > 1)
      views.pop_front();
    views.push_back({Instant::max() - 1h, seat.view});
    check_view(seat, *seat.view);
  };
  const auto broken = [this] { return !out_.held; };
  stage_->run_until(Instant{begin}, broken);
  for (UserGroup* group : groups) group->begin();
  stage_->run_until(Instant{end}, broken);
  for (UserGroup* group : groups) group->stop();
  stage_->run_until(Instant{settled}, broken);
  if (out_.held) check_all_well();
  const auto open = [&] {
    return std::ranges::any_of(groups, [](const UserGroup* g) { return g->open_count() > 0; });
  };
  if (out_.held && open()) {
    stage_->run_until(Instant{settled} + 150s, [&] { return broken() || !open(); });
    if (open()) violate("users", "a request has no end");
  }
  if (out_.held) check_leaks();
  for (const UserGroup* group : groups) out_.request_count += group->records().size();
  out_.trace_hash = world.trace_hash();
  out_.event_count = world.event_count();
  out_.lasted = world.now().time_since_epoch();
  stage_->on_view = nullptr;
  return std::move(out_);
}

}  // namespace

Exploration explore(uint64_t seed, const plan::Data& data) {
  Exploration first = Explorer(seed, data, 0).go();
  return first.held ? first : Explorer(seed, data, 60).go();
}

std::string render(const Exploration& exploration) {
  if (exploration.held) return fmt::format("seed {}: every invariant held\n", exploration.seed);
  return fmt::format("seed {}: {}\n\nthe world:\n{}\nthe faults:\n{}\nthe last events:\n{}",
                     exploration.seed, exploration.violation, exploration.world, exploration.story,
                     exploration.trace);
}

}  // namespace sealane::play
