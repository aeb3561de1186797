// SPDX-License-Identifier: Apache-2.0
#include "view/book.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace sealane::view {
namespace {

// What makes an endpoint the same one under two plans.
auto identity(const plan::Plan& plan, const plan::Endpoint& e) {
  return std::tuple(e.kind, std::string_view(plan.region(e.region).name), e.address,
                    std::string_view(e.host), std::string_view(e.base_path), e.tls);
}

}  // namespace

Book::Book(std::shared_ptr<const plan::Plan> plan, Own own, Instant now)
    : plan_(std::move(plan)), own_(std::move(own)), latency_(plan_->regions.size()) {
  place();
  entries_.reserve(plan_->endpoints.size());
  for (size_t i = 0; i < plan_->endpoints.size(); ++i) {
    entries_.push_back(fresh(plan::EndpointId(i), now));
  }
  derive_own(now);
}

// Finds the own node and region in the plan, and the endpoints that the own node's health is
// derived from.
void Book::place() {
  own_node_ = plan_->find_node(own_.node);
  own_region_ = own_node_ ? std::optional(plan_->endpoint(*own_node_).region)
                          : plan_->find_region(own_.region);
  sources_.clear();
  if (!own_region_) return;
  if (const plan::Region& region = plan_->region(*own_region_); !region.agents.empty()) {
    sources_ = region.agents;
    return;
  }
  for (const plan::Region& other : plan_->regions) {
    if (!other.agents.empty())
      sources_.insert(sources_.end(), other.nodes.begin(), other.nodes.end());
  }
}

Book::Entry Book::fresh(plan::EndpointId id, Instant now) const {
  const plan::Endpoint& e = plan_->endpoint(id);
  Entry entry;
  const bool ours =
      (e.kind == plan::EndpointKind::agent && own_region_ && e.region == *own_region_) ||
      (e.kind == plan::EndpointKind::node && id != own_node_);
  entry.probed = ours && view::is_probed(e.check);
  entry.tally.since = now;
  entry.shown.since = now;
  entry.tally.known = e.kind == plan::EndpointKind::fixed || !view::is_probed(e.check);
  entry.shown.known = entry.tally.known;
  return entry;
}

Recorded Book::record(plan::EndpointId id, const Seen& seen, Instant now) {
  Entry& entry = entries_[plan::index(id)];
  if (!entry.probed) return {};
  const plan::Check& check = plan_->endpoint(id).check;
  const Counted counted = count(entry.tally, check, seen.outcome, now);
  const EndpointView before = entry.shown;
  entry.tally = counted.tally;
  entry.shown = {
      .healthy = entry.tally.healthy,
      .known = entry.tally.known,
      .last = seen.outcome,
      .status = seen.status,
      .rtt_us = seen.outcome == Outcome::ok ? seen.rtt_us : before.rtt_us,
      .since = entry.tally.since,
      .may_flip_in = may_flip_in(entry.tally, check,
                                 seen.next_in > Duration{} ? seen.next_in : check.interval)};
  touched_ = true;
  Recorded recorded{.flipped = counted.flipped};
  recorded.changed = before.healthy != entry.shown.healthy || before.known != entry.shown.known ||
                     before.may_flip_in != entry.shown.may_flip_in;
  if (recorded.changed) recorded.own_flipped = derive_own(now);
  return recorded;
}

// | sources of the own node | own node                                                |
// |-------------------------|---------------------------------------------------------|
// | none at all             | healthy: nothing speaks against it                      |
// | one healthy             | healthy; can flip when the last healthy source does     |
// | all down                | down; can flip when the first source does               |
//
// An inverted check of the own node turns that round and a disabled one means healthy, as the other
// nodes, who do probe it, have it. Returns true when the own node flipped.
bool Book::derive_own(Instant now) {
  if (!own_node_) return false;
  Entry& own = entries_[plan::index(*own_node_)];
  bool any_healthy = false, any_good = false, any_unknown = false, some_stay = false;
  std::optional<Duration> up_for, down_for;
  Outcome last = Outcome::unknown;
  for (const plan::EndpointId id : sources_) {
    const EndpointView& source = entries_[plan::index(id)].shown;
    any_unknown |= !source.known;
    last = source.last;
    if (source.healthy) {
      any_healthy = true;
      any_good |= source.known;
      if (!source.may_flip_in) some_stay = true;
      if (source.may_flip_in) up_for = std::max(up_for.value_or(Duration{}), *source.may_flip_in);
    } else if (source.may_flip_in) {
      down_for = std::min(down_for.value_or(Duration::max()), *source.may_flip_in);
    }
  }
  const plan::Check& check = plan_->endpoint(*own_node_).check;
  const bool derived = any_healthy || sources_.empty();
  const bool healthy = !view::is_probed(check) || derived != check.inverted;
  const bool flipped = healthy != own.shown.healthy;
  if (flipped) own.shown.since = now;
  own.shown.healthy = healthy;
  own.shown.known = any_good || !any_unknown;
  own.shown.last = any_good ? Outcome::ok : last;
  own.shown.may_flip_in = !derived ? down_for : some_stay ? std::nullopt : up_for;
  return flipped;
}

std::vector<std::optional<plan::EndpointId>> Book::change_plan(
    std::shared_ptr<const plan::Plan> plan, Instant now) {
  const std::shared_ptr<const plan::Plan> old = std::exchange(plan_, std::move(plan));
  std::map<decltype(identity(*old, old->endpoints[0])), size_t> known;
  for (size_t i = 0; i < old->endpoints.size(); ++i)
    known.emplace(identity(*old, old->endpoints[i]), i);

  place();
  const std::vector<Entry> before = std::exchange(entries_, {});
  std::vector<std::optional<plan::EndpointId>> from(plan_->endpoints.size());
  entries_.reserve(plan_->endpoints.size());
  for (size_t i = 0; i < plan_->endpoints.size(); ++i) {
    const plan::EndpointId id{uint16_t(i)};
    Entry entry = fresh(id, now);
    const auto found = known.find(identity(*plan_, plan_->endpoints[i]));
    if (found != known.end()) {
      from[i] = plan::EndpointId(found->second);
      const Entry& was = before[found->second];
      // An own node or a probed endpoint goes on as it was; what is probed no more is as good as
      // new.
      if ((entry.probed && was.probed) || (id == own_node_ && !was.probed)) {
        entry.tally = was.tally, entry.shown = was.shown;
      }
    }
    entries_.push_back(std::move(entry));
  }

  std::vector<int> to(old->regions.size(), -1);
  for (size_t i = 0; i < to.size(); ++i) {
    if (const auto now_at = plan_->find_region(old->regions[i].name))
      to[i] = int(plan::index(*now_at));
  }
  latency_.change_regions(to, plan_->regions.size());
  rebuild_samples(now);
  derive_own(now);
  touched_ = true;
  return from;
}

void Book::rebuild_samples(Instant now) {
  samples_ = std::make_shared<const LatencySamples>(latency_.rebuild(now, plan_->geography.table));
}

View Book::snapshot(Instant now) {
  if (latency_.due(now)) rebuild_samples(now);
  View view;
  view.version = ++version_;
  view.as_of = now;
  view.plan_version = plan_->version;
  view.endpoints.reserve(entries_.size());
  for (const Entry& entry : entries_) view.endpoints.push_back(entry.shown);
  view.samples = samples_;
  touched_ = false;
  return view;
}

}  // namespace sealane::view
