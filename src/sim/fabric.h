// SPDX-License-Identifier: Apache-2.0
// port::Fabric over the simulated network, as nats-servers with gateways behave: a broker a region,
// each joined with all others; a message goes from its node to the node's broker, from there to the
// other brokers, and from these to the subscribers, each way with the delays and faults of its
// links. What is under way when a connection ends is gone. A connection that is cut ends after two
// to three seconds; of a shorter cut the messages come late. After a heal it is back within a
// quarter second and a few round trips.
//
//   world.messaging().add_broker("eu", ip);                  // in the story
//   node.world().messaging().open(node, ip);                 // in a boot function: a port::Fabric
//
// A broker is a Node like any other: kill, freeze, power off and start it as one.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/dice.h"
#include "port/fabric.h"
#include "sim/line.h"
#include "sim/world.h"

namespace sealane::sim {

class FabricImpl;

class Messaging {
 public:
  explicit Messaging(World& world, Dice dice) : world_(world), dice_(dice) {}
  ~Messaging();

  Node& add_broker(std::string name, const IpAddress& ip);
  // Never fails: it connects when the broker is there.
  std::unique_ptr<port::Fabric> open(Node& node, const IpAddress& broker, unsigned lane = 0);

  // Two brokers that have a connection at this moment.
  bool is_joined(const Node& a, const Node& b) const;

 private:
  friend class World;
  friend class FabricImpl;
  // A process as its broker knows it.
  struct Client {
    Node* node;
    IpAddress broker;
    std::shared_ptr<Line> line;                     // the client is end 0
    std::map<uint64_t, std::string> subscriptions;  // as far as the broker has heard
  };
  struct Gateway {
    Node *a, *b;
    std::shared_ptr<Line> line;
  };

  void node_died(const Node& node, bool host_stays);
  Node* broker_at(const IpAddress& ip) const;
  void at_broker(uint64_t client, const Frame& frame);
  void route(uint64_t publisher, const std::shared_ptr<const Envelope>& envelope);
  // To the clients of one broker; true if there was one.
  bool hand_out(const IpAddress& broker, uint64_t publisher,
                const std::shared_ptr<const Envelope>& envelope);
  bool has_listener(const IpAddress& broker, uint64_t publisher, std::string_view subject) const;

  World& world_;
  Dice dice_;
  std::vector<Node*> brokers_;
  std::vector<Gateway> gateways_;
  std::map<uint64_t, Client> clients_;  // in the order in which they came
  uint64_t last_client_ = 0;
};

// `*` stands for one token, `>` at the end for one or more.
bool subject_matches(std::string_view pattern, std::string_view subject);

}  // namespace sealane::sim
