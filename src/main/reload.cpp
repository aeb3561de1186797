// SPDX-License-Identifier: Apache-2.0
#include "main/reload.h"

#include <string_view>
#include <vector>

namespace sealane::main {

std::string waits_for_restart(const plan::Plan& running, const plan::Plan& fresh) {
  std::string all;
  const auto compare = [&all](std::string_view key, const auto& old_value, const auto& new_value) {
    if (old_value == new_value) return;
    if (!all.empty()) all += ", ";
    all += key;
  };
  const plan::Ports &was = running.ports, &is = fresh.ports;
  compare("ports.dns", was.dns, is.dns);
  compare("ports.http", was.http, is.http);
  compare("ports.https", was.https, is.https);
  compare("ports.metrics", was.metrics, is.metrics);
  compare("ports.state", was.state, is.state);
  compare("ports.nats", was.nats, is.nats);
  compare("ports.gateway", was.gateway, is.gateway);
  compare("lanes", running.lanes, fresh.lanes);
  compare("edge.enabled", running.edge.enabled, fresh.edge.enabled);
  compare("edge.cache_bytes_max", running.edge.cache_bytes_max, fresh.edge.cache_bytes_max);
  const plan::State &kept = running.state, &keeps = fresh.state;
  compare("state", kept.enabled, keeps.enabled);
  compare("state.engine", kept.is_handed(), keeps.is_handed());
  if (kept.is_handed() && keeps.is_handed())
    compare("state.endpoint", kept.endpoints, keeps.endpoints);
  compare("state.durability", kept.fsync, keeps.fsync);
  compare("state.cache_bytes_max", kept.cache_bytes_max, keeps.cache_bytes_max);
  compare("state.log_bytes_max", kept.log_bytes_max, keeps.log_bytes_max);
  compare("state.stale_after", kept.stale_after, keeps.stale_after);
  compare("state.clock_ahead_max", kept.clock_ahead_max, keeps.clock_ahead_max);
  return all;
}

}  // namespace sealane::main
