// SPDX-License-Identifier: Apache-2.0
#include "edge/hit.h"

#include <array>

#include "cache/answer.h"

namespace sealane::edge {

std::string_view send_stored(Context& context, ClientConnection& client,
                             const cache::Stored& stored, const cache::Asked& asked,
                             std::string_view x_cache) {
  cache::Tail tail;
  const cache::Answer answer = cache::answer(stored, asked, context.lane.clock.wall(), tail);
  tail.add("Age", cache::age_s(stored.freshness, stored.got_at, context.now()));
  if (answer.status >= 400) x_cache = "Error";
  tail.raw("X-Cache: ");
  tail.raw(x_cache);
  tail.raw(" from sealane\r\nServer-Timing: cache;desc=");
  tail.raw(x_cache);
  tail.raw("\r\n");
  tail.add("Sealane-Region", context.region_name());
  tail.raw(connection_line(client.viewer(), client.viewer().keep_alive));
  tail.raw("\r\n");
  const std::string_view now = answer.body.substr(0, ClientConnection::kBacklogMax);
  context.count.count_status(answer.status);
  client.write(std::array<std::string_view, 4>{answer.head, answer.more_head, tail.view(), now});
  return answer.body.substr(now.size());
}

cache::Rule rule_of(const plan::CacheRule& rule) {
  using Mode = plan::CacheRule::Mode;
  return {.mode = rule.mode == Mode::clamp     ? cache::Rule::Mode::clamp
                  : rule.mode == Mode::rfc9111 ? cache::Rule::Mode::rfc9111
                                               : cache::Rule::Mode::pass,
          .ttl_min = rule.ttl_min,
          .ttl_default = rule.ttl_default,
          .ttl_max = rule.ttl_max,
          .ttl_min_overrides_private = rule.ttl_min_overrides_private};
}

}  // namespace sealane::edge
