// SPDX-License-Identifier: Apache-2.0
// Regions, their nodes and agents, and how each endpoint is probed.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "plan/building.h"
#include "plan/geography.h"
#include "plan/values.h"

namespace sealane::plan {
namespace {

// A check while the world's, the region's and the agent's words are laid over each other.
struct CheckWords {
  Check check;
  bool type_said = false, timeout_said = false, successes_said = false;
};

CheckWords read_check(const Node* health, CheckWords words, Building& b) {
  if (!health) return words;
  Check& c = words.check;
  const std::string type = text_of(health, "type");
  if (!type.empty()) {
    words.type_said = true;
    c.kind = type == "tcp" ? CheckKind::tcp : type == "https" ? CheckKind::https : CheckKind::http;
  }
  c.path = text_of(health, "path", c.path);
  if (!is_path(c.path.substr(0, c.path.find('?')))) {
    b.mistakes.add(health->find("path")->at,
                   fmt::format("{}; allowed: a path from '/'", quoted(c.path)));
  }
  if (const std::string host = text_of(health, "host"); !host.empty()) {
    const auto name = parse_host_name(host);
    if (name || IpAddress::parse(host)) {
      c.host = name ? *name : host;
    } else {
      b.mistakes.add(health->find("host")->at,
                     fmt::format("{}; {}", quoted(host), name.error().what));
    }
  }
  c.search = text_of(health, "search", c.search);
  if (c.search.size() > 255) {
    b.mistakes.add(health->find("search")->at,
                   fmt::format("{} bytes; allowed: 1 to 255", c.search.size()));
  }
  c.interval = duration_of(health, "interval", c.interval);
  words.timeout_said = words.timeout_said || health->find("timeout") != nullptr;
  c.timeout = duration_of(health, "timeout", c.timeout);
  c.failures = uint8_t(integer_of(health, "failures", c.failures));
  words.successes_said = words.successes_said || health->find("successes") != nullptr;
  c.successes =
      words.successes_said ? uint8_t(integer_of(health, "successes", c.successes)) : c.failures;
  c.inverted = boolean_of(health, "inverted", c.inverted);
  c.disabled = boolean_of(health, "disabled", c.disabled);
  c.tls_verify = boolean_of(health, "tls_verify", c.tls_verify);
  return words;
}

class RegionsBuilder {
 public:
  explicit RegionsBuilder(Building& b) : b_(b) {}

  void build(const Node& root) {
    const CheckWords world = read_check(root.find("health"), {}, b_);
    const Node* regions = root.find("regions");
    if (!regions) return;
    for (const Node::Entry& entry : regions->entries) {
      if (b_.plan.regions.size() == kRegionsMax) break;  // reported by the grammar
      add_region(entry, world);
    }
    default_clients();
    allow_for_distance();
    node_groups();
    if (b_.plan.edge.enabled && !agents_said_ && !b_.plan.regions.empty()) {
      b_.mistakes.add(
          regions->at,
          "no region has agents, so nobody would do the work; allowed: `agents` in a region, or "
          "`edge: { enabled: false }` to steer a name only");
    }
    if (b_.plan.endpoints.size() > kEndpointsMax) {
      b_.mistakes.add(regions->at, fmt::format("{} nodes and agents; allowed: at most {}",
                                               b_.plan.endpoints.size(), kEndpointsMax));
    }
  }

 private:
  void add_region(const Node::Entry& entry, const CheckWords& world) {
    const auto id = RegionId(b_.plan.regions.size());
    b_.plan.regions.push_back({});
    Region& region = b_.plan.regions.back();
    region.name = entry.key;
    region_name(entry);
    region.at = place(entry);
    const CheckWords words = read_check(entry.value.find("health"), world, b_);
    clients_said_.push_back(entry.value.find("clients") != nullptr);
    node_timeout_said_.push_back(words.timeout_said);
    add_nodes(entry, id, words);
    std::set<std::string> urls;
    for (const Node& agent : items_of(&entry.value, "agents"))
      agents_said_ = true, add_agent(agent, id, words, urls);
    for (const Node& prefix : items_of(&entry.value, "clients")) add_clients(prefix, id);
  }

