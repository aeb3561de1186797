// SPDX-License-Identifier: Apache-2.0
#include "state/handoff/declarer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sealane::state {

Declarer::Declarer(port::Lane& lane, Caller& caller)
    : lane_(lane), caller_(caller), timer_(lane.timers.make([this] { step(); })) {}

void Declarer::declare(const std::vector<table::Table>& tables) {
  all_.clear();
  for (const table::Table& table : tables) all_.emplace_back(table);
  at_ = 0;
  ++round_;
  pause_ = kPauseMin;
  timer_->arm_at(lane_.clock.now());
}

void Declarer::stop() {
  all_.clear();
  ++round_;
  timer_->disarm();
}

void Declarer::step() {
  if (is_asking_ || at_ >= all_.size()) return;
  const Declaration& now = all_[at_];
  body_ = now.body();
  is_asking_ = true;
  const Caller::Ask ask{.operation = now.operation(), .body = body_};
  const Status asked = caller_.call(
      ask, [this, round = round_, alive = std::weak_ptr(alive_)](const Result<Reply>& reply) {
        if (!alive.expired()) answered(round, reply);
      });
  if (!asked) answered(round_, std::unexpected(asked.error()));
}

void Declarer::answered(uint64_t round, const Result<Reply>& reply) {
  is_asking_ = false;
  if (round != round_) {  // other tables are wanted now
    timer_->arm_at(lane_.clock.now());
    return;
  }
  Declaration& now = all_[at_];
  if (reply) {
    now.answered(reply->status, reply->body);
  } else {
    now.failed(reply.error().what);
  }
  if (now.is_done()) {
    tell_end(now);
    pause_ = kPauseMin;
  } else if (now.should_wait() && now.trouble() != told_trouble_) {
    told_trouble_ = now.trouble();
    lane_.log.line(port::Level::warn, "table_not_ready",
                   fmt::format("{}: {}", now.name(), now.trouble()));
  }
  Duration pause{};
  if (now.is_done() || now.should_wait()) {
    // One that has to wait does not hold up the others; a pause is made when all were asked.
    const size_t before = at_;
    if (!go_on()) return;
    if (at_ <= before) {
      pause = pause_;
      pause_ = std::min(2 * pause_, kPauseMax);
    }
  }
  timer_->arm_at(lane_.clock.now() + pause);
}

// To the next that is not done. False: there is none.
bool Declarer::go_on() {
  for (size_t i = 1; i <= all_.size(); ++i) {
    const size_t next = (at_ + i) % all_.size();
    if (all_[next].is_done()) continue;
    at_ = next;
    return true;
  }
  at_ = all_.size();
  return false;
}

void Declarer::tell_end(const Declaration& done) {
  told_trouble_.clear();
  if (done.was_created())
    lane_.log.line(port::Level::info, "table_created", done.name() + ", at the endpoint");
  for (const std::string& difference : done.differences()) {
    lane_.log.line(port::Level::warn, "table_differs", difference);
  }
}

std::vector<Declarer::Report> Declarer::report() const {
  std::vector<Report> out;
  for (const Declaration& each : all_) {
    Report one{.name = each.name(), .is_done = each.is_done(), .trouble = each.trouble()};
    for (const std::string& difference : each.differences()) {
      one.trouble += (one.trouble.empty() ? "" : "; ") + difference;
    }
    out.push_back(std::move(one));
  }
  return out;
}

}  // namespace sealane::state
