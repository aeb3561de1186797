// SPDX-License-Identifier: Apache-2.0
// A plan as text, every field of it, for tests that compare plans.
#pragma once

#include <fmt/format.h>

#include <string>

#include "plan/plan.h"
#include "plan/values.h"

namespace sealane::plan {

inline std::string text_of(const Check& c) {
  return fmt::format(
      "kind={} path={} host={} search={} interval={} timeout={} failures={} successes={} "
      "inverted={} disabled={} tls_verify={}",
      int(c.kind), c.path, c.host, c.search, to_text(c.interval), to_text(c.timeout), c.failures,
      c.successes, c.inverted, c.disabled, c.tls_verify);
}

inline std::string text_of(const Group& g) {
  std::string out =
      fmt::format("group '{}' policy={} when_all_down={} ttl={} ttl_min={} last_resorts=", g.name,
                  int(g.policy), int(g.when_all_down), g.ttl_s, g.ttl_min_s);
  for (const EndpointId id : g.last_resorts) out += fmt::format("{} ", index(id));
  out += "\n";
  for (const Member& m : g.members) {
    out += fmt::format("  {} {} weight={} region={}\n",
                       m.kind == Member::Kind::group ? "group" : "endpoint", m.target, m.weight,
                       index(m.region));
  }
  return out;
}

inline std::string text_of(const Edge& e) {
  std::string out = fmt::format("edge viewer={} enabled={} cert={} key={}\n",
                                int(e.viewer_protocol), e.enabled, e.cert_file, e.key_file);
  for (const CacheRule& r : e.cache) {
    out += fmt::format("  rule {} mode={} {} {} {} overrides={}\n", r.pattern, int(r.mode),
                       to_text(r.ttl_min), to_text(r.ttl_default), to_text(r.ttl_max),
                       r.ttl_min_overrides_private);
  }
  for (const uint64_t n : {e.cache_bytes_max, e.object_bytes_max, uint64_t{e.header_bytes_max},
                           e.body_bytes_max, uint64_t{e.connections_max},
                           uint64_t{e.origin_connections_max}, uint64_t{e.attempts_max}}) {
    out += fmt::format(" {}", n);
  }
  for (const Duration d :
       {e.connect_timeout, e.first_byte_timeout, e.idle_timeout, e.client_header_timeout,
        e.client_idle_timeout, e.client_write_timeout, e.sse_keepalive}) {
    out += " " + to_text(d);
  }
  return out + " " + e.session_cookie + "\n";
}

inline std::string text_of(const State& s) {
  std::string out = fmt::format(
      "state enabled={} endpoints={} {} {} {} fsync={} {} {} {} {}\n", s.enabled,
      fmt::join(s.endpoints, ","), s.endpoint_region, s.endpoint_keys, s.endpoint_profile, s.fsync,
      to_text(s.stale_after), to_text(s.clock_ahead_max), s.log_bytes_max, s.cache_bytes_max);
  for (const StateTable& t : s.tables) {
    out += fmt::format("  table {} {}:{} {}:{} ttl={} merge={} stream={} ack={} in", t.name,
                       t.hash.name, t.hash.type, t.range ? t.range->name : "",
                       t.range ? t.range->type : '-', t.ttl_attribute, int(t.merge), int(t.stream),
                       int(t.ack));
    for (const RegionId id : t.regions) out += fmt::format(" {}", index(id));
    out += "\n";
  }
  return out;
}

// Without the version and the places of countries.
inline std::string text_of(const Plan& p) {
  std::string out =
      fmt::format("domain={} lanes={} ports={} {} {} {} {} {} {} {} rrl={} nsid={} keys={}\n",
                  p.domain, p.lanes, p.ports.dns, p.ports.http, p.ports.https, p.ports.control,
                  p.ports.metrics, p.ports.state, p.ports.nats, p.ports.gateway,
                  p.dns.responses_per_second_max, p.dns.nsid, p.keys_file);
  out += text_of(p.state);
  for (const Region& r : p.regions) {
    out += fmt::format("region {} at {},{} group={} clients=", r.name, r.at.lat, r.at.lon,
                       index(r.node_group));
    for (const Prefix& c : r.clients) out += c.to_string() + " ";
    out += "\n";
  }
  for (const Endpoint& e : p.endpoints) {
    out += fmt::format("endpoint '{}' kind={} region={} {} tls={} host={} base={} {}\n", e.name,
                       int(e.kind), index(e.region), e.address.to_string(), e.tls, e.host,
                       e.base_path, text_of(e.check));
  }
  for (const Agent& a : p.agents) {
    out += fmt::format("agent {} run:", index(a.endpoint));
    for (const std::string& word : a.run) out += " " + word;
    out += "\n";
  }
  for (const Group& g : p.groups) out += text_of(g);
  for (const SteeredName& n : p.names)
    out += fmt::format("name {} -> {}\n", n.name, index(n.group));
  for (const Zone& z : p.zones)
    out += fmt::format("zone {} records={}\n", z.origin, z.records.size());
  return out + text_of(p.edge) + fmt::format("public={}\n", index(p.public_group));
}

}  // namespace sealane::plan
