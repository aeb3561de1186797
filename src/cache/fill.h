// SPDX-License-Identifier: Apache-2.0
// One answer on its way from the origin, shared by all who asked for it meanwhile (request
// coalescing). Sans I/O: the lane tells the fill what the origin said, readers take what is there
// at their own pace, and woken() names the readers to go on with. The fetch belongs to the lane and
// not to the client that caused it: that client is reader number 0, and may leave.
//
//   event                     waiting followers               reading followers
//   head, may be stored       head, then body as it comes     -
//   head, must not be stored  own_way at once                 -
//   304, or stale on error    serve(stored)                   -
//   body                      -                               more bytes
//   end                       end, and the Stored             end, and the Stored
//   failure before the head   own_way (or serve(stale))       -
//   failure after the head    -                               failed: cut the connection
//
// Who joined before the head was there must look whether its Vary selects them (RFC 9111 4.1), and
// so must they at serve(): if not, join_variant().
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cache/stored.h"

namespace sealane::cache {

struct FillLimits {
  uint64_t object_bytes_max = 16ull << 20;  // a larger answer is passed on, not stored
  uint32_t followers_max = 1024;            // of one fill; more fetch by themselves
  uint32_t fills_max = 4096;                // of one lane
  uint64_t ahead_bytes_max =
      256u << 10;  // of a too large answer: what may wait for the pacing reader
};

class Fill {
 public:
  using ReaderId = uint32_t;
  static constexpr ReaderId kLeader = 0;

  enum class Phase : uint8_t { asking, streaming, complete, failed, released, served };

  // `stale`: the answer that is being revalidated, or that may stand in on failure; or nullptr.
  // `place`: among the fills of its lane.
  Fill(FillLimits limits, std::shared_ptr<Budget> budget, std::shared_ptr<const Stored> stale,
       std::string place);

  // ── the lane's side: what the origin said
  // ───────────────────────────────────────────────────────
  // The limit is the one it was begun with.
  bool may_hold(uint64_t length) const { return length <= limits_.object_bytes_max; }
  // A head that may be stored. `length`: its Content-Length, if any; one that it may not hold is
  // not for on_head but for release().
  void on_head(Head head, Vary vary, const Freshness& freshness, Instant got_at,
               std::optional<uint64_t> length);
  void on_body(std::string_view bytes);
  // The body is whole. The answer to store; nullptr if it became too large or the length is not
  // what Content-Length said (then the fill has failed).
  std::shared_ptr<const Stored> on_end();
  // Everyone who has sent nothing yet is served from this: a refreshed answer after a 304, or the
  // stale one after a failure.
  void serve(std::shared_ptr<const Stored> stored);
  // Not to be stored, or no answer before the head: followers fetch by themselves, at once.
  void release();
  // No end came. Who has sent nothing goes its own way, the others are cut.
  void fail();
  // False: stop reading from the origin until a reader moved (only when the answer outgrew the
  // store).
  bool wants_more() const;
  // The readers that said wait() and now have something to do; each is named once.
  std::vector<ReaderId> woken();

  // ── a reader's side
  // ───────────────────────────────────────────────────────────────────────────── nullopt:
  // followers_max reached, or too late to join.
  std::optional<ReaderId> attach();
  void attach_leader();  // reader number 0
  // Returns true when nobody is left to read: the lane may then stop an answer that is too large to
  // keep, but finishes one that will be stored.
  bool detach(ReaderId reader);

  enum class State : uint8_t { wait, head, bytes, end, serve, own_way, failed };
  struct Read {
    State state = State::wait;
    std::string_view bytes;  // valid until the next call of the lane's side or of consume()
  };
  // What is there for this reader. `wait` also registers it for woken().
  Read read(ReaderId reader);
  void head_taken(ReaderId reader);
  void consume(ReaderId reader, size_t bytes);

