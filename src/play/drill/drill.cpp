// SPDX-License-Identifier: Apache-2.0
#include "play/drill/drill.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sealane::play::drill {

using plan::EndpointId;

namespace {

constexpr Duration kTurnEvery = 10ms;    // of the phases
constexpr Duration kPromptTimeout = 5s;  // an agent thinks
constexpr Duration kTurnTimeout = 1s;    // an agent keeps the turn before it answers
constexpr Duration kStatusTimeout = 1s;
constexpr Duration kDnsIntervalMin = 5ms;  // of one watcher and place
// Long enough to be under way when the fault comes; a stream that ends is opened again.
constexpr std::string_view kLongPrompt = "Count to 1000, please.";

std::string get_ping(const std::string& host) {
  return fmt::format(
      "GET /ping HTTP/1.1\r\nHost: {}\r\nUser-Agent: sealane-drill\r\nAccept: */*\r\n\r\n", host);
}

std::string post_agent(const std::string& host, std::string_view accept, const std::string& body) {
  return fmt::format(
      "POST /agent HTTP/1.1\r\nHost: {}\r\nUser-Agent: sealane-drill\r\nAccept: {}\r\n"
      "Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
      host, accept, body.size(), body);
}

}  // namespace

Result<std::unique_ptr<Drill>> Drill::make(port::Lane& lane, const plan::Plan& plan,
                                           const Scenario& scenario, const Options& options,
                                           Inject inject) {
  if (!(options.rate > 0 && options.rate <= kRateMax && options.prompt_rate > 0 &&
        options.prompt_rate <= kRateMax && options.stream_count <= kStreamsMax)) {
    return fail(Code::invalid,
                fmt::format("a user sends above 0 and up to {} requests a second, and a place has "
                            "up to {} streams",
                            kRateMax, kStreamsMax));
  }
  std::unique_ptr<Drill> drill(new Drill(lane, plan, scenario, options, std::move(inject)));
  for (const Place& place : scenario.places) SL_CHECK(drill->add_users(place));
  SL_CHECK(drill->add_watchers());
  return drill;
}

Drill::Drill(port::Lane& lane, const plan::Plan& plan, const Scenario& scenario, Options options,
             Inject inject)
    : lane_(lane),
      plan_(plan),
      scenario_(scenario),
      options_(options),
      inject_(std::move(inject)),
      tls_(plan.edge.viewer_protocol != plan::ViewerProtocol::allow_all),
      port_(tls_ ? plan.ports.https : plan.ports.http),
      tracker_(plan, scenario, seen_),
      phases_(options.phases, lane.clock.now()),
      run_(fmt::format("{:012x}", lane.dice.roll() >> 16)),
      tick_(lane.timers.make([this] { turn(); })) {}

Result<std::unique_ptr<StubResolver>> Drill::resolver_for(const Place& place,
                                                          const IpAddress& user) const {
  std::vector<SocketAddress> servers;
  for (const EndpointId id : place.name_servers)
    servers.push_back({plan_.endpoint(id).address.ip, plan_.ports.dns});
  return StubResolver::make(lane_, {.name = plan_.domain,
                                    .servers = std::move(servers),
                                    .from = place.can_bind ? user : IpAddress{},
                                    .subnet = Prefix::of(user, 24),
                                    .patience = scenario_.manners.resolver_patience});
}

port::ConnectOptions Drill::connect_from(const Place& place, const IpAddress& user,
                                         Duration timeout) const {
  return {.timeout = timeout,
          .from = place.can_bind ? user : IpAddress{},
          .tls = tls_,
          .tls_name = plan_.domain,
          .tls_verify = tls_,
          // A drill opens thousands of connections; their TIME_WAIT would hold the users' few
          // addresses.
          .reset_on_close = true};
}

Status Drill::add_users(const Place& place) {
  unsigned n = 0;
  const std::string& region = plan_.region(place.region).name;
  for (const Kind kind : kKinds) {
    const IpAddress address = place.user(n++);
    User user;
    SL_TRY(user.resolver, resolver_for(place, address));
    const std::string body = fmt::format(
        R"({{"prompt":"What is 6 times 7?","currentRegion":"{}"}})",
        region);
    const bool is_prompt = kind == Kind::prompt;
    user.caller = std::make_unique<Caller>(
        lane_, plan_,
        Caller::Options{
            .kind = kind,
            .near = place.region,
            .per_second = is_prompt ? options_.prompt_rate : options_.rate,
            .request = is_prompt ? post_agent(plan_.domain, "application/json", body)
                                 : get_ping(plan_.domain),
            .port = port_,
            .connect = connect_from(place, address,
                                    is_prompt ? kPromptTimeout : scenario_.manners.try_timeout),
            .retries_max = scenario_.manners.retries_max},
        *user.resolver, seen_);
    users_.push_back(std::move(user));
  }
  for (unsigned i = 0; i < options_.stream_count; ++i) {
    const IpAddress address = place.user(n++);
    User user;
    SL_TRY(user.resolver, resolver_for(place, address));
    const std::string body = fmt::format(
        R"({{"prompt":"{}","sessionId":"drill-{}-{}-{}","currentRegion":"{}","stream":true}})",
        kLongPrompt, run_, region, i, region);
    user.stream = std::make_unique<StreamUser>(
        lane_, plan_,
        StreamUser::Options{.near = place.region,
                            .user = uint16_t(i),
                            .request = post_agent(plan_.domain, "text/event-stream", body),
                            .port = port_,
                            .connect = connect_from(place, address, scenario_.manners.try_timeout),
                            .silence_max = scenario_.manners.stream_silence_max},
        *user.resolver, seen_);
    users_.push_back(std::move(user));
  }
  return add_conversations(place, n);
}

