// SPDX-License-Identifier: Apache-2.0
// The way out: what is committed here becomes durable and is published. The way in is incoming.cpp,
// who waits for what is in waiting.cpp.
#include "state/replica/replicator.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/time.h"
#include "state/replica/seed.h"
#include "state/session.h"

namespace sealane::state {
namespace {

uint64_t ms(Duration d) { return uint64_t(std::max<int64_t>(0, d.count()) / 1'000'000); }

}  // namespace

Replicator::Replicator(port::Lane& lane, port::Store& store, port::Fabric& fabric, Engine& engine,
                       Options options)
    : lane_(lane),
      store_(store),
      fabric_(fabric),
      engine_(engine),
      options_(std::move(options)),
      turn_timer_(lane.timers.make([this] { end_turn(); })),
      tick_timer_(lane.timers.make([this] { tick(); })),
      sweep_timer_(lane.timers.make([this] { go_on_sweeping(); })),
      deadline_timer_(lane.timers.make([this] { at_deadline(); })),
      seed_timer_(lane.timers.make([this] { work_on_page(); })),
      alive_(std::make_shared<bool>(true)),
      applied_counter_(lane.meter.counter("sealane_state_applied_total")),
      published_counter_(lane.meter.counter("sealane_state_published_total")),
      repair_counter_(lane.meter.counter("sealane_state_repairs_total")),
      snapshot_counter_(lane.meter.counter("sealane_state_snapshots_total")),
      held_counter_(lane.meter.counter("sealane_state_held_for_clock_total")),
      alone_counter_(lane.meter.counter("sealane_state_acknowledged_alone_total")) {
  engine_.on_commit = [this](Position at, std::string_view entry) { committed(at, entry); };
  using Message = port::Fabric::Message;
  const auto listen = [&](std::string_view subject, port::Fabric::Handler handler) {
    subscriptions_.push_back(fabric_.subscribe(subject, std::move(handler)));
  };
  listen(kLogSubject, [this](const Message& m) { on_log(m.bytes); });
  listen(kHelloSubject, [this](const Message& m) { on_hello(m.bytes); });
  listen(ack_subject(engine_.self()), [this](const Message& m) { on_ack(m.bytes); });
  listen(kSessionSubject, [this](const Message& m) { on_session(m.bytes); });
  listen(asked_subject(options_.node), [this](const Message& m) { on_asked(m); });
  listen(read_subject(options_.node), [this](const Message& m) { on_read(m); });
  listen(snapshot_subject(options_.node), [this](const Message& m) { on_snapshot(m); });
  tick_timer_->arm_at(lane_.clock.now());
  // What an earlier process wrote may be with the operating system only.
  if (options_.durability == Durability::os) {
    durable_ = engine_.applied().position(engine_.self());
    durable_hlc_ = engine_.applied().hlc(engine_.self());
  } else {
    sync();
  }
}

Replicator::~Replicator() {
  engine_.on_commit = nullptr;
  const auto shut = [](std::deque<Waiter>& waiters) {
    for (Waiter& waiter : waiters)
      waiter.done(fail(Code::unavailable, "the node is shutting down"));
  };
  shut(writers_);
  for (auto& [keepers, waiters] : remote_writers_) shut(waiters);
  for (auto& [missing, reader] : readers_) reader.done(1);
  for (const Shower& shower : showers_)
    shower.done(fail(Code::unavailable, "the node is shutting down"));
}

// ── durable, published, acknowledged ─────────────────────────────────────────────────────────────

void Replicator::committed(const Position& at, std::string_view packed_entry) {
  // What is not in the outbox, or is dropped from it, is in the log; who misses it asks for it.
  if (fabric_.is_connected()) {
    outbox_.emplace_back(at.position, packed_entry);
    outbox_bytes_ += packed_entry.size();
  }
  while (outbox_bytes_ > kPendingBytesMax) {
    outbox_bytes_ -= outbox_.front().second.size();
    outbox_.pop_front();
  }
  note_progress();
}

void Replicator::note_progress() {
  if (!turn_timer_->armed()) turn_timer_->arm_at(lane_.clock.now());
}

// However much was written in this turn, it is handed over once.
void Replicator::end_turn() {
  if (const Status flushed = store_.flush(); !flushed) broken(flushed);
  const uint64_t written = engine_.applied().position(engine_.self());
  if (disk_ && options_.durability == Durability::os) {
    durable_ = written;
    durable_hlc_ = engine_.applied().hlc(engine_.self());
  } else if (durable_ <
             written) {  // what came from others can be had from them again: a hello syncs it
    sync();
  }
  publish();
  release_writers();
  if (!readers_.empty()) release_readers();
  for (Shower& shower : std::exchange(showers_, {}))
    when_durable(shower.deadline, std::move(shower.done));
}

void Replicator::broken(const Status& status) {
  if (disk_)
    lane_.log.line(port::Level::error, "state_disk", fmt::format("error={}", status.error().what));
  disk_ = status;
}

void Replicator::sync() {
  if (is_syncing_ || !disk_) return;
  is_syncing_ = true;
  const table::Reach* own = engine_.applied().find(engine_.self());
  const table::Reach upto = own ? *own : table::Reach{};
  store_.sync([this, upto, alive = std::weak_ptr(alive_)](const Status& status) {
    if (alive.expired()) return;
    is_syncing_ = false;
    if (status) durable_hlc_ = upto.hlc;
    synced(upto.position, status);
  });
}

void Replicator::synced(uint64_t position, const Status& status) {
  if (!status) {
    broken(status);
  } else {
    durable_ = position;
    // Before those who waited are answered: the disk need not wait for that.
    if (durable_ < engine_.applied().position(engine_.self())) sync();
    publish();
  }
  release_writers();
}

void Replicator::publish() {
  const bool wants_ack = !remote_writers_.empty();
  std::string message;
  while (!outbox_.empty() && outbox_.front().first <= durable_) {
    message.clear();
    uint64_t next = outbox_.front().first;
    begin_log_message(message, engine_.self(), next, wants_ack);
    while (!outbox_.empty() && outbox_.front().first == next && next <= durable_ &&
           message.size() < options_.message_bytes_max) {
      append_log_entry(message, outbox_.front().second);
      outbox_bytes_ -= outbox_.front().second.size();
      outbox_.pop_front();
      published_counter_.add();
      ++next;
    }
    fabric_.publish(kLogSubject, message);
  }
}

void Replicator::on_ack(std::string_view bytes) {
  const auto reached = parse_reached(bytes);
  if (!reached) return;
  uint64_t& position = remote_[reached->region];
  position = std::max(position, reached->position);
  release_writers();
}

// ── sessions whose clients keep no token ────────────────────────────────────────────────────────

void Replicator::note_session(const std::string& session) {
  if (session.empty() || session.size() > kSessionBytesMax) return;
  remember(session, engine_.shown());
  std::string bytes;
  append_packed(bytes, SessionNote{session, engine_.shown()});
  fabric_.publish(kSessionSubject, bytes);
}

void Replicator::when_known(const std::string& session, Duration timeout, Known done) {
  if (const auto at = sessions_.find(session); at != sessions_.end()) return done(at->second.seen);
  const auto source = source_of_session(session);
  if (!source || *source == engine_.self()) return done(table::Vector{});
  const Engine::Owner* owner = engine_.owner_of(*source);
  if (!owner || !is_plan_node(owner->node)) return done(table::Vector{});
  const Peer* peer = peer_of(*source);
  if (!peer || !is_hoped_for(*peer) || asking_count_ >= kAskingMax)
    return done(fail(Code::unavailable, "the node where the session began is silent"));
  ++asking_count_;
  std::string bytes;
  append_packed(bytes, SessionNote{session, {}});
  fabric_.request(asked_subject(peer->node), bytes, timeout,
                  [this, done = std::move(done),
                   alive = std::weak_ptr(alive_)](const Result<std::string_view>& answer) {
                    if (alive.expired()) return;
                    --asking_count_;
                    if (!answer) return done(std::unexpected(answer.error()));
                    const auto note = parse_session_note(*answer);
                    if (!note) return done(std::unexpected(note.error()));
                    done(note->seen);
                  });
}

// Not remembered by who asks: while the stream goes on its client sees more.
void Replicator::on_asked(const port::Fabric::Message& message) {
  const auto asked = parse_session_note(message.bytes);
  if (!asked || message.reply_to.empty()) return;
  const auto noted = sessions_.find(asked->session);
  std::string bytes;
  append_packed(bytes, SessionNote{asked->session, noted == sessions_.end() ? engine_.shown()
                                                                            : noted->second.seen});
  fabric_.publish(message.reply_to, bytes);
}

void Replicator::on_session(std::string_view bytes) {
  const auto note = parse_session_note(bytes);
  if (note && !note->session.empty() && note->session.size() <= kSessionBytesMax)
    remember(note->session, note->seen);
}

void Replicator::remember(const std::string& session, const table::Vector& seen) {
  const auto [at, is_new] = sessions_.try_emplace(session);
  if (is_new) {
    session_order_.push_front(session);
    at->second.place = session_order_.begin();
  } else {
    session_order_.splice(session_order_.begin(), session_order_, at->second.place);
  }
  at->second.seen.raise(seen);
  if (sessions_.size() <= kSessionsMax) return;
  sessions_.erase(session_order_.back());
  session_order_.pop_back();
}

// ── every tick ───────────────────────────────────────────────────────────────────────────────────

void Replicator::tick() {
  const Instant now = lane_.clock.now();
  tick_timer_->arm_at(now + kTick);
  for (auto& [source, incoming] : incoming_) drain(source);
  if (now >= next_hello_) {
    next_hello_ = now + kHelloEvery;
    hello();
  }
  if (now >= next_trim_) {
    next_trim_ = now + 2s;
    trim();
  }
  if (!sweep_timer_->armed()) sweep();
  if (seed_ && !seed_->is_asking && !seed_->page) read_page();
  if (!seed_) {
    for (const TableId id : engine_.tables_to_seed()) begin_seed(id, {});
  }
}

// One piece of work. While there is more, the next one comes when the lane has been for others as
// long as this turn took, so at most half of its time goes into it; a clock stands still within a
// turn, so how long that was is seen in the next one.
void Replicator::sweep() {
  swept_at_ = lane_.clock.now();
  const auto more = engine_.sweep(stable());
  if (!more)
    lane_.log.line(port::Level::error, "state_sweep", fmt::format("error={}", more.error().what));
  is_sweep_timed_ = false;
  if (more && *more) sweep_timer_->arm_at(swept_at_);
}

void Replicator::go_on_sweeping() {
  if (std::exchange(is_sweep_timed_, true)) return sweep();
  const Instant now = lane_.clock.now();
  sweep_timer_->arm_at(now + std::clamp(now - swept_at_, kSweepPauseMin, kTick));
}

// A hello is a promise that others trim their logs and forget removals by, so it tells only what a
// power cut cannot take back.
void Replicator::hello() {
  if (is_greeting_) return;
  Hello hello{.node = options_.node,
              .region = options_.region,
              .source = engine_.self(),
              .now = engine_.promise_now(),
              .applied = engine_.applied(),
              .shown = engine_.shown(),
              .broken_off = engine_.broken_off()};
  complete_.raise({engine_.self(), 0, hello.now});
  hello.complete = complete_;
  const uint64_t first = engine_.first_kept(hello.source),
                 last = hello.applied.position(hello.source);
  if (first > 0 && last >= first)
    hello.bytes_per_entry = engine_.log_bytes(hello.source) / (last - first + 1);
  if (hello.applied == safe_.applied && hello.shown == safe_.shown &&
      hello.broken_off == safe_.broken_off) {
    return say(hello);
  }
  is_greeting_ = true;
  store_.sync([this, hello, alive = std::weak_ptr(alive_)](const Status& status) {
    if (alive.expired()) return;
    is_greeting_ = false;
    if (!status) return;
    safe_ = hello;
    say(safe_);
  });
}

void Replicator::say(const Hello& hello) {
  std::string bytes;
  append_packed(bytes, hello);
  fabric_.publish(kHelloSubject, bytes);
  // Somebody waits for another region, and the word of it may have been lost.
  if (!remote_writers_.empty()) {
    std::string ask;
    begin_log_message(ask, engine_.self(), durable_ + 1, true);
    fabric_.publish(kLogSubject, ask);
  }
}

bool Replicator::is_heard(const Peer& peer) const {
  return lane_.clock.now() - peer.heard < kSilentAfter;
}

bool Replicator::is_hoped_for(const Peer& peer) const {
  return lane_.clock.now() - peer.heard < kHopeFor;
}

const Peer* Replicator::peer_of(Source source) const {
  for (const auto& [name, peer] : peers_) {
    if (peer.source == source) return &peer;
  }
  return nullptr;
}

// Below this, every node of the plan has every write; 0 when one of them has not been heard of.
table::Hlc Replicator::stable() const {
  std::vector<const Peer*> others;
  for (const std::string& name : options_.nodes) {
    if (name == options_.node) continue;
    const auto at = peers_.find(name);
    if (at == peers_.end()) return 0;
    others.push_back(&at->second);
  }
  table::Hlc lowest = engine_.hlc_now();
  if (others.empty()) return lowest;
  std::vector<Source> living{engine_.self()};
  for (const Peer* peer : others) living.push_back(peer->source);
  for (const Source source : living) {
    if (source != engine_.self()) lowest = std::min(lowest, complete_.hlc(source));
    for (const Peer* peer : others) {
      lowest = std::min(lowest, source == peer->source ? peer->now : peer->complete.hlc(source));
    }
  }
  // What came with a snapshot that broke off may be in no log, and its removals must reach all,
  // too.
  if (!engine_.ahead().empty()) {
    for (const Peer* peer : others) {
      if (!peer->broken_off.reaches(engine_.broken_off())) return 0;
    }
  }
  // Earlier lives of nodes write no more; all must have read the same of them, of those too from
  // which nothing has come here yet.
  const auto has_all_of = [&](const table::Vector& has, const table::Vector& of) {
    return std::ranges::all_of(of, [&](const table::Reach& reach) {
      return std::ranges::find(living, reach.source) != living.end() ||
             has.position(reach.source) == reach.position;
    });
  };
  for (const Peer* peer : others) {
    if (!has_all_of(peer->applied, engine_.applied()) ||
        !has_all_of(engine_.applied(), peer->applied))
      return 0;
  }
  return lowest;
}

void Replicator::trim() {
  for (const table::Reach& reach : engine_.applied()) {
    const uint64_t first = engine_.first_kept(reach.source);
    if (first == 0) continue;
    uint64_t passed = reach.source == engine_.self() ? durable_ : reach.position;
    for (const std::string& name : options_.nodes) {
      if (name == options_.node) continue;
      const auto at = peers_.find(name);
      passed = std::min(passed, at == peers_.end() ? 0 : at->second.applied.position(reach.source));
    }
    const uint64_t bytes = engine_.log_bytes(reach.source), count = reach.position - first + 1;
    if (bytes > options_.log_bytes_max) {
      // Who has not read this far will be given a snapshot.
      const uint64_t excess =
          uint64_t(double(count) * (1 - double(options_.log_bytes_max) / double(bytes)));
      passed = std::max(passed, first + excess);
    }
    if (passed >= first) (void)engine_.trim_log(reach.source, std::min(passed, reach.position));
  }
}

bool Replicator::is_plan_node(std::string_view name) const {
  return std::ranges::find(options_.nodes, name) != options_.nodes.end();
}

// Complete up to what it last said; a silent one may have written ever since.
uint64_t Replicator::behind_ms(const Peer& peer) const {
  const table::Reach* applied = engine_.applied().find(peer.source);
  if (peer.applied.position(peer.source) <= (applied ? applied->position : 0) && is_heard(peer))
    return 0;
  const uint64_t known =
      table::ms_of(std::max(complete_.hlc(peer.source), applied ? applied->hlc : 0));
  const uint64_t wall = unix_ms(lane_.clock.wall());
  return wall > known ? wall - known : 1;
}

std::vector<Lag> Replicator::lags() const {
  std::vector<Lag> all;
  for (const auto& [name, peer] : peers_) {
    if (!is_plan_node(name)) continue;
    Lag lag{.node = name, .region = peer.region, .source = peer.source};
    lag.applied = engine_.applied().position(peer.source);
    lag.announced = std::max(peer.applied.position(peer.source), lag.applied);
    lag.bytes = (lag.announced - lag.applied) * peer.bytes_per_entry;
    lag.last_applied_ms = table::ms_of(engine_.applied().hlc(peer.source));
    lag.silent_ms = ms(lane_.clock.now() - peer.heard);
    lag.behind_ms = behind_ms(peer);
    all.push_back(std::move(lag));
  }
  return all;
}

uint64_t Replicator::lag_ms() const {
  uint64_t worst = 0;
  for (const auto& [name, peer] : peers_) {
    if (is_plan_node(name)) worst = std::max(worst, behind_ms(peer));
  }
  return worst;
}

}  // namespace sealane::state
