// SPDX-License-Identifier: Apache-2.0
// What a request is for, before anybody is asked: which service its Host names, which cache rule
// its path falls under, and whether the viewer protocol lets it in. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "plan/plan.h"
#include "wire/http/head.h"

namespace sealane::edge {

// The names that a node answers to, made once per plan.
class Hosts {
 public:
  static constexpr size_t kHostBytesMax = 255;  // RFC 1035 2.3.4
  explicit Hosts(const plan::Plan& plan);
  // `host`: as the client sent it, with or without a port, any case. A node's address, and a
  // request without a Host, mean the public name. nullopt: 421.
  std::optional<plan::GroupId> find(std::string_view host) const;

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  std::unordered_map<std::string, plan::GroupId, Hash, std::equal_to<>> names_;
  plan::GroupId public_group_{};
};

// The host of an authority: "a.example:8080" -> "a.example", "[::1]:80" -> "[::1]".
std::string_view without_port(std::string_view authority);

// The first rule that matches the path (query not looked at), or nullptr: pass.
const plan::CacheRule* find_rule(const std::vector<plan::CacheRule>& rules, std::string_view path);

enum class Gate : uint8_t { open, redirect, forbid };
// `exempt`: from a node of the plan, or a probe.
Gate viewer_gate(plan::ViewerProtocol protocol, bool tls, bool exempt);
// CloudFront's table: GET and HEAD 301, the others 307 so that method and body survive.
constexpr uint16_t redirect_status(wire::http::Method method) {
  return method == wire::http::Method::get || method == wire::http::Method::head ? 301 : 307;
}
std::string https_location(std::string_view host, uint16_t https_port, std::string_view target);

// "/a" of "/a?b".
constexpr std::string_view path_of(std::string_view target) {
  return target.substr(0, target.find('?'));
}

}  // namespace sealane::edge