  // A region's name is part of a DNS name: <first label of the domain>-<region>.
  void region_name(const Node::Entry& entry) {
    const std::string& name = entry.key;
    const bool good = std::ranges::all_of(
        name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
    if (!good || name.starts_with('-') || name.ends_with('-') || name.size() > 40) {
      b_.mistakes.add(
          entry.at,
          fmt::format("the region {}; allowed: up to 40 lower-case letters, digits and hyphens",
                      quoted(name)));
      return;
    }
    const std::string_view label =
        std::string_view(b_.plan.domain).substr(0, b_.plan.domain.find('.'));
    if (label.size() + 1 + name.size() > 63 || b_.plan.domain.size() + 1 + name.size() > 253) {
      b_.mistakes.add(
          entry.at,
          fmt::format("the region's own name '{}-{}' is too long; allowed: labels of 63 bytes "
                      "in a name of 253",
                      label, name));
    }
  }

  GeoPoint place(const Node::Entry& entry) {
    if (const Node* at = entry.value.find("at")) {
      if (at->items.size() != 2) return {};
      const auto lat = parse_number(at->items[0].text), lon = parse_number(at->items[1].text);
      if (lat && (*lat < -90 || *lat > 90)) {
        b_.mistakes.add(
            at->items[0].at,
            fmt::format("latitude {}; allowed: -90 to 90, north first, then east", *lat));
      }
      return {lat.value_or(0), lon.value_or(0)};
    }
    if (const auto aws = b_.data.find_aws_region(entry.key)) return b_.data.aws_regions[*aws].at;
    std::vector<std::string_view> names;
    for (const AwsRegion& aws : b_.data.aws_regions) names.push_back(aws.name);
    b_.mistakes.add(
        entry.at,
        fmt::format("{} is no AWS region, so it needs its place; allowed: at: [lat, lon]{}",
                    quoted(entry.key), did_you_mean(entry.key, names)));
    return {};
  }

  void add_nodes(const Node::Entry& entry, RegionId id, const CheckWords& words) {
    const Node* nodes = entry.value.find("nodes");
    if (!nodes) {
      const auto k = uint8_t(index(id) + 1);
      return add_node(IpAddress::v4(127, k, 0, 1), entry.at, id, words);
    }
    for (const Node& node : nodes->items) {
      if (node.kind != Node::Kind::scalar) continue;
      const auto ip = IpAddress::parse(node.text);
      if (ip && !ip->is_unspecified()) {
        add_node(*ip, node.at, id, words);
      } else {
        b_.mistakes.add(node.at,
                        fmt::format("{}; allowed: the IP address of a node, without a port",
                                    quoted(node.text)));
      }
    }
  }

  void add_node(IpAddress ip, Mark at, RegionId region, const CheckWords& words) {
    if (const auto other = b_.plan.find_node(ip)) {
      b_.mistakes.add(
          at, fmt::format("the node {} is given twice, before in region '{}'", ip.to_string(),
                          b_.plan.region(b_.plan.endpoint(*other).region).name));
      return;
    }
    Endpoint e;
    e.kind = EndpointKind::node, e.region = region, e.address = {ip, b_.plan.ports.http};
    e.host = ip.is_v4() ? ip.to_string() : fmt::format("[{}]", ip.to_string());
    e.name = fmt::format("{} node {}", b_.plan.region(region).name, ip.to_string());
    e.check = words.check;
    // Probed end to end, through the node's own plain HTTP port; where `type: tcp` asks for no
    // more, so here.
    if (e.check.kind != CheckKind::tcp) e.check.kind = CheckKind::http;
    b_.plan.regions[index(region)].nodes.push_back(EndpointId(b_.plan.endpoints.size()));
    b_.plan.endpoints.push_back(std::move(e));
  }

  void add_agent(const Node& node, RegionId region, const CheckWords& of_region,
                 std::set<std::string>& urls) {
    const Node* text = node.kind == Node::Kind::scalar ? &node : node.find("url");
    if (!text || text->kind != Node::Kind::scalar) return;
    const auto url = parse_url(text->text);
    if (!url) {
      b_.mistakes.add(text->at, fmt::format("{}; {}", quoted(text->text), url.error().what));
      return;
    }
    Endpoint e;
    e.kind = EndpointKind::agent, e.region = region,
    e.address = {url->ip.value_or(IpAddress()), url->port};
    e.tls = url->tls, e.host = url->authority, e.base_path = url->path;
    const std::string full =
        fmt::format("http{}://{}{}", url->tls ? "s" : "", url->authority, url->path);
    e.name = fmt::format("{} agent {}", b_.plan.region(region).name, full);
    if (!urls.insert(full).second) {
      b_.mistakes.add(text->at, fmt::format("the agent {} is given twice in this region", full));
    }
    if (url->ip && b_.plan.find_node(*url->ip) &&
        (url->port == b_.plan.ports.http || url->port == b_.plan.ports.https)) {
      b_.mistakes.add(
          text->at,
          fmt::format("the agent {} is a Sealane node's own address; allowed: where the agent "
                      "itself listens",
                      full));
    }
    const CheckWords words = read_check(node.find("health"), of_region, b_);
    e.check = words.check;
    if (!words.type_said) e.check.kind = url->tls ? CheckKind::https : CheckKind::http;
    Agent agent{EndpointId(b_.plan.endpoints.size()), {}};
    for (const Node& word : items_of(&node, "run")) agent.run.push_back(word.text);
    b_.plan.regions[index(region)].agents.push_back(agent.endpoint);
    b_.plan.agents.push_back(std::move(agent));
    b_.plan.endpoints.push_back(std::move(e));
  }

  void add_clients(const Node& node, RegionId region) {
    if (node.kind != Node::Kind::scalar) return;
    const auto prefix = Prefix::parse(node.text);
    if (!prefix) {
      b_.mistakes.add(node.at,
                      fmt::format("{}; allowed: a prefix as 192.0.2.0/24 or 2001:db8::/32{}",
                                  quoted(node.text), masked_hint(node.text)));
      return;
    }
    const auto [other, fresh] = claimed_.try_emplace(prefix->to_string(), region);
    if (!fresh && other->second != region) {
      b_.mistakes.add(node.at,
                      fmt::format("the clients {} are claimed twice, before by region '{}'",
                                  prefix->to_string(), b_.plan.region(other->second).name));
    }
    if (fresh) b_.plan.regions[index(region)].clients.push_back(*prefix);
  }

  static std::string masked_hint(std::string_view text) {
    const size_t slash = text.find('/');
    if (slash == text.npos) return "";
    const auto ip = IpAddress::parse(text.substr(0, slash));
    const auto length = parse_integer(text.substr(slash + 1));
    if (!ip || !length || *length < 0 || *length > int64_t(ip->bits())) return "";
    return fmt::format("; did you mean '{}'?", Prefix::of(*ip, unsigned(*length)).to_string());
  }

  // A world on one machine has a loopback /16 for each region, and its users with it.
  void default_clients() {
    auto block = [](IpAddress ip) {
      return Prefix::of(ip, ip.is_v4() && ip.is_loopback() ? 16 : ip.bits());
    };
    for (size_t i = 0; i < b_.plan.regions.size(); ++i) {
      Region& region = b_.plan.regions[i];
      if (clients_said_[i]) continue;
      for (const EndpointId id : region.nodes) {
        const IpAddress ip = b_.plan.endpoint(id).address.ip;
        const bool shared = std::ranges::any_of(b_.plan.endpoints, [&](const Endpoint& e) {
          return e.kind == EndpointKind::node && index(e.region) != i &&
                 block(ip).contains(e.address.ip);
        });
        const Prefix prefix = shared ? Prefix::of(ip, ip.bits()) : block(ip);
        if (claimed_.try_emplace(prefix.to_string(), RegionId(i)).second)
          region.clients.push_back(prefix);
      }
    }
  }

  // A probe of a far node takes two round trips (connect, answer). Where the timeout is left to us,
  // three of the longest estimate fit, so that distance alone never takes a region down. Loopback
  // has no distance.
  void allow_for_distance() {
    for (Endpoint& e : b_.plan.endpoints) {
      if (e.kind != EndpointKind::node || e.address.ip.is_loopback() ||
          node_timeout_said_[index(e.region)])
        continue;
      for (const Region& from : b_.plan.regions) {
        const Estimate estimate = region_estimate(b_.data, from, b_.plan.region(e.region));
        const Duration fits = std::chrono::ceil<std::chrono::duration<int64_t, std::centi>>(
            std::chrono::microseconds(3 * int64_t{estimate.rtt_us}));
        e.check.timeout = std::max(e.check.timeout, fits);
      }
    }
  }

  void node_groups() {
    for (Region& region : b_.plan.regions) {
      Group group = make_group(fmt::format("region {}", region.name), Policy::simple);
      const auto id = RegionId(&region - b_.plan.regions.data());
      for (const EndpointId node : region.nodes) {
        group.members.push_back(
            {.kind = Member::Kind::endpoint, .target = uint16_t(node), .region = id});
      }
      region.node_group = GroupId(b_.plan.groups.size());
      b_.plan.groups.push_back(std::move(group));
    }
  }

  Building& b_;
  std::vector<bool> clients_said_, node_timeout_said_;  // by RegionId
  bool agents_said_ = false;                            // in any region, well or badly
  std::map<std::string, RegionId> claimed_;             // prefixes of clients
};

}  // namespace

void build_regions(const Node& root, Building& b) { RegionsBuilder(b).build(root); }

}  // namespace sealane::plan
