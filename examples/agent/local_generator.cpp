// SPDX-License-Identifier: Apache-2.0
#include "generator.h"
#include "library.h"

namespace sealane::agent {
namespace {

class LocalGeneration final : public Generation {
 public:
  LocalGeneration(port::Lane& lane, std::string text, Duration interval, TokenSink& sink)
      : clock_(lane.clock),
        text_(std::move(text)),
        interval_(interval),
        sink_(sink),
        timer_(lane.timers.make([this] { tick(); })) {
    due_ = clock_.now() + interval_;
    timer_->arm_at(due_);
  }
  void hold(bool wait) override {
    if (wait) return timer_->disarm();
    due_ = std::max(due_, clock_.now());
    timer_->arm_at(due_);
  }

 private:
  void tick() {
    if (interval_ == Duration{}) {
      sink_.on_token(text_);
      return sink_.on_finished();  // may destroy this
    }
    if (next_ == tokens_.size()) return sink_.on_finished();
    due_ += interval_;  // from the plan, not from now: lateness does not add up
    timer_->arm_at(due_);
    sink_.on_token(tokens_[next_++]);  // may hold or destroy this
  }

  port::Clock& clock_;
  const std::string text_;
  const std::vector<std::string_view> tokens_ = tokens(text_);
  const Duration interval_;
  TokenSink& sink_;
  std::unique_ptr<port::Timer> timer_;
  Instant due_{};
  size_t next_ = 0;
};

class LocalGenerator final : public Generator {
 public:
  LocalGenerator(port::Lane& lane, std::string region, Duration interval)
      : lane_(lane), region_(std::move(region)), interval_(interval) {}
  std::unique_ptr<Generation> generate(const Generate& turn, TokenSink& sink) override {
    return std::make_unique<LocalGeneration>(lane_,
                                             reply({turn.prompt, turn.before, region_, library_}),
                                             turn.stream ? interval_ : Duration{}, sink);
  }

 private:
  port::Lane& lane_;
  const std::string region_;
  const Duration interval_;
  const Library library_;
};

}  // namespace

std::unique_ptr<Generator> local_generator(port::Lane& lane, std::string region,
                                           Duration token_interval) {
  return std::make_unique<LocalGenerator>(lane, std::move(region), token_interval);
}

}  // namespace sealane::agent
