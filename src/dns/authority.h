// SPDX-License-Identifier: Apache-2.0
// Everything that this server is an authority for, compiled from a plan: one hash table from
// lower-case wire names to nodes, and for each node and type the bytes that follow the question,
// ready to be copied. What depends on health or on the client is left open: a blob that names a
// group ends in steered records.
//
// A compiled name that lies in the zone ends in a compression pointer to the zone's apex (in a
// referral: to the delegated name), which every question for that zone contains. Where in the
// question depends on its length, so the pointers of negative answers, wildcards and referrals are
// patched in after the copy; those of exact names are final.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/thread_annotations.h"
#include "plan/plan.h"
#include "wire/dns/query.h"
#include "wire/dns/types.h"

namespace sealane::dns {

constexpr size_t kChainMax = 8;  // CNAMEs followed inside one zone

// What kind of answer it is; response rate limiting counts them apart.
enum class Kind : uint8_t { answer, nodata, nxdomain, referral, error };
constexpr size_t kKindCount = 5;

// The compiled part of one answer.
struct Blob {
  static constexpr uint32_t kNotSteered = UINT32_MAX;

  uint32_t at = 0;  // in the authority's bytes
  uint32_t bytes = 0;
  uint32_t patches_at = 0;  // in the authority's patches
  uint16_t patch_count = 0;
  uint16_t answer_count = 0, authority_count = 0, additional_count = 0;
  uint16_t zone = 0;
  uint16_t steered_owner =
      0;  // offset in the blob of the name that steered records belong to; 0: the question
  uint32_t group = kNotSteered;  // GroupId whose choice follows as records of the asked type
  uint8_t anchor_bytes = 0;      // size of the name that the patched pointers lead to
  Kind kind = Kind::answer;
  wire::dns::Rcode rcode = wire::dns::Rcode::noerror;
  bool authoritative = true;
};

class Authority {
 public:
  // Never fails: what cannot be served is left out and named in problems().
  static std::shared_ptr<const Authority> compile(const plan::Plan& plan);

  // The answer for this question (class IN, a type that may be asked); null: not our zone.
  const Blob* find(const wire::dns::Query& query) const;
  // The SOA of a zone for the authority section of NODATA; `soa_ttl_at` is where its TTL stands in
  // it.
  const Blob& soa_of(uint16_t zone) const { return blobs_[zones_[zone].nodata]; }
  size_t soa_ttl_at(uint16_t zone) const { return zones_[zone].soa_ttl_at; }

  std::span<const uint8_t> bytes_of(const Blob& blob) const {
    return std::span(bytes_).subspan(blob.at, blob.bytes);
  }
  // Offsets in the blob of the pointers to patch.
  std::span<const uint16_t> patches_of(const Blob& blob) const {
    return std::span(patches_).subspan(blob.patches_at, blob.patch_count);
  }
  const std::vector<std::string>& problems() const { return problems_; }
  size_t node_count() const { return nodes_.size(); }
  size_t zone_count() const { return zones_.size(); }

 private:
  friend class AuthorityBuilder;
  static constexpr uint32_t kNone = UINT32_MAX;

  struct Node {
    uint32_t name_at = 0;       // in names_
    uint32_t answers_at = 0;    // in answers_
    uint32_t wildcard = kNone;  // the node *.this
    uint32_t referral = kNone;  // blob, when this is a delegated name or lies below one
    uint16_t answer_count = 0;
    uint16_t zone = 0;
    uint8_t name_bytes = 0;
    bool is_cut = false;  // the delegated name itself, where DS is still ours
  };
  // One type that a node has an answer for. Type 0: every type that is not listed (CNAME).
  struct Answer {
    uint16_t type = 0;
    uint32_t blob = 0;
  };
  struct Slot {
    uint32_t hash = 0;  // upper half of the name's hash
    uint32_t node = kNone;
  };
  struct Zone {
    uint32_t nodata = 0, nxdomain = 0;  // blobs
    size_t soa_ttl_at = 0;
  };

  const Node* find_node(const uint8_t* name, size_t bytes) const;
  const Blob* answer(const Node& node, uint16_t type) const;
  const Blob* find_below(const wire::dns::Query& query) const;

  std::vector<Slot> slots_;  // a power of two, at most half full
  std::vector<Node> nodes_;
  std::vector<Answer> answers_;
  std::vector<Blob> blobs_;
  std::vector<Zone> zones_;
  std::vector<uint8_t> names_;  // with 8 bytes of padding at the end
  std::vector<uint8_t> bytes_;
  std::vector<uint16_t> patches_;
  uint32_t any_ = 0;  // blob: RFC 8482's HINFO
  unsigned label_count_max_ = 0;
  std::vector<std::string> problems_;
};

// Shares one compiled authority between the lanes of a node: the first lane that sees a plan
// compiles it.
class AuthorityCache {
 public:
  std::shared_ptr<const Authority> get(const std::shared_ptr<const plan::Plan>& plan);

 private:
  Mutex mu_;
  std::shared_ptr<const plan::Plan> plan_ SL_GUARDED_BY(mu_);
  std::shared_ptr<const Authority> authority_ SL_GUARDED_BY(mu_);
};

}  // namespace sealane::dns
