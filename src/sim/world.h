// SPDX-License-Identifier: Apache-2.0
// port/ in seeded virtual time: hosts, a network between them, and faults. Roles run on it
// unchanged, one thread for the whole world; the same seed gives the same run, event by event (see
// trace_hash()).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dice.h"
#include "base/hash.h"
#include "base/ip.h"
#include "base/time.h"
#include "port/lane.h"
#include "sim/events.h"
#include "sim/link.h"

namespace sealane::sim {

class World;
class Node;
class LaneImpl;
class NetImpl;
class Connection;
class Disk;
class Messaging;

struct WorldOptions {
  uint64_t seed = 1;
  Links::RoundTrip round_trip = [](const IpAddress&, const IpAddress&) { return Duration(1ms); };
  double jitter = 0.05;
  Duration give_up = 60s;  // unacknowledged bytes break a connection (Linux: tcp_retries2)
  size_t send_buffer_bytes = 256 << 10;
  size_t receive_buffer_bytes = 256 << 10;
  size_t datagrams_max = 1024;  // waiting in a socket for its process
  WallTime start{std::chrono::sys_days{std::chrono::January / 1 / 2030}};
  size_t trace_max = 0;  // how many of the last events are kept as text
};

// What runs on a node: built by its boot function, destroyed when the node is killed.
class Process {
 public:
  virtual ~Process() = default;
};

struct NodeOptions {
  std::string name;
  std::vector<IpAddress> addresses;  // the first is the source of what it sends
  unsigned lane_count = 1;
  std::function<std::unique_ptr<Process>(Node&)>
      boot{};  // may be empty: the node is driven from outside
};

enum class NodeState : uint8_t { running, frozen, killed, off };

class Node {
 public:
  ~Node();
  const std::string& name() const { return options_.name; }
  const IpAddress& address() const { return options_.addresses.front(); }
  std::span<const IpAddress> addresses() const { return options_.addresses; }
  NodeState state() const { return state_; }
  World& world() const { return world_; }
  port::Lane& lane(unsigned index = 0);
  unsigned lane_count() const { return unsigned(lanes_.size()); }
  LaneImpl& lane_impl(unsigned index) { return *lanes_[index]; }
  Process* process() const { return process_.get(); }
  // Where a boot function opens its store; keeps what is written when the process dies.
  Disk& disk() { return *disk_; }
  // This node's monotonic clock starts at a point of its own; instants of two nodes cannot be
  // compared.
  Instant local(Instant world_time) const { return world_time + clock_offset_; }
  Instant world_time(Instant local_time) const { return local_time - clock_offset_; }
  // How often the machine was switched on: a power cut ends one boot, a kill does not.
  unsigned boot_count() const { return boot_count_; }
  // What the process holds open: for leak checks.
  size_t stream_count() const { return stream_count_; }
  size_t timer_count() const { return timer_count_; }

 private:
  friend class World;
  friend class LaneImpl;
  friend class NetImpl;
  friend class Connection;
  friend class StreamImpl;
  friend class TimerImpl;
  Node(World& world, NodeOptions options, uint32_t id);

  World& world_;
  NodeOptions options_;
  uint32_t id_;
  NodeState state_ = NodeState::running;
  unsigned boot_count_ = 1;
  uint64_t life_ = 0;  // counts kills: what was scheduled for an earlier life is dropped
  Duration clock_offset_{};
  Duration wall_offset_{};
  std::deque<Action> deferred_;  // what a frozen process has still to do
  std::vector<std::unique_ptr<LaneImpl>> lanes_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Process> process_;
  std::map<uint64_t, std::weak_ptr<Connection>> connections_;
  size_t stream_count_ = 0, timer_count_ = 0;
};

class World {
 public:
  explicit World(WorldOptions options);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Node& add_node(NodeOptions options);  // and boots it
  // The nodes at this address: several are processes of one host that fail apart.
  std::span<Node* const> at(const IpAddress& ip) const;
  std::span<const std::unique_ptr<Node>> nodes() const { return nodes_; }

  // ── time ──
  Instant now() const { return now_; }   // since the world began, in world time
  void at(Instant when, Action action);  // an event of the story: a fault, a look around
  void run_until(Instant end);
  void run_for(Duration time) { run_until(now_ + time); }
  // Runs until `done` holds (looked at after each event) or `end` is reached; true: it holds.
  bool run_until(const std::function<bool()>& done, Instant end);

  // Runs on the node's process at `when`, later when it is frozen then, never when it has died
  // meanwhile.
  void on_process(Node& node, Instant when, Action action);

  // ── faults of a node ──
  void kill(Node& node);       // SIGKILL: connections are reset, nobody listens
  void power_off(Node& node);  // the host vanishes without a word; what is sent to it is lost
  void start(Node& node);      // boots a killed or powered-off node again
  void freeze(Node& node);     // SIGSTOP: the kernel goes on, the process does nothing
  void thaw(Node& node);       // SIGCONT: late timers fire, what came in meanwhile is read
  void jump_wall(Node& node, Duration by) { node.wall_offset_ += by; }

  // ── faults of the network ──
  Links& links() { return links_; }
  const Links& links() const { return links_; }
  // Both ways between two sets of hosts.
  std::pair<ImpairmentId, ImpairmentId> cut(const Hosts& a, const Hosts& b);
  // Between the nodes: port::Fabric and its brokers.
  Messaging& messaging() { return *messaging_; }
  // Every address of a node.
  static Hosts hosts(const Node& node);

  // ── evidence ──
  uint64_t trace_hash() const { return trace_hash_; }
  uint64_t event_count() const { return event_count_; }
  std::string trace() const;  // the last events as text, oldest first
  void note(std::string_view who, std::string_view text);
  void record(uint64_t what) { trace_hash_ = mix64(trace_hash_ ^ what); }
  bool is_tracing() const { return options_.trace_max > 0; }
  const WorldOptions& options() const { return options_; }

 private:
  friend class Node;
  friend class LaneImpl;
  friend class NetImpl;
  friend class Connection;
  friend class StreamImpl;
  friend class TimerImpl;
  void end_life(Node& node, bool host_stays);
  void step();

  WorldOptions options_;
  Dice dice_;
  Links links_;
  Events events_;
  std::unique_ptr<Messaging> messaging_;
  Instant now_{};
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<IpAddress, std::vector<Node*>> by_address_;
  uint64_t trace_hash_ = 0;
  uint64_t event_count_ = 0;
  uint64_t last_connection_ = 0;
  std::deque<std::string> trace_;
  bool closing_ = false;
};

}  // namespace sealane::sim
