// SPDX-License-Identifier: Apache-2.0
// What the edge knows of the tables: how far this node has come, as a token that clients carry, and
// waiting until it has come as far as a client has seen. So a user whose region has died finds in
// the next one what was written in the first, though neither the user's program nor the agent knows
// of it. From any lane; answers come on the lane that asked.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "port/lane.h"

namespace sealane::port {

class Sessions {
 public:
  static constexpr size_t kSessionBytesMax = 256;

  virtual ~Sessions() = default;
  // What a client has seen that had seen `seen` and is now answered by this node: the two joined.
  // Cheap, no lock.
  virtual std::string token(std::string_view seen) = 0;
  // True: all that `token` says is applied here. Cheap, no lock. What cannot be read says nothing.
  virtual bool has_reached(std::string_view token) = 0;
  // Remembers, here and on the other nodes, that the client of this session (an Mcp-Session-Id) has
  // seen what this node has applied by now: for clients that keep no cookies. At most once,
  // bounded; a lost note costs a wait that is not made. `session`: a name that the client will
  // bring again, of at most kSessionBytesMax; longer ones are not noted.
  virtual void note(std::string_view session) = 0;
  // A name for the session of a stream that begins at this node: others can tell by it whom to ask
  // as long as nothing is noted of it. `random` tells streams apart.
  virtual std::string stream_session(uint32_t random) = 0;
  struct Reached {
    uint64_t stale_ms = 0;  // behind what was asked for; 0: not at all
    std::string ahead;      // when behind: a region that says it has it; empty: none is known
  };
  // Calls `done` on `lane`, never from inside, when this node has applied what `token` says and
  // what is known of `session` (either may be empty), or after `timeout`. A token that cannot be
  // read is as none. Of a stream_session() of which nothing is noted, the node that named it is
  // asked; when it does not answer, what is here counts as behind.
  virtual void when_reached(Lane& lane, std::string token, std::string session, Duration timeout,
                            std::function<void(const Reached&)> done) = 0;
};

}  // namespace sealane::port
