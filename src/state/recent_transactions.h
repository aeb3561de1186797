// SPDX-License-Identifier: Apache-2.0
// The ClientRequestTokens of the transactions of the last minutes: one that is sent again is
// answered and not done again. Held in memory: a token is good on the node that it was first sent
// to, and until that restarts.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <unordered_map>

namespace sealane::state {

class RecentTransactions {
 public:
  static constexpr uint64_t kKeptMs = 10 * 60 * 1000;  // AWS, "TransactWriteItems": idempotency
  static constexpr size_t kMax = 10'000;               // the oldest go first

  struct Done {
    uint64_t request_hash = 0;  // of what was asked for with the token
    uint64_t done_ms = 0;
    uint32_t source = 0;        // where it was written
    uint64_t position = 0;
  };
  // nullptr: not seen, or too long ago.
  const Done* find(const std::string& token, uint64_t now_ms) const {
    const auto at = done_.find(token);
    return at != done_.end() && at->second.done_ms + kKeptMs > now_ms ? &at->second : nullptr;
  }
  void add(const std::string& token, const Done& done) {
    while (!order_.empty() &&
           (order_.size() >= kMax || done_.at(order_.front()).done_ms + kKeptMs <= done.done_ms)) {
      done_.erase(order_.front());
      order_.pop_front();
    }
    if (done_.insert_or_assign(token, done).second) order_.push_back(token);
  }
  size_t size() const { return done_.size(); }

 private:
  std::unordered_map<std::string, Done> done_;
  std::deque<std::string> order_;  // of their first coming
};

}  // namespace sealane::state