  Phase phase() const { return phase_; }
  const Head& head() const { return *head_; }  // from `head` on
  int64_t age_s(Instant now) const { return cache::age_s(freshness_, got_at_, now); }
  const Vary& vary() const { return vary_; }
  // What is known of it: before the head, that of the answer that is being revalidated. nullptr:
  // nothing.
  const Vary* known_vary() const;
  const std::string& place() const { return place_; }
  std::optional<uint64_t> length() const { return length_; }
  const std::shared_ptr<const Stored>& stored() const {
    return stored_;
  }  // from complete / served on
  const std::shared_ptr<const Stored>& stale() const { return stale_; }
  size_t reader_count() const { return readers_.size(); }
  bool has_reader(ReaderId reader) const { return readers_.contains(reader); }
  bool storable() const { return !outgrown_; }
  uint64_t held_bytes() const { return body_ ? body_->bytes.size() : 0; }

 private:
  struct Reader {
    uint64_t offset = 0;
    bool has_head = false, waits = false;
  };
  State wait(ReaderId id, Reader& reader);
  void wake_all();
  void trim();
  const Reader* pacing() const;

  const FillLimits limits_;
  const std::shared_ptr<Budget> budget_;
  const std::string place_;
  std::shared_ptr<const Stored> stale_, stored_;
  Phase phase_ = Phase::asking;
  std::optional<Head> head_;
  Vary vary_;
  Freshness freshness_;
  Instant got_at_{};
  std::optional<uint64_t> length_;
  std::shared_ptr<Body> body_;  // becomes the Stored's
  uint64_t base_ = 0;           // offset of body_'s first byte in the answer: 0 unless outgrown
  // Not to be stored after all: larger than object_bytes_max, or the budget is far over. From then
  // on only what readers still lack is held, window_ bytes at most.
  bool outgrown_ = false;
  uint64_t window_ = 0;
  ReaderId next_reader_ = 1;
  std::unordered_map<ReaderId, Reader> readers_;
  std::vector<ReaderId> waiting_, woken_;
};

// The fills of one lane, by key; those of further variants that are asked for meanwhile by key and
// what their requests say to Vary.
class Fills {
 public:
  Fills(FillLimits limits, std::shared_ptr<Budget> budget)
      : limits_(limits), budget_(std::move(budget)) {}

  enum class Part : uint8_t {
    leader,
    follower,
    alone
  };  // alone: a bound was reached, fetch and do not store
  struct Joined {
    Part part = Part::alone;
    std::shared_ptr<Fill> fill;
    Fill::ReaderId reader = Fill::kLeader;
  };
  // Follows the fill that is under way for this key, or begins one. `stale`: what is stored for
  // this request. One that is known to be for another variant than the fill goes to join_variant().
  Joined join(const Key& key, std::span<const wire::http::Field> request,
              std::shared_ptr<const Stored> stale);
  // The same for a request that `vary`, of another answer under this key, does not select.
  Joined join_variant(const Key& key, const Vary& vary, std::span<const wire::http::Field> request,
                      std::shared_ptr<const Stored> stale);
  // Only begin: a refresh in the background. nullptr if one is under way or fills_max is reached.
  // It has no reader number 0.
  std::shared_ptr<Fill> begin(const Key& key, std::shared_ptr<const Stored> stale);
  // The fill is over (stored, released or failed): the next miss begins a new one.
  void end(const Fill& fill);
  size_t size() const { return fills_.size(); }
  // Of those that begin from now on.
  void set_object_bytes_max(uint64_t bytes) { limits_.object_bytes_max = bytes; }

 private:
  Joined follow(const std::shared_ptr<Fill>& fill);
  Joined lead(std::string place, std::shared_ptr<const Stored> stale);
  std::shared_ptr<Fill> begin_at(std::string place, std::shared_ptr<const Stored> stale);

  FillLimits limits_;
  const std::shared_ptr<Budget> budget_;
  std::unordered_map<std::string, std::shared_ptr<Fill>> fills_;
};

}  // namespace sealane::cache
