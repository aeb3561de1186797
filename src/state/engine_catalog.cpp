// SPDX-License-Identifier: Apache-2.0
// The catalog: the system table of tables. What changes with a table's document, and how that is
// followed up however often somebody is interrupted at it.
#include <algorithm>

#include "state/engine.h"
#include "state/keyspace.h"
#include "table/packed.h"

namespace sealane::state {

using port::Keyspace;
using table::Item;
using table::Record;
using table::Value;

namespace {

std::string catalog_key(std::string_view name) {
  return table::encode_key(Value(std::string(name)), nullptr);
}

}  // namespace

Status Engine::load_catalog() {
  const std::string prefix = keyspace::u64(table::kCatalogId);
  {
    const auto cursor = store_.walk(Keyspace::items, prefix, table::after_prefix(prefix));
    for (cursor->seek(prefix); cursor->valid(); cursor->next()) {
      std::string_view bytes = cursor->value();
      SL_TRY(const Record record, table::take_packed_record(bytes));
      if (!record.exists()) continue;
      SL_TRY(Table table, table::table_from_item(table::item_of(record)));
      const std::string name = table.name;
      const Table& kept = tables_.insert_or_assign(name, std::move(table)).first->second;
      if (!kept.is_deleted) by_id_[kept.id] = &kept;
    }
    SL_CHECK(cursor->status());
  }
  for (const std::string_view kind :
       {keyspace::kAdoptPrefix, keyspace::kFillPrefix, keyspace::kSeedPrefix}) {
    const auto cursor = store_.walk(Keyspace::meta, kind, table::after_prefix(std::string(kind)));
    for (cursor->seek(kind); cursor->valid(); cursor->next()) {
      std::string_view key = cursor->key().substr(kind.size());
      if (kind == keyspace::kAdoptPrefix) {
        to_adopt_.emplace(key);
        continue;
      }
      TableId id = 0;
      uint32_t index_id = 0;
      if (!keyspace::take_u64(key, id))
        return fail(Code::corrupt, "a mark in the store does not read back");
      if (kind == keyspace::kSeedPrefix) {
        to_seed_.insert(id);
      } else if (keyspace::take_u32(key, index_id)) {
        filling_.insert({id, index_id});
      }
    }
    SL_CHECK(cursor->status());
  }
  return {};
}

const Table* Engine::find_anywhere(std::string_view name) const {
  const auto at = tables_.find(name);
  return at == tables_.end() ? nullptr : &at->second;
}

const Table* Engine::find_table(std::string_view name) const {
  const Table* table = find_anywhere(name);
  return table && !table->is_deleted && table->is_in(options_.region) ? table : nullptr;
}

const Table* Engine::find_table(TableId id) const {
  if (id == table::kCatalogId) return &catalog_;
  const auto at = by_id_.find(id);
  return at == by_id_.end() ? nullptr : at->second;
}

Result<Position> Engine::write_table(const Table& table) {
  const std::string key = catalog_key(table.name);
  SL_TRY(Record before, load(catalog_, key));
  const Item old = table::item_of(before), now = table::to_item(table);
  std::vector<table::Change> changes;
  for (const auto& [name, value] : now) {
    const Value* was = old.find(name);
    if (!was || *was != value)
      changes.push_back({.attribute = name, .kind = table::Change::Kind::set});
  }
  for (const auto& [name, value] : old) {
    if (!now.find(name))
      changes.push_back({.attribute = name, .kind = table::Change::Kind::removed});
  }
  if (changes.empty()) return Position{self(), applied_.position(self())};
  const std::string key_attributes[] = {std::string(table::kCatalogKey)};
  ItemWrite write{.table = &catalog_, .key = key, .before = std::move(before)};
  write.delta =
      table::update_delta(now, changes, table::Merge::attribute, next_stamp(), key_attributes);
  return commit(std::span(&write, 1));
}

Status Engine::note_adoption(port::Batch& batch, std::string_view key) {
  std::string mark = keyspace::adopt(key), packed;
  SL_TRY(const bool is_noted, store_.get(Keyspace::meta, mark, packed));
  if (is_noted) return {};  // and not followed up yet: from there on
  packed.clear();
  std::string_view rest = key;
  SL_TRY(const Item attributes, table::take_key(rest, catalog_.key));
  const Table* before = find_anywhere(*attributes.find(table::kCatalogKey)->get<std::string>());
  if (before) table::append_packed(packed, table::to_item(*before));
  batch.put(Keyspace::meta, mark, packed);
  return {};
}

Status Engine::adopt_all() {
  Status all;
  const std::set<std::string> keys = to_adopt_;
  for (const std::string& key : keys) {
    Status adopted = adopt(key);
    if (adopted) {
      batch_->clear();
      batch_->erase(Keyspace::meta, keyspace::adopt(key));
      adopted = store_.write(*batch_);
    }
    if (adopted) {
      to_adopt_.erase(key);
    } else {
      all = std::move(adopted);
    }
  }
  return all;
}

Status Engine::adopt(const std::string& key) {
  SL_TRY(const Record record, load(catalog_, key));
  if (!record.exists()) return {};
  SL_TRY(Table after, table::table_from_item(table::item_of(record)));
  std::string packed;
  SL_CHECK(store_.get(Keyspace::meta, keyspace::adopt(key), packed));
  if (packed.empty()) return adopt(nullptr, std::move(after));
  std::string_view bytes = packed;
  SL_TRY(const Item was, table::take_packed_item(bytes));
  SL_TRY(const Table before, table::table_from_item(was));
  return adopt(&before, std::move(after));
}

// What changes in the store when a table's document changes from `before` to `after`.
Status Engine::adopt(const Table* before, Table after) {
  const bool was_here = before && !before->is_deleted && before->is_in(options_.region);
  const bool is_here = !after.is_deleted && after.is_in(options_.region);
  const std::string name = after.name;
  const Table& table = tables_.insert_or_assign(name, std::move(after)).first->second;
  std::erase_if(by_id_, [&](const auto& each) { return each.second == &table; });
  if (!table.is_deleted) by_id_[table.id] = &table;

  if (was_here && (!is_here || before->id != table.id)) SL_CHECK(erase_items(before->id));
  if (!is_here) return {};
  const bool is_same = before && !before->is_deleted && before->id == table.id;
  batch_->clear();
  if (is_same && !was_here) {  // others wrote to it while this region let their entries pass
    batch_->put(Keyspace::meta, keyspace::seed(table.id), {});
    to_seed_.insert(table.id);
  }
  if (is_same && was_here) {
    for (const table::Index& index : before->indexes) {
      const table::Index* still = table.find_index(index.name);
      if (still && still->id() == index.id()) continue;
      const std::string prefix = keyspace::index(table.id, index.id());
      batch_->erase_range(Keyspace::index, prefix, table::after_prefix(prefix));
      batch_->erase(Keyspace::meta, keyspace::fill(table.id, index.id()));
      filling_.erase({table.id, index.id()});
    }
    for (const table::Index& index : table.indexes) {
      const table::Index* old = before->find_index(index.name);
      if (old && old->id() == index.id()) continue;
      batch_->put(Keyspace::meta, keyspace::fill(table.id, index.id()), {});
      filling_.insert({table.id, index.id()});
    }
  }
  SL_CHECK(store_.write(*batch_));
  SL_CHECK(follow_stream(table));
  if (!is_same || !was_here || before->ttl_attribute == table.ttl_attribute ||
      table.ttl_attribute.empty())
    return {};
  // Items that were there before the table had this TTL attribute: their times are noted by the
  // same filling.
  filling_.insert({table.id, 0});
  batch_->clear();
  batch_->put(Keyspace::meta, keyspace::fill(table.id, 0), {});
  return store_.write(*batch_);
}

Status Engine::erase_items(TableId id) {
  const std::string prefix = keyspace::u64(id), last = table::after_prefix(prefix);
  batch_->clear();
  for (const Keyspace space : {Keyspace::items, Keyspace::index, Keyspace::stream}) {
    batch_->erase_range(space, prefix, last);
  }
  batch_->erase(Keyspace::meta, keyspace::seed(id));
  batch_->erase(Keyspace::meta, keyspace::streams(id));
  keep_stream_sequence();
  std::erase_if(filling_, [&](const auto& pair) {
    if (pair.first != id) return false;
    batch_->erase(Keyspace::meta, keyspace::fill(id, pair.second));
    return true;
  });
  to_seed_.erase(id);
  counts_.erase(id);
  uncounted_.erase(id);
  streams_.erase(id);
  to_trim_.erase(id);
  return store_.write(*batch_);
}

bool Engine::is_filling(const Table& table, const table::Index& index) const {
  return filling_.contains({table.id, index.id()});
}

}  // namespace sealane::state
