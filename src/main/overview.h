// SPDX-License-Identifier: Apache-2.0
// What the nodes of a world say about themselves, side by side: the text of `sealane status` and
// `sealane top`. Nothing here asks anybody.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace sealane::main {

// Since the node started, but for the two that are of now.
struct Traffic {
  uint64_t dns_query_count = 0, request_count = 0, error_count = 0, hit_count = 0;
  uint64_t client_count = 0, fetch_count = 0;  // connections open, requests at origins
};

struct EndpointReport {
  std::string name, region, kind, last;
  bool healthy = false, known = false;
  Duration since{};  // age of the present state
};

// How far a node has read what another one writes to tables.
struct ReplicaReport {
  std::string node, region;
  uint64_t behind_ms = 0, behind_bytes = 0;
  uint64_t last_applied_ms = 0;  // when the last write that is applied was made, Unix time; 0: none
};

struct TablesReport {
  std::string messaging;  // "connected", "disconnected", "alone"
  std::vector<ReplicaReport> replicas;
  // Where they are handed to another server: its URL, and whether it answers.
  std::string endpoint, trouble;
  bool reachable = false;
};

struct NodeReport {
  std::string region, address;  // as the world has it
  std::string trouble;          // why it did not answer; empty: the rest is its answer
  bool ready = false, draining = false;
  std::string plan;
  uint64_t view = 0;
  std::vector<EndpointReport> endpoints;
  std::optional<TablesReport> tables;  // none: it keeps none
  Traffic traffic;
};

struct Overview {
  std::string domain;
  std::vector<NodeReport> nodes;
  size_t answered_count() const;
};

// A node's /status. Error: Code::invalid, when it is not what that page says.
Status read_status(std::string_view json, NodeReport& node);
// A node's /metrics, in Prometheus' text form; what is not known there is left out.
Traffic read_metrics(std::string_view text);

struct Earlier {
  const Overview& overview;
  Duration ago{};
};
// With an earlier one of the same world the traffic is per second, else since the start of each
// node.
std::string render(const Overview& overview, const std::optional<Earlier>& earlier = {});
std::string render_json(const Overview& overview);  // one line

}  // namespace sealane::main
