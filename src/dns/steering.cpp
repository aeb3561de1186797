// SPDX-License-Identifier: Apache-2.0
#include "dns/steering.h"

#include <algorithm>
#include <bit>

#include "base/hash.h"

namespace sealane::dns {

void Steering::adopt(const plan::Plan& plan, const view::View& view) {
  const bool is_new_plan = plan_ != &plan || traits_.size() != plan.groups.size();
  plan_ = &plan, view_ = &view;
  ++epoch_;
  class_count_ = std::max<uint32_t>(steer::class_count(plan, view), 1);
  if (is_new_plan) {
    traits_.clear();
    for (size_t i = 0; i < plan.groups.size(); ++i) {
      const plan::GroupId group{uint16_t(i)};
      traits_.push_back({steer::uses_dice(plan, group), steer::uses_client(plan, group)});
    }
  }
  const size_t wanted =
      std::min(std::bit_ceil(std::max<size_t>(plan.groups.size() * class_count_, 1)), kMemoMax);
  if (memo_.size() < wanted) memo_.resize(wanted);
  networks_.assign(kNetworksMax, {});
}

// Two prefix tables are two binary searches through memory that other queries need; this is one
// look. Resolvers send subnets of /24 and /56 (RFC 7871 11.1), so what does not divide those is
// remembered for all of them.
steer::ClientClass Steering::classify(const IpAddress& client) {
  const bool is_v4 = client.is_v4();
  const uint64_t key = is_v4 ? client.v4_bits() >> 8 : client.high() >> 8 | 1ull << 63;
  Network& network = networks_[mix64(key) % kNetworksMax];
  if (network.key == key) return {network.class_id, network.scope_bits};
  const steer::ClientClass found = steer::classify(*plan_, *view_, client);
  if (found.scope_bits <= (is_v4 ? 24 : 56)) network = {key, found.id, found.scope_bits};
  return found;
}

const Addresses& Steering::choose(plan::GroupId group, const IpAddress& client, Dice& dice,
                                  uint8_t& scope_bits) {
  const GroupTraits traits = traits_[plan::index(group)];
  const steer::ClientClass client_class =
      traits.uses_client ? classify(client) : steer::ClientClass{};
  scope_bits = traits.uses_client ? client_class.scope_bits : 0;
  if (traits.uses_dice) {
    fill(steer::choose(*plan_, *view_, group, client_class, dice.roll()), fresh_);
    return fresh_;
  }
  const uint64_t key = uint64_t{plan::index(group)} * class_count_ + client_class.id;
  Remembered& slot = memo_[key & (memo_.size() - 1)];
  if (slot.epoch != epoch_ || slot.key != key) {
    slot.key = key;
    slot.epoch = epoch_;
    fill(steer::choose(*plan_, *view_, group, client_class, 0), slot.addresses);
  }
  return slot.addresses;
}

void Steering::fill(const steer::Choice& choice, Addresses& out) const {
  out.v4.clear(), out.v6.clear();
  out.ttl_s = choice.ttl_s;
  out.refused = choice.order.empty();
  const size_t count = std::min({size_t{choice.head_count}, choice.order.size(), steer::kHeadMax});
  for (size_t i = 0; i < count; ++i) {
    const IpAddress& ip = plan_->endpoint(choice.order[i]).address.ip;
    auto& list = ip.is_v4() ? out.v4 : out.v6;
    if (std::ranges::find(list, ip) == list.end()) list.push_back(ip);
  }
}

}  // namespace sealane::dns
