// SPDX-License-Identifier: Apache-2.0
#include "play/drill/node_status.h"

#include <nlohmann/json.hpp>

namespace sealane::play::drill {
namespace {

using nlohmann::json;

// The member, or the default when it is missing or of another type: a newer node may say more or
// less.
template <typename T>
T read(const json& object, const char* member, T fallback) {
  const auto at = object.find(member);
  if (at == object.end()) return fallback;
  if constexpr (std::is_same_v<T, bool>) {
    return at->is_boolean() ? at->get<bool>() : fallback;
  } else if constexpr (std::is_same_v<T, double>) {
    return at->is_number() ? at->get<double>() : fallback;
  } else {
    return at->is_string() ? at->get<std::string>() : fallback;
  }
}

}  // namespace

Result<NodeStatus> parse_status(std::string_view text) {
  if (text.size() > kStatusBytesMax) return fail(Code::limit, "/status is longer than 8 MiB");
  const json document = json::parse(text, nullptr, false);
  if (!document.is_object()) return fail(Code::invalid, "/status is not a JSON object");
  const auto endpoints = document.find("endpoints");
  if (endpoints == document.end() || !endpoints->is_array()) {
    return fail(Code::invalid, "/status has no list of endpoints");
  }
  NodeStatus status{.ready = read(document, "ready", false),
                    .plan = read(document, "plan", std::string{})};
  for (const json& e : *endpoints) {
    const auto id = e.is_object() ? e.find("id") : e.end();
    if (!e.is_object() || id == e.end() || !id->is_number_unsigned() ||
        id->get<uint64_t>() > UINT16_MAX) {
      return fail(Code::invalid, "an endpoint in /status has no number");
    }
    status.endpoints.push_back({.id = id->get<uint32_t>(),
                                .healthy = read(e, "healthy", false),
                                .known = read(e, "known", true),
                                .last = read(e, "last", std::string{}),
                                .since_ms = read(e, "since_ms", 0.0)});
  }
  return status;
}

}  // namespace sealane::play::drill
