// SPDX-License-Identifier: Apache-2.0
// The way in: entries of other nodes' logs, applied in order; gaps filled by asking; snapshots for
// who is too far behind.
#include <fmt/format.h>

#include <algorithm>

#include "state/replica/replicator.h"
#include "state/replica/seed.h"

namespace sealane::state {

void Replicator::on_log(std::string_view bytes) {
  const auto message = parse_log_message(bytes);
  if (!message || message->source == engine_.self()) return;
  if (!incoming_.contains(message->source) && incoming_.size() >= kSourcesMax) return;
  const Source source = message->source;
  // Whose entries come is there, before its next hello: after a cut the gap is asked for at once.
  for (auto& [name, peer] : peers_) {
    if (peer.source == source) peer.heard = lane_.clock.now();
  }
  Incoming& incoming = incoming_[source];
  const std::vector<std::string_view>& entries = message->entries;
  (void)apply(source, message->first, entries);
  const uint64_t reached = engine_.applied().position(source);
  for (size_t i = 0; i < entries.size(); ++i) {
    const uint64_t position = message->first + i;
    if (position <= reached || pending_bytes_ + entries[i].size() > kPendingBytesMax) continue;
    if (incoming.pending.emplace(position, entries[i]).second) pending_bytes_ += entries[i].size();
  }
  if (message->wants_ack) owes_ack_.insert(source);
  drain(source);
  const uint64_t now_reached = engine_.applied().position(source);
  if (!incoming.pending.empty() && incoming.pending.begin()->first > now_reached + 1)
    repair(source);
  if (!owes_ack_.empty() && now_reached + 1 >= message->first + entries.size()) send_acks();
}

// False: not all of it, not now (see Engine::apply).
bool Replicator::apply(Source source, uint64_t first, std::span<const std::string_view> entries) {
  const uint64_t before = engine_.applied().position(source);
  const Status status = engine_.apply(source, first, entries);
  if (const uint64_t reached = engine_.applied().position(source); reached > before) {
    applied_counter_.add(reached - before);
    note_progress();
  }
  if (status) return true;
  if (status.error().code == Code::conflict) {
    held_counter_.add();
  } else if (status.error().code != Code::not_found && status.error().code != Code::unavailable) {
    lane_.log.line(port::Level::error, "state_apply",
                   fmt::format("source={:08x} position={} error={}", source,
                               engine_.applied().position(source) + 1, status.error().what));
  }
  return false;
}

// Applies what has been waiting for its turn.
void Replicator::drain(Source source) {
  Incoming& incoming = incoming_[source];
  bool goes_on = true;
  while (goes_on && !incoming.pending.empty()) {
    std::vector<std::string_view> run;
    const uint64_t first = incoming.pending.begin()->first;
    if (first > engine_.applied().position(source) + 1) return;
    size_t bytes = 0;
    for (const auto& [position, entry] : incoming.pending) {
      if (position != first + run.size() || bytes > options_.message_bytes_max) break;
      run.push_back(entry);
      bytes += entry.size();
    }
    goes_on = apply(source, first, run);
    const uint64_t reached = engine_.applied().position(source);
    while (!incoming.pending.empty() && incoming.pending.begin()->first <= reached) {
      pending_bytes_ -= incoming.pending.begin()->second.size();
      incoming.pending.erase(incoming.pending.begin());
    }
  }
}

// Tells sources that wait for it how far their writes are safe here.
void Replicator::send_acks() {
  std::vector<table::Reach> reached;
  for (const Source source : std::exchange(owes_ack_, {})) {
    reached.push_back({source, engine_.applied().position(source), 0});
  }
  const auto send = [this, reached] {
    for (const table::Reach& reach : reached) {
      std::string bytes;
      append_packed(bytes, Reached{options_.node, options_.region, reach.position});
      fabric_.publish(ack_subject(reach.source), bytes);
    }
  };
  if (options_.durability == Durability::os) {
    if (store_.flush()) send();
    return;
  }
  store_.sync([send, alive = std::weak_ptr(alive_)](const Status& status) {
    if (status && !alive.expired()) send();
  });
}

// ── hellos and repair ────────────────────────────────────────────────────────────────────────────

void Replicator::on_hello(std::string_view bytes) {
  auto hello = parse_hello(bytes);
  if (!hello) return;
  if (hello->node == options_.node || hello->source == engine_.self()) {
    lane_.log.line(
        port::Level::error, "state_twin",
        fmt::format(
            "node={} region={} hint=another node runs under this name or on a copy of this store",
            hello->node, hello->region));
    return;
  }
  if (hello->applied.position(engine_.self()) > engine_.applied().position(engine_.self())) {
    // A disk or a machine that was set back behind our back: positions would be used twice, and the
    // others would take our new writes for old ones. (Copies made by copy() begin a log of their
    // own.)
    constexpr std::string_view kWhy =
        "this store was set back to an earlier state: stop the node, delete its tables "
        "and start it, and they come back from the other nodes";
    lane_.log.line(port::Level::error, "state_set_back",
                   fmt::format("seen_by={} hint={}", hello->node, kWhy));
    engine_.refuse_writes(std::string(kWhy));
  }
  if (!peers_.contains(hello->node) && peers_.size() >= kSourcesMax) return;
  // the next one tells it again
  (void)engine_.note_owner(hello->source, {hello->node, hello->region});
  const Instant now = lane_.clock.now();
  Peer& peer = peers_[hello->node];
  const table::Hlc node_now = std::min(hello->now, engine_.latest_believed());
  peer = {hello->node, hello->region, hello->source, node_now, hello->bytes_per_entry,
          std::move(hello->applied), std::move(hello->complete), std::move(hello->shown),
          std::move(hello->broken_off), now};
  if (const auto late = overdue_.find(peer.region);
      late != overdue_.end() && peer.applied.position(engine_.self()) >= late->second) {
    overdue_.erase(late);
  }
  if (shows_orphans(peer)) begin_seed(0, peer.node);
  if (engine_.applied().position(peer.source) >= peer.applied.position(peer.source)) {
    complete_.raise({peer.source, 0, peer.now});
  }
  for (const table::Reach& reach : peer.applied) {
    if (reach.source == engine_.self()) continue;
    if (!incoming_.contains(reach.source) && incoming_.size() >= kSourcesMax) continue;
    Incoming& incoming = incoming_[reach.source];
    if (engine_.applied().position(reach.source) >= reach.position) {
      incoming.behind_since = {};
      continue;
    }
    if (incoming.behind_since == Instant{}) incoming.behind_since = now;
    // Its own entries came before its hello; another's may just be on their way from there.
    const Peer* owner = peer_of(reach.source);
    if (reach.source == peer.source || !owner || !is_heard(*owner) ||
        now - incoming.behind_since > 1s) {
      repair(reach.source);
    }
  }
}

// Who can give the entries of a source from a position on: the source itself first.
std::vector<const Peer*> Replicator::who_has(Source source, uint64_t position) const {
  std::vector<const Peer*> all;
  for (const auto& [name, peer] : peers_) {
    if (is_heard(peer) && peer.applied.position(source) >= position) all.push_back(&peer);
  }
  std::ranges::stable_partition(all, [&](const Peer* peer) { return peer->source == source; });
  return all;
}

// Whether it may show what is here not and in no log that can be had: whoever wrote it is gone or
// was set back while it gave a snapshot with it. Then it comes from who was given a part of that.
bool Replicator::shows_orphans(const Peer& peer) const {
  if (engine_.broken_off().reaches(peer.broken_off)) return false;
  return std::ranges::any_of(peer.shown, [&](const table::Reach& reach) {
    const uint64_t next = engine_.applied().position(reach.source) + 1;
    if (reach.position < next || !who_has(reach.source, next).empty()) return false;
    const Peer* owner = peer_of(reach.source);
    return !owner || !is_heard(*owner);
  });
}

void Replicator::repair(Source source) { read_log(source, engine_.applied().position(source) + 1); }

void Replicator::read_log(Source source, uint64_t from) {
  Incoming& incoming = incoming_[source];
  if (incoming.is_reading || lane_.clock.now() < incoming.retry_at || (seed_ && seed_->only == 0))
    return;
  // A gap tells that its source is ahead, even before its next hello.
  std::vector<const Peer*> candidates = who_has(source, from);
  if (candidates.empty()) {
    const Peer* owner = peer_of(source);
    if (!owner || !is_heard(*owner) || incoming.pending.empty()) return;
    candidates.push_back(owner);
  }
  const Peer& peer = *candidates[incoming.attempt_count % candidates.size()];
  incoming.is_reading = true;
  repair_counter_.add();
  std::string bytes;
  append_packed(bytes, ReadLog{options_.region, source, from});
  fabric_.request(read_subject(peer.node), bytes, kReadTimeout,
                  [this, source, node = peer.node,
                   alive = std::weak_ptr(alive_)](const Result<std::string_view>& answer) {
                    if (!alive.expired()) repaired(source, node, answer);
                  });
}

void Replicator::repaired(Source source, const std::string& node,
                          const Result<std::string_view>& answer) {
  Incoming& incoming = incoming_[source];
  incoming.is_reading = false;
  const auto fails = [&] {
    ++incoming.attempt_count;
    incoming.retry_at = lane_.clock.now() + kTick;
  };
  if (!answer) return fails();
  const auto message = parse_log_message(*answer);
  if (!message || message->source != source) return fails();
  const uint64_t before = engine_.applied().position(source);
  // What comes next is on its way while this is applied.
  const uint64_t end = message->first + message->entries.size();
  if (!message->entries.empty() && !who_has(source, end).empty()) read_log(source, end);
  const bool is_stuck = !apply(source, message->first, message->entries);
  drain(source);
  if (engine_.applied().position(source) > before) {
    incoming.attempt_count = 0;
  } else if (message->entries.empty() &&
             (message->first_kept == 0 || message->first_kept > before + 1)) {
    ++incoming.attempt_count;  // should nothing come of it, somebody else is asked
    begin_seed(0, node);
  } else {
    fails();
  }
  if (!is_stuck && !who_has(source, engine_.applied().position(source) + 1).empty()) repair(source);
}

void Replicator::on_read(const port::Fabric::Message& message) {
  const auto read = parse_read_log(message.bytes);
  if (!read || message.reply_to.empty()) return;
  const bool is_own = read->source == engine_.self();
  std::string out;
  begin_log_message(out, read->source, read->from, false, engine_.first_kept(read->source));
  const Status status = engine_.read_log(
      read->source, read->from, options_.message_bytes_max,
      [&](uint64_t position, std::string_view entry) {
        if (is_own && position > durable_) return false;
        if (!is_own) {
          // What is blank here because this region does not keep its table may be kept where it is
          // asked for.
          std::string_view bytes = entry;
          const auto parsed = table::take_packed_entry(bytes);
          if (!parsed) return false;
          for (const table::Entry::Write& write : parsed->writes) {
            const Table* table = write.is_blank ? engine_.find_table(write.table) : nullptr;
            if (table && table->is_in(read->region)) return false;
          }
        }
        append_log_entry(out, entry);
        return true;
      });
  if (status) fabric_.publish(message.reply_to, out);
}

// ── snapshots ────────────────────────────────────────────────────────────────────────────────────

void Replicator::begin_seed(table::TableId only, const std::string& node) {
  if (seed_) return;
  std::string giver = node;
  if (giver.empty()) {
    const Table* table = engine_.find_table(only);
    std::vector<const Peer*> candidates;
    for (const auto& [name, peer] : peers_) {
      if (is_heard(peer) && table && table->is_in(peer.region)) candidates.push_back(&peer);
    }
    if (candidates.empty()) return;
    giver = candidates[lane_.dice.below(candidates.size())]->node;
  }
  seed_ = std::make_unique<Seed>();
  seed_->only = only;
  seed_->node = giver;
  seed_->next = {.region = options_.region, .only = only};
  lane_.log.line(port::Level::info, "state_snapshot_begins",
                 fmt::format("from={} table={:016x}", giver, only));
  read_page();
}

void Replicator::read_page() {
  seed_->is_asking = true;
  std::string bytes;
  append_packed(bytes, seed_->next);
  fabric_.request(snapshot_subject(seed_->node), bytes, kReadTimeout,
                  [this, alive = std::weak_ptr(alive_)](const Result<std::string_view>& answer) {
                    if (!alive.expired() && seed_) on_page(answer);
                  });
}

void Replicator::give_up_seed(std::string_view why) {
  lane_.log.line(port::Level::warn, "state_snapshot_given_up",
                 fmt::format("from={} why={}", seed_->node, why));
  if (seed_->applied) engine_.break_off_snapshot();
  seed_.reset();
}

void Replicator::on_page(const Result<std::string_view>& answer) {
  Seed& seed = *seed_;
  seed.is_asking = false;
  if (!answer) {
    if (++seed.failure_count >= Seed::kFailuresMax) give_up_seed(answer.error().what);
    return;  // the next tick asks again
  }
  auto page = parse_snapshot_page(*answer);
  if (!page) return give_up_seed(page.error().what);
  seed.failure_count = 0;
  if (!seed.applied) {
    if (const Status begun = engine_.begin_snapshot(); !begun)
      return give_up_seed(begun.error().what);
    seed.applied = page->applied;
    seed.broken_off = page->broken_off;
  }
  // Each page shows at least what the first one said: a giver that was set back meanwhile does not.
  if (!page->applied.reaches(*seed.applied))
    return give_up_seed("it went back to an earlier state");
  seed.absent.insert(seed.absent.end(), page->absent.begin(), page->absent.end());
  if (seed.only == 0) {
    seed.at_table = seed.next.table;
    seed.at_key = seed.next.after;
    seed.page = std::move(*page);
    return work_on_page();
  }
  for (const SnapshotPage::Part& part : page->parts) {
    const Status status = engine_.apply_snapshot(part.table, part.records, page->shown);
    if (!status) return failed_on_page(status.error());
  }
  end_page(page->is_last, page->next_table, page->next_after);
}

// In steps, for what is here and not there is not bounded by the page.
void Replicator::work_on_page() {
  if (!seed_ || !seed_->page) return;
  const auto more = reconcile_step();
  if (!more) return failed_on_page(more.error());
  if (*more) return seed_timer_->arm_at(lane_.clock.now());
  const SnapshotPage page = *std::exchange(seed_->page, std::nullopt);
  end_page(page.is_last, page.next_table, page.next_after);
}

// Stamps too far ahead are waited for, as those of the log: the next tick asks for the same page
// again.
void Replicator::failed_on_page(const Error& error) {
  if (error.code != Code::conflict) return give_up_seed(error.what);
  held_counter_.add();
  seed_->page.reset();
  if (++seed_->held_count >= Seed::kHeldMax)
    give_up_seed("its stamps are too far ahead: check the clocks");
}

// One step of the page's next table. False: the page is done.
Result<bool> Replicator::reconcile_step() {
  Seed& seed = *seed_;
  const SnapshotPage& page = *seed.page;
  // Anew each time: the catalog comes first, and tables with it.
  TableId id = seed.at_table <= table::kCatalogId ? table::kCatalogId : 0;
  for (const auto& [name, table] : engine_.tables()) {
    const bool is_here = !table.is_deleted && table.is_in(options_.region);
    if (!is_here || table.id < seed.at_table ||
        std::ranges::find(seed.absent, table.id) != seed.absent.end())
      continue;
    if (id == 0 || table.id < id) id = table.id;
  }
  if (id == 0 || (!page.is_last && id > page.next_table)) return false;
  const bool ends_page = !page.is_last && id == page.next_table;
  Engine::Piece piece{.table = id,
                      .after = id == seed.at_table ? std::string_view(seed.at_key) : ""};
  if (ends_page) piece.last = page.next_after;
  const auto part = std::ranges::find(page.parts, id, &SnapshotPage::Part::table);
  if (part != page.parts.end()) piece.records = part->records;
  SL_TRY(std::optional<std::string> stopped_at, engine_.reconcile(piece, page.applied, page.shown));
  if (!stopped_at && ends_page) return false;
  seed.at_table = stopped_at ? id : id + 1;
  seed.at_key = stopped_at.value_or("");
  return true;
}

void Replicator::end_page(bool is_last, TableId next_table, const std::string& next_after) {
  Seed& seed = *seed_;
  seed.held_count = 0;
  if (!is_last) {
    seed.next.table = next_table;
    seed.next.after = next_after;
    return read_page();
  }
  if (seed.only != 0 && !seed.absent.empty())
    return give_up_seed("it has not got the table whole itself");
  const Status status = seed.only != 0 ? engine_.seeded(seed.only, *seed.applied)
                                       : engine_.reach(*seed.applied, seed.absent, seed.broken_off);
  if (!status) return give_up_seed(status.error().what);
  snapshot_counter_.add();
  lane_.log.line(port::Level::info, "state_snapshot_ends",
                 fmt::format("from={} table={:016x}", seed.node, seed.only));
  seed_.reset();
  for (auto& [source, incoming] : incoming_) drain(source);
  note_progress();
}

void Replicator::on_snapshot(const port::Fabric::Message& message) {
  const auto read = parse_read_snapshot(message.bytes);
  if (!read || message.reply_to.empty()) return;
  SnapshotPage page{.applied = engine_.applied(),
                    .shown = engine_.shown(),
                    .broken_off = engine_.broken_off(),
                    .is_last = true};
  const std::set<TableId>& incomplete = engine_.tables_to_seed();
  std::vector<TableId> wanted;
  if (read->only == 0) wanted.push_back(table::kCatalogId);
  for (const auto& [name, table] : engine_.tables()) {
    if (table.is_deleted || !table.is_in(read->region) ||
        (read->only != 0 && table.id != read->only))
      continue;
    if (!table.is_in(options_.region) || incomplete.contains(table.id)) {
      if (read->table == 0) page.absent.push_back(table.id);
    } else {
      wanted.push_back(table.id);
    }
  }
  std::ranges::sort(wanted);
  size_t bytes = 0;
  for (const TableId id : wanted) {
    if (id < read->table) continue;
    SnapshotPage::Part part{.table = id};
    const std::string after = id == read->table ? read->after + '\0' : std::string();
    const Status status =
        engine_.walk_records(id, after, [&](std::string_view key, std::string_view record) {
          if (bytes > 0 && bytes + key.size() + record.size() > options_.message_bytes_max) {
            page.is_last = false;
            return false;
          }
          bytes += key.size() + record.size() + 16;
          page.next_table = id;
          page.next_after = key;
          part.records.emplace_back(key, record);
          return true;
        });
    if (!status) return;
    if (!part.records.empty()) page.parts.push_back(std::move(part));
    if (!page.is_last) break;
  }
  std::string out;
  append_packed(out, page);
  // Others must not have what a power cut could still take from us.
  store_.sync([this, to = std::string(message.reply_to), out = std::move(out),
               alive = std::weak_ptr(alive_)](const Status& status) {
    if (status && !alive.expired()) fabric_.publish(to, out);
  });
}

}  // namespace sealane::state
