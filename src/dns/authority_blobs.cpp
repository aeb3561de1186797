// SPDX-License-Identifier: Apache-2.0
// The last step of AuthorityBuilder: from marked drafts to the bytes of answers, and the table of
// names.
#include <algorithm>
#include <bit>

#include "dns/authority_builder.h"
#include "wire/dns/name.h"
#include "wire/dns/rdata.h"

namespace sealane::dns {
namespace {

using wire::dns::Rcode;
using wire::dns::Type;

constexpr std::string_view kWildcard("\1*", 2);
// An answer without its optional additional section rather than a truncated one.
constexpr size_t kOptionalBytesMax = 400;

std::string target_of(const RecordSet& cname) { return wire::dns::lower_name(cname.rdata.front()); }

}  // namespace

// Takes over what was written. For an exact name the question's length is known, so its pointers
// are final.
uint32_t AuthorityBuilder::keep(const BlobWriter& writer, size_t zone, bool exact,
                                size_t name_bytes) {
  Blob blob = writer.head;
  blob.at = uint32_t(out_->bytes_.size());
  blob.bytes = uint32_t(writer.size());
  blob.zone = uint16_t(zone);
  blob.anchor_bytes = uint8_t(writer.anchor().size());
  blob.patches_at = uint32_t(out_->patches_.size());
  out_->bytes_.insert(out_->bytes_.end(), writer.bytes().begin(), writer.bytes().end());
  if (exact) {
    const uint16_t pointer =
        uint16_t(0xc000 | (wire::dns::kHeaderBytes + name_bytes - writer.anchor().size()));
    for (const uint16_t at : writer.patches())
      wire::dns::store16(out_->bytes_.data() + blob.at + at, pointer);
  } else {
    blob.patch_count = uint16_t(writer.patches().size());
    out_->patches_.insert(out_->patches_.end(), writer.patches().begin(), writer.patches().end());
  }
  out_->blobs_.push_back(blob);
  return uint32_t(out_->blobs_.size() - 1);
}

void AuthorityBuilder::add_answer(uint16_t type, uint32_t blob) {
  out_->answers_.push_back({type, blob});
}

RecordSet AuthorityBuilder::negative_soa(size_t index) const {
  const ZoneDraft& zone = drafts_[index];
  const auto& sets = zone.nodes.at(zone.apex).sets;
  const auto soa = sets.find(Type::soa);
  if (soa == sets.end()) return {};
  RecordSet negative = soa->second;
  negative.rdata.resize(1);
  const std::string& rdata = negative.rdata.front();
  // RFC 2308 3: the TTL of a negative answer is the lesser of the SOA's and its MINIMUM.
  const uint32_t minimum = wire::dns::load32(wire::dns::bytes_of(rdata) + rdata.size() - 4);
  negative.ttl_s = std::min(negative.ttl_s, minimum);
  return negative;
}

void AuthorityBuilder::write_soa(size_t index) {
  const ZoneDraft& zone = drafts_[index];
  BlobWriter writer(zone.apex);
  const RecordSet negative = negative_soa(index);
  if (negative.rdata.empty()) {
    out_->problems_.push_back("zone '" + wire::dns::name_to_text(zone.apex) +
                              "' has no SOA record");
  }
  writer.add(Section::authority, zone.apex, negative);
  out_->zones_[index].soa_ttl_at = (zone.apex.size() > 1 ? 2 : 1) + 4;
  writer.head.kind = Kind::nodata;
  out_->zones_[index].nodata = keep(writer, index, false, 0);
  writer.head.kind = Kind::nxdomain;
  writer.head.rcode = Rcode::nxdomain;
  out_->zones_[index].nxdomain = keep(writer, index, false, 0);
}

// The addresses that the records of `set` point to, as far as they stand in this zone. glue_only:
// only those that a referral cannot do without, below the cut (RFC 9471).
void AuthorityBuilder::add_targets(BlobWriter& writer, const ZoneDraft& zone, const RecordSet& set,
                                   bool glue_only) {
  const std::optional<size_t> at = wire::dns::target_offset(set.type);
  if (!at || set.type == Type::cname || set.type == Type::ptr) return;
  for (const std::string& rdata : set.rdata) {
    const std::string target = wire::dns::lower_name(rdata.substr(*at));
    const auto found = zone.nodes.find(target);
    if (found == zone.nodes.end() || found->second.group != Blob::kNotSteered) continue;
    if (!glue_only && !found->second.cut.empty()) continue;
    for (const uint16_t type : {uint16_t(Type::a), uint16_t(Type::aaaa)}) {
      const auto addresses = found->second.sets.find(type);
      if (addresses != found->second.sets.end())
        writer.add(Section::additional, target, addresses->second);
    }
  }
}

uint32_t AuthorityBuilder::write_referral(size_t index, const std::string& cut) {
  const ZoneDraft& zone = drafts_[index];
  const RecordSet& servers = zone.nodes.at(cut).sets.at(Type::ns);
  BlobWriter writer(cut);
  writer.add(Section::authority, cut, servers);
  add_targets(writer, zone, servers, true);
  writer.head.kind = Kind::referral;
  writer.head.authoritative = false;
  return keep(writer, index, false, 0);
}

// What a question of `type` gets at a CNAME: the chain as far as this zone knows it, then the end
// of it.
void AuthorityBuilder::write_chain(size_t index, const NodeDraft& first, uint16_t type, bool exact,
                                   size_t name_bytes) {
  const ZoneDraft& zone = drafts_[index];
  BlobWriter writer(zone.apex);
  const NodeDraft* node = &first;
  std::string owner;  // empty: the question
  std::set<std::string> seen;
  for (size_t i = 0; i < kChainMax; ++i) {
    writer.add(Section::answer, owner, node->sets.at(Type::cname));
    const size_t target_at = writer.last_data_at();
    const std::string target = target_of(node->sets.at(Type::cname));
    if (!seen.insert(target).second) break;  // a loop: the reader sees it as well as we do
    const Located located = locate(zone, target);
    if (located.what == Located::What::outside) break;
    if (located.what == Located::What::missing) {
      writer.head.rcode = Rcode::nxdomain;  // RFC 6604 2: of the last name in the chain
      writer.add(Section::authority, zone.apex, negative_soa(index));
      break;
    }
    if (located.what == Located::What::delegated) {
      writer.add(Section::authority, located.cut, zone.nodes.at(located.cut).sets.at(Type::ns));
      break;
    }
    node = located.node;
    owner = target;
    if (node->sets.contains(Type::cname)) continue;
    if (node->group != Blob::kNotSteered && is_steered_type(type)) {
      writer.head.group = node->group;
      writer.head.steered_owner = uint16_t(target_at);
    } else if (const auto set = node->sets.find(type); set != node->sets.end()) {
      writer.add(Section::answer, target, set->second);
    } else {
      writer.add(Section::authority, zone.apex, negative_soa(index));
    }
    break;
  }
  add_answer(type, keep(writer, index, exact, name_bytes));
}

// The types that the end of the chain has records of get their own answers, all others share one
// (type 0).
void AuthorityBuilder::write_cname(size_t index, const NodeDraft& node, bool exact,
                                   size_t name_bytes) {
  const ZoneDraft& zone = drafts_[index];
  BlobWriter alone(zone.apex);
  alone.add(Section::answer, "", node.sets.at(Type::cname));
  const uint32_t blob = keep(alone, index, exact, name_bytes);
  add_answer(Type::cname, blob);
  add_answer(Type::any, blob);
  const NodeDraft* last = &node;
  for (size_t i = 0; i < kChainMax && last != nullptr && last->sets.contains(Type::cname); ++i) {
    last = locate(zone, target_of(last->sets.at(Type::cname))).node;
  }
  if (last != nullptr && !last->sets.contains(Type::cname)) {
    for (const auto& [type, set] : last->sets) write_chain(index, node, type, exact, name_bytes);
    if (last->group != Blob::kNotSteered) {
      for (const uint16_t type : steered_types()) write_chain(index, node, type, exact, name_bytes);
    }
  }
  write_chain(index, node, 0, exact, name_bytes);
}

void AuthorityBuilder::write_address_answers(size_t index, const NodeDraft& node, bool exact,
                                             size_t name_bytes) {
  const ZoneDraft& zone = drafts_[index];
  if (node.group != Blob::kNotSteered) {
    for (const uint16_t type : steered_types()) {
      BlobWriter writer(zone.apex);
      writer.head.group = node.group;
      add_answer(type, keep(writer, index, exact, name_bytes));
    }
  }
  for (const auto& [type, set] : node.sets) {
    BlobWriter plain(zone.apex);
    plain.add(Section::answer, "", set);
    BlobWriter full = plain;
    add_targets(full, zone, set, false);
    add_answer(type,
               keep(full.size() <= kOptionalBytesMax ? full : plain, index, exact, name_bytes));
  }
}

void AuthorityBuilder::write_node(size_t index, const std::string& name, NodeDraft& draft) {
  const bool exact = !name.starts_with(kWildcard);
  const uint32_t answers_at = uint32_t(out_->answers_.size());
  if (draft.sets.contains(Type::cname)) {
    write_cname(index, draft, exact, name.size());
  } else {
    write_address_answers(index, draft, exact, name.size());
  }
  Authority::Node node;
  node.name_at = uint32_t(out_->names_.size());
  node.name_bytes = uint8_t(name.size());
  node.zone = uint16_t(index);
  node.answers_at = answers_at;
  node.answer_count = uint16_t(out_->answers_.size() - answers_at);
  node.is_cut = draft.cut == name;
  draft.node = uint32_t(out_->nodes_.size());
  out_->names_.insert(out_->names_.end(), name.begin(), name.end());
  out_->nodes_.push_back(node);
  out_->label_count_max_ = std::max(out_->label_count_max_, unsigned(wire::dns::label_count(name)));
}

void AuthorityBuilder::write_zone(size_t index) {
  ZoneDraft& zone = drafts_[index];
  write_soa(index);
  std::unordered_map<std::string, uint32_t> referrals;
  for (auto& [name, draft] : zone.nodes) {
    write_node(index, name, draft);
    if (draft.cut.empty()) continue;
    const auto [found, is_new] = referrals.try_emplace(draft.cut, 0);
    if (is_new) found->second = write_referral(index, draft.cut);
    out_->nodes_[draft.node].referral = found->second;
  }
  for (auto& [name, draft] : zone.nodes) {
    if (!name.starts_with(kWildcard)) continue;
    const auto above = zone.nodes.find(name.substr(kWildcard.size()));
    if (above != zone.nodes.end()) out_->nodes_[above->second.node].wildcard = draft.node;
  }
}

void AuthorityBuilder::build_table() {
  out_->names_.resize(out_->names_.size() + 8);  // hash_name reads whole words
  out_->slots_.resize(std::bit_ceil(std::max<size_t>(out_->nodes_.size() * 2, 16)));
  const size_t mask = out_->slots_.size() - 1;
  for (uint32_t i = 0; i < out_->nodes_.size(); ++i) {
    const Authority::Node& node = out_->nodes_[i];
    const uint64_t hash = wire::dns::hash_name(out_->names_.data() + node.name_at, node.name_bytes);
    size_t at = hash & mask;
    while (out_->slots_[at].node != Authority::kNone) at = (at + 1) & mask;
    out_->slots_[at] = {uint32_t(hash >> 32), i};
  }
}

}  // namespace sealane::dns
