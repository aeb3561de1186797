// SPDX-License-Identifier: Apache-2.0
// Messages between the nodes of a world: publish and subscribe by subject, requests with answers.
// At most once: what is sent while the other side is away is gone, and who needs more keeps it and
// sends again. NATS on a real machine; a network with delays and cuts in the simulator. The
// embedded default has no peers and delivers to nobody else.
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

// Tokens of letters, digits, `-` and `_` with dots between them; `*` as a token and `>` as the last
// one only where a pattern is asked for.
constexpr bool is_subject(std::string_view text, bool is_pattern = false) {
  constexpr size_t kBytesMax = 256;
  if (text.empty() || text.size() > kBytesMax) return false;
  size_t begin = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != '.') {
      const char c = text[i];
      const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '-' || c == '_';
      if (!plain && !(is_pattern && (c == '*' || c == '>'))) return false;
      continue;
    }
    const std::string_view token = text.substr(begin, i - begin);
    if (token.empty() || (token.size() > 1 && token.find_first_of("*>") != token.npos))
      return false;
    if (token == ">" && i < text.size()) return false;
    begin = i + 1;
  }
  return true;
}

class Fabric {
 public:
  static constexpr size_t kMessageBytesMax = 1 << 20;
  static constexpr size_t kRequestsMax = 4096;        // waiting for their answers
  static constexpr size_t kSendBytesMax = 8 << 20;    // waiting to leave
  // waiting for the lane; what comes beyond is dropped
  static constexpr size_t kReceiveBytesMax = 64 << 20;

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

  // Requests that wait are forgotten, not called. Subscriptions are gone before.
  virtual ~Fabric() = default;

  // `subject` is dot-separated tokens of letters, digits, `-` and `_`; `*` stands for one token,
  // `>` at the end for the rest. Messages of one publisher come in the order in which they were
  // sent (those that come), once for each subscription that matches. A publisher does not hear
  // itself. Handlers run on this lane, never from inside a call. Takes effect a moment later: the
  // server has to hear of it first, and the other regions' servers too.
  [[nodiscard]] virtual std::unique_ptr<Subscription> subscribe(std::string_view subject,
                                                                Handler handler) = 0;
  // Parts are put one behind the other. False when nothing can be sent now (not connected, or too
  // much waiting): the message is dropped. Without `*` and `>` in the subject, and at most
  // kMessageBytesMax: false otherwise.
  virtual bool publish(std::string_view subject, std::span<const std::string_view> parts) = 0;
  bool publish(std::string_view subject, std::string_view bytes) {
    return publish(subject, std::span(&bytes, 1));
  }
  // One answer, or an error: `timeout`; `unavailable` when not connected, or when the server knows
  // that nobody listens; `limit` when kRequestsMax wait already; `invalid` for what publish()
  // refuses. Called on this lane, never from inside. The answer's bytes are valid during the call.
  // Who answers publishes to Message::reply_to.
  virtual void request(std::string_view subject, std::string_view bytes, Duration timeout,
                       std::function<void(Result<std::string_view>)> done) = 0;
  // Connected to the messaging server. Says nothing about peers.
  virtual bool is_connected() const = 0;
};

}  // namespace sealane::port
