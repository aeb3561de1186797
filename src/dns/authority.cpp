// SPDX-License-Identifier: Apache-2.0
#include "dns/authority.h"

#include <cstring>

#include "dns/authority_builder.h"

namespace sealane::dns {

using wire::dns::Query;
using wire::dns::Type;

std::shared_ptr<const Authority> Authority::compile(const plan::Plan& plan) {
  return AuthorityBuilder(plan).build();
}

const Authority::Node* Authority::find_node(const uint8_t* name, size_t bytes) const {
  const uint64_t hash = wire::dns::hash_name(name, bytes);
  const size_t mask = slots_.size() - 1;
  const uint32_t tag = uint32_t(hash >> 32);
  for (size_t i = hash & mask;; i = (i + 1) & mask) {
    const Slot& slot = slots_[i];
    if (slot.node == kNone) return nullptr;
    if (slot.hash != tag) continue;
    const Node& node = nodes_[slot.node];
    if (node.name_bytes == bytes && std::memcmp(names_.data() + node.name_at, name, bytes) == 0)
      return &node;
  }
}

const Blob* Authority::find(const Query& query) const {
  const Node* node = find_node(query.name.data(), query.name_bytes);
  return node != nullptr ? answer(*node, query.type) : find_below(query);
}

const Blob* Authority::answer(const Node& node, uint16_t type) const {
  // Below a cut nothing is ours; at the cut only DS is (RFC 4035 3.1.4.1).
  if (node.referral != kNone && !(node.is_cut && type == Type::ds)) return &blobs_[node.referral];
  const std::span answers = std::span(answers_).subspan(node.answers_at, node.answer_count);
  for (const Answer& answer : answers) {
    if (answer.type == type || answer.type == 0) return &blobs_[answer.blob];
  }
  if (type == Type::any && !answers.empty()) return &blobs_[any_];
  return &blobs_[zones_[node.zone].nodata];
}

// RFC 1034 4.3.2 and RFC 4592: the name does not exist, so its closest encloser decides: a
// referral, the wildcard right below it, or NXDOMAIN. No name in the table has more than
// label_count_max_ labels, which bounds the walk however many labels the question has.
const Blob* Authority::find_below(const Query& query) const {
  const uint8_t* name = query.name.data();
  const uint8_t* const end = name + query.name_bytes;
  for (unsigned labels = query.label_count; labels > 0;) {
    name += size_t{*name} + 1;
    if (--labels > label_count_max_) continue;
    const Node* node = find_node(name, size_t(end - name));
    if (node == nullptr) continue;
    if (node->referral != kNone) return &blobs_[node->referral];
    if (node->wildcard != kNone) return answer(nodes_[node->wildcard], query.type);
    return &blobs_[zones_[node->zone].nxdomain];
  }
  return nullptr;
}

std::shared_ptr<const Authority> AuthorityCache::get(
    const std::shared_ptr<const plan::Plan>& plan) {
  const LockGuard lock(mu_);
  if (plan_ != plan) {
    authority_ = Authority::compile(*plan);
    plan_ = plan;
  }
  return authority_;
}

}  // namespace sealane::dns
