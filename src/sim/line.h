// SPDX-License-Identifier: Apache-2.0
// A connection that carries messages: of a process to its broker, or of two brokers. It keeps
// order, sends again what a lossy way dropped, finds out by pings that its other end is gone, and
// connects anew by itself. Both ends see it go up and down at the same moment.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "base/dice.h"
#include "base/ip.h"
#include "base/time.h"

namespace sealane::sim {

class Node;
class World;

// What is published, shared by all who get it.
struct Envelope {
  std::string subject, reply_to, bytes;
};

struct Frame {
  enum class Kind : uint8_t { message, subscribe, unsubscribe, nobody_listens };
  Kind kind = Kind::message;
  uint64_t subscription = 0;
  std::shared_ptr<const Envelope> envelope;  // subscribe: the subject is its subject
  size_t bytes() const { return envelope ? envelope->subject.size() + envelope->bytes.size() : 0; }
};

class Line : public std::enable_shared_from_this<Line> {
 public:
  // As nats-server and its client are configured here: a ping each second, and the third that finds
  // two unanswered ends the connection.
  static constexpr Duration kPing = 1s;
  static constexpr int kUnansweredMax = 2;
  // Between two attempts to connect; and until TCP sends again what was lost.
  static constexpr Duration kRetryLeast = 100ms, kRetryMost = 250ms;
  static constexpr size_t kHeldBytesMax = 64u << 20;  // then the broker drops the slow end

  struct End {
    IpAddress ip;
    std::function<Node*()> node;                // null: nobody there
    std::function<void(const Frame&)> arrived;  // on the node's process
  };
  Line(World& world, Dice dice, End a, End b, std::function<void(bool up)> changed);

  void begin();  // connects
  void close();  // for good; nothing is called afterwards
  bool is_up() const { return up_; }
  // From this end to the other. False: it is not up.
  bool send(int from, Frame frame);
  size_t held_bytes(int from) const { return sides_[size_t(from)].held_bytes; }
  // One of the ends has died. `said`: its kernel told the other end; else only pings find out.
  void end_died(bool said);

 private:
  struct Side {
    End end;
    Instant last_arrival{};
    std::deque<Frame> held;  // sent, lost, to be sent again; and what came behind it
    size_t held_bytes = 0;
    bool retry_queued = false;
  };
  bool is_passable() const;
  void connect_after(Duration wait);
  void go_down();
  void ping();
  bool transmit(int from, const Frame& frame);
  void hold(int from, Frame frame);
  void send_again(int from);
  void arrive(int to, const Frame& frame);
  Duration retry_time();

  World& world_;
  Dice dice_;
  std::array<Side, 2> sides_;
  const std::function<void(bool)> changed_;
  bool up_ = false, closed_ = false, an_end_is_dead_ = false;
  int unanswered_count_ = 0;
  uint64_t generation_ = 0;  // counts what happened to it: events of an earlier one are dropped
};

}  // namespace sealane::sim
