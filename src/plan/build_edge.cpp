// SPDX-License-Identifier: Apache-2.0
// The sections that set up a node: edge, ports, dns, lanes; and the zones that are served as they
// stand.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/hash.h"
#include "plan/building.h"
#include "plan/values.h"
#include "wire/dns/types.h"
#include "wire/dns/zone_file.h"

namespace sealane::plan {
namespace {

void build_ports(const Node& root, Building& b) {
  const Node* ports = root.find("ports");
  struct Named {
    std::string_view name;
    uint16_t& port;
  };
  Ports& p = b.plan.ports;
  const std::array<Named, 8> all{{{"dns", p.dns},
                                  {"http", p.http},
                                  {"https", p.https},
                                  {"control", p.control},
                                  {"metrics", p.metrics},
                                  {"state", p.state},
                                  {"nats", p.nats},
                                  {"gateway", p.gateway}}};
  for (const Named& n : all) n.port = uint16_t(integer_of(ports, n.name, n.port));
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      if (all[i].port != all[j].port) continue;
      const Node* at = ports->find(all[i].name);
      if (!at) at = ports->find(all[j].name);
      b.mistakes.add(at->at, fmt::format("the port {} is taken twice, by '{}' and by '{}'",
                                         all[i].port, all[j].name, all[i].name));
    }
  }
}

CacheRule read_rule(const Node& node, Building& b) {
  CacheRule rule;
  const Node* ttl = node.find("ttl");
  rule.pattern = text_of(&node, "path");
  if (const Node* path = node.find("path"); path && path->kind == Node::Kind::scalar) {
    const size_t star = rule.pattern.find('*');
    if (!is_path(rule.pattern) || (star != rule.pattern.npos && star + 1 != rule.pattern.size())) {
      b.mistakes.add(
          path->at,
          fmt::format("{}; allowed: a path from '/', with at most one * and that at its end{}",
                      quoted(rule.pattern), rule.pattern == "*" ? "; did you mean '/*'?" : ""));
    }
  }
  const std::string mode = text_of(&node, "mode", ttl ? "clamp" : "pass");
  rule.mode = mode == "clamp"     ? CacheRule::Mode::clamp
              : mode == "rfc9111" ? CacheRule::Mode::rfc9111
                                  : CacheRule::Mode::pass;
  if (mode == "clamp" && !ttl)
    b.mistakes.add(node.at, "the mode 'clamp' wants a ttl: { min, default, max }");
  if (mode != "clamp" && ttl) {
    b.mistakes.add(ttl->at,
                   fmt::format("a ttl goes with the mode 'clamp', not with {}", quoted(mode)));
  }
  if (rule.mode == CacheRule::Mode::clamp) {
    rule.ttl_min = duration_of(ttl, "min", 0s);
    rule.ttl_max = duration_of(ttl, "max", std::max<Duration>(8760h, rule.ttl_min));
    rule.ttl_default =
        duration_of(ttl, "default",
                    std::clamp<Duration>(24h, rule.ttl_min, std::max(rule.ttl_min, rule.ttl_max)));
    if (rule.ttl_min > rule.ttl_default || rule.ttl_default > rule.ttl_max) {
      b.mistakes.add(
          ttl->at,
          fmt::format("min {}, default {}, max {}; allowed: min <= default <= max",
                      to_text(rule.ttl_min), to_text(rule.ttl_default), to_text(rule.ttl_max)));
    }
  }
  rule.ttl_min_overrides_private = boolean_of(&node, "ttl_min_overrides_private", false);
  if (rule.ttl_min_overrides_private && rule.ttl_min == Duration{}) {
    b.mistakes.add(node.find("ttl_min_overrides_private")->at,
                   "ttl_min_overrides_private does nothing without a ttl min above 0s");
  }
  return rule;
}

void build_limits(const Node* edge, Edge& e) {
  e.cache_bytes_max = bytes_of(edge, "cache_bytes_max", e.cache_bytes_max);
  e.object_bytes_max = bytes_of(edge, "object_bytes_max", e.object_bytes_max);
  e.connect_timeout = duration_of(edge, "connect_timeout", e.connect_timeout);
  e.first_byte_timeout = duration_of(edge, "first_byte_timeout", e.first_byte_timeout);
  e.idle_timeout = duration_of(edge, "idle_timeout", e.idle_timeout);
  e.client_header_timeout = duration_of(edge, "client_header_timeout", e.client_header_timeout);
  e.client_idle_timeout = duration_of(edge, "client_idle_timeout", e.client_idle_timeout);
  e.client_write_timeout = duration_of(edge, "client_write_timeout", e.client_write_timeout);
  e.header_bytes_max = uint32_t(bytes_of(edge, "header_bytes_max", e.header_bytes_max));
  e.body_bytes_max = bytes_of(edge, "body_bytes_max", e.body_bytes_max);
  e.connections_max = uint32_t(integer_of(edge, "connections_max", e.connections_max));
  e.origin_connections_max =
      uint32_t(integer_of(edge, "origin_connections_max", e.origin_connections_max));
  e.attempts_max = uint8_t(integer_of(edge, "attempts_max", e.attempts_max));
  e.sse_keepalive = duration_of(edge, "sse_keepalive", e.sse_keepalive);
  e.session_cookie = text_of(edge, "session_cookie", e.session_cookie);
  if (e.session_cookie == "none") e.session_cookie.clear();
}

