// SPDX-License-Identifier: Apache-2.0
#include "steer/memo.h"

namespace sealane::steer {

const Choice& Memo::choose(const plan::Plan& plan, const view::View& view, plan::GroupId group,
                           ClientClass client, uint64_t dice) {
  if (plan.version != plan_version_) {
    throws_dice_.assign(plan.groups.size(), false);
    for (size_t i = 0; i < plan.groups.size(); ++i)
      throws_dice_[i] = uses_dice(plan, plan::GroupId(i));
  }
  if (plan.version != plan_version_ || view.version != view_version_) {
    plan_version_ = plan.version, view_version_ = view.version;
    if (slots_.empty()) slots_.resize(kSlots);
    for (auto& slot : slots_) {
      if (slot != nullptr) slot->used = false;
    }
  }
  if (throws_dice_[plan::index(group)]) {
    unremembered_ = steer::choose(plan, view, group, client, dice);
    return unremembered_;
  }
  const uint64_t hash = mix64(uint64_t{client.id} << 16 | plan::index(group)) ^ client.scope_bits;
  auto& slot = slots_[hash % kSlots];
  if (slot == nullptr) slot = std::make_unique<Slot>();
  if (!slot->used || slot->group != group || slot->client != client) {
    *slot = {.used = true, .group = group, .client = client,
             .choice = steer::choose(plan, view, group, client, dice)};
  }
  return slot->choice;
}

}  // namespace sealane::steer
