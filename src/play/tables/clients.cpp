// SPDX-License-Identifier: Apache-2.0
// What users do, and what every single answer must not contradict (rules 3 and 6).
#include <fmt/format.h>

#include "play/tables/trial.h"

namespace sealane::play {

using state::Engine;
using table::Item;
using table::Value;

namespace {

Value text(std::string s) { return Value(std::move(s)); }
std::string key_name(unsigned k, bool is_other) {
  return fmt::format("{}-{}", is_other ? "other" : "session", k);
}

}  // namespace

void Trial::next_operation(unsigned region, Duration in) {
  world_->at(world_->now() + in, [this, region] {
    if (!is_accepting_) return;
    operate(region);
    next_operation(region, 10ms + Duration(dice_.below(80'000'000)));
  });
}

void Trial::operate(unsigned region) {
  Member& member =
      members_[region * trial_.nodes_per_region + unsigned(dice_.below(trial_.nodes_per_region))];
  const unsigned key = unsigned(dice_.below(kKeys)), what = unsigned(dice_.below(10));
  Session& session = sessions_[dice_.below(std::size(sessions_))];
  world_->on_process(*member.node, world_->now(), [this, &member, key, what, &session] {
    Tables* tables = at(member);
    if (!tables) return;
    switch (what) {
      case 0:
        return put_other(*tables, key);
      case 1:
        return update_other(*tables, key);
      case 2:
      case 3:
      case 4:
        read(*tables, key, session);
        break;
      default:
        append(*tables, key, session);
    }
    look_at_clock(member);
  });
}

std::string Trial::packed_key(unsigned key, bool is_other) const {
  return table::encode_key(text(key_name(key, is_other)), nullptr);
}

std::optional<state::Position> Trial::write(Tables& tables, bool is_other, unsigned key,
                                            const Change& change,
                                            std::function<void(Result<table::Ack>)> done) {
  Engine& engine = tables.engine();
  const table::Table* table = engine.find_table(kTableName);
  if (!table) return std::nullopt;
  auto before = engine.load(*table, packed_key(key, is_other));
  if (!before) {
    broke("a record does not read back: " + before.error().what);
    return std::nullopt;
  }
  Item item = engine.visible(*table, *before);
  item.set("id", text(key_name(key, is_other)));
  state::ItemWrite write{.table = table,
                         .key = packed_key(key, is_other),
                         .before = std::move(*before),
                         .delta = change(engine, item)};
  const auto written = engine.commit(std::span(&write, 1));
  if (!written) {
    done(std::unexpected(written.error()));
    return std::nullopt;
  }
  tables.replicator().when_acknowledged(*written, table->ack, 3s, std::move(done));
  return *written;
}

void Trial::when_reached(Tables& tables, const Session& session, std::function<void(bool)> then) {
  const sim::Node* node = nullptr;
  for (const Member& member : members_) {
    if (member.node->process() == &tables) node = member.node;
  }
  tables.replicator().when_reached(session.seen, 300ms,
                                   [&tables, node, then = std::move(then)](uint64_t stale_ms) {
                                     if (node->process() == &tables)
                                       then(stale_ms > 0);  // else it is being shut down
                                   });
}

// ── conversations ──

void Trial::append(Tables& tables, unsigned key, Session& session) {
  when_reached(tables, session,
               [this, &tables, key, &session, owed = session.must_see[key]](bool is_stale) {
                 if (is_accepting_)
                   append_now(tables, key, session, is_stale ? std::set<std::string>{} : owed);
               });
}

void Trial::append_now(Tables& tables, unsigned key, Session& session,
                       std::set<std::string> behind) {
  const std::string element = fmt::format("{}-{:08x}", ++element_count_, tables.engine().self());
  const bool is_in_front = dice_.chance(0.1);
  Append& append = appends_[key][element];
  if (!is_in_front) append.behind = std::move(behind);
  const auto change = [&](Engine& engine, Item& item) {
    table::Change change{
        .attribute = "turns",
        .kind = is_in_front ? table::Change::Kind::prepend : table::Change::Kind::append,
        .elements = {text(element)}};
    item.set("turns", Value(table::List{text(element)}));
    const std::string keys[] = {"id"};
    return table::update_delta(item, std::span(&change, 1), table::Merge::conversation,
                               engine.next_stamp(), keys);
  };
  const auto done = [this, key, element, &append, &session,
                     &engine = tables.engine()](const Result<table::Ack>& got) {
    if (!got) return void(++verdict_.refused_count);
    ++verdict_.acknowledged_count;
    append.is_acknowledged = true;
    append.is_remote = *got == table::Ack::remote;
    session.must_see[key].insert(element);
    session.seen.raise(engine.shown());
  };
  const auto at = write(tables, false, key, change, done);
  if (!at) return;
  append.at = *at;
  const auto turns = turns_of(tables, key);
  if (turns.empty() || (is_in_front ? turns.front() : turns.back()) != element) {
    broke(fmt::format("rule 6: {} of {} is not at its end where it was appended", element,
                      key_name(key, false)));
  }
}

void Trial::read(Tables& tables, unsigned key, Session& session) {
  // What the session knew when it asked: what it learns meanwhile elsewhere is not owed by this
  // answer.
  when_reached(
      tables, session, [this, &tables, key, &session, owed = session.must_see[key]](bool is_stale) {
        ++verdict_.read_count;
        if (is_stale) return void(++verdict_.stale_count);
        const auto turns = turns_of(tables, key);
        const std::set<std::string> there(turns.begin(), turns.end());
        for (const std::string& element : owed) {
          if (!there.contains(element)) {
            const Append& lost = appends_[key][element];
            return broke(
                fmt::format("rule 3: a session read {} at {:08x} without {} and was not told; it "
                            "is {} at {}, and {} of "
                            "that log is applied here",
                            key_name(key, false), tables.engine().self(), element,
                            lost.is_acknowledged ? "acknowledged" : "not acknowledged",
                            lost.at.position, tables.engine().applied().position(lost.at.source)));
          }
        }
        // As the API does: what could be forgotten yet is not shown.
        const auto show = [key, &session, there,
                           shown = tables.engine().shown()](const Status& status) {
          if (!status) return;
          session.must_see[key].insert(there.begin(), there.end());
          session.seen.raise(shown);
        };
        tables.replicator().when_kept(3s, show);
      });
}

std::vector<std::string> Trial::turns_of(Tables& tables, unsigned key) {
  std::vector<std::string> all;
  const table::Table* table = tables.engine().find_table(kTableName);
  if (!table) return all;
  const auto record = tables.engine().load(*table, packed_key(key));
  if (!record) return all;
  const Item item = table::item_of(*record);
  const Value* turns = item.find("turns");
  if (!turns || !turns->get<table::List>()) return all;
  for (const Value& each : *turns->get<table::List>()) all.push_back(*each.get<std::string>());
  return all;
}

// ── items that are put, changed and deleted as in any table ──

Item Trial::other_item(Tables& tables, unsigned key) {
  const table::Table* table = tables.engine().find_table(kTableName);
  const auto record = tables.engine().load(*table, packed_key(key, true));
  return record ? table::item_of(*record) : Item{};
}

void Trial::put_other(Tables& tables, unsigned key) {
  const bool deletes = dice_.chance(0.3);
  Item wanted;
  const auto change = [&](Engine& engine, Item& item) {
    if (deletes) return table::delete_delta(engine.next_stamp());
    wanted.set("id", *item.find("id"));
    wanted.set("a", text(std::to_string(dice_.below(1'000'000))));
    return table::put_delta(wanted, engine.next_stamp());
  };
  if (!write(tables, true, key, change, [](const Result<table::Ack>&) {})) return;
  if (other_item(tables, key) != wanted) {
    broke(fmt::format("rule 6: {} at {:08x} is not what was just {}", key_name(key, true),
                      tables.engine().self(), deletes ? "deleted" : "put"));
  }
}

void Trial::update_other(Tables& tables, unsigned key) {
  const std::string name(1, char('a' + dice_.below(3)));
  const bool removes = dice_.chance(0.2);
  Item wanted;
  const auto change = [&](Engine& engine, Item& item) {
    removes ? void(item.erase(name)) : item.set(name, text(std::to_string(dice_.below(1'000'000))));
    wanted = item;
    const table::Change change{
        .attribute = name,
        .kind = removes ? table::Change::Kind::removed : table::Change::Kind::set};
    const std::string keys[] = {"id"};
    return table::update_delta(item, std::span(&change, 1), table::Merge::attribute,
                               engine.next_stamp(), keys);
  };
  if (!write(tables, true, key, change, [](const Result<table::Ack>&) {})) return;
  if (other_item(tables, key) != wanted) {
    broke(fmt::format("rule 6: {} at {:08x} is not as it was just changed", key_name(key, true),
                      tables.engine().self()));
  }
}

}  // namespace sealane::play