bool is_at_or_below(std::string_view name, std::string_view above) {
  return name.ends_with(above) && (name.size() == above.size() ||
                                   name[name.size() - above.size() - 1] == '.');
}

// A steered name has addresses of its own, so it cannot be an alias (RFC 1034 3.6.2), and who asks
// for it is not sent to another server. `at`: where each zone's file is named.
void refuse_what_hides_steered_names(std::span<const Mark> at, Building& b) {
  for (const SteeredName& steered : b.plan.names) {
    const Zone* zone = nullptr;  // that answers for it: the longest
    for (const Zone& one : b.plan.zones) {
      if (is_at_or_below(steered.name, one.origin) &&
          (!zone || one.origin.size() > zone->origin.size()))
        zone = &one;
    }
    if (!zone) continue;
    const Mark mark = at[size_t(zone - b.plan.zones.data())];
    std::string_view delegated;  // once, however many servers it names
    for (const wire::dns::Record& record : zone->records) {
      if (record.type == wire::dns::Type::cname && record.owner == steered.name) {
        b.mistakes.add(mark, fmt::format("the zone has a CNAME at {}, whose addresses are steered; "
                                         "take it out",
                                         quoted(steered.name)));
      }
      if (record.type == wire::dns::Type::ns && record.owner != zone->origin &&
          record.owner != delegated && is_at_or_below(steered.name, record.owner)) {
        delegated = record.owner;
        b.mistakes.add(mark, fmt::format("the zone delegates {} by an NS record, but {} is steered "
                                         "here; take it out",
                                         quoted(record.owner), quoted(steered.name)));
      }
    }
  }
}

}  // namespace

void build_edge(const Node& root, Building& b) {
  const Node* edge = root.find("edge");
  Edge& e = b.plan.edge;
  e.enabled = boolean_of(edge, "enabled", e.enabled);
  const std::string viewer = text_of(edge, "viewer_protocol", "allow-all");
  e.viewer_protocol = viewer == "redirect-to-https" ? ViewerProtocol::redirect_to_https
                      : viewer == "https-only"      ? ViewerProtocol::https_only
                                                    : ViewerProtocol::allow_all;
  if (const Node* certificate = edge ? edge->find("certificate") : nullptr) {
    e.cert_file = text_of(certificate, "cert");
    e.key_file = text_of(certificate, "key");
  }
  for (const Node& rule : items_of(edge, "cache")) e.cache.push_back(read_rule(rule, b));
  build_limits(edge, e);
  build_ports(root, b);

  const Node* dns = root.find("dns");
  b.plan.dns.responses_per_second_max =
      uint32_t(integer_of(dns, "responses_per_second_max", b.plan.dns.responses_per_second_max));
  b.plan.dns.nsid = text_of(dns, "nsid");
  if (b.plan.dns.nsid.size() > Dns::kNsidBytesMax) {
    b.mistakes.add(dns->find("nsid")->at, fmt::format("{} bytes; allowed: 1 to {}",
                                                      b.plan.dns.nsid.size(), Dns::kNsidBytesMax));
  }
  b.plan.lanes = unsigned(integer_of(&root, "lanes", 0));
}

void build_zones(const Node& root, const ReadFile& read_file, Building& b) {
  std::vector<Mark> files;
  for (const Node& node : items_of(&root, "zones")) {
    const Node *name = node.find("name"), *file = node.find("file");
    if (!name || !file || name->kind != Node::Kind::scalar || file->kind != Node::Kind::scalar)
      continue;
    const auto origin = parse_host_name(name->text);
    if (!origin) {
      b.mistakes.add(name->at, fmt::format("{}; {}", quoted(name->text), origin.error().what));
      continue;
    }
    if (std::ranges::find(b.plan.zones, *origin, &Zone::origin) != b.plan.zones.end()) {
      b.mistakes.add(name->at, fmt::format("the zone {} is given twice", quoted(*origin)));
    }
    const Result<std::string> text = read_file(file->text);
    if (!text) {
      b.mistakes.add(file->at,
                     fmt::format("{} cannot be read: {}", quoted(file->text), text.error().what));
      continue;
    }
    auto records = wire::dns::load_zone(*text, file->text, *origin);
    if (!records) {
      b.mistakes.add(file->at, fmt::format("not a zone: {}", records.error().what));
      continue;
    }
    b.plan.version = mix64(b.plan.version ^ fnv1a(*text));
    b.plan.zones.push_back({*origin, std::move(*records)});
    files.push_back(file->at);
  }
  refuse_what_hides_steered_names(files, b);
}

}  // namespace sealane::plan