// Of agents that keep them in a table: one turn after turn, and one of ten turns, five before the
// fault.
Status Drill::add_conversations(const Place& place, unsigned first_user) {
  if (!plan_.state.enabled) return {};
  for (uint16_t i = 0; i < kConversationsPerPlace; ++i) {
    const IpAddress address = place.user(first_user + i);
    User user;
    SL_TRY(user.resolver, resolver_for(place, address));
    user.turns = std::make_unique<TurnUser>(
        lane_, plan_,
        TurnUser::Options{.near = place.region,
                          .user = i,
                          .is_ten = i == 1,
                          .session = fmt::format("drill-{}-{}-turns-{}", run_,
                                                 plan_.region(place.region).name, i),
                          .port = port_,
                          .connect = connect_from(place, address, kTurnTimeout)},
        *user.resolver, seen_);
    users_.push_back(std::move(user));
  }
  return {};
}

// A node is watched from inside its own region, so that a region that is cut off is still seen.
Status Drill::add_watchers() {
  size_t node_count = 0;
  for (const plan::Region& region : plan_.regions) node_count += region.nodes.size();
  const double questions = double(node_count * scenario_.places.size());
  const auto interval =
      std::max(kDnsIntervalMin, Duration(int64_t(questions / kQuestionsPerSecondMax * 1e9)));
  for (size_t r = 0; r < plan_.regions.size(); ++r) {
    const Place* inside = scenario_.find_place(plan::RegionId(r));
    const unsigned n = unsigned(std::size(kKinds)) + options_.stream_count + kConversationsPerPlace;
    const IpAddress from = inside != nullptr && inside->can_bind ? inside->user(n) : IpAddress{};
    for (const EndpointId node : plan_.regions[r].nodes) {
      SL_TRY(auto watcher,
             DnsWatcher::make(lane_, plan_, scenario_,
                              {.node = node, .from = from, .interval = interval}, seen_));
      dns_watchers_.push_back(std::move(watcher));
      status_watchers_.push_back(std::make_unique<StatusWatcher>(
          lane_, plan_,
          StatusWatcher::Options{
              .node = node,
              .connect = {.timeout = kStatusTimeout, .from = from, .reset_on_close = true}},
          seen_));
    }
  }
  return {};
}

void Drill::start(std::function<void(const Progress&)> progress, std::function<void()> done) {
  progress_ = std::move(progress);
  done_ = std::move(done);
  const Instant now = lane_.clock.now();
  phases_ = Phases(options_.phases, now);
  seen_.began = next_progress_ = now;
  // Spread over one period, so that users do not send in step.
  size_t i = 0;
  for (User& user : users_) {
    if (user.caller)
      user.caller->start(now + Duration(int64_t(1e9 / options_.rate)) * int64_t(i) /
                                   int64_t(users_.size()));
    if (user.stream) user.stream->start();
    if (user.turns) user.turns->start();
    ++i;
  }
  for (auto& watcher : dns_watchers_) watcher->start();
  for (auto& watcher : status_watchers_) watcher->start();
  tick_->arm_at(now);
}

// Why the world is not ready for a fault; empty: it is.
std::string Drill::trouble() const {
  for (const auto& watcher : status_watchers_) {
    if (!watcher->is_well()) {
      return fmt::format("node {}: {}", plan_.endpoint(watcher->node()).address.ip.to_string(),
                         watcher->trouble());
    }
  }
  for (size_t i = 0; i < dns_watchers_.size(); ++i) {
    if (!dns_watchers_[i]->hears()) {
      return fmt::format("node {}: no DNS answer",
                         plan_.endpoint(status_watchers_[i]->node()).address.ip.to_string());
    }
  }
  if (!tracker_.all_at_home()) return "not every user is served by whom the plan names";
  const bool streams_flow = std::ranges::all_of(
      users_, [](const User& user) { return !user.stream || user.stream->is_flowing(); });
  if (!streams_flow) return "not every stream is flowing";
  const bool turns_are_kept = std::ranges::all_of(
      users_, [](const User& user) { return !user.turns || user.turns->is_ready(); });
  return turns_are_kept ? "" : "not every conversation has its first turns";
}

