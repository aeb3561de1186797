// SPDX-License-Identifier: Apache-2.0
// The ClientRequestTokens of the transactions of the last minutes: one that is sent again is
// answered and not done again. What is here lies in the store too, in the batch of its transaction
// (Engine::commit), and travels with its entry, so a retry after a restart, or at another node that
// has the entry, is known.
#pragma once

#include <cstdint>
#include <deque>
#include <unordered_map>

#include "table/entry.h"

namespace sealane::state {

class RecentTransactions {
 public:
  static constexpr uint64_t kKeptMs = 10 * 60 * 1000;  // AWS, "TransactWriteItems": idempotency
  // 400 a second for all of that time, in some 25 MB of memory; past it the oldest go first.
  static constexpr size_t kMax = 250'000;

  struct Done {
    table::Once once;
    table::Hlc hlc = 0;        // when
    table::Source source = 0;  // where it was written; 0: it wrote nothing
    uint64_t position = 0;
    bool is_over(uint64_t now_ms) const { return table::ms_of(hlc) + kKeptMs <= now_ms; }
  };
  // nullptr: not seen, or too long ago.
  const Done* find(uint64_t token, uint64_t now_ms) const {
    const auto at = done_.find(token);
    return at != done_.end() && !at->second.is_over(now_ms) ? &at->second : nullptr;
  }
  // The latest with a token counts.
  void add(const Done& done) {
    const auto [at, is_new] = done_.try_emplace(done.once.token, done);
    if (!is_new && at->second.hlc < done.hlc) at->second = done;
    order_.push_back({done.hlc, done.once.token});
  }

  // In the order in which they came here.
  struct Place {
    table::Hlc hlc = 0;
    uint64_t token = 0;
  };
  const Place& oldest() const { return order_.front(); }
  void forget_oldest() {
    const auto at = done_.find(order_.front().token);
    if (at != done_.end() && at->second.hlc <= order_.front().hlc) done_.erase(at);
    order_.pop_front();
  }
  bool is_oldest_over(uint64_t now_ms) const {
    return !order_.empty() && Done{.hlc = order_.front().hlc}.is_over(now_ms);
  }
  size_t size() const { return order_.size(); }

 private:
  std::unordered_map<uint64_t, Done> done_;  // by token
  std::deque<Place> order_;
};

}  // namespace sealane::state
