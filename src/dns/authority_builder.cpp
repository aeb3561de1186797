// SPDX-License-Identifier: Apache-2.0
#include "dns/authority_builder.h"

#include <algorithm>
#include <bit>

#include "wire/dns/name.h"
#include "wire/dns/rdata.h"

namespace sealane::dns {
namespace {

using wire::dns::append16;
using wire::dns::append32;
using wire::dns::Rcode;
using wire::dns::Type;

constexpr uint32_t kInfrastructureTtl =
    300;  // seconds; SOA, NS and glue of zones that we make ourselves
constexpr uint32_t kNegativeTtl = 60;
constexpr std::string_view kWildcard("\1*", 2);

std::string wire_name(std::string_view text) {
  const Result<std::string> wire = wire::dns::name_to_wire(text);
  return wire ? wire::dns::lower_name(*wire) : std::string();
}

void insert(RecordSet& set, const wire::dns::Record& record) {
  // RFC 2181 5.2: one TTL a set; the lowest is the safe one. 5: no record twice.
  set.ttl_s = set.rdata.empty() ? record.ttl_s : std::min(set.ttl_s, record.ttl_s);
  set.type = record.type;
  if (std::ranges::find(set.rdata, record.rdata) == set.rdata.end())
    set.rdata.push_back(record.rdata);
}

std::string soa_rdata(const std::string& mname, const std::string& rname, uint32_t serial) {
  std::string rdata = mname + rname;
  append32(rdata, serial);
  append32(rdata, 3600);  // refresh, retry, expire: for secondaries, which such a zone has none of
  append32(rdata, 600);
  append32(rdata, 86400);
  append32(rdata, kNegativeTtl);
  return rdata;
}

}  // namespace

AuthorityBuilder::AuthorityBuilder(const plan::Plan& plan) : plan_(plan) {}

std::shared_ptr<const Authority> AuthorityBuilder::build() {
  add_zones();
  add_steered_names();
  BlobWriter any("");
  RecordSet hinfo{Type::hinfo, 3600, {std::string("\7RFC8482\0", 9)}};
  any.add(Section::answer, "", hinfo);
  out_->any_ = keep(any, 0, false, 0);
  out_->zones_.resize(drafts_.size());
  for (size_t i = 0; i < drafts_.size(); ++i) {
    mark(drafts_[i]);
    write_zone(i);
  }
  build_table();
  return out_;
}

size_t AuthorityBuilder::zone_of(std::string_view name) const {
  for (;; name = wire::dns::parent_name(name)) {
    const auto found = by_apex_.find(std::string(name));
    if (found != by_apex_.end()) return found->second;
    if (name.size() <= 1) return drafts_.size();
  }
}

void AuthorityBuilder::add_zones() {
  std::vector<const plan::Zone*> sources;
  for (const plan::Zone& zone : plan_.zones) {
    const std::string apex = wire_name(zone.origin);
    if (apex.empty() || by_apex_.contains(apex) || drafts_.size() == kZonesMax) {
      out_->problems_.push_back(
          "zone '" + zone.origin +
          "' is not served: a bad name, given twice, or one of more than 65,535");
      continue;
    }
    by_apex_[apex] = drafts_.size();
    drafts_.push_back({apex, {}});
    sources.push_back(&zone);
  }
  configured_count_ = drafts_.size();
  for (size_t i = 0; i < sources.size(); ++i) {
    add_records(*sources[i], i);
    drafts_[i].nodes[drafts_[i].apex];
  }
}

void AuthorityBuilder::add_records(const plan::Zone& zone, size_t index) {
  for (const wire::dns::Record& record : zone.records) {
    const std::string owner = wire_name(record.owner);
    // What lies in a zone of its own that is also configured is answered from there.
    if (owner.empty() || zone_of(owner) != index) continue;
    // RFC 4592 4.2 leaves open what it would mean.
    if (record.type == Type::ns && owner.starts_with(kWildcard)) {
      out_->problems_.push_back("'" + record.owner + "' NS is not served: a wildcard");
      continue;
    }
    const std::span data(wire::dns::bytes_of(record.rdata), record.rdata.size());
    if (const auto checked = wire::dns::rdata_from_message(record.type, data, 0, data.size());
        !checked) {
      out_->problems_.push_back("'" + record.owner + "' " + checked.error().what);
      continue;
    }
    insert(drafts_[index].nodes[owner].sets[record.type], record);
  }
}

void AuthorityBuilder::add_steered_names() {
  for (const plan::SteeredName& steered : plan_.names) {
    const std::string name = wire_name(steered.name);
    if (name.empty()) {
      out_->problems_.push_back("name '" + steered.name + "' is not served: a bad name");
      continue;
    }
    size_t index = zone_of(name);
    const bool has_zone =
        index < configured_count_ || (index < drafts_.size() && drafts_[index].apex == name);
    if (!has_zone) {
      if (drafts_.size() == kZonesMax) {
        out_->problems_.push_back("name '" + steered.name +
                                  "' is not served: more than 65,535 zones");
        continue;
      }
      index = drafts_.size();
      by_apex_[name] = index;
      drafts_.push_back({name, {}});
      synthesize_zone(drafts_[index], steered);
    }
    NodeDraft& node = drafts_[index].nodes[name];
    node.group = uint32_t(plan::index(steered.group));
    for (const uint16_t type : steered_types()) node.sets.erase(type);
    if (node.sets.erase(Type::cname) > 0) {
      out_->problems_.push_back("name '" + steered.name +
                                "' is steered; its CNAME in the zone is not served");
    }
    refuse_delegations(drafts_[index], name);
  }
}

// One at or above a steered name would send everybody who asks for it to somebody else.
void AuthorityBuilder::refuse_delegations(ZoneDraft& zone, const std::string& steered) {
  for (std::string_view above = steered; above != zone.apex;
       above = wire::dns::parent_name(above)) {
    const auto found = zone.nodes.find(std::string(above));
    if (found == zone.nodes.end() || found->second.sets.erase(Type::ns) == 0) continue;
    found->second.sets.erase(Type::ds);
    out_->problems_.push_back("the delegation of '" + wire::dns::name_to_text(found->first) +
                              "' is not served: '" + wire::dns::name_to_text(steered) +
                              "' is steered here");
  }
}

std::vector<uint16_t> AuthorityBuilder::steered_types() const {
  std::vector<uint16_t> types = {Type::a, Type::aaaa};
  // RFC 9460 9.5: an HTTPS record makes clients upgrade from http, so it is only said where http
  // leads to https anyway.
  if (plan_.edge.enabled && plan_.edge.viewer_protocol != plan::ViewerProtocol::allow_all) {
    types.push_back(Type::https);
  }
  return types;
}

bool AuthorityBuilder::is_steered_type(uint16_t type) const {
  const std::vector<uint16_t> types = steered_types();
  return std::ranges::find(types, type) != types.end();
}

void AuthorityBuilder::synthesize_zone(ZoneDraft& zone, const plan::SteeredName& name) {
  NodeDraft& apex = zone.nodes[zone.apex];
  RecordSet& servers = apex.sets[Type::ns];
  servers = {Type::ns, kInfrastructureTtl, {}};
  for (const plan::Region& region : plan_.regions) {
    if (region.nodes.empty()) continue;
    const Result<std::string> server = wire::dns::name_to_wire("ns-" + region.name, zone.apex);
    if (!server) continue;  // too long a name: the other regions' servers have to do
    servers.rdata.push_back(wire::dns::lower_name(*server));
    for (const plan::EndpointId id : region.nodes) {
      const IpAddress& ip = plan_.endpoint(id).address.ip;
      const uint16_t type = ip.is_v4() ? Type::a : Type::aaaa;
      insert(zone.nodes[servers.rdata.back()].sets[type],
             {"", type, kInfrastructureTtl, wire::dns::address_rdata(ip)});
    }
  }
  if (servers.rdata.empty()) {
    apex.sets.erase(Type::ns);
    out_->problems_.push_back("name '" + name.name + "' has no name servers: no region has nodes");
  }
  const Result<std::string> mail = wire::dns::name_to_wire("hostmaster", zone.apex);
  const std::string& first =
      apex.sets.contains(Type::ns) ? apex.sets[Type::ns].rdata.front() : zone.apex;
  insert(apex.sets[Type::soa],
         {"", Type::soa, kInfrastructureTtl,
          soa_rdata(first, mail.value_or(zone.apex), uint32_t(plan_.version))});
}

void AuthorityBuilder::mark(ZoneDraft& zone) {
  std::vector<std::string> names;
  for (const auto& [name, node] : zone.nodes) names.push_back(name);
  // A zone below this one that is served here too begins at a name of this one: with what lies
  // between, it exists.
  for (const ZoneDraft& child : drafts_) {
    const std::string above(wire::dns::parent_name(child.apex));
    if (&child == &zone || zone_of(above) >= drafts_.size()) continue;
    if (&drafts_[zone_of(above)] != &zone) continue;
    zone.nodes.try_emplace(above);
    names.push_back(above);
  }
  for (const std::string& name : names) {  // empty non-terminals, RFC 4592 2.2.2
    for (std::string_view above = name; above != zone.apex;) {
      above = wire::dns::parent_name(above);
      zone.nodes.try_emplace(std::string(above));
    }
  }
  for (auto& [name, node] : zone.nodes) {
    // The highest cut above a name counts; the loop goes up, so the last one found wins.
    for (std::string_view above = name; above != zone.apex; above = wire::dns::parent_name(above)) {
      const NodeDraft& at = zone.nodes.at(std::string(above));
      if (at.sets.contains(Type::ns)) node.cut = above;
    }
  }
}

AuthorityBuilder::Located AuthorityBuilder::locate(const ZoneDraft& zone,
                                                   const std::string& name) const {
  using What = Located::What;
  if (zone_of(name) >= drafts_.size() || drafts_[zone_of(name)].apex != zone.apex)
    return {What::outside, nullptr, ""};
  const auto exact = zone.nodes.find(name);
  if (exact != zone.nodes.end()) {
    if (!exact->second.cut.empty()) return {What::delegated, nullptr, exact->second.cut};
    return {What::node, &exact->second, ""};
  }
  for (std::string_view above = name; above != zone.apex;) {
    above = wire::dns::parent_name(above);
    const auto found = zone.nodes.find(std::string(above));
    if (found == zone.nodes.end()) continue;
    if (!found->second.cut.empty()) return {What::delegated, nullptr, found->second.cut};
    const auto wildcard = zone.nodes.find(std::string(kWildcard) + std::string(above));
    if (wildcard == zone.nodes.end()) return {};
    return {What::node, &wildcard->second, ""};
  }
  return {};
}

}  // namespace sealane::dns
