// SPDX-License-Identifier: Apache-2.0
// An engine on the disk of a simulated node: what the tests of the engine drive. Two of them are
// replicas that the test itself keeps level.
#pragma once

#include <gtest/gtest.h>

#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/disk.h"
#include "sim/world.h"
#include "state/engine.h"
#include "table/attribute_json.h"

namespace sealane::state {

using table::Item;
using table::Record;
using table::Value;

inline Value text(std::string_view s) { return Value(std::string(s)); }
inline Value number(int64_t n) { return Value(table::Number(n)); }

inline std::string json(const Item& item) {
  std::string out;
  table::append_json(out, item);
  return out;
}

struct Bench {
  explicit Bench(sim::World& world, std::string region, uint8_t host)
      : node(world.add_node({.name = region, .addresses = {IpAddress::v4(10, 0, 0, host)}})),
        region_(std::move(region)) {
    open();
  }
  void open() {
    engine.reset();
    store.reset();
    auto opened = node.disk().open();
    ASSERT_TRUE(opened) << opened.error().what;
    store = std::move(*opened);
    auto made = Engine::open(*store, node.lane().clock, node.lane().dice,
                             {.region = region_, .node = region_, .is_alone = is_alone});
    ASSERT_TRUE(made) << made.error().what;
    engine = std::move(*made);
    engine->on_commit = [this](Position at, std::string_view entry) {
      shipped.emplace_back(at, entry);
    };
  }
  Table sessions(std::vector<std::string> replicas = {"a", "b"}) {
    Table table{.name = "sessions"};
    table.key.hash = {"id", table::Type::S};
    table.attribute_definitions = {table.key.hash};
    table.replicas = std::move(replicas);
    table.id = table::table_id(table.name, 0, table.key);
    return table;
  }
  const Table& make(const Table& table) {
    EXPECT_TRUE(engine->write_table(table));
    const Table* made = engine->find_table(table.name);
    EXPECT_NE(made, nullptr);
    return *made;
  }
  std::string key(std::string_view id) { return table::encode_key(text(id), nullptr); }
  Result<Position> put(const Table& table, std::string_view id, Item item = {},
                       std::vector<Written>* written = nullptr) {
    item.set("id", text(id));
    // as the API does: nobody looks at what is there
    auto before = engine->load_raw(table, key(id));
    ItemWrite write{.table = &table,
                    .key = key(id),
                    .before_raw = *before,
                    .delta = put_delta(item, engine->next_stamp())};
    return engine->commit(std::span(&write, 1), written);
  }
  Result<Position> update(const Table& table, std::string_view id, std::string_view name,
                          Value value) {
    auto before = engine->load(table, key(id));
    Item item = engine->visible(table, *before);
    item.set("id", text(id));
    item.set(name, std::move(value));
    const table::Change change{.attribute = std::string(name)};
    const std::string keys[] = {"id"};
    ItemWrite write{.table = &table,
                    .key = key(id),
                    .before = *before,
                    .delta = update_delta(item, std::span(&change, 1), table.merge,
                                          engine->next_stamp(), keys)};
    return engine->commit(std::span(&write, 1));
  }
  Result<Position> erase(const Table& table, std::string_view id) {
    auto before = engine->load_raw(table, key(id));
    ItemWrite write{.table = &table,
                    .key = key(id),
                    .before_raw = *before,
                    .delta = table::delete_delta(engine->next_stamp())};
    return engine->commit(std::span(&write, 1));
  }
  std::string get(const Table& table, std::string_view id) {
    const auto record = engine->load(table, key(id));
    return record ? json(engine->visible(table, *record)) : record.error().what;
  }
  // All records of a table, as a snapshot has them.
  std::vector<std::pair<std::string, std::string>> records(TableId id) {
    std::vector<std::pair<std::string, std::string>> all;
    EXPECT_TRUE(engine->walk_records(id, {}, [&](std::string_view key, std::string_view record) {
      all.emplace_back(key, record);
      return true;
    }));
    return all;
  }
  // Hands over what was committed since the last call.
  void ship_to(Bench& other) {
    for (const auto& [at, entry] : shipped) {
      const Status status = other.engine->apply(at.source, at.position, entry);
      EXPECT_TRUE(status) << status.error().what;
    }
    shipped.clear();
  }
  size_t count_keys(port::Keyspace space, std::string_view prefix = {}) {
    size_t count = 0;
    const auto cursor =
        store->walk(space, prefix, prefix.empty() ? "" : table::after_prefix(std::string(prefix)));
    for (cursor->seek(prefix); cursor->valid(); cursor->next()) ++count;
    return count;
  }

  sim::Node& node;
  std::string region_;
  bool is_alone = false;
  std::unique_ptr<port::Store> store;
  std::unique_ptr<Engine> engine;
  std::vector<std::pair<Position, std::string>> shipped;
};

inline Item item(std::initializer_list<std::pair<std::string_view, Value>> attributes) {
  Item out;
  for (const auto& [name, value] : attributes) out.set(name, value);
  return out;
}

}  // namespace sealane::state
