// SPDX-License-Identifier: Apache-2.0
#include "sim/line.h"

#include <algorithm>
#include <utility>

#include "sim/world.h"

namespace sealane::sim {

Line::Line(World& world, Dice dice, End a, End b, std::function<void(bool)> changed)
    : world_(world), dice_(dice), changed_(std::move(changed)) {
  sides_[0].end = std::move(a);
  sides_[1].end = std::move(b);
}

// ── up and down ──────────────────────────────────────────────────────────────────────────────────

Duration Line::retry_time() {
  return kRetryLeast + Duration(dice_.below(uint64_t((kRetryMost - kRetryLeast).count())));
}

bool Line::is_passable() const {
  for (const Side& side : sides_) {
    const Node* node = side.end.node();
    if (node == nullptr || node->state() != NodeState::running) return false;
  }
  const IpAddress &a = sides_[0].end.ip, &b = sides_[1].end.ip;
  return !world_.links().is_cut(a, b) && !world_.links().is_cut(b, a);
}

void Line::begin() { connect_after(Duration::zero()); }

void Line::connect_after(Duration wait) {
  world_.at(world_.now() + wait, [self = weak_from_this(), mine = ++generation_] {
    const auto line = self.lock();
    if (!line || line->generation_ != mine) return;
    if (!line->is_passable()) return line->connect_after(line->retry_time());
    // TCP's handshake, and CONNECT behind it.
    const Duration round_trip =
        line->world_.links().round_trip(line->sides_[0].end.ip, line->sides_[1].end.ip);
    line->world_.at(line->world_.now() + round_trip * 3 / 2, [self, mine] {
      const auto there = self.lock();
      if (!there || there->generation_ != mine) return;
      if (!there->is_passable()) return there->connect_after(there->retry_time());
      ++there->generation_;
      there->up_ = true;
      there->an_end_is_dead_ = false;
      there->unanswered_count_ = 0;
      there->changed_(true);
      there->ping();
    });
  });
}

void Line::ping() {
  world_.at(world_.now() + kPing, [self = weak_from_this(), mine = generation_] {
    const auto line = self.lock();
    if (!line || line->generation_ != mine) return;
    if (line->unanswered_count_ >= kUnansweredMax) return line->go_down();
    const bool answered = line->is_passable() && !line->an_end_is_dead_;
    line->unanswered_count_ = answered ? 0 : line->unanswered_count_ + 1;
    line->ping();
  });
}

void Line::go_down() {
  up_ = false;
  for (Side& side : sides_) {
    side.held.clear();
    side.held_bytes = 0;
    side.retry_queued = false;
  }
  connect_after(retry_time());
  changed_(false);
}

void Line::close() {
  closed_ = true;
  up_ = false;
  ++generation_;
}

void Line::end_died(bool said) {
  if (!up_ || closed_) return;
  an_end_is_dead_ = true;  // a process that starts there is not the one that was connected
  if (said) go_down();
}

// ── messages ─────────────────────────────────────────────────────────────────────────────────────

bool Line::send(int from, Frame frame) {
  if (!up_) return false;
  if (!sides_[size_t(from)].held.empty() || !transmit(from, frame)) hold(from, std::move(frame));
  return true;
}

bool Line::transmit(int from, const Frame& frame) {
  Side& side = sides_[size_t(from)];
  const int to = 1 - from;
  const auto taken = world_.links().send(side.end.ip, sides_[size_t(to)].end.ip);
  if (!taken) return false;
  side.last_arrival = std::max(side.last_arrival + Duration(1), world_.now() + *taken);
  world_.at(side.last_arrival, [self = weak_from_this(), mine = generation_, to, frame] {
    const auto line = self.lock();
    if (line && line->generation_ == mine) line->arrive(to, frame);
  });
  return true;
}

void Line::arrive(int to, const Frame& frame) {
  Node* node = sides_[size_t(to)].end.node();
  if (node == nullptr || an_end_is_dead_) return;
  if (frame.envelope) world_.record(fnv1a(frame.envelope->subject) ^ fnv1a(frame.envelope->bytes));
  // From here on the kernel has it: the process reads it, late if it is frozen, unless it dies.
  world_.on_process(*node, world_.now(), [self = weak_from_this(), to, frame] {
    const auto line = self.lock();
    if (line && !line->closed_) line->sides_[size_t(to)].end.arrived(frame);
  });
}

void Line::hold(int from, Frame frame) {
  Side& side = sides_[size_t(from)];
  side.held_bytes += frame.bytes();
  side.held.push_back(std::move(frame));
  if (side.held_bytes > kHeldBytesMax) {
    // Not from inside: the sender walks its subscriptions.
    world_.at(world_.now(), [self = weak_from_this(), mine = generation_] {
      const auto line = self.lock();
      if (line && line->generation_ == mine) line->go_down();
    });
    return;
  }
  if (!std::exchange(side.retry_queued, true)) send_again(from);
}

void Line::send_again(int from) {
  world_.at(world_.now() + retry_time(), [self = weak_from_this(), mine = generation_, from] {
    const auto line = self.lock();
    if (!line || line->generation_ != mine) return;
    Side& side = line->sides_[size_t(from)];
    while (!side.held.empty() && line->transmit(from, side.held.front())) {
      side.held_bytes -= side.held.front().bytes();
      side.held.pop_front();
    }
    side.retry_queued = !side.held.empty();
    if (side.retry_queued) line->send_again(from);
  });
}

}  // namespace sealane::sim
