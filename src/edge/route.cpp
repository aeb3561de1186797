// SPDX-License-Identifier: Apache-2.0
#include "edge/route.h"

#include <array>

namespace sealane::edge {

std::string_view without_port(std::string_view authority) {
  if (authority.starts_with('[')) {
    const size_t end = authority.find(']');
    return end == std::string_view::npos ? authority : authority.substr(0, end + 1);
  }
  return authority.substr(0, authority.find(':'));
}

Hosts::Hosts(const plan::Plan& plan) : public_group_(plan.public_group) {
  for (const plan::SteeredName& name : plan.names) names_.emplace(name.name, name.group);
  names_.emplace(plan.domain, plan.public_group);
  for (const plan::Endpoint& endpoint : plan.endpoints) {
    if (endpoint.kind != plan::EndpointKind::node) continue;
    const std::string text = endpoint.address.ip.to_string();
    names_.emplace(endpoint.address.ip.is_v4() ? text : "[" + text + "]", plan.public_group);
  }
}

std::optional<plan::GroupId> Hosts::find(std::string_view host) const {
  host = without_port(host);
  if (host.empty()) return public_group_;
  if (host.ends_with('.')) host.remove_suffix(1);
  std::array<char, kHostBytesMax> text;
  if (host.size() > text.size()) return std::nullopt;
  for (size_t i = 0; i < host.size(); ++i) text[i] = wire::http::lower(host[i]);
  const auto found = names_.find(std::string_view(text.data(), host.size()));
  if (found == names_.end()) return std::nullopt;
  return found->second;
}

const plan::CacheRule* find_rule(const std::vector<plan::CacheRule>& rules, std::string_view path) {
  for (const plan::CacheRule& rule : rules) {
    std::string_view pattern = rule.pattern;
    if (pattern.ends_with('*')) {
      pattern.remove_suffix(1);
      if (path.starts_with(pattern)) return &rule;
    } else if (path == pattern) {
      return &rule;
    }
  }
  return nullptr;
}

Gate viewer_gate(plan::ViewerProtocol protocol, bool tls, bool exempt) {
  if (tls || exempt) return Gate::open;
  switch (protocol) {
    case plan::ViewerProtocol::allow_all: return Gate::open;
    case plan::ViewerProtocol::redirect_to_https: return Gate::redirect;
    case plan::ViewerProtocol::https_only: return Gate::forbid;
  }
  return Gate::open;
}

std::string https_location(std::string_view host, uint16_t https_port, std::string_view target) {
  std::string out = "https://";
  out.append(without_port(host));
  if (https_port != 443) out.append(":").append(std::to_string(https_port));
  out.append(target == "*" ? "/" : target);
  return out;
}

}  // namespace sealane::edge
