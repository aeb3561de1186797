// SPDX-License-Identifier: Apache-2.0
#include "cache/fill.h"

#include <algorithm>

#include "base/result.h"

namespace sealane::cache {

namespace {

// What is on its way counts in the budget too, and may pass it by a quarter before answers are no
// longer stored.
bool is_far_over(const Budget& budget) { return budget.used() > budget.bytes_max() / 4 * 5; }

}  // namespace

Fill::Fill(FillLimits limits, std::shared_ptr<Budget> budget, std::shared_ptr<const Stored> stale,
           std::string place)
    : limits_(limits),
      budget_(std::move(budget)),
      place_(std::move(place)),
      stale_(std::move(stale)),
      window_(std::max(limits.object_bytes_max, 2 * limits.ahead_bytes_max)) {}

// ── the lane's side
// ──────────────────────────────────────────────────────────────────────────────────

void Fill::on_head(Head head, Vary vary, const Freshness& freshness, Instant got_at,
                   std::optional<uint64_t> length) {
  SL_ASSERT(phase_ == Phase::asking);
  SL_ASSERT(!length || may_hold(*length));
  head_ = std::move(head);
  vary_ = std::move(vary);
  freshness_ = freshness;
  got_at_ = got_at;
  length_ = length;
  body_ = std::make_shared<Body>();
  if (length) body_->bytes.reserve(*length);
  body_->charge = Charge(budget_, length.value_or(0));
  phase_ = Phase::streaming;
  wake_all();
}

void Fill::on_body(std::string_view bytes) {
  SL_ASSERT(phase_ == Phase::streaming);
  if (bytes.empty()) return;
  body_->bytes.append(bytes);
  if (const uint64_t held = body_->bytes.size(); held > body_->charge.bytes()) {
    body_->charge.add(held - body_->charge.bytes());
  }
  if (base_ + body_->bytes.size() > limits_.object_bytes_max) outgrown_ = true;
  if (is_far_over(*budget_)) {
    outgrown_ = true;
    window_ = 2 * limits_.ahead_bytes_max;
  }
  if (outgrown_) trim();
  wake_all();
}

std::shared_ptr<const Stored> Fill::on_end() {
  SL_ASSERT(phase_ == Phase::streaming);
  const uint64_t total = base_ + body_->bytes.size();
  if (length_ && total != *length_) {
    fail();
    return nullptr;
  }
  phase_ = Phase::complete;
  if (!outgrown_) {
    body_->bytes.shrink_to_fit();
    stored_ = make_stored(budget_, *head_, body_, vary_, freshness_, got_at_);
  }
  wake_all();
  return stored_;
}

void Fill::serve(std::shared_ptr<const Stored> stored) {
  SL_ASSERT(phase_ == Phase::asking);
  stored_ = std::move(stored);
  phase_ = Phase::served;
  wake_all();
}

void Fill::release() {
  SL_ASSERT(phase_ == Phase::asking);
  phase_ = Phase::released;
  wake_all();
}

void Fill::fail() {
  SL_ASSERT(phase_ == Phase::asking || phase_ == Phase::streaming);
  phase_ = Phase::failed;
  wake_all();
}

bool Fill::wants_more() const {
  if (!outgrown_) return true;
  const Reader* pace = pacing();
  return pace && base_ + body_->bytes.size() - pace->offset < limits_.ahead_bytes_max;
}

std::vector<Fill::ReaderId> Fill::woken() { return std::exchange(woken_, {}); }

void Fill::wake_all() {
  for (const ReaderId id : waiting_) readers_.at(id).waits = false;
  woken_.insert(woken_.end(), waiting_.begin(), waiting_.end());
  waiting_.clear();
}

Fill::State Fill::wait(ReaderId id, Reader& reader) {
  if (!reader.waits) waiting_.push_back(id);
  reader.waits = true;
  return State::wait;
}

// The one whom the origin waits for when nothing will be stored: the client that asked first, or,
// when it has left, whoever is furthest.
const Fill::Reader* Fill::pacing() const {
  const Reader* out = nullptr;
  for (const auto& [id, reader] : readers_) {
    if (id == kLeader) return &reader;
    if (!out || reader.offset > out->offset) out = &reader;
  }
  return out;
}

// Nothing of an outgrown answer is kept that every reader has, and of what a slow one lacks no more
// than window_: past that it is cut (read() says failed).
void Fill::trim() {
  const uint64_t end = base_ + body_->bytes.size();
  uint64_t needed = end;
  for (const auto& [id, reader] : readers_) needed = std::min(needed, reader.offset);
  const uint64_t oldest = end - std::min(end, window_);
  needed = std::max({needed, oldest, base_});
  // In steps of a quarter, so that moving the rest down stays cheap.
  if (needed - base_ < window_ / 4 && needed != end) return;
  body_->bytes.erase(0, needed - base_);
  base_ = needed;
}

const Vary* Fill::known_vary() const {
  if (phase_ != Phase::asking) return &vary_;
  return stale_ ? &stale_->vary : nullptr;
}

// ── a reader's side
// ──────────────────────────────────────────────────────────────────────────────────

std::optional<Fill::ReaderId> Fill::attach() {
  const bool is_open = phase_ == Phase::asking || (phase_ == Phase::streaming && !outgrown_);
  if (!is_open || readers_.size() > limits_.followers_max) return std::nullopt;
  const ReaderId id = next_reader_++;
  readers_.emplace(id, Reader{});
  return id;
}

void Fill::attach_leader() { readers_.emplace(kLeader, Reader{}); }

bool Fill::detach(ReaderId reader) {
  readers_.erase(reader);
  std::erase(waiting_, reader);
  std::erase(woken_, reader);
  if (outgrown_ && phase_ == Phase::streaming) trim();
  return readers_.empty();
}

//   phase      head not taken          head taken
//   asking     wait                    -
//   released   own_way                 -
//   served     serve                   -
//   failed     own_way                 bytes that are there, then failed
//   streaming  head                    bytes, or wait
//   complete   head                    bytes, or end
Fill::Read Fill::read(ReaderId id) {
  const auto at = readers_.find(id);
  SL_ASSERT(at != readers_.end());
  Reader& reader = at->second;
  if (!reader.has_head) {
    switch (phase_) {
      case Phase::asking:
        return {wait(id, reader), {}};
      case Phase::released:
      case Phase::failed:
        return {State::own_way, {}};
      case Phase::served:
        return {State::serve, {}};
      case Phase::streaming:
      case Phase::complete:
        return {State::head, {}};
    }
  }
  if (reader.offset < base_) return {State::failed, {}};  // too slow for an outgrown answer
  const std::string_view all = body_->bytes;
  if (reader.offset < base_ + all.size()) return {State::bytes, all.substr(reader.offset - base_)};
  if (phase_ == Phase::complete) return {State::end, {}};
  if (phase_ == Phase::failed) return {State::failed, {}};
  return {wait(id, reader), {}};
}

void Fill::head_taken(ReaderId reader) { readers_.at(reader).has_head = true; }

void Fill::consume(ReaderId id, size_t bytes) {
  Reader& reader = readers_.at(id);
  reader.offset += bytes;
  SL_ASSERT(reader.offset <= base_ + body_->bytes.size());
  if (outgrown_) trim();
}

// ── all fills of a lane
// ──────────────────────────────────────────────────────────────────────────────

//   under way for the key                          the request            ->
//   nothing                                        -                      leads
//   a fill of which Vary is known, or of nothing   selected               follows
//   that is stored                                 not selected           join_variant()
//   a fill of nothing that is stored, no head yet  has something stored   join_variant()
//                                                  else                   follows, and looks later
Fills::Joined Fills::join(const Key& key, std::span<const wire::http::Field> request,
                          std::shared_ptr<const Stored> stale) {
  const auto at = fills_.find(std::string(key.text));
  if (at == fills_.end()) return lead(std::string(key.text), std::move(stale));
  const Vary* const known = at->second->known_vary();
  if (known != nullptr && !selects(*known, request)) {
    return join_variant(key, *known, request, std::move(stale));
  }
  // The leader's request did not select what this one does.
  if (known == nullptr && stale != nullptr) {
    return join_variant(key, Vary(stale->vary), request, std::move(stale));
  }
  return follow(at->second);
}

Fills::Joined Fills::join_variant(const Key& key, const Vary& vary,
                                  std::span<const wire::http::Field> request,
                                  std::shared_ptr<const Stored> stale) {
  if (vary.any) return {};
  // No key holds a second line end, so no place is another's.
  std::string place = std::string(key.text) + '\n' + vary.names;
  append_values(place, vary, request);
  const auto at = fills_.find(place);
  if (at == fills_.end()) return lead(std::move(place), std::move(stale));
  const Vary* const known = at->second->known_vary();
  if (known != nullptr && !selects(*known, request)) return {};
  return follow(at->second);
}

Fills::Joined Fills::follow(const std::shared_ptr<Fill>& fill) {
  const auto reader = fill->attach();
  if (!reader) return {};
  return {Part::follower, fill, *reader};
}

Fills::Joined Fills::lead(std::string place, std::shared_ptr<const Stored> stale) {
  auto fill = begin_at(std::move(place), std::move(stale));
  if (!fill) return {};
  fill->attach_leader();
  return {Part::leader, std::move(fill), Fill::kLeader};
}

std::shared_ptr<Fill> Fills::begin(const Key& key, std::shared_ptr<const Stored> stale) {
  return begin_at(std::string(key.text), std::move(stale));
}

std::shared_ptr<Fill> Fills::begin_at(std::string place, std::shared_ptr<const Stored> stale) {
  if (fills_.size() >= limits_.fills_max) return nullptr;
  const auto [at, is_new] = fills_.try_emplace(place);
  if (!is_new) return nullptr;
  at->second = std::make_shared<Fill>(limits_, budget_, std::move(stale), std::move(place));
  return at->second;
}

void Fills::end(const Fill& fill) {
  const auto at = fills_.find(fill.place());
  if (at != fills_.end() && at->second.get() == &fill) fills_.erase(at);
}

}  // namespace sealane::cache
