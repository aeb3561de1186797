// SPDX-License-Identifier: Apache-2.0
// What the operator asked for, compiled: checked, with every name resolved to an index, and
// immutable. compile() in plan/world.h makes one from a world file; a shared_ptr<const Plan> is
// published to all lanes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/ip.h"
#include "base/prefix_table.h"
#include "base/time.h"
#include "wire/dns/record.h"

namespace sealane::plan {

// Positions in the vectors of a Plan. Valid for that plan only.
enum class RegionId : uint16_t {};
enum class EndpointId : uint16_t {};
enum class GroupId : uint16_t {};
constexpr size_t index(RegionId id) { return size_t(id); }
constexpr size_t index(EndpointId id) { return size_t(id); }
constexpr size_t index(GroupId id) { return size_t(id); }

constexpr size_t kRegionsMax = 64;
constexpr size_t kEndpointsMax = 10'000;
constexpr size_t kGroupDepthMax = 8;  // of groups in groups
constexpr size_t kMembersMax = 256;   // of one group

struct GeoPoint {
  double lat = 0, lon = 0;  // degrees, north and east positive
};

// ── who can answer ───────────────────────────────────────────────────────────────────────────────

enum class CheckKind : uint8_t { none, http, https, tcp };  // none: healthy always, never probed

// Route 53's HealthCheckConfig, with sub-second times.
struct Check {
  CheckKind kind = CheckKind::http;
  std::string path = "/health";
  std::string host;               // Host header and SNI; empty: the endpoint's own
  // must occur wholly in the first 5,120 bytes of the body; empty: not looked for
  std::string search;
  // from the start of one probe to the start of the next; 10 ms at least
  Duration interval = 100ms;
  Duration timeout = 100ms;       // for the whole probe
  uint8_t failures = 3;           // consecutive, up to down; 1 to 10
  uint8_t successes = 3;          // consecutive, down to up; 1 to 10
  bool inverted = false;          // healthy when the probe fails
  bool disabled = false;          // healthy without probing
  bool tls_verify = false;
  friend bool operator==(const Check&, const Check&) = default;
};

// node: a Sealane node; DNS answers it, users connect to it, edges of other regions forward to it.
// agent: a server that does the work; only the nodes of its own region talk to it.
// fixed: an address that is answered as a last resort and never probed.
enum class EndpointKind : uint8_t { node, agent, fixed };

struct Endpoint {
  EndpointKind kind = EndpointKind::agent;
  RegionId region{};
  // node: its HTTP port. agent: from its URL; ip unspecified until `host` is resolved
  SocketAddress address;
  bool tls = false;        // agent with an https URL
  std::string host;        // agent: host of its URL, as the Host header has it; node: its address
  std::string base_path;   // agent: path of its URL without the last slash, mostly empty
  std::string
      name;  // for people: "us-east-1 node 127.1.0.1", "us-east-1 agent http://127.1.0.1:9001"
  Check check;
};

struct Agent {
  EndpointId endpoint{};
  // the command that `sealane up` starts and watches; empty: somebody else does
  std::vector<std::string> run;
};

struct Region {
  std::string name;
  GeoPoint at;
  std::vector<EndpointId> nodes;
  std::vector<EndpointId> agents;  // empty: an edge location
  std::vector<Prefix> clients;     // addresses of users known to be in this region
  GroupId node_group{};            // simple group of its nodes
};

// ── how to choose among them ─────────────────────────────────────────────────────────────────────

enum class Policy : uint8_t { simple, weighted, latency, failover, multivalue };

struct Member {
  enum class Kind : uint8_t { endpoint, group } kind = Kind::endpoint;
  uint16_t target = 0;    // EndpointId or GroupId
  uint8_t weight = 1;     // weighted: 0 to 255
  RegionId region{};      // latency: where this member stands
  EndpointId endpoint() const { return EndpointId{target}; }
  GroupId group() const { return GroupId{target}; }
};

enum class WhenAllDown : uint8_t { open, closed, last_resorts };

struct Group {
  std::string name;               // for people: "agent.example.test", "region us-east-1"
  Policy policy = Policy::simple;
  std::vector<Member> members;    // failover: in the order of preference
  // looked at in the group that was asked for, not in nested ones
  WhenAllDown when_all_down = WhenAllDown::open;
  std::vector<EndpointId> last_resorts;
  uint32_t ttl_s = 5;             // of a steered answer while nothing is about to change
  uint32_t ttl_min_s = 1;         // what it may sink to
};

// A DNS name whose addresses are chosen by a group.
struct SteeredName {
  std::string name;  // absolute, lower case, no final dot
  GroupId group{};
};

// A zone served as it stands. A steered name inside it takes precedence over its A and AAAA
// records.
struct Zone {
  std::string origin;  // absolute, lower case, no final dot
  std::vector<wire::dns::Record> records;
};

// ── where clients are ────────────────────────────────────────────────────────────────────────────

enum class LatencySource : uint8_t { sample, region_table, country_model, unknown };

struct Estimate {
  uint32_t rtt_us = 0;
  LatencySource source = LatencySource::unknown;
};

// A set of clients that the plan cannot tell apart: those inside a region, those of a country, or
// the rest.
struct Place {
  std::string name;                    // "us-east-1", "country IE", "unknown"
  std::vector<Estimate> to_region;     // by RegionId
};

struct Geography {
  PrefixTable table;          // client address -> index into places
  std::vector<Place> places;  // places[0]: unknown
};

// ── the HTTP edge ────────────────────────────────────────────────────────────────────────────────

enum class ViewerProtocol : uint8_t { allow_all, redirect_to_https, https_only };

struct CacheRule {
  enum class Mode : uint8_t { pass, clamp, rfc9111 };
  std::string pattern;    // a path; one '*' at the end matches the rest
  Mode mode = Mode::pass;
  Duration ttl_min{}, ttl_default{}, ttl_max{};  // clamp
  // CloudFront's behaviour with Min > 0; a privacy trap, so asked for
  bool ttl_min_overrides_private = false;
};

struct Edge {
  ViewerProtocol viewer_protocol = ViewerProtocol::allow_all;
  bool enabled = true;
  std::string cert_file, key_file;  // empty: the world's own CA issues one
  std::vector<CacheRule> cache;     // first match wins; none: passed through
  uint64_t cache_bytes_max = 256ull << 20;
  uint64_t object_bytes_max = 16ull << 20;   // larger answers are passed, not stored
  Duration connect_timeout = 500ms;          // to an origin, each attempt
  // an agent may think for long; health decides who is dead
  Duration first_byte_timeout = 120s;
  Duration idle_timeout = 1h;                // between two reads of a streamed answer
  Duration client_header_timeout = 10s;
  Duration client_idle_timeout = 60s;        // keep-alive
  Duration client_write_timeout = 60s;       // a client that takes no byte for so long is cut off
  uint32_t header_bytes_max = 32u << 10;
  uint64_t body_bytes_max = 64ull << 20;
  uint32_t connections_max = 100'000;        // per node
  uint32_t origin_connections_max = 4096;    // per origin and lane
  uint8_t attempts_max = 3;                  // endpoints tried for one request
  Duration sse_keepalive = 15s;              // a comment line into a silent event stream; 0: never
  // what a client has seen of the tables; empty: no cookie
  std::string session_cookie = "sealane";
};

// ── tables ───────────────────────────────────────────────────────────────────────────────────────

struct TableKey {
  std::string name;
  char type = 'S';  // S, N or B
};

struct StateTable {
  enum class Merge : uint8_t { attribute, item, conversation } merge = Merge::attribute;
  enum class Stream : uint8_t {
    off,
    keys_only,
    new_image,
    old_image,
    new_and_old_images
  } stream = Stream::off;
  std::string name;
  TableKey hash;
  std::optional<TableKey> range;
  std::string ttl_attribute;         // empty: items do not expire
  enum class Ack : uint8_t { local, remote, reachable } ack = Ack::local;
  std::vector<RegionId> regions;     // ascending
};

struct State {
  bool enabled = false;
  std::vector<StateTable> tables;
  // Engine dynamodb: the URL of the server that keeps the tables, by RegionId; empty text: that
  // region's nodes serve none. None at all: the nodes keep them.
  std::vector<std::string> endpoints;
  // of signatures for it; empty: of AWS's host names, else the node's
  std::string endpoint_region;
  std::string endpoint_keys;         // a file; empty: the world's own keys
  std::string endpoint_profile = "default";
  bool fsync = true;                 // durability
  Duration stale_after = 300ms;
  Duration clock_ahead_max = 500ms;
  uint64_t log_bytes_max = 1ull << 30;
  uint64_t cache_bytes_max = 32ull << 20;

