// SPDX-License-Identifier: Apache-2.0
#include "table/schema.h"

#include <algorithm>

#include "base/hash.h"

namespace sealane::table {
namespace {

constexpr std::string_view kReplica = "replica/", kTag = "tag/", kIndex = "index/";

Value text(std::string_view s) { return Value(std::string(s)); }
Value number(uint64_t n) { return Value(Number(int64_t(n))); }

std::unexpected<Error> corrupt(std::string_view what) {
  return fail(Code::corrupt, "a table's document does not read back: " + std::string(what));
}

// ── typed members of a document ──

struct Reader {
  const Item& item;
  std::string broken{};  // the first member that was not what it should be

  template <typename T>
  const T* get(std::string_view name) {
    const Value* value = item.find(name);
    const T* typed = value ? value->get<T>() : nullptr;
    if (!typed && broken.empty()) broken = name;
    return typed;
  }
  std::string text(std::string_view name) {
    const auto* s = get<std::string>(name);
    return s ? *s : std::string();
  }
  uint64_t number(std::string_view name) {
    const auto* n = get<Number>(name);
    int64_t out = 0;
    if (n && !n->to_int64(out) && broken.empty()) broken = name;
    return uint64_t(out);
  }
  bool flag(std::string_view name) {
    const auto* b = get<bool>(name);
    return b && *b;
  }
};

Value key_value(const KeyAttribute& key) {
  return Value(List{text(key.name), number(uint64_t(key.type))});
}

std::optional<KeyAttribute> key_from(const Value& value) {
  const List* pair = value.get<List>();
  if (!pair || pair->size() != 2) return std::nullopt;
  const auto* name = (*pair)[0].get<std::string>();
  const auto* number = (*pair)[1].get<Number>();
  int64_t type = 0;
  if (!name || !number || !number->to_int64(type) || type < 1 || type > 3) return std::nullopt;
  return KeyAttribute{*name, Type(type)};
}

Value keys_value(const KeySchema& key) {
  List list{key_value(key.hash)};
  if (key.range) list.push_back(key_value(*key.range));
  return Value(std::move(list));
}

std::optional<KeySchema> keys_from(const Value* value) {
  const List* list = value ? value->get<List>() : nullptr;
  if (!list || list->empty() || list->size() > 2) return std::nullopt;
  const auto hash = key_from((*list)[0]);
  if (!hash) return std::nullopt;
  KeySchema schema{*hash, std::nullopt};
  if (list->size() == 2 && !(schema.range = key_from((*list)[1]))) return std::nullopt;
  return schema;
}

Item index_item(const Index& index) {
  Item item;
  List include;
  for (const std::string& name : index.projection.include) include.push_back(text(name));
  item.set("include", Value(std::move(include)));
  item.set("key", keys_value(index.key));
  item.set("local", Value(index.is_local));
  item.set("projection", number(uint64_t(index.projection.kind)));
  item.set("read_units", number(uint64_t(index.throughput.read_units)));
  item.set("write_units", number(uint64_t(index.throughput.write_units)));
  return item;
}

std::optional<Index> index_from(std::string_view name, const Value& value) {
  const Item* item = value.get<Item>();
  if (!item) return std::nullopt;
  Reader in{*item};
  const auto key = keys_from(item->find("key"));
  const uint64_t kind = in.number("projection");
  const List* include = in.get<List>("include");
  Index index{.name = std::string(name), .is_local = in.flag("local")};
  index.throughput = {int64_t(in.number("read_units")), int64_t(in.number("write_units"))};
  if (!in.broken.empty() || !key || kind > 2) return std::nullopt;
  index.key = *key;
  index.projection.kind = IndexProjection::Kind(kind);
  for (const Value& each : *include) {
    const auto* attribute = each.get<std::string>();
    if (!attribute) return std::nullopt;
    index.projection.include.push_back(*attribute);
  }
  return index;
}

Item definition_item(const Table& table) {
  Item item;
  List attributes;
  for (const KeyAttribute& attribute : table.attribute_definitions)
    attributes.push_back(key_value(attribute));
  item.set("attributes", Value(std::move(attributes)));
  item.set("created_ms", number(table.created_ms));
  item.set("generation", number(table.generation));
  item.set("key", keys_value(table.key));
  return item;
}

bool read_definition(const Item& item, Table& table) {
  Reader in{item};
  const auto key = keys_from(item.find("key"));
  table.created_ms = in.number("created_ms");
  table.generation = uint32_t(in.number("generation"));
  const List* attributes = in.get<List>("attributes");
  if (!in.broken.empty() || !key) return false;
  table.key = *key;
  for (const Value& value : *attributes) {
    const auto attribute = key_from(value);
    if (!attribute) return false;
    table.attribute_definitions.push_back(*attribute);
  }
  return true;
}

}  // namespace

uint32_t Index::id() const {
  std::string bytes = name;
  for (const KeyAttribute* attribute : {&key.hash, key.range ? &*key.range : nullptr}) {
    if (!attribute) continue;
    bytes += '\0';
    bytes += attribute->name;
    bytes += char(attribute->type);
  }
  return uint32_t(mix64(fnv1a(bytes)));
}

const Index* Table::find_index(std::string_view index_name) const {
  const auto at = std::ranges::find(indexes, index_name, &Index::name);
  return at == indexes.end() ? nullptr : &*at;
}

bool Table::is_in(std::string_view region) const {
  return std::ranges::binary_search(replicas, region);
}

std::optional<Ack> ack_from(std::string_view name) {
  const auto at = std::ranges::find(kAckNames, name);
  if (at == kAckNames.end()) return std::nullopt;
  return Ack(at - kAckNames.begin());
}

Ack stricter(Ack a, Ack b) {
  if (a == Ack::remote || b == Ack::remote) return Ack::remote;
  return a == Ack::local ? b : a;
}

TableId table_id(std::string_view name, uint32_t generation, const KeySchema& key) {
  Index as_bytes{.name = std::string(name), .key = key};
  const TableId id = mix64(fnv1a(name) ^ uint64_t{as_bytes.id()} << 20 ^ generation);
  return id == kCatalogId || id == 0 ? ~id : id;
}

Item to_item(const Table& table) {
  Item item;
  item.set(kCatalogKey, text(table.name));
  item.set("ack", number(uint64_t(table.ack)));
  item.set("class", text(table.table_class));
  item.set("definition", Value(definition_item(table)));
  item.set("deleted", Value(table.is_deleted));
  item.set("merge", number(uint64_t(table.merge)));
  item.set("on_demand", Value(table.is_on_demand));
  item.set("protected", Value(table.has_deletion_protection));
  item.set("read_units", number(uint64_t(table.throughput.read_units)));
  item.set("stream", number(uint64_t(table.stream)));
  item.set("stream_started_ms", number(table.stream_started_ms));
  item.set("ttl", text(table.ttl_attribute));
  item.set("write_units", number(uint64_t(table.throughput.write_units)));
  for (const Index& index : table.indexes)
    item.set(std::string(kIndex) + index.name, Value(index_item(index)));
  for (const std::string& region : table.replicas)
    item.set(std::string(kReplica) + region, Value(true));
  for (const auto& [key, value] : table.tags) item.set(std::string(kTag) + key, text(value));
  return item;
}

Result<Table> table_from_item(const Item& item) {
  Table table;
  Reader in{item};
  table.name = in.text(kCatalogKey);
  table.is_deleted = in.flag("deleted");
  table.table_class = in.text("class");
  table.ttl_attribute = in.text("ttl");
  table.has_deletion_protection = in.flag("protected");
  table.is_on_demand = in.flag("on_demand");
  table.stream_started_ms = in.number("stream_started_ms");
  table.throughput = {int64_t(in.number("read_units")), int64_t(in.number("write_units"))};
  const uint64_t merge = in.number("merge"), ack = in.number("ack"), stream = in.number("stream");
  if (!in.broken.empty()) return corrupt(in.broken);
  if (merge > 2 || ack >= kAckNames.size() || stream > 4) return corrupt("an enumeration");
  table.merge = Merge(merge);
  table.ack = Ack(ack);
  table.stream = StreamView(stream);
  const Value* definition = item.find("definition");
  if (!definition || !definition->get<Item>() ||
      !read_definition(*definition->get<Item>(), table)) {
    return corrupt("definition");
  }
  table.id = table_id(table.name, table.generation, table.key);
  for (const auto& [name, value] : item) {
    const std::string_view view = name;
    if (view.starts_with(kReplica)) {
      table.replicas.emplace_back(view.substr(kReplica.size()));
    } else if (view.starts_with(kTag)) {
      const auto* tag = value.get<std::string>();
      if (!tag) return corrupt(name);
      table.tags.emplace_back(view.substr(kTag.size()), *tag);
    } else if (view.starts_with(kIndex)) {
      const auto index = index_from(view.substr(kIndex.size()), value);
      if (!index) return corrupt(name);
      table.indexes.push_back(*index);
    }
  }
  return table;
}

}  // namespace sealane::table
