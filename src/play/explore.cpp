// SPDX-License-Identifier: Apache-2.0
#include "play/explore.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <set>

#include "plan/world.h"
#include "play/oracle.h"
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
constexpr Duration kInFlightMax =
    2s;  // of an answer or a request between two hosts, no cable being bad

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
  void check_choice(const Stage::Seat& seat, const view::View& view, const plan::SteeredName& name,
                    plan::RegionId near);
  void check_answer(const DnsSample& sample, plan::RegionId near, const IpAddress& asker);
  bool fits(const view::View& view, const DnsSample& sample, plan::RegionId near,
            const IpAddress& asker) const;
  void check_request(size_t agent, const AgentRequest& request);
  bool ran_for(size_t life, Duration time) const;
  void check_shares();
  void check_served_at_home();
  void check_unseen(const UserGroup& group);
  void look_at_lives();
  void check_detection(size_t node, uint64_t changes, EndpointId dead, Duration bound);
  void check_all_well();
  void check_leaks();

  Dice dice_;
  Exploration out_;
  std::unique_ptr<Stage> stage_;
  std::unique_ptr<Oracle> oracle_;
  std::vector<Life> lives_;                    // agents, then seats
  std::vector<std::deque<Remembered>> views_;  // by seat
  bool bad_cables_ = false;                    // a fault of this seed delays what is in flight
  std::set<std::string, std::less<>> seen_;    // attempts that an agent has got
  // Answers of servers that had every endpoint healthy: by region of the first address.
  std::vector<uint64_t> shares_;
};

