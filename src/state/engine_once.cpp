// SPDX-License-Identifier: Apache-2.0
// What transactions were done lately, in the store: so that one is not done again after a restart.
#include "state/engine.h"
#include "state/engine_change.h"
#include "state/keyspace.h"
#include "table/key.h"

namespace sealane::state {

using port::Keyspace;

Status Engine::load_transactions() {
  const std::string prefix(1, keyspace::kDone);
  const auto cursor = store_.walk(Keyspace::expiry, prefix, table::after_prefix(prefix));
  for (cursor->seek(prefix); cursor->valid(); cursor->next()) {
    std::string_view key = cursor->key().substr(prefix.size()), value = cursor->value();
    RecentTransactions::Done done;
    if (!keyspace::take_u64(key, done.hlc) || !keyspace::take_u64(key, done.once.token) ||
        !keyspace::take_u64(value, done.once.request) || !keyspace::take_u32(value, done.source) ||
        !keyspace::take_u64(value, done.position)) {
      return fail(Code::corrupt, "the mark of a transaction does not read back");
    }
    recent_transactions_.add(done);
  }
  return cursor->status();
}

void Engine::keep(Change& change, const RecentTransactions::Done& done, size_t count) {
  std::string value;
  keyspace::append_u64(value, done.once.request);
  keyspace::append_u32(value, done.source);
  keyspace::append_u64(value, done.position);
  change.put(Keyspace::expiry, keyspace::done(done.hlc, done.once.token), value);
  while (recent_transactions_.size() + count > RecentTransactions::kMax) {
    const auto& [hlc, token] = recent_transactions_.oldest();
    change.erase(Keyspace::expiry, keyspace::done(hlc, token));
    recent_transactions_.forget_oldest();
  }
}

Status Engine::forget_transactions() {
  const uint64_t now_ms = wall_ms();
  if (!recent_transactions_.is_oldest_over(now_ms)) return {};
  batch_->clear();
  for (size_t left = kForgottenPerTurnMax; left > 0 && recent_transactions_.is_oldest_over(now_ms);
       --left) {
    const auto& [hlc, token] = recent_transactions_.oldest();
    batch_->erase(Keyspace::expiry, keyspace::done(hlc, token));
    recent_transactions_.forget_oldest();
  }
  return store_.write(*batch_);
}

}  // namespace sealane::state
