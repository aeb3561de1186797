// SPDX-License-Identifier: Apache-2.0
// What the edge knows of the tables: how far this node has come, as a token that clients carry, and waiting until it has come
// as far as a client has seen. So a user whose region has died finds in the next one what was written in the first, though
// neither the user's program nor the agent knows of it. From any lane; answers come on the lane that asked.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "port/lane.h"

namespace sealane::port {

class Sessions {
 public:
  virtual ~Sessions() = default;
  // What this node has applied by now. Cheap: a published text.
  virtual std::string token() = 0;
  // Remembers, here and on the other nodes, that the client of this session (an Mcp-Session-Id) has seen what this node has
  // applied by now: for clients that keep no cookies. At most once, bounded; a lost note costs a wait that is not made.
  virtual void note(std::string_view session) = 0;
  // Calls `done` on `lane`, never from inside, when this node has applied what `token` says and what is known of `session`
  // (either may be empty), or after `timeout`: with how many milliseconds behind it is then (0: not at all). A token that
  // cannot be read is as none.
  virtual void when_reached(Lane& lane, std::string token, std::string session, Duration timeout,
                            std::function<void(uint64_t stale_ms)> done) = 0;
};

}  // namespace sealane::port