Explorer::Explorer(uint64_t seed, const plan::Data& data, size_t trace_max)
    : dice_(mix64(seed)) {
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
  oracle_ = std::make_unique<Oracle>(stage_->plan(), stage_->distances());
  shares_.resize(stage_->plan().regions.size());
  for (size_t i = 0; i < stage_->agents().size(); ++i) {
    stage_->agents()[i].mood->on_request = [this, i](const AgentRequest& r) {
      check_request(i, r);
    };
  }
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

// Every decision that this view leads to, for users everywhere, and what the view itself says.
void Explorer::check_view(const Stage::Seat& seat, const view::View& view) {
  const plan::Plan& plan = stage_->plan();
  ++out_.view_count;
  for (const plan::SteeredName& name : plan.names) {
    for (size_t r = 0; r < plan.regions.size(); ++r)
      check_choice(seat, view, name, plan::RegionId(r));
  }
  for (size_t i = 0; i < plan.endpoints.size(); ++i) {
    const view::EndpointView& seen = view.endpoints[i];
    if (EndpointId(i) == seat.endpoint || seen.last == view::Outcome::unknown) continue;
    if (seen.healthy == (seen.last == view::Outcome::ok) || seen.may_flip_in) continue;
    violate(seat.node->name(),
            fmt::format("{} is {} although its last probe says {}, and the view has no "
                        "moment at which that may change",
                        plan.endpoints[i].name, seen.healthy ? "healthy" : "down",
                        view::name(seen.last)));
  }
}

void Explorer::check_choice(const Stage::Seat& seat, const view::View& view,
                            const plan::SteeredName& name, plan::RegionId near) {
  const plan::Plan& plan = stage_->plan();
  const plan::Group& group = plan.group(name.group);
  const std::string& who = seat.node->name();
  const steer::Question question{name.group, plan.region(near).clients.front().base};
  const steer::Choice choice = steer::steer(plan, view, question, dice_.roll());
  if (choice.why.empty()) violate(who, "a choice without a reason for " + name.name);
  if (steer::explain(plan, view, question, choice).empty()) {
    violate(who, "a choice that explain() has no words for");
  }
  const uint32_t floor_s = std::min(group.ttl_min_s, group.ttl_s);
  if (choice.ttl_s > group.ttl_s || choice.ttl_s < floor_s) {
    violate(who, fmt::format("TTL {} outside of {} to {}", choice.ttl_s, floor_s, group.ttl_s));
  }
  Endpoints head(choice.order.begin(), choice.order.begin() + choice.head_count);
  for (const EndpointId id : head) {
    const auto flip = view.endpoints[index(id)].may_flip_in;
    if (!flip || choice.ttl_s <= std::max(floor_s, uint32_t(*flip / 1s))) continue;
    violate(who, fmt::format("{} is answered for {} s and may be down in {}",
                             plan.endpoint(id).name, choice.ttl_s, print_duration(*flip)));
  }
  std::ranges::sort(head);
  const auto right = oracle_->answers(view, name.group, near);
  if (std::ranges::find(right, head) == right.end()) {
    violate(who, fmt::format("{} near {} is {}, not {}", name.name, plan.region(near).name,
                             head.empty() ? "nobody" : plan.endpoint(head.front()).name,
                             right.empty() || right.front().empty()
                                 ? "nobody"
                                 : plan.endpoint(right.front().front()).name));
  }
  // Behind the head the caller goes on to the rest: every healthy one, once.
  const auto is_up = [&](EndpointId id) { return view.healthy(id); };
  if (std::ranges::any_of(choice.order, is_up) && !std::ranges::all_of(choice.order, is_up)) {
    violate(who, name.name + ": a dead endpoint among the living");
  }
  Endpoints order(choice.order.begin(), choice.order.end());
  std::ranges::sort(order);
  if (std::ranges::adjacent_find(order) != order.end()) {
    violate(who, name.name + ": an endpoint twice in one order");
  }
}

// ── DNS against the decision
// ─────────────────────────────────────────────────────────────────────────

bool Explorer::fits(const view::View& view, const DnsSample& sample, plan::RegionId near,
                    const IpAddress& asker) const {
  const plan::Plan& plan = stage_->plan();
  Endpoints answered;
  for (const IpAddress& ip : sample.addresses) {
    const auto id = plan.find_node(ip);
    if (!id) return false;
    answered.push_back(*id);
  }
  std::ranges::sort(answered);
  const auto right = oracle_->answers(view, plan.public_group, near);
  if (std::ranges::find(right, answered) == right.end()) return false;
  if (answered.empty()) return true;
  const plan::Group& group = plan.group(plan.public_group);
  if (steer::uses_dice(plan, plan.public_group)) return sample.ttl_s <= group.ttl_s;
  return sample.ttl_s == steer::steer(plan, view, {plan.public_group, asker}, 0).ttl_s;
}

void Explorer::check_answer(const DnsSample& sample, plan::RegionId near, const IpAddress& asker) {
  ++out_.answer_count;
  for (const Remembered& remembered : views_[sample.server]) {
    if (!fits(*remembered.view, sample, near, asker)) continue;
    const bool all_up = std::ranges::all_of(views_[sample.server], [](const Remembered& r) {
      return std::ranges::all_of(r.view->endpoints, &view::EndpointView::healthy);
    });
    if (all_up && !sample.addresses.empty())
      ++shares_[index(*stage_->region_at(sample.addresses.front()))];
    return;
  }
  violate(
      stage_->seats()[sample.server].node->name(),
      fmt::format("its answer near {} ({}, TTL {}) fits none of its views",
                  stage_->plan().region(near).name,
                  sample.addresses.empty() ? "no address" : sample.addresses.front().to_string(),
                  sample.ttl_s));
}

// Where the dice decide, they decide by the weights: five standard deviations, and three answers.
void Explorer::check_shares() {
  const plan::Plan& plan = stage_->plan();
  const plan::Group& group = plan.group(plan.public_group);
  if (group.policy != plan::Policy::weighted) return;
  double sum = 0, count = 0;
  for (const plan::Member& member : group.members) sum += member.weight;
  for (const uint64_t share : shares_) count += double(share);
  for (const plan::Member& member : group.members) {
    const double p = sum > 0 ? member.weight / sum : 1.0 / double(group.members.size());
    const double got = double(shares_[index(member.region)]), wanted = count * p;
    if (std::abs(got - wanted) <= 5 * std::sqrt(wanted * (1 - p)) + 3) continue;
    violate("DNS", fmt::format("{} got {} of {} answers, where its weight asks for {:.0f}",
                               plan.region(member.region).name, got, count, wanted));
  }
}

// ── what agents get
// ──────────────────────────────────────────────────────────────────────────────────

bool Explorer::ran_for(size_t life, Duration time) const {
  return lives_[life].state == sim::NodeState::running &&
         lives_[life].running_since + time <= stage_->world().now();
}

void Explorer::check_request(size_t at, const AgentRequest& request) {
  const plan::Plan& plan = stage_->plan();
  const Stage::AgentSeat& agent = stage_->agents()[at];
  const std::string& name = agent.node->name();
  const bool again = !seen_.emplace(request.attempt).second;
  if (again && request.is_post) {
    violate(name, fmt::format("the POST {} reaches agents twice", request.attempt));
  }
  if (request.node_count < 1 || request.node_count > 2) {
    violate(name, fmt::format("a request came through {} nodes", request.node_count));
  }
  const auto seat = std::ranges::find(stage_->seats(), request.from,
                                      [](const Stage::Seat& s) { return s.node->address(); });
  if (seat == stage_->seats().end() || seat->region != agent.region) {
    return violate(name, "a request from somebody who is no node of its region");
  }
  // What lay in a frozen process or in a bad cable was sent at another time.
  const size_t s = size_t(seat - stage_->seats().begin()), seat_life = stage_->agents().size() + s;
  if (bad_cables_ || !ran_for(at, kInFlightMax) || !ran_for(seat_life, kInFlightMax)) return;
  const auto always = [&](EndpointId id, bool healthy) {
    return std::ranges::all_of(views_[s],
                               [&](const Remembered& r) { return r.view->healthy(id) == healthy; });
  };
  if (!always(agent.endpoint, false)) return;
  for (size_t i = 0; i < stage_->agents().size(); ++i) {
    const Stage::AgentSeat& other = stage_->agents()[i];
    if (other.region != agent.region || !ran_for(i, kInFlightMax) || !always(other.endpoint, true))
      continue;
    violate(name,
            fmt::format("it is down in the eyes of {}, which asks it nevertheless instead of {}",
                        seat->node->name(), other.node->name()));
  }
  const bool closed = plan.group(plan.public_group).when_all_down == plan::WhenAllDown::closed;
  if (closed && request.node_count == 1) {
    violate(
        name,
        fmt::format("it is down in the eyes of {}, which asks it nevertheless; all down is closed",
                    seat->node->name()));
  }
}

// An answer that says that no agent has seen the request is true.
void Explorer::check_unseen(const UserGroup& group) {
  for (const auto& record : group.records()) {
    for (const std::string& attempt : record->unseen) {
      if (seen_.contains(attempt))
        violate("users", "an agent has seen " + attempt + ", which the answer denies");
    }
  }
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

// In a world that is well, everybody is served at the first attempt, by the region that DNS names.
void Explorer::check_served_at_home() {
  const plan::Plan& plan = stage_->plan();
  const view::View& view = *stage_->seats().front().view;
  std::vector<UserGroup*> groups;
  for (size_t r = 0; r < plan.regions.size(); ++r) {
    const auto action = r % 2 == 0 ? Users::Action::get : Users::Action::post;
    groups.push_back(&stage_->add_users({{}, {}, 1, action, "/work"}, plan::RegionId(r)));
    groups.back()->ask_now();
    groups.back()->ask_now();
  }
  const auto open = [&] {
    return std::ranges::any_of(groups, [](const UserGroup* g) { return g->open_count() > 0; });
  };
  stage_->run_until(stage_->world().now() + 5s, [&] { return !out_.held || !open(); });
  for (size_t r = 0; r < groups.size(); ++r) {
    const auto near = plan::RegionId(r);
    std::set<std::string, std::less<>> right;
    for (const Endpoints& answer : oracle_->answers(view, plan.public_group, near)) {
      for (const EndpointId id : answer) {
        for (const plan::RegionId server : oracle_->servers(plan.endpoint(id).region, near))
          right.insert(plan.region(server).name);
      }
    }
    for (const auto& record : groups[r]->records()) {
      if (record->ok && record->attempts == 1 && right.contains(record->served_by)) continue;
      violate("users near " + plan.region(near).name,
              fmt::format("all is well, and a request is {} by {} after {} attempts ({})",
                          record->ok ? "served" : "not served", record->served_by, record->attempts,
                          record->trouble));
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
    bad_cables_ |= fault.verb == Verb::cut || fault.verb == Verb::slow || fault.verb == Verb::lossy;
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
    while (!views.empty() && views.front().until + kInFlightMax < stage_->world().now() &&
           views.size() > 1)
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
  if (out_.held) check_served_at_home();
  if (out_.held) check_shares();
  for (const UserGroup* group : groups) check_unseen(*group);
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
