// SPDX-License-Identifier: Apache-2.0
#include "sim/disk.h"

#include <algorithm>
#include <utility>

#include "sim/world.h"

namespace sealane::sim {

using port::Keyspace;

// ── the bytes ────────────────────────────────────────────────────────────────────────────────────

const std::string* Disk::at(const std::vector<Version>& versions, uint64_t sequence) {
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    if (it->sequence <= sequence) return it->value ? &*it->value : nullptr;
  }
  return nullptr;
}

void Disk::set(Change change, std::vector<Change>& before) {
  Space& space = spaces_[size_t(change.space)];
  auto it = space.find(change.key);
  if (it == space.end()) {
    before.push_back({change.space, change.key, std::nullopt});
    if (!change.value) return;
    it = space.emplace(std::move(change.key), std::vector<Version>{}).first;
  } else {
    before.push_back({change.space, it->first, it->second.back().value});
  }
  if (const auto& old = before.back().value) bytes_ -= it->first.size() + old->size();
  if (change.value) bytes_ += it->first.size() + change.value->size();
  if (!it->second.empty() && it->second.back().sequence == sequence_) {
    it->second.back().value = std::move(change.value);  // later changes of a batch win
  } else {
    it->second.push_back({sequence_, std::move(change.value)});
  }
  drop_unread(change.space, it);
}

void Disk::drop_unread(Keyspace space, Space::iterator it) {
  std::vector<Version>& versions = it->second;
  for (size_t i = 0; i + 1 < versions.size();) {
    // Read by those who hold a sequence from its own up to the one of its successor.
    const auto reader = held_.lower_bound(versions[i].sequence);
    if (reader != held_.end() && *reader < versions[i + 1].sequence) {
      ++i;
    } else {
      versions.erase(versions.begin() + ptrdiff_t(i));
    }
  }
  const bool is_gone = versions.size() == 1 && !versions.front().value;
  if (versions.size() > 1) {
    crowded_.emplace(space, it->first);
  } else {
    crowded_.erase({space, it->first});
  }
  if (is_gone) spaces_[size_t(space)].erase(it);
}

void Disk::drop_all_unread() {
  for (const auto& [space, key] : std::vector(crowded_.begin(), crowded_.end())) {
    drop_unread(space, spaces_[size_t(space)].find(key));
  }
}

uint64_t Disk::hold() {
  held_.insert(sequence_);
  return sequence_;
}

void Disk::release(uint64_t sequence) {
  held_.erase(held_.find(sequence));
  drop_all_unread();
}

Disk::Copy Disk::content() const {
  Copy copy;
  for (size_t i = 0; i < port::kKeyspaceCount; ++i) {
    for (const auto& [key, versions] : spaces_[i]) {
      if (const auto& newest = versions.back().value) copy[i].emplace(key, *newest);
    }
  }
  return copy;
}

bool Disk::restore(const std::string& name) {
  SL_ASSERT(!is_open_);
  const auto at = copies_.find(name);
  if (at == copies_.end()) return false;
  ++power_life_;  // syncs under way are of what was here before
  ++sequence_;
  bytes_ = 0;
  unsynced_.clear();
  crowded_.clear();
  for (size_t i = 0; i < port::kKeyspaceCount; ++i) {
    spaces_[i].clear();
    for (const auto& [key, value] : at->second[i]) {
      spaces_[i][key] = {Version{sequence_, value}};
      bytes_ += key.size() + value.size();
    }
  }
  return true;
}

void Disk::settle(uint64_t sequence) {
  while (!unsynced_.empty() && unsynced_.front().sequence <= sequence) unsynced_.pop_front();
}

void Disk::set_sync_time(Duration least, Duration most) {
  SL_ASSERT(Duration::zero() <= least && least <= most);
  sync_least_ = least;
  sync_most_ = most;
}

void Disk::wipe() {
  SL_ASSERT(!is_open_);
  spaces_ = {};
  crowded_.clear();
  unsynced_.clear();
  bytes_ = 0;
}