  bool is_handed() const { return !endpoints.empty(); }
};

// ── ports ────────────────────────────────────────────────────────────────────────────────────────

struct Ports {
  uint16_t dns = 5300, http = 8080, https = 8443, control = 8900, metrics = 8901, state = 8000,
           nats = 4222, gateway = 7222;
};

struct Dns {
  // Fits into an answer of 512 bytes beside every other option.
  static constexpr size_t kNsidBytesMax = 64;
  // response rate limiting, per /24 or /56 and kind; 0: off. Loopback is exempt
  uint32_t responses_per_second_max = 1000;
  std::string nsid;                          // empty: the node's address
};

struct Plan {
  uint64_t version = 0;
  std::string domain;                // lower case, no final dot
  unsigned lanes = 0;                // 0: one per core
  Ports ports;
  std::vector<Region> regions;
  std::vector<Endpoint> endpoints;
  std::vector<Agent> agents;
  std::vector<Group> groups;
  std::vector<SteeredName> names;    // names[0] is `domain`
  std::vector<Zone> zones;
  Geography geography;
  Edge edge;
  Dns dns;
  State state;
  std::string keys_file;             // of the APIs; empty: in the data directory
  GroupId public_group{};            // of `domain`

  const Region& region(RegionId id) const { return regions[plan::index(id)]; }
  const Endpoint& endpoint(EndpointId id) const { return endpoints[plan::index(id)]; }
  const Group& group(GroupId id) const { return groups[plan::index(id)]; }
  std::optional<RegionId> find_region(std::string_view name) const;
  // The nodes that serve tables: those of regions with agents, where users end up.
  std::vector<EndpointId> state_nodes() const;
  // Whether nodes keep tables for each other, and have to talk.
  bool is_replicated() const { return !state.is_handed() && state_nodes().size() > 1; }
  // The node with this address.
  std::optional<EndpointId> find_node(const IpAddress& ip) const;
};

}  // namespace sealane::plan
