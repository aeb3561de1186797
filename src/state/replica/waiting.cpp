// SPDX-License-Identifier: Apache-2.0
// Who waits for what: writers for the disk and for other regions, readers for what others wrote.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/time.h"
#include "state/replica/replicator.h"

namespace sealane::state {

// ── writers ──────────────────────────────────────────────────────────────────────────────────────

std::vector<std::string> Replicator::other_keepers(TableId id) const {
  std::vector<std::string> regions;
  if (const Table* table = engine_.find_table(id)) {
    regions = table->replicas;
  } else {  // the catalog, or a table that is deleted since: with every node
    for (const auto& [name, peer] : peers_) regions.push_back(peer.region);
  }
  std::erase(regions, options_.region);
  std::ranges::sort(regions);
  const auto twice = std::ranges::unique(regions);
  regions.erase(twice.begin(), twice.end());
  return regions;
}

uint64_t Replicator::confirmed_by(const std::string& region) const {
  const auto at = remote_.find(region);
  return at == remote_.end() ? 0 : at->second;
}

// Up to where of each table a region that keeps it has our log. A region that does not keep a table
// has its entries too, but blank.
uint64_t Replicator::confirmed(const Keepers& keepers) const {
  uint64_t by_all = UINT64_MAX;
  for (const auto& regions : keepers) {
    uint64_t furthest = 0;
    for (const std::string& region : regions) furthest = std::max(furthest, confirmed_by(region));
    by_all = std::min(by_all, furthest);
  }
  return by_all;
}

size_t Replicator::writer_count() const {
  size_t count = writers_.size();
  for (const auto& [keepers, waiters] : remote_writers_) count += waiters.size();
  return count;
}

void Replicator::when_acknowledged(const Position& at, table::Ack ack, Duration timeout,
                                   Acknowledged done) {
  if (!disk_) return done(std::unexpected(disk_.error()));
  if (writer_count() >= kWaitersMax)
    return done(fail(Code::limit, "too many writes are waiting"));
  const Instant deadline = lane_.clock.now() + timeout;
  if (ack != table::Ack::local) return await_other_regions(at, ack, deadline, std::move(done));
  await_disk(at, deadline, std::move(done));
}

void Replicator::await_disk(const Position& at, Instant deadline, Acknowledged done) {
  if (at.position <= durable_) return done(table::Ack::local);
  writers_.push_back({at.position, deadline, std::move(done)});
  await(deadline);
}

void Replicator::await_other_regions(const Position& at, table::Ack ack, Instant deadline,
                                     Acknowledged done) {
  const bool may_be_alone = ack == table::Ack::reachable;
  const auto alone = [&](std::string why) {
    if (!may_be_alone) return done(fail(Code::timeout, std::move(why)));
    alone_counter_.add();
    await_disk(at, deadline, std::move(done));
  };
  std::vector<TableId> tables;
  engine_.recent_tables().find(at.position, tables);
  if (tables.empty()) {  // a transaction that is asked for again after very many others
    table::Vector wanted;
    wanted.raise({at.source, at.position, 0});
    if (!region_with(wanted).empty()) return done(table::Ack::remote);
    return alone("no other region has confirmed the write yet");
  }
  Keepers keepers;
  for (const TableId id : tables) {
    if (!keepers.emplace_back(other_keepers(id)).empty()) continue;
    const Table* table = engine_.find_table(id);
    return alone(
        fmt::format("no other region keeps {}, so none can confirm the write, though it is "
                    "written here: add a replica (UpdateTable), or ask with x-sealane-ack: local",
                    table ? "the table " + table->name : "the list of tables"));
  }
  std::ranges::sort(keepers);
  if (at.position <= std::min(durable_, confirmed(keepers))) return done(table::Ack::remote);
  if (may_be_alone && !is_reachable(keepers)) return alone({});
  Waiter waiter{at.position, deadline, std::move(done)};
  if (may_be_alone) waiter.local_from = lane_.clock.now() + kReachablePatience;
  const Instant look_at = std::min(deadline, waiter.local_from);
  remote_writers_[std::move(keepers)].push_back(std::move(waiter));
  note_progress();  // it is to be asked for
  await(look_at);
}

// Whether each table has a region that may confirm a write soon.
bool Replicator::is_reachable(const Keepers& keepers) const {
  const auto may_confirm = [&](const std::string& region) {
    return !overdue_.contains(region) && std::ranges::any_of(peers_, [&](const auto& named) {
      return named.second.region == region && is_hoped_for(named.second);
    });
  };
  return std::ranges::all_of(keepers, [&](const std::vector<std::string>& regions) {
    return std::ranges::any_of(regions, may_confirm);
  });
}

// Regions that somebody has waited for in vain; and who else waits for them need not. As long as
// the disk here has not got a write, they have not been asked.
void Replicator::note_overdue(Instant now) {
  for (auto& [keepers, waiters] : remote_writers_) {
    for (Waiter& waiter : waiters) {
      if (waiter.local_from > now) continue;
      if (waiter.position > durable_) {
        waiter.local_from = now + kReachablePatience;
        continue;
      }
      for (const auto& regions : keepers) {
        for (const std::string& region : regions) {
          if (confirmed_by(region) >= waiter.position) continue;
          uint64_t& overdue = overdue_[region];
          overdue = std::max(overdue, waiter.position);
        }
      }
    }
  }
  for (auto& [keepers, waiters] : remote_writers_) {
    if (is_reachable(keepers)) continue;
    for (Waiter& waiter : waiters) {
      if (waiter.local_from != Instant::max()) waiter.local_from = std::min(waiter.local_from, now);
    }
  }
}

void Replicator::release_writers() {
  // `done` may write again: take out first what is called.
  std::vector<std::pair<Acknowledged, table::Ack>> released;
  const auto take = [&](std::deque<Waiter>& waiters, uint64_t reached, table::Ack ack) {
    while (!waiters.empty() && (!disk_ || waiters.front().position <= reached)) {
      released.emplace_back(std::move(waiters.front().done), ack);
      waiters.pop_front();
    }
  };
  take(writers_, durable_, table::Ack::local);
  for (auto& [keepers, waiters] : remote_writers_)
    take(waiters, std::min(durable_, confirmed(keepers)), table::Ack::remote);
  std::erase_if(remote_writers_, [](const auto& group) { return group.second.empty(); });
  const Status status = disk_;
  for (auto& [done, ack] : released)
    done(status ? Result<table::Ack>(ack) : std::unexpected(status.error()));
}

// ── waiting for what others wrote ────────────────────────────────────────────────────────────────

void Replicator::when_kept(Duration timeout, Done done) {
  const Instant deadline = lane_.clock.now() + timeout;
  if (!turn_timer_->armed()) return when_durable(deadline, std::move(done));
  if (showers_.size() >= kWaitersMax)
    return done(fail(Code::limit, "too many answers are waiting"));
  showers_.push_back({deadline, std::move(done)});
}

// In the order of the positions, as writers_ has it: all that is written here by now.
void Replicator::when_durable(Instant deadline, Done done) {
  if (!disk_ || is_durable()) return done({});
  if (writer_count() >= kWaitersMax)
    return done(fail(Code::limit, "too many answers are waiting"));
  writers_.push_back(
      {engine_.applied().position(engine_.self()), deadline,
       [this, done = std::move(done)](const Result<table::Ack>& got) {
         done(got || !disk_ ? Status{} : std::unexpected(got.error()));
       }});
  await(deadline);
}

void Replicator::when_reached(table::Vector wanted, Duration timeout,
                              std::function<void(uint64_t)> done) {
  if (engine_.applied().reaches(wanted)) return done(0);
  table::Vector can;
  for (const table::Reach& reach : wanted) {
    if (engine_.applied().position(reach.source) < reach.position && can_come(reach))
      can.raise(reach);
  }
  if (can.empty() || readers_.size() >= kWaitersMax) return done(stale_ms(wanted));
  const Instant deadline = lane_.clock.now() + timeout;
  wait({std::move(wanted), std::move(can), deadline, std::move(done)});
  await(deadline);
}

bool Replicator::can_come(const table::Reach& reach) const {
  return std::ranges::any_of(peers_, [&](const auto& named) {
    const Peer& peer = named.second;
    return is_hoped_for(peer) &&
           (peer.source == reach.source || peer.applied.position(reach.source) >= reach.position);
  });
}

std::string Replicator::region_with(const table::Vector& wanted) const {
  for (const auto& [name, peer] : peers_) {
    if (peer.region != options_.region && is_hoped_for(peer) && peer.applied.reaches(wanted))
      return peer.region;
  }
  return {};
}

// Until the first position that it misses is reached; then it is looked at again.
void Replicator::wait(Reader reader) {
  const table::Vector& applied = engine_.applied();
  for (const table::Reach& reach : reader.wanted) {
    if (applied.position(reach.source) >= reach.position) continue;
    readers_.emplace(std::pair(reach.source, reach.position), std::move(reader));
    return;
  }
  SL_ASSERT(false);  // it misses nothing
}

void Replicator::release_readers() {
  std::vector<Reader> woken;
  for (const table::Reach& reach : engine_.applied()) {
    auto first = readers_.lower_bound({reach.source, 0});
    const auto last = readers_.upper_bound({reach.source, reach.position});
    while (first != last) {
      woken.push_back(std::move(first->second));
      first = readers_.erase(first);
    }
  }
  // `done` may ask to wait again.
  std::erase_if(woken, [&](Reader& reader) {
    if (engine_.applied().reaches(reader.wanted)) return false;
    wait(std::move(reader));
    return true;
  });
  for (Reader& reader : woken) reader.done(stale_ms(reader.seen));
}

// How old what is here may be, when `wanted` is not.
uint64_t Replicator::stale_ms(const table::Vector& wanted) const {
  uint64_t stale_ms = 0;
  const uint64_t wall = unix_ms(lane_.clock.wall());
  for (const table::Reach& reach : wanted) {
    const table::Reach* have = engine_.applied().find(reach.source);
    if (have && have->position >= reach.position) continue;
    const uint64_t last = have ? table::ms_of(have->hlc) : 0;
    stale_ms = std::max({stale_ms, uint64_t{1}, wall > last ? wall - last : 0});
  }
  return stale_ms;
}

// Nearly always what is waited for comes first, so a deadline that is not needed any more is left
// to pass.
void Replicator::await(Instant deadline) {
  if (deadline_timer_->armed() && next_deadline_ <= deadline) return;
  next_deadline_ = deadline;
  deadline_timer_->arm_at(deadline);
}

void Replicator::at_deadline() {
  const Instant now = lane_.clock.now();
  note_overdue(now);
  Instant first = Instant::max();
  const auto is_late = [&](const auto& waiter) {
    if (waiter.deadline <= now) return true;
    first = std::min(first, waiter.deadline);
    return false;
  };
  // Again: first out, then called.
  std::vector<std::pair<Acknowledged, Result<table::Ack>>> late_writers;
  std::vector<Reader> late_readers;
  const auto take = [&](std::deque<Waiter>& waiters) {
    std::erase_if(waiters, [&](Waiter& waiter) {
      const bool is_durable = waiter.position <= durable_;
      const bool may_be_alone = is_durable && waiter.local_from != Instant::max();
      if (may_be_alone && std::min(waiter.local_from, waiter.deadline) <= now) {
        alone_counter_.add();
        late_writers.emplace_back(std::move(waiter.done), table::Ack::local);
        return true;
      }
      if (!is_late(waiter)) {
        first = std::min(first, waiter.local_from);
        return false;
      }
      const char* why = is_durable
                            ? "no other region has confirmed the write, though it is written here"
                            : "the disk has not confirmed the write";
      late_writers.emplace_back(std::move(waiter.done), fail(Code::timeout, why));
      return true;
    });
  };
  take(writers_);
  for (auto& [keepers, waiters] : remote_writers_) take(waiters);
  std::erase_if(remote_writers_, [](const auto& group) { return group.second.empty(); });
  std::erase_if(readers_, [&](auto& waiting) {
    if (!is_late(waiting.second)) return false;
    late_readers.push_back(std::move(waiting.second));
    return true;
  });
  if (first != Instant::max()) await(std::max(first, now + kDeadlineStep));
  for (auto& [done, got] : late_writers) done(std::move(got));
  for (Reader& reader : late_readers) reader.done(stale_ms(reader.seen));
}

}  // namespace sealane::state
