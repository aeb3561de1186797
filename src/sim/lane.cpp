// SPDX-License-Identifier: Apache-2.0
#include "sim/lane.h"

#include <fmt/format.h>

#include <algorithm>

namespace sealane::sim {

// ── timers
// ───────────────────────────────────────────────────────────────────────────────────────────

// Shared between the Timer that the role owns and the event in the queue, so that a role may
// destroy the timer from inside its call-back.
struct TimerState {
  Node* node = nullptr;
  std::function<void()> fire;
  Instant when{};  // world time
  bool armed = false;
  bool alive = true;
  Instant queued_for{};  // the event that will look at us next
  uint64_t queued = 0;   // which event that is; 0: none
  uint64_t last = 0;
};

class TimerImpl final : public port::Timer {
 public:
  TimerImpl(Node& node, std::function<void()> fire) : state_(std::make_shared<TimerState>()) {
    state_->node = &node;
    state_->fire = std::move(fire);
    life_ = node.life_;
    ++node.timer_count_;
  }
  ~TimerImpl() override {
    state_->alive = false;
    state_->armed = false;
    --state_->node->timer_count_;
  }
  void arm_at(Instant local) override {
    Node& node = *state_->node;
    if (node.life_ != life_) return;
    state_->when = std::max(node.world_time(local), node.world_.now());
    state_->armed = true;
    // Moving later costs nothing: the event in the queue finds the new deadline when it comes up.
    if (state_->queued == 0 || state_->queued_for > state_->when) enqueue(state_);
  }
  void disarm() override { state_->armed = false; }
  bool armed() const override { return state_->armed; }

 private:
  static void enqueue(const std::shared_ptr<TimerState>& state) {
    state->queued = ++state->last;
    state->queued_for = state->when;
    Node& node = *state->node;
    node.world_.on_process(node, state->when, [state, mine = state->queued] {
      if (state->queued != mine) return;  // a nearer event took over
      state->queued = 0;
      if (!state->alive || !state->armed) return;
      if (state->when > state->node->world_.now()) return enqueue(state);
      state->armed = false;
      state->fire();
    });
  }
  std::shared_ptr<TimerState> state_;
  uint64_t life_;
};

// ── the lane
// ─────────────────────────────────────────────────────────────────────────────────────────

LaneImpl::LaneImpl(Node& node, unsigned index, Dice dice)
    : node_(node), net_(node, *this), dice_(dice), lane_{*this, *this, net_,  *this,
                                                         *this, *this, dice_, index} {}

WallTime LaneImpl::wall() const {
  const Duration since = node_.world_.now().time_since_epoch() + node_.wall_offset_;
  return node_.world_.options().start + std::chrono::floor<std::chrono::milliseconds>(since);
}

std::unique_ptr<port::Timer> LaneImpl::make(std::function<void()> fire) {
  return std::make_unique<TimerImpl>(node_, std::move(fire));
}

bool LaneImpl::post(std::function<void()> work) {
  if (posted_life_ != node_.life_) {
    posted_life_ = node_.life_;
    posted_count_ = 0;
  }
  if (posted_count_ >= kMax) return false;
  ++posted_count_;
  node_.world_.on_process(node_, node_.world_.now(), [this, work = std::move(work)] {
    --posted_count_;
    work();
  });
  return true;
}

void LaneImpl::line(port::Level level, std::string_view event, std::string_view text) {
  constexpr const char* kNames[] = {"debug", "info", "warn", "error"};
  node_.world_.note(node_.name(), fmt::format("{} {} {}", kNames[size_t(level)], event, text));
}

port::Counter& LaneImpl::counter(std::string_view name, std::string_view labels) {
  return counters_[{std::string(name), std::string(labels)}];
}

port::Counter& LaneImpl::gauge(std::string_view name, std::string_view labels) {
  return counter(name, labels);
}

}  // namespace sealane::sim
