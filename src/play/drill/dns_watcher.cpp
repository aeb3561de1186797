// SPDX-License-Identifier: Apache-2.0
#include "play/drill/dns_watcher.h"

#include <algorithm>
#include <utility>

#include "wire/dns/message.h"

namespace sealane::play::drill {

namespace dns = wire::dns;

Result<std::unique_ptr<DnsWatcher>> DnsWatcher::make(port::Lane& lane, const plan::Plan& plan,
                                                     const Scenario& scenario, Options options,
                                                     Observations& seen) {
  std::unique_ptr<DnsWatcher> watcher(new DnsWatcher(lane, plan, scenario, options, seen));
  SL_TRY(watcher->socket_, lane.net.bind({options.from, 0}, *watcher));
  return watcher;
}

DnsWatcher::DnsWatcher(port::Lane& lane, const plan::Plan& plan, const Scenario& scenario,
                       Options options, Observations& seen)
    : lane_(lane),
      plan_(plan),
      options_(options),
      server_{plan.endpoint(options.node).address.ip, plan.ports.dns},
      seen_(seen),
      questions_(kUnderWayMax),
      tick_(lane.timers.make([this] { ask(); })) {
  for (const Place& place : scenario.places) watched_.push_back({.place = &place});
}

void DnsWatcher::start() {
  for (Watched& watched : watched_) watched.heard = lane_.clock.now();
  tick_->arm_at(lane_.clock.now());
}

bool DnsWatcher::hears() const {
  return std::ranges::all_of(
      watched_, [](const Watched& w) { return !w.rcode.empty() && w.rcode != "silent"; });
}

void DnsWatcher::ask() {
  const Instant now = lane_.clock.now();
  for (size_t i = 0; i < watched_.size(); ++i) {
    Watched& watched = watched_[i];
    const uint64_t number = ++last_number_;
    const auto id = uint16_t(number % kUnderWayMax);
    questions_[id] = {number, uint16_t(i)};
    const auto query =
        dns::make_query(plan_.domain, dns::Type::a,
                        {.id = id, .edns = true, .subnet = Prefix::of(watched.place->user(0), 24)});
    SL_ASSERT(query.has_value());
    socket_->send(server_, {dns::bytes_of(*query), query->size()});
    if (now - watched.heard > kSilence) note(watched, watched.heard, {}, 0, "silent");
  }
  tick_->arm_at(now + options_.interval);
}

void DnsWatcher::on_batch(std::span<port::Datagram> batch) {
  const Instant now = lane_.clock.now();
  for (const port::Datagram& packet : batch) {
    if (packet.peer != server_) continue;
    const auto message = dns::decode_message(packet.bytes);
    if (!message || !message->is(dns::Flag::qr) || message->id >= kUnderWayMax) continue;
    const Question& question = questions_[message->id];
    if (question.number == 0) continue;
    Watched& watched = watched_[question.watched];
    if (question.number <= watched.newest) continue;  // overtaken
    watched.newest = question.number;
    watched.heard = now;
    std::vector<plan::RegionId> regions;
    uint32_t ttl_s = UINT32_MAX;
    for (const dns::Record& record : message->answers) {
      if (record.type != dns::Type::a || record.rdata.size() != 4) continue;
      const auto node = plan_.find_node(IpAddress::v4(dns::load32(dns::bytes_of(record.rdata))));
      regions.push_back(node ? plan_.endpoint(*node).region : kNowhere);
      ttl_s = std::min(ttl_s, record.ttl_s);
    }
    std::ranges::sort(regions);
    regions.erase(std::ranges::unique(regions).begin(), regions.end());
    note(watched, now, std::move(regions), ttl_s, dns::name(message->rcode));
  }
}

void DnsWatcher::note(Watched& watched, Instant at, std::vector<plan::RegionId> regions,
                      uint32_t ttl_s, std::string rcode) {
  if (watched.rcode == rcode && watched.regions == regions) return;
  watched.regions = regions;
  watched.rcode = rcode;
  seen_.add(AnswerSeen{.at = at,
                       .node = options_.node,
                       .near = watched.place->region,
                       .regions = std::move(regions),
                       .ttl_s = ttl_s,
                       .rcode = std::move(rcode)});
}

}  // namespace sealane::play::drill