void Disk::end_life(bool host_stays) {
  ++life_;
  is_open_ = false;
  held_.clear();
  drop_all_unread();
  if (host_stays) {
    const auto is_flushed = [&](const Unsynced& batch) { return batch.sequence <= flushed_; };
    const auto safe_count = size_t(std::ranges::count_if(unsynced_, is_flushed));
    lose_all_but(safe_count + size_t(dice_.below(unsynced_.size() - safe_count + 1)));
  } else {
    ++power_life_;
    fail_next_sync_ = false;
    lose_all_but(size_t(dice_.below(unsynced_.size() + 1)));
    unsynced_.clear();  // what is read again after a power cut is on the disk
  }
  flushed_ = sequence_;
}

void Disk::lose_all_but(size_t kept_count) {
  std::vector<Change> ignored;
  while (unsynced_.size() > kept_count) {
    ++sequence_;
    std::vector<Change>& before = unsynced_.back().before;
    std::ranges::reverse(before);
    for (Change& change : before) set(std::move(change), ignored);
    unsynced_.pop_back();
    ++lost_count_;
  }
}

// ── the store ────────────────────────────────────────────────────────────────────────────────────

namespace {

constexpr Code kDead = Code::unavailable;

class BatchImpl final : public port::Batch {
 public:
  struct Item {
    Keyspace space;
    std::string key;
    std::optional<std::string> value;  // nothing: erase
    std::optional<std::string> last;   // erase from `key` up to here
  };
  void put(Keyspace space, std::string_view key, std::string_view value) override {
    add({space, std::string(key), std::string(value), std::nullopt});
  }
  void erase(Keyspace space, std::string_view key) override {
    add({space, std::string(key), std::nullopt, std::nullopt});
  }
  void erase_range(Keyspace space, std::string_view first, std::string_view last) override {
    if (last > first) add({space, std::string(first), std::nullopt, std::string(last)});
  }
  size_t bytes() const override { return bytes_; }
  void clear() override {
    items_.clear();
    bytes_ = 0;
  }
  const std::vector<Item>& items() const { return items_; }

 private:
  void add(Item item) {
    bytes_ += item.key.size() + (item.value ? item.value->size() : 0) +
              (item.last ? item.last->size() : 0);
    items_.push_back(std::move(item));
  }
  std::vector<Item> items_;
  size_t bytes_ = 0;
};

// The syncs of one open store; events that are under way refer to it.
struct Syncing {
  using Done = std::function<void(Status)>;
  std::vector<Done> waiting;
  Status health;
  bool running = false;
  bool open = true;
};

}  // namespace

class SnapshotImpl final : public port::Snapshot {
 public:
  explicit SnapshotImpl(Disk& disk) : disk_(disk), life_(disk.life_), sequence_(disk.hold()) {}
  ~SnapshotImpl() override {
    if (disk_.life_ == life_) disk_.release(sequence_);
  }
  uint64_t sequence() const { return sequence_; }

 private:
  Disk& disk_;
  const uint64_t life_, sequence_;
};

class CursorImpl final : public port::Cursor {
 public:
  CursorImpl(Disk& disk, Keyspace space, std::string_view first, std::string_view last,
             const port::Snapshot* snapshot)
      : own_(disk),
        disk_(disk),
        life_(disk.life_),
        space_(disk.spaces_[size_t(space)]),
        first_(first),
        last_(last),
        sequence_(snapshot ? static_cast<const SnapshotImpl*>(snapshot)->sequence()
                           : own_.sequence()) {}
  void seek(std::string_view key) override {
    forward(space_.lower_bound(std::max(key, std::string_view(first_))));
  }
  void seek_backwards(std::string_view key) override {
    backward(!last_.empty() && key >= last_ ? space_.lower_bound(last_) : space_.upper_bound(key));
  }
  void next() override { forward(space_.upper_bound(key_)); }
  void previous() override { backward(space_.lower_bound(key_)); }
  bool valid() const override { return valid_; }
  std::string_view key() const override { return key_; }
  std::string_view value() const override { return value_; }
  Status status() const override {
    if (disk_.life_ != life_) return fail(kDead, "the process that walks here is dead");
    return {};
  }

