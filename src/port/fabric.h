// SPDX-License-Identifier: Apache-2.0
// Messages between the nodes of a world: publish and subscribe by subject, requests with answers. At most once: what
// is sent while the other side is away is gone, and who needs more keeps it and sends again. NATS on a real machine;
// a network with delays and cuts in the simulator. The embedded default has no peers and delivers to nobody else.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace sealane::port {

class Fabric {
 public:
  static constexpr size_t kMessageBytesMax = 1 << 20;

  struct Message {
    std::string_view subject;
    std::string_view reply_to;  // where an answer goes; empty: none is wanted
    std::string_view bytes;     // valid during the call only
  };
  using Handler = std::function<void(const Message&)>;

  // Ends the subscription when destroyed; the handler is not called afterwards.
  class Subscription {
   public:
    virtual ~Subscription() = default;
  };

  virtual ~Fabric() = default;

  // `subject` is dot-separated tokens of letters, digits, `-` and `_`; `*` stands for one token, `>` at the end for
  // the rest. Messages of one publisher come in the order in which they were sent (those that come). A publisher
  // does not hear itself. Handlers run on this lane, never from inside a call.
  [[nodiscard]] virtual std::unique_ptr<Subscription> subscribe(std::string_view subject, Handler handler) = 0;
  // Parts are put one behind the other. False when nothing can be sent now (not connected, or too much waiting):
  // the message is dropped.
  virtual bool publish(std::string_view subject, std::span<const std::string_view> parts) = 0;
  bool publish(std::string_view subject, std::string_view bytes) { return publish(subject, std::span(&bytes, 1)); }
  // One answer, or `timeout`, or `unavailable`. The answer's bytes are valid during the call.
  virtual void request(std::string_view subject, std::string_view bytes, Duration timeout,
                       std::function<void(Result<std::string_view>)> done) = 0;
  // Connected to the messaging server. Says nothing about peers.
  virtual bool is_connected() const = 0;
};

}  // namespace sealane::port
