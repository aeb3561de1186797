// SPDX-License-Identifier: Apache-2.0
#include "state/engine.h"

#include <algorithm>

#include "base/time.h"
#include "state/keyspace.h"
#include "table/packed.h"

namespace sealane::state {

using port::Keyspace;
using table::Item;
using table::Record;
using table::Value;

namespace {

constexpr std::string_view kVersion = "1";

// Expiry by TTL looks at whole seconds, and leaves alone what would have expired more than five
// years ago: such numbers are taken for something else than a time (AWS, "Time to Live": formatting
// the attribute).
constexpr uint64_t kTtlOldestS = 5ull * 365 * 24 * 3600;

Table make_catalog() {
  Table catalog{.name = "sealane.tables", .id = table::kCatalogId};
  catalog.key.hash = {std::string(table::kCatalogKey), table::Type::S};
  return catalog;
}

}  // namespace

Engine::Engine(port::Store& store, port::Clock& clock, Options options, Source self)
    : store_(store),
      clock_(clock),
      options_(std::move(options)),
      hlc_(self),
      catalog_(make_catalog()),
      batch_(store.batch()) {}

Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(port::Store& store, port::Clock& clock, Dice& dice,
                                             Options options) {
  std::string identity, boot, copied;
  SL_TRY(const bool found, store.get(Keyspace::meta, keyspace::kIdentity, identity));
  Source self = 0;
  if (found) {
    std::string_view bytes = identity, version, last_boot;
    if (!table::take_bytes(bytes, version) || !keyspace::take_u32(bytes, self) ||
        !table::take_bytes(bytes, last_boot)) {
      return fail(Code::corrupt,
                  "the store's identity does not read back; restore it from another node");
    }
    if (version != kVersion) {
      return fail(Code::invalid,
                  "the store was written by a newer Sealane (format " + std::string(version) + ")");
    }
    boot = last_boot;
  }
  SL_TRY(const bool is_copy, store.get(Keyspace::meta, keyspace::kCopied, copied));
  const bool is_new_log =
      !found || is_copy || (!options.machine_boot.empty() && boot != options.machine_boot);
  if (is_new_log) {
    for (self = 0; self == 0;) self = Source(dice.roll());
  }
  if (is_new_log || boot != options.machine_boot) {
    identity.clear();
    table::append_bytes(identity, kVersion);
    keyspace::append_u32(identity, self);
    table::append_bytes(identity, options.machine_boot);
    const auto batch = store.batch();
    batch->put(Keyspace::meta, keyspace::kIdentity, identity);
    batch->erase(Keyspace::meta, keyspace::kCopied);
    SL_CHECK(store.write(*batch));
  }
  std::unique_ptr<Engine> engine(new Engine(store, clock, std::move(options), self));
  SL_CHECK(engine->load_reach());
  SL_TRY(table::Vector ahead, engine->load_vector(keyspace::kAhead));
  engine->set_ahead(std::move(ahead));
  SL_TRY(engine->broken_off_, engine->load_vector(keyspace::kBrokenOff));
  SL_CHECK(engine->load_catalog());
  SL_CHECK(engine->load_sequences());
  SL_CHECK(engine->load_owners());
  SL_CHECK(engine->load_counts());
  SL_CHECK(engine->load_transactions());
  (void)engine->adopt_all();  // a full disk keeps nobody from reading; the sweep tries again
  if (engine->options_.is_alone && engine->first_kept(self) != 0) {
    // Whole, before the first entry that is not kept: a log with a hole would be read up to the
    // hole for ever.
    SL_CHECK(engine->trim_log(self, engine->applied_.position(self)));
  }
  return engine;
}

Status Engine::load_reach() {
  const std::string last = table::after_prefix(std::string(keyspace::kReachPrefix));
  const auto cursor = store_.walk(Keyspace::meta, keyspace::kReachPrefix, last);
  for (cursor->seek(keyspace::kReachPrefix); cursor->valid(); cursor->next()) {
    std::string_view key = cursor->key().substr(keyspace::kReachPrefix.size());
    std::string_view value = cursor->value();
    table::Reach reach;
    if (!keyspace::take_u32(key, reach.source) || !keyspace::take_u64(value, reach.position) ||
        !keyspace::take_u64(value, reach.hlc)) {
      return fail(
          Code::corrupt,
          "a position in a change log does not read back; restore the store from another node");
    }
    applied_.set(reach);
    progress_.raise(reach.source, reach.position);
    hlc_ = table::HybridClock(hlc_.source(), std::max(hlc_.now(0), reach.hlc));
  }
  return cursor->status();
}

Result<table::Vector> Engine::load_vector(std::string_view key) const {
  std::string packed;
  SL_TRY(const bool found, store_.get(Keyspace::meta, key, packed));
  if (!found) return table::Vector{};
  std::string_view bytes = packed;
  return table::take_packed_vector(bytes);
}

void Engine::set_ahead(table::Vector ahead) {
  ahead_ = std::move(ahead);
  // What is written here from now on must win against what is shown.
  for (const table::Reach& reach : ahead_)
    hlc_ = table::HybridClock(hlc_.source(), std::max(hlc_.now(0), reach.hlc));
  if (applied_.reaches(ahead_)) ahead_ = {};
  shown_ = applied_;
  shown_.raise(ahead_);
  for (const table::Reach& reach : ahead_) progress_.show(reach.source, reach.position);
}

Status Engine::load_sequences() {
  SL_CHECK(load_streams());
  const auto cursor = store_.walk(Keyspace::journal, {}, {});
  for (cursor->seek({}); cursor->valid(); cursor->next()) {
    std::string_view key = cursor->key();
    uint64_t sequence = 0;
    if (!keyspace::take_u64(key, sequence))
      return fail(Code::corrupt, "the journal does not read back");
    journaled_.emplace_back(sequence, cursor->value().size());
    journal_bytes_ += cursor->value().size();
    journal_sequence_ = sequence + 1;
  }
  return cursor->status();
}

Status Engine::load_owners() {
  const std::string last = table::after_prefix(std::string(keyspace::kOwnerPrefix));
  const auto cursor = store_.walk(Keyspace::meta, keyspace::kOwnerPrefix, last);
  for (cursor->seek(keyspace::kOwnerPrefix); cursor->valid(); cursor->next()) {
    std::string_view key = cursor->key().substr(keyspace::kOwnerPrefix.size());
    std::string_view value = cursor->value(), node, region;
    Source source = 0;
    if (!keyspace::take_u32(key, source) || !table::take_bytes(value, node) ||
        !table::take_bytes(value, region)) {
      return fail(Code::corrupt, "the owner of a change log does not read back");
    }
    owners_[source] = {std::string(node), std::string(region)};
  }
  SL_CHECK(cursor->status());
  return note_owner(self(), {options_.node, options_.region});
}

const Engine::Owner* Engine::owner_of(Source source) const {
  const auto at = owners_.find(source);
  return at == owners_.end() ? nullptr : &at->second;
}

Status Engine::note_owner(Source source, const Owner& owner) {
  const Owner* known = owner_of(source);
  if ((known && *known == owner) || (!known && owners_.size() >= kOwnersMax)) return {};
  std::string value;
  table::append_bytes(value, owner.node);
  table::append_bytes(value, owner.region);
  batch_->clear();
  batch_->put(Keyspace::meta, keyspace::owner(source), value);
  SL_CHECK(store_.write(*batch_));
  owners_[source] = owner;
  return {};
}

// The counts of an orderly stop are true until something is written; the first batch takes them out
// of the store.
Status Engine::load_counts() {
  std::string kept;
  SL_TRY(has_kept_counts_, store_.get(Keyspace::meta, keyspace::kCounts, kept));
  std::string_view rest = kept;
  while (!rest.empty()) {
    TableId id = 0;
    Count count;
    if (!keyspace::take_u64(rest, id) || !keyspace::take_u64(rest, count.item_count) ||
        !keyspace::take_u64(rest, count.bytes)) {
      return fail(Code::corrupt,
                  "the counts of tables do not read back; restore the store from another node");
    }
    counts_[id] = count;
  }
  if (has_kept_counts_) return {};
  for (const auto& [id, table] : by_id_) {
    if (table->is_in(options_.region)) uncounted_[id];
  }
  return {};
}

Engine::Count Engine::count(const Table& table) const {
  const auto at = counts_.find(table.id);
  return at == counts_.end() ? Count{} : at->second;
}

Status Engine::close() {
  if (!uncounted_.empty() || has_kept_counts_) return {};
  std::string kept;
  for (const auto& [id, count] : counts_) {
    keyspace::append_u64(kept, id);
    keyspace::append_u64(kept, count.item_count);
    keyspace::append_u64(kept, count.bytes);
  }
  batch_->clear();
  batch_->put(Keyspace::meta, keyspace::kCounts, kept);
  return store_.write(*batch_);
}

uint64_t Engine::wall_ms() const { return unix_ms(clock_.wall()); }

table::Hlc Engine::hlc_now() const { return hlc_.now(wall_ms()); }
table::Hlc Engine::promise_now() { return hlc_.promise(wall_ms()); }
table::Hlc Engine::latest_believed() const {
  return table::hlc_of_ms(wall_ms() + options_.clock_ahead_max_ms);
}
table::Stamp Engine::next_stamp() { return hlc_.next(wall_ms()); }

// The mark is in the store while it is copied, so every copy has it. Should we die meanwhile it
// stays, and we begin a new log with the next start for nothing, which does no harm.
void Engine::copy(std::string_view name, std::function<void(Result<std::string>)> done) {
  batch_->clear();
  batch_->put(Keyspace::meta, keyspace::kCopied, name);
  const Status marked = store_.write(*batch_);
  ++copying_count_;
  // Without the mark no copy: the store itself refuses the empty name.
  store_.copy(marked ? name : std::string_view(),
              [this, marked, done = std::move(done),
               alive = std::weak_ptr(alive_)](Result<std::string> where) {
                if (alive.expired()) return;
                if (!marked) return done(std::unexpected(marked.error()));
                if (--copying_count_ == 0) {
                  batch_->clear();
                  batch_->erase(Keyspace::meta, keyspace::kCopied);
                  (void)store_.write(*batch_);
                }
                done(std::move(where));
              });
}

// ── items ────────────────────────────────────────────────────────────────────────────────────────

Result<std::string> Engine::load_raw(const Table& table, std::string_view key) const {
  std::string bytes;
  SL_TRY(const bool found, store_.get(Keyspace::items, keyspace::item(table.id, key), bytes));
  if (!found) bytes.clear();
  return bytes;
}

Result<Record> Engine::load(const Table& table, std::string_view key) const {
  SL_TRY(const std::string bytes, load_raw(table, key));
  if (bytes.empty()) return Record{};
  std::string_view view = bytes;
  return table::take_packed_record(view);
}

Result<bool> Engine::load_packed(const Table& table, std::string_view key,
                                 std::string& bytes) const {
  SL_TRY(const bool found, store_.get(Keyspace::items, keyspace::item(table.id, key), bytes));
  if (!found || !table::exists_packed(bytes)) return false;
  if (table.ttl_attribute.empty()) return true;
  SL_TRY(const auto ttl, table::find_in_packed_record(bytes, table.ttl_attribute));
  return !ttl || !is_past(*ttl);
}

std::optional<uint64_t> Engine::expiry_s(const Table& table, const Item& item) const {
  if (table.ttl_attribute.empty()) return std::nullopt;
  const Value* value = item.find(table.ttl_attribute);
  return value ? expiry_s(*value) : std::nullopt;
}

std::optional<uint64_t> Engine::expiry_s(const Value& ttl) {
  const auto* number = ttl.get<table::Number>();
  int64_t second = 0;
  if (!number || !number->to_int64(second) || second <= 0) return std::nullopt;
  return uint64_t(second);
}

bool Engine::is_past(const Value& ttl) const {
  const auto second = expiry_s(ttl);
  const uint64_t now_s = table::ms_of(hlc_now()) / 1000;
  return second && *second <= now_s && *second + kTtlOldestS > now_s;
}

bool Engine::is_expired(const Table& table, const Item& item) const {
  if (table.ttl_attribute.empty()) return false;
  const Value* value = item.find(table.ttl_attribute);
  return value && is_past(*value);
}

Item Engine::visible(const Table& table, const Record& record) const {
  Item item = table::item_of(record);
  return is_expired(table, item) ? Item{} : item;
}

}  // namespace sealane::state