void Drill::turn() {
  if (drain_until_) return drain();
  const Instant now = lane_.clock.now();
  tracker_.look();
  const std::string why = phases_.phase() == Phase::waiting ? trouble() : "";
  const Phase before = phases_.phase();
  const Action action = phases_.step({.now = now,
                                      .is_well = why.empty(),
                                      .is_told = is_told_,
                                      .is_refused = is_refused_,
                                      .has_moved = tracker_.has_moved(),
                                      .has_returned = tracker_.has_returned(),
                                      .is_aborted = aborted_});
  if (before == Phase::waiting && phases_.phase() == Phase::baseline) seen_.began = now;
  if (action == Action::inject) {
    seen_.fault_at = now;
    order(verb(scenario_.fault));
  } else if (phases_.phase() == Phase::settle && before == Phase::fault) {
    for (User& user : users_) {
      if (user.turns) user.turns->release();
    }
  } else if (action == Action::heal) {
    seen_.heal_at = now;
    order("heal");
  } else if (action == Action::finish) {
    if (seen_.stopped_by.empty()) seen_.stopped_by = phases_.stopped_by();
    if (!why.empty()) seen_.stopped_by += ": " + why;
    return finish();
  }
  if (now >= next_progress_) {
    next_progress_ = now + kProgressEvery;
    if (progress_) {
      progress_({.phase = phases_.phase(),
                 .now = now,
                 .seen = seen_,
                 .tracker = tracker_,
                 .trouble = why});
    }
  }
  tick_->arm_at(now + kTurnEvery);
}

void Drill::order(std::string_view what) {
  is_told_ = is_refused_ = false;
  inject_(what, [this](Status status) {
    is_told_ = status.has_value();
    is_refused_ = !status.has_value();
    if (!status) seen_.stopped_by = status.error().what;
  });
}

// No more requests; those under way are heard to their end, because the slow ones matter most.
void Drill::finish() {
  const Instant now = lane_.clock.now();
  seen_.ended_at = now;
  drain_until_ = now + kDrainMax;
  for (User& user : users_) {
    if (user.caller) user.caller->stop();
    if (user.stream) user.stream->stop();
    if (user.turns) user.turns->stop();
  }
  for (auto& watcher : dns_watchers_) watcher->stop();
  for (auto& watcher : status_watchers_) watcher->stop();
  drain();
}

void Drill::drain() {
  const Instant now = lane_.clock.now();
  const bool busy = std::ranges::any_of(
      users_, [](const User& user) { return user.caller && user.caller->under_way_count() > 0; });
  if (busy && now < *drain_until_) return tick_->arm_at(now + kTurnEvery);
  for (User& user : users_) {
    if (user.caller) user.caller->give_up();
  }
  if (!std::exchange(is_reading_, true)) read_conversations();
  if (!std::ranges::all_of(turn_readers_, [](const auto& reader) { return reader->is_done(); })) {
    return tick_->arm_at(now + kTurnEvery);
  }
  tracker_.look();
  if (progress_)
    progress_(
        {.phase = Phase::done, .now = now, .seen = seen_, .tracker = tracker_, .trouble = ""});
  if (done_) done_();
}

// Every conversation in every region that has agents.
void Drill::read_conversations() {
  for (const User& user : users_) {
    if (!user.turns || !seen_.fault_at) continue;
    const TurnUser::Options& of = user.turns->options();
    for (size_t r = 0; r < plan_.regions.size(); ++r) {
      const plan::Region& region = plan_.regions[r];
      if (region.agents.empty()) continue;
      const plan::RegionId in{uint16_t(r)};
      const Place* inside = scenario_.find_place(in);
      // A user of the region itself, so that its edge prefers its own agents.
      port::ConnectOptions connect{.timeout = kTurnTimeout,
                                   .tls = tls_,
                                   .tls_name = plan_.domain,
                                   .tls_verify = tls_,
                                   .reset_on_close = true};
      if (inside != nullptr) connect = connect_from(*inside, inside->user(0), kTurnTimeout);
      turn_readers_.push_back(std::make_unique<TurnReader>(
          lane_, plan_,
          TurnReader::Options{.near = of.near,
                              .in = in,
                              .user = of.user,
                              .is_ten = of.is_ten,
                              .session = of.session,
                              .acknowledged = user.turns->acknowledged(),
                              .node = {plan_.endpoint(region.nodes.front()).address.ip, port_},
                              .connect = connect},
          seen_));
      turn_readers_.back()->start();
    }
  }
}

}  // namespace sealane::play::drill
