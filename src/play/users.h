// SPDX-License-Identifier: Apache-2.0
// Simulated users near a region: a caching stub resolver and HTTP clients, as faithful as failover
// needs.
//
// The resolver keeps an answer for exactly its TTL, asks the nearest name server first and the next
// one after kAskTimeout. A client connects to the addresses of the answer in order. A request that
// failed is repeated after a pause when that is safe: a GET or a stream (behind its last event)
// always, a POST only while none of it was sent or when the answer says that no agent has seen it.
// Each attempt asks the resolver again, which may hold the old answer still.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "play/scene.h"
#include "port/lane.h"
#include "sim/world.h"

namespace sealane::play {

constexpr Duration kAskTimeout = 400ms;   // for one name server
constexpr unsigned kAsksMax = 8;          // name servers in a row, over and over
constexpr Duration kConnectTimeout = 1s;  // for one address
constexpr Duration kQuickTimeout = 10s;   // for the answer to a GET, and between two events
constexpr Duration kThinkTimeout = 120s;  // for the answer to a POST
constexpr unsigned kAttemptsMax = 10;
constexpr Duration kPauseMin = 100ms;  // before the second attempt; doubles up to kPauseMax
constexpr Duration kPauseMax = 1s;

// One request of one user, from its first attempt to its last.
struct RequestRecord {
  Users::Action action = Users::Action::get;
  Instant began{}, ended{};  // world time
  bool is_over = false, ok = false;
  bool is_repeatable = true;
  unsigned attempts = 0;
  uint16_t status = 0;              // of the last answer
  std::string served_by;            // region
  std::string trouble;              // of the last failed attempt
  std::vector<std::string> unseen;  // attempts whose answer said that no agent has seen them
};

struct UserOptions {
  Users users;
  std::string host;  // the name that they ask for
  uint16_t port = 8080;
  std::vector<SocketAddress> name_servers;  // nearest first
};

class UserGroup final : public sim::Process {
 public:
  UserGroup(sim::Node& node, UserOptions options);
  ~UserGroup() override;

  void begin();  // requests come by chance, `per_second` on average
  void stop();   // no more of them
  void ask_now() { start_request(); }
  const std::vector<std::unique_ptr<RequestRecord>>& records() const { return records_; }
  size_t open_count() const { return calls_.size(); }

 private:
  class Resolver;
  class Call;
  void start_request();
  void next_arrival();

  sim::Node& node_;
  port::Lane& lane_;
  const UserOptions options_;
  std::unique_ptr<Resolver> resolver_;
  std::vector<std::unique_ptr<RequestRecord>> records_;
  std::map<uint64_t, std::unique_ptr<Call>> calls_;
  uint64_t last_call_ = 0;
  bool running_ = false;
  std::unique_ptr<port::Timer> arrivals_;
};

// Asks every name server again and again, caches nothing: what a fresh question would be answered
// now.
struct DnsSample {
  Instant when{};        // world time at which the answer came
  size_t server = 0;     // position in the list of name servers
  bool refused = false;  // an error, or no address
  std::vector<IpAddress> addresses;
  uint32_t ttl_s = 0;
};

class DnsWatcher final : public sim::Process, port::DatagramHandler {
 public:
  using Tell = std::function<void(const DnsSample&)>;
  DnsWatcher(sim::Node& node, std::string host, std::vector<SocketAddress> name_servers,
             Duration period, Tell tell);

 private:
  void on_batch(std::span<port::Datagram> batch) override;
  void ask();

  sim::Node& node_;
  const std::string host_;
  const std::vector<SocketAddress> servers_;
  const Duration period_;
  const Tell tell_;
  uint16_t last_id_ = 0;
  std::unique_ptr<port::DatagramSocket> socket_;
  std::unique_ptr<port::Timer> timer_;
};

}  // namespace sealane::play
