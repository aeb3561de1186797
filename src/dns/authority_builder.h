// SPDX-License-Identifier: Apache-2.0
// Compiles a plan's zones and steered names into an Authority. Used by authority.cpp only.
//
// Three steps: drafts (zones with their names and record sets, steered names laid over them or
// given a zone of their own), marks (empty non-terminals, delegations, wildcards), blobs.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "dns/authority.h"
#include "dns/blob_writer.h"
#include "plan/plan.h"

namespace sealane::dns {

constexpr size_t kZonesMax = 65535;

class AuthorityBuilder {
 public:
  explicit AuthorityBuilder(const plan::Plan& plan);
  std::shared_ptr<const Authority> build();

 private:
  struct NodeDraft {
    std::map<uint16_t, RecordSet> sets;
    uint32_t group = Blob::kNotSteered;
    std::string cut;  // the delegated name at or above this one; empty: none
    uint32_t node = Authority::kNone;
  };
  struct ZoneDraft {
    std::string apex;  // wire form, lower case
    std::unordered_map<std::string, NodeDraft> nodes;
  };
  // Where a name leads inside a zone.
  struct Located {
    enum class What : uint8_t { outside, missing, delegated, node } what = What::missing;
    const NodeDraft* node = nullptr;
    std::string cut;
  };

  void add_zones();
  void add_records(const plan::Zone& zone, size_t index);
  void add_steered_names();
  void refuse_delegations(ZoneDraft& zone, const std::string& steered);
  void synthesize_zone(ZoneDraft& zone, const plan::SteeredName& name);
  void mark(ZoneDraft& zone);
  size_t zone_of(std::string_view name) const;  // longest apex; drafts_.size(): none
  Located locate(const ZoneDraft& zone, const std::string& name) const;

  void write_zone(size_t index);
  void write_node(size_t index, const std::string& name, NodeDraft& node);
  void write_address_answers(size_t index, const NodeDraft& node, bool exact, size_t name_bytes);
  void write_cname(size_t index, const NodeDraft& node, bool exact, size_t name_bytes);
  void write_chain(size_t index, const NodeDraft& node, uint16_t type, bool exact,
                   size_t name_bytes);
  uint32_t write_referral(size_t index, const std::string& cut);
  void write_soa(size_t index);
  // The zone's SOA as negative answers carry it; no records when the zone has none.
  RecordSet negative_soa(size_t index) const;
  void add_targets(BlobWriter& writer, const ZoneDraft& zone, const RecordSet& set, bool glue_only);
  uint32_t keep(const BlobWriter& writer, size_t zone, bool exact, size_t name_bytes);
  void add_answer(uint16_t type, uint32_t blob);
  void build_table();
  std::vector<uint16_t> steered_types() const;
  bool is_steered_type(uint16_t type) const;

  const plan::Plan& plan_;
  std::shared_ptr<Authority> out_ = std::make_shared<Authority>();
  std::vector<ZoneDraft> drafts_;
  std::unordered_map<std::string, size_t> by_apex_;
  size_t configured_count_ =
      0;  // drafts that come from the plan's zones; behind them: made for steered names
};

}  // namespace sealane::dns
