// SPDX-License-Identifier: Apache-2.0
// What must hold in the end, and rule 5.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "play/tables/trial.h"
#include "table/size.h"

namespace sealane::play {

using state::Engine;

void Trial::look_at_clock(Member& member) {
  using std::chrono::milliseconds;
  const auto wall = member.node->lane().clock.wall().time_since_epoch();
  member.latest_wall_ms = std::max(
      member.latest_wall_ms, uint64_t(std::chrono::duration_cast<milliseconds>(wall).count()));
  Tables* tables = at(member);
  if (!tables) return;
  const uint64_t ahead_ms = table::ms_of(tables->engine().hlc_now());
  if (ahead_ms > member.latest_wall_ms + table::HybridClock::kAheadMaxMs + 1) {
    broke(fmt::format("rule 5: {} stamps {} ms ahead of all that its clock has shown",
                      member.node->name(), ahead_ms - member.latest_wall_ms));
  }
}

// ── level ──

bool Trial::is_level() {
  const auto all = living();
  const auto expected = std::ranges::count(members_, false, &Member::is_destroyed);
  if (all.size() != size_t(expected)) return false;
  for (Tables* tables : all) {
    if (!tables->engine().tables_to_seed().empty()) return false;
    for (const table::Reach& reach : tables->engine().applied()) {
      for (Tables* other : all) {
        if (other->engine().applied().position(reach.source) != reach.position) return false;
      }
    }
    for (Tables* other : all) {
      const Engine& here = tables->engine();
      if (!here.ahead().empty() && !other->engine().broken_off().reaches(here.broken_off()))
        return false;
    }
  }
  return true;
}

void Trial::wait_until_level() {
  const Instant healed = world_->now();
  const bool level = world_->run_until([&] { return is_level(); }, healed + trial_.level_within);
  verdict_.level_after = world_->now() - healed;
  if (!level) {
    std::string where;
    for (Tables* tables : living()) {
      where += fmt::format(" {:08x} has", tables->engine().self());
      for (const table::Reach& reach : tables->engine().applied())
        where += fmt::format(" {:08x}:{}", reach.source, reach.position);
      where += ";";
    }
    broke(fmt::format("rule 2: not level {} s after the faults:{}",
                      to_ms(trial_.level_within) / 1000, where));
  }
  for (Member& member : members_) look_at_clock(member);
  for (Tables* tables : living()) verdict_.conflict_count += tables->engine().lost_count();
}

// ── appends ──

void Trial::check_appends() {
  for (auto& [key, appends] : appends_) {
    std::set<std::string> missing_anywhere;
    for (Tables* tables : living()) {
      const std::string where = fmt::format("session-{} at {:08x}", key, tables->engine().self());
      const auto turns = turns_of(*tables, key);
      const std::set<std::string> there(turns.begin(), turns.end());
      if (there.size() != turns.size()) broke("rule 1: an element is there twice in " + where);
      for (const auto& [element, append] : appends) {
        if (!append.is_acknowledged || there.contains(element)) continue;
        missing_anywhere.insert(element);
        if (!append.is_excused)
          broke(
              fmt::format("rule {}: {} is lost in {}", append.is_remote ? 4 : 1, element, where));
      }
      for (const std::string& element : turns) {
        if (!appends.contains(element))
          broke(fmt::format("rule 1: nobody wrote {} in {}", element, where));
      }
      check_order(key, turns, where);
    }
    verdict_.excused_count += missing_anywhere.size();
  }
}

void Trial::check_order(unsigned key, const std::vector<std::string>& turns,
                        const std::string& where) {
  std::map<std::string_view, size_t> place;
  for (size_t i = 0; i < turns.size(); ++i) place[turns[i]] = i;
  for (const std::string& element : turns) {
    const auto append = appends_[key].find(element);
    if (append == appends_[key].end()) continue;
    for (const std::string& earlier : append->second.behind) {
      const auto at = place.find(earlier);
      if (at != place.end() && at->second > place[element]) {
        return broke(fmt::format("rule 7: {} stands before {}, which its writer had seen, in {}",
                                 element, earlier, where));
      }
    }
  }
}

// ── counts ──

void Trial::check_counts() {
  for (Tables* tables : living()) {
    Engine& engine = tables->engine();
    const table::Table* table = engine.find_table(kTableName);
    if (!table) continue;
    world_->run_until([&] { return !engine.is_counting(*table); }, world_->now() + 5s);
    Engine::Count truth;
    (void)engine.walk_records(table->id, {}, [&](std::string_view, std::string_view packed) {
      const auto record = table::take_packed_record(packed);
      truth.item_count += uint64_t{record && record->exists()};
      truth.bytes += record ? table::size_bytes(*record) : 0;
      return true;
    });
    const Engine::Count count = engine.count(*table);
    if (engine.is_counting(*table) || count != truth) {
      broke(fmt::format("rule 9: {:08x} counts {} items of {} bytes where there are {} of {}",
                        engine.self(), count.item_count, count.bytes, truth.item_count,
                        truth.bytes));
    }
  }
}

// ── bytes ──

// By key, the records as bytes; traces of removals go when each node gets round to it, so they do
// not count.
std::map<std::string, std::string> Trial::content_of(Tables& tables) {
  std::map<std::string, std::string> content;
  const table::Table* table = tables.engine().find_table(kTableName);
  if (!table) {
    broke("rule 2: a table is missing");
    return content;
  }
  (void)tables.engine().walk(*table, {}, {}, false,
                             [&](std::string_view key, std::string_view packed) {
                               std::string_view view = packed;
                               auto record = table::take_packed_record(view);
                               if (!record) {
                                 broke("a record does not read back");
                                 return false;
                               }
                               if (!table::purge(*record, UINT64_MAX))
                                 table::append_packed(content[std::string(key)], *record);
                               return true;
                             });
  return content;
}

namespace {

std::string words_of(std::string_view packed) {
  auto record = packed.empty() ? table::Record{} : *table::take_packed_record(packed);
  const auto stamp = [](const table::Stamp& s) {
    return fmt::format("{}+{}/{:08x}", s.hlc >> 16, s.hlc & 0xffff, s.source);
  };
  std::string out = fmt::format("cleared {} live {}", stamp(record.cleared), stamp(record.live));
  for (const table::Cell& cell : record.cells) {
    out += fmt::format(" {}@{}", cell.name, stamp(cell.stamp));
    for (const table::Element& e : cell.elements) out += fmt::format(" {}", stamp(e.id));
  }
  return out;
}

}  // namespace

void Trial::check_equal() {
  const auto all = living();
  if (all.empty()) return;
  const auto first = content_of(*all.front());
  for (Tables* tables : all) {
    const auto other = content_of(*tables);
    if (other == first) continue;
    std::set<std::string> keys;
    for (const auto& [key, bytes] : first) keys.insert(key);
    for (const auto& [key, bytes] : other) keys.insert(key);
    for (const std::string& key : keys) {
      const auto a = first.contains(key) ? first.at(key) : "",
                 b = other.contains(key) ? other.at(key) : "";
      if (a != b) {
        broke(fmt::format(
            "rule 2: replicas that are level hold different bytes: {:08x} has {}, {:08x} has {}",
            all.front()->engine().self(), words_of(a), tables->engine().self(), words_of(b)));
      }
    }
  }
}

}  // namespace sealane::play
