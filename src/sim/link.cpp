// SPDX-License-Identifier: Apache-2.0
#include "sim/link.h"

#include <algorithm>

namespace sealane::sim {
namespace {

constexpr Duration kSameHost = 20us;  // round trip over loopback

bool covers(const Hosts& hosts, const IpAddress& ip) {
  return hosts.empty() ||
         std::ranges::any_of(hosts, [&](const Prefix& block) { return block.contains(ip); });
}

}  // namespace

ImpairmentId Links::impair(Impairment fault) {
  faults_.emplace(++last_id_, std::move(fault));
  return last_id_;
}

Links::Sum Links::sum(const IpAddress& from, const IpAddress& to) const {
  Sum sum;
  for (const auto& [id, fault] : faults_) {
    if (!covers(fault.from, from) || !covers(fault.to, to)) continue;
    sum.cut |= fault.cut;
    sum.pass *= 1 - fault.loss;
    sum.slow += fault.slow;
    sum.duplicate = std::max(sum.duplicate, fault.duplicate);
    sum.reorder = std::max(sum.reorder, fault.reorder);
  }
  return sum;
}

Duration Links::base(const IpAddress& from, const IpAddress& to) const {
  return from == to ? kSameHost : round_trip_(from, to);
}

Duration Links::under_way(Duration round_trip, Duration slow) {
  const double stretch = 0.5 * (1 + jitter_ * dice_.unit());
  return Duration(int64_t(double(round_trip.count()) * stretch)) + slow;
}

std::optional<Duration> Links::send(const IpAddress& from, const IpAddress& to) {
  if (faults_.empty()) return under_way(base(from, to), {});
  const Sum now = sum(from, to);
  if (now.cut || (now.pass < 1 && !dice_.chance(now.pass))) return std::nullopt;
  return under_way(base(from, to), now.slow);
}

bool Links::is_cut(const IpAddress& from, const IpAddress& to) const {
  return !faults_.empty() && sum(from, to).cut;
}

std::vector<Duration> Links::send_datagram(const IpAddress& from, const IpAddress& to) {
  const Sum now = sum(from, to);
  const Duration round_trip = base(from, to);
  std::vector<Duration> copies;
  if (now.cut) return copies;
  const int sent_count = now.duplicate > 0 && dice_.chance(now.duplicate) ? 2 : 1;
  for (int i = 0; i < sent_count; ++i) {
    if (now.pass < 1 && !dice_.chance(now.pass)) continue;
    Duration taken = under_way(round_trip, now.slow);
    if (now.reorder > 0 && dice_.chance(now.reorder)) {
      taken += Duration(int64_t(double(round_trip.count()) * dice_.unit()));
    }
    copies.push_back(taken);
  }
  return copies;
}

Duration Links::round_trip(const IpAddress& a, const IpAddress& b) const {
  const Duration plain = base(a, b);
  return faults_.empty() ? plain : plain + sum(a, b).slow + sum(b, a).slow;
}

}  // namespace sealane::sim