 private:
  // Copies: later writes move what the map holds.
  bool take(Disk::Space::iterator it) {
    const std::string* value = Disk::at(it->second, sequence_);
    if (value == nullptr) return false;
    key_ = it->first;
    value_ = *value;
    return valid_ = true;
  }
  void forward(Disk::Space::iterator it) {
    valid_ = false;
    if (disk_.life_ != life_) return;
    for (; it != space_.end() && (last_.empty() || it->first < last_); ++it) {
      if (take(it)) return;
    }
  }
  void backward(Disk::Space::iterator it) {
    valid_ = false;
    if (disk_.life_ != life_) return;
    while (it != space_.begin() && (--it)->first >= first_) {
      if (take(it)) return;
    }
  }

  SnapshotImpl own_;
  Disk& disk_;
  const uint64_t life_;
  Disk::Space& space_;
  const std::string first_, last_;
  const uint64_t sequence_;
  std::string key_, value_;
  bool valid_ = false;
};

class StoreImpl final : public port::Store {
 public:
  StoreImpl(Disk& disk) : disk_(disk), life_(disk.life_) { disk_.is_open_ = true; }
  ~StoreImpl() override {
    syncing_->open = false;
    if (is_dead()) return;
    disk_.is_open_ = false;
    disk_.flushed_ = disk_.sequence_;
  }

  Result<bool> get(Keyspace space, std::string_view key, std::string& value) override {
    if (is_dead()) return dead();
    const auto it = disk_.spaces_[size_t(space)].find(key);
    if (it == disk_.spaces_[size_t(space)].end()) return false;
    const std::optional<std::string>& newest = it->second.back().value;
    if (newest) value = *newest;
    return newest.has_value();
  }
  std::unique_ptr<port::Cursor> walk(Keyspace space, std::string_view first, std::string_view last,
                                     const port::Snapshot* snapshot) override {
    return std::make_unique<CursorImpl>(disk_, space, first, last, snapshot);
  }
  std::unique_ptr<port::Snapshot> snapshot() override {
    return std::make_unique<SnapshotImpl>(disk_);
  }
  std::unique_ptr<port::Batch> batch() override { return std::make_unique<BatchImpl>(); }
  Status write(port::Batch& batch) override;
  Status flush() override;
  void sync(std::function<void(Status)> done) override;
  void copy(std::string_view name, std::function<void(Result<std::string>)> done) override;
  uint64_t bytes_on_disk() const override { return disk_.bytes_; }

 private:
  bool is_dead() const { return disk_.life_ != life_; }
  static std::unexpected<Error> dead() { return fail(kDead, "the process of this store is dead"); }
  static void begin(Disk& disk, uint64_t life, const std::shared_ptr<Syncing>& syncing);
  static void answer(const std::shared_ptr<Syncing>& syncing, std::vector<Syncing::Done> group);

  Disk& disk_;
  const uint64_t life_;
  bool is_copying_ = false;
  std::shared_ptr<Syncing> syncing_ = std::make_shared<Syncing>();
};

Status StoreImpl::write(port::Batch& batch) {
  if (is_dead()) return dead();
  if (!syncing_->health) return syncing_->health;
  if (disk_.is_full()) return fail(Code::unavailable, "the disk is full: make room");
  ++disk_.sequence_;
  std::vector<Disk::Change> before;
  uint64_t content = disk_.sequence_;
  for (const BatchImpl::Item& item : static_cast<BatchImpl&>(batch).items()) {
    content = mix64(content ^ fnv1a(item.key) ^ (item.value ? fnv1a(*item.value) : 0));
    if (!item.last) {
      disk_.set({item.space, item.key, item.value}, before);
      continue;
    }
    const Disk::Space& space = disk_.spaces_[size_t(item.space)];
    std::vector<std::string> keys;
    for (auto it = space.lower_bound(item.key); it != space.end() && it->first < *item.last; ++it) {
      keys.push_back(it->first);
    }
    for (std::string& key : keys) disk_.set({item.space, std::move(key), std::nullopt}, before);
  }
  ++disk_.batch_count_;
  disk_.unsynced_.push_back({disk_.sequence_, std::move(before)});
  if (disk_.unsynced_.size() > Disk::kUnsyncedMax) disk_.unsynced_.pop_front();
  disk_.node_.world().record(content);
  return {};
}

