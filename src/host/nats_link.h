// SPDX-License-Identifier: Apache-2.0
// One connection to a nats-server and the thread that owns it. The library (cnats) may block in any
// call and calls back on threads of its own; here both ends are turned into bounded queues, so that
// a lane neither waits for it nor hears from it between two turns.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/thread_annotations.h"
#include "base/time.h"
#include "port/lane.h"

// The library's own names; only the .cpp knows them.
extern "C" {
typedef struct __natsConnection natsConnection;
typedef struct __natsOptions natsOptions;
typedef struct __natsSubscription natsSubscription;
typedef struct __natsMsg natsMsg;
}

namespace sealane::host {

struct NatsOptions {
  std::vector<std::string> servers;  // nats://127.0.0.1:4222 or tls://...; tried in turn
  std::string name;                  // of this client, for the server's operator
  std::string user, password;        // or:
  std::string token;
  std::string ca_file, cert_file, key_file;  // PEM; a ca_file turns TLS on
  std::string
      tls_name;  // in the server's certificate; needed when its URL has an address for a host
  Duration connect_timeout = 1s;
  Duration ping_interval = 1s;  // the third that finds two unanswered ends the connection
  Duration reconnect_wait = 100ms;
  Duration reconnect_jitter = 50ms;  // and 150 ms with TLS, which costs the server more
};

struct NatsMessageFree {
  void operator()(natsMsg* message) const;
};
using NatsMessage = std::unique_ptr<natsMsg, NatsMessageFree>;
// Views into the message.
struct NatsMessageParts {
  std::string_view subject, reply_to, bytes;
  bool nobody_listens;  // the server's answer to a request without listeners
};
NatsMessageParts parts_of(const NatsMessage& message);

class NatsLink {
 public:
  static constexpr size_t kBatchMax = 512;  // messages handed to the lane in one turn

  // What the lane takes out in one turn.
  struct Arrived {
    uint64_t subscription;
    NatsMessage message;
  };
  struct News {
    std::vector<Arrived> messages;
    bool connection_lost = false;  // since the last time
    uint64_t dropped_count = 0;    // for want of room, since the last time
    std::string error;             // the last one, in words; empty: none since the last time
  };

  // Fails only for what can never work (a bad URL, certificates that cannot be read); it connects
  // when a server is there. `wake` is posted to the inbox when there are news for the lane.
  static Result<std::unique_ptr<NatsLink>> open(const NatsOptions& options, port::Inbox& inbox,
                                                std::function<void()> wake);
  ~NatsLink();  // sends what waits, if it can at once, and disconnects
  NatsLink(const NatsLink&) = delete;
  NatsLink& operator=(const NatsLink&) = delete;

  // From the lane; none of them waits.
  bool is_connected() const { return shared_->connected.load(std::memory_order_relaxed); }
  bool publish(std::string_view subject, std::string_view reply_to,
               std::span<const std::string_view> parts);
  void subscribe(uint64_t subscription, std::string_view subject);
  void unsubscribe(uint64_t subscription);
  News take();

 private:
  // One thing for the library to do; its words stand in `Orders::text`, each with a zero behind it.
  struct Order {
    enum class Kind : uint8_t { publish, subscribe, unsubscribe } kind;
    uint32_t subject_bytes;
    uint32_t reply_bytes;
    size_t payload_bytes;
    uint64_t subscription;
  };
  struct Orders {
    std::vector<Order> list;
    std::string text;
    size_t publish_bytes = 0;
  };
  // Seen by the lane, our thread and the library's threads.
  struct Shared {
    explicit Shared(port::Inbox& lane_inbox) : inbox(&lane_inbox) {}
    Mutex mu;
    std::condition_variable_any wake;
    Orders orders SL_GUARDED_BY(mu);
    std::deque<Arrived> arrived SL_GUARDED_BY(mu);
    size_t arrived_bytes SL_GUARDED_BY(mu) = 0;
    uint64_t dropped_count SL_GUARDED_BY(mu) = 0;
    bool connection_lost SL_GUARDED_BY(mu) = false;
    std::string error SL_GUARDED_BY(mu);
    bool lane_knows SL_GUARDED_BY(mu) = false;   // it has been woken and has not looked yet
    bool wake_failed SL_GUARDED_BY(mu) = false;  // the inbox was full: our thread tries again
    bool closed SL_GUARDED_BY(mu) = false;       // the library gave the connection up
    bool stopping SL_GUARDED_BY(mu) = false;
    Mutex state_mu;  // around asking the library how it is and noting it down; it may wait, the
                     // lane does not
    std::atomic<bool> connected{false};
    port::Inbox* const inbox;  // not touched once stopping
    std::function<void()> tell_lane;

    void wake_lane() SL_REQUIRES(mu);
  };
  struct Callbacks;
  struct OptionsFree {
    void operator()(natsOptions* options) const;
  };
  using OptionsPtr = std::unique_ptr<natsOptions, OptionsFree>;

  NatsLink(OptionsPtr options, std::shared_ptr<Shared> shared);
  void run();
  void connect();
  void disconnect();
  void carry_out(const Orders& orders);
  void subscribe_now(uint64_t subscription, const std::string& subject);

  const OptionsPtr options_;
  const std::shared_ptr<Shared> shared_;
  // Of the thread:
  natsConnection* connection_ = nullptr;
  std::map<uint64_t, std::pair<std::string, natsSubscription*>> subscriptions_;
  std::thread thread_;
};

}  // namespace sealane::host