Status StoreImpl::flush() {
  if (is_dead()) return dead();
  if (!syncing_->health) return syncing_->health;
  disk_.flushed_ = disk_.sequence_;
  return {};
}

void StoreImpl::sync(std::function<void(Status)> done) {
  World& world = disk_.node_.world();
  if (is_dead()) return;
  if (syncing_->waiting.size() >= kSyncsMax) {
    world.on_process(disk_.node_, world.now(), [syncing = syncing_, done = std::move(done)] {
      if (syncing->open) done(fail(Code::limit, "too many callers wait for the disk"));
    });
    return;
  }
  syncing_->waiting.push_back(std::move(done));
  if (!syncing_->running) begin(disk_, life_, syncing_);
}

void StoreImpl::copy(std::string_view name, std::function<void(Result<std::string>)> done) {
  World& world = disk_.node_.world();
  if (is_dead()) return;
  const auto refuse = [&](Code code, std::string_view why) {
    world.on_process(disk_.node_, world.now(),
                     [syncing = syncing_, code, why = std::string(why), done = std::move(done)] {
                       if (syncing->open) done(fail(code, why));
                     });
  };
  if (!is_copy_name(name))
    return refuse(Code::invalid, "a copy's name has letters, digits and hyphens");
  if (is_copying_) return refuse(Code::conflict, "a copy is being made");
  if (disk_.copies_.contains(std::string(name)))
    return refuse(Code::conflict, "there is such a copy");
  if (disk_.copies_.size() >= kCopiesMax) return refuse(Code::limit, "too many copies are there");
  if (disk_.is_full()) return refuse(Code::unavailable, "the disk is full: make room");
  is_copying_ = true;
  // The moment that is copied is some time after the call, and the answer some time after that.
  const Instant moment = world.now() + Duration(disk_.dice_.below(5'000'000));
  const Instant end = moment + Duration(disk_.dice_.below(5'000'000));
  world.on_process(disk_.node_, moment,
                   [this, &world, end, syncing = syncing_, name = std::string(name),
                    done = std::move(done)]() mutable {
                     if (!syncing->open) return;
                     disk_.copies_.emplace(name, disk_.content());
                     world.on_process(disk_.node_, std::max(end, world.now()),
                                      [this, syncing, name, done = std::move(done)] {
                                        if (!syncing->open) return;
                                        is_copying_ = false;
                                        done(name);
                                      });
                   });
}

void StoreImpl::begin(Disk& disk, uint64_t life, const std::shared_ptr<Syncing>& syncing) {
  syncing->running = true;
  auto group = std::exchange(syncing->waiting, {});
  disk.flushed_ = disk.sequence_;
  World& world = disk.node_.world();
  const auto spread = uint64_t((disk.sync_most_ - disk.sync_least_).count());
  const Instant end = world.now() + disk.sync_least_ + Duration(disk.dice_.below(spread + 1));
  const bool fails = std::exchange(disk.fail_next_sync_, false);
  // The kernel syncs, whatever becomes of the process; only a power cut stops it.
  world.at(end, [&disk, &world, life, syncing, fails, power_life = disk.power_life_,
                 target = disk.sequence_, group = std::move(group)]() mutable {
    if (disk.power_life_ != power_life) return;
    ++disk.sync_count_;
    if (fails) syncing->health = fail(Code::unavailable, "the disk failed to sync");
    if (syncing->health) disk.settle(target);
    if (disk.life_ != life) return;
    world.on_process(disk.node_, world.now(),
                     [&disk, life, syncing, group = std::move(group)]() mutable {
                       syncing->running = false;
                       if (!syncing->open) return;
                       if (!syncing->waiting.empty()) begin(disk, life, syncing);
                       answer(syncing, std::move(group));
                     });
  });
}

void StoreImpl::answer(const std::shared_ptr<Syncing>& syncing, std::vector<Syncing::Done> group) {
  for (const Syncing::Done& done : group) {
    if (!syncing->open) return;  // a caller closed the store
    done(syncing->health);
  }
}

Result<std::unique_ptr<port::Store>> Disk::open() {
  if (is_open_) {
    return fail(Code::conflict, "the disk of " + node_.name() + " is in use by another process");
  }
  return std::make_unique<StoreImpl>(*this);
}

}  // namespace sealane::sim
