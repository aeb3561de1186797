// SPDX-License-Identifier: Apache-2.0
#include "cache/fill.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/dice.h"

namespace sealane::cache {
namespace {

using wire::http::Field;
using Fields = std::vector<Field>;
using State = Fill::State;
using Part = Fills::Part;

constexpr FillLimits kLimits = {
    .object_bytes_max = 1000, .followers_max = 3, .fills_max = 2, .ahead_bytes_max = 100};
constexpr Instant kT0 = Instant(10s);

struct World {
  explicit World(FillLimits limits = kLimits, uint64_t budget_bytes = 1 << 20)
      : budget(std::make_shared<Budget>(budget_bytes)), fills(limits, budget) {}

  Key key(std::string_view target) { return make_key(buffer, {1, 2}, "s", target); }
  Fills::Joined join(std::string_view target, const Fields& request = {}) {
    return fills.join(key(target), request, nullptr);
  }
  void head(Fill& fill, std::optional<uint64_t> length, const Fields& response = {},
            const Fields& request = {}) {
    const Got got = {.status = 200, .fields = response, .asked_at = kT0, .got_at = kT0, .wall = {}};
    fill.on_head(Head::make(got, ""), make_vary(response, request), {.fresh_for = 60s}, kT0,
                 length);
  }

  std::shared_ptr<Budget> budget;
  std::string buffer;
  Fills fills;
};

// Takes everything that is there now.
struct Taken {
  std::string bytes;
  State state;
};
Taken take(Fill& fill, Fill::ReaderId id) {
  Taken out;
  while (true) {
    const Fill::Read read = fill.read(id);
    out.state = read.state;
    if (read.state == State::head) {
      fill.head_taken(id);
    } else if (read.state == State::bytes) {
      out.bytes += read.bytes;
      fill.consume(id, read.bytes.size());
    } else {
      return out;
    }
  }
}

TEST(Fills, the_first_leads_and_the_others_follow) {
  World w;
  const auto a = w.join("/"), b = w.join("/"), c = w.join("/other");
  EXPECT_EQ(a.part, Part::leader);
  EXPECT_EQ(a.reader, Fill::kLeader);
  EXPECT_EQ(b.part, Part::follower);
  EXPECT_EQ(b.fill, a.fill);
  EXPECT_EQ(c.part, Part::leader);
  w.fills.end(*a.fill);
  EXPECT_EQ(w.join("/").part, Part::leader);
}

TEST(Fills, ending_an_old_fill_does_not_end_its_successor) {
  World w;
  const auto old = w.join("/").fill;
  w.fills.end(*old);
  const auto next = w.join("/").fill;
  w.fills.end(*old);
  EXPECT_EQ(w.join("/").fill, next);
}

TEST(Fills, followers_max_and_fills_max_hold) {
  World w;
  ASSERT_EQ(w.join("/").part, Part::leader);
  for (uint32_t i = 0; i < kLimits.followers_max; ++i) ASSERT_EQ(w.join("/").part, Part::follower);
  EXPECT_EQ(w.join("/").part, Part::alone);
  ASSERT_EQ(w.join("/2").part, Part::leader);
  EXPECT_EQ(w.join("/3").part, Part::alone);
  EXPECT_EQ(w.fills.size(), kLimits.fills_max);
}

TEST(Fills, a_new_object_bytes_max_is_for_those_that_begin) {
  World w;
  const auto old = w.join("/").fill;
  w.fills.set_object_bytes_max(kLimits.object_bytes_max + 1);
  const auto fresh = w.join("/2").fill;
  EXPECT_FALSE(old->may_hold(kLimits.object_bytes_max + 1));
  EXPECT_TRUE(fresh->may_hold(kLimits.object_bytes_max + 1));
  w.head(*fresh, kLimits.object_bytes_max + 1);
  fresh->on_body(std::string(kLimits.object_bytes_max + 1, 'x'));
  EXPECT_TRUE(fresh->on_end());
}

TEST(Fills, one_background_refresh_at_a_time) {
  World w;
  const auto fill = w.fills.begin(w.key("/"), nullptr);
  ASSERT_TRUE(fill);
  EXPECT_EQ(fill->reader_count(), 0u);
  EXPECT_FALSE(w.fills.begin(w.key("/"), nullptr));
  EXPECT_EQ(w.join("/").part, Part::follower);
}

TEST(Fills, a_late_joiner_of_another_variant_leads_or_follows_its_own_kind) {
  World w(FillLimits{});
  const Fields response = {{"Vary", "X-A"}}, ours = {{"X-A", "1"}}, theirs = {{"X-A", "2"}};
  const auto a = w.join("/", ours);
  w.head(*a.fill, 10, response, ours);
  EXPECT_EQ(w.join("/", ours).fill, a.fill);
  const auto b = w.join("/", theirs);
  EXPECT_EQ(b.part, Part::leader);
  EXPECT_NE(b.fill, a.fill);
  const auto c = w.join("/", theirs);
  EXPECT_EQ(c.part, Part::follower);
  EXPECT_EQ(c.fill, b.fill);
  w.fills.end(*b.fill);
  EXPECT_EQ(w.join("/", ours).fill, a.fill);
  EXPECT_EQ(w.fills.size(), 1u);
}

TEST(Fills, who_was_not_meant_shares_with_its_own_kind) {
  World w(FillLimits{});
  const Vary vary = make_vary(Fields{{"Vary", "X-A, X-B"}}, Fields{{"X-A", "1"}});
  const Fields b1 = {{"X-B", "1"}}, a1 = {{"X-A", "1"}};
  const auto join = [&](const Fields& request, const Vary& of) {
    return w.fills.join_variant(w.key("/"), of, request, nullptr);
  };
  const auto first = w.join("/");
  const auto one = join(b1, vary), two = join(b1, vary), other = join({}, vary);
  EXPECT_EQ(one.part, Part::leader);
  EXPECT_EQ(two.fill, one.fill);
  EXPECT_EQ(other.part, Part::leader);
  EXPECT_NE(other.fill, first.fill);
  // The same value under another name is another place, and one that turns out to vary on more is
  // not joined.
  EXPECT_EQ(join(b1, make_vary(Fields{{"Vary", "X-B"}}, Fields{})).part, Part::leader);
  w.head(*one.fill, 10, Fields{{"Vary", "X-A, X-B, X-C"}}, b1);
  EXPECT_EQ(join({{"X-B", "1"}, {"X-C", "1"}}, vary).part, Part::alone);
  EXPECT_EQ(join(b1, vary).fill, one.fill);
  Vary any;
  any.any = true;
  EXPECT_EQ(join(a1, any).part, Part::alone);
}

TEST(Fills, what_is_stored_tells_variants_apart_before_the_head) {
  World w(FillLimits{});
  const auto stored = [&](const Fields& request) {
    const auto fill = w.join("/tmp", request).fill;
    w.head(*fill, std::nullopt, Fields{{"Vary", "X-A"}}, request);
    w.fills.end(*fill);
    return fill->on_end();
  };
  const Fields one = {{"X-A", "1"}}, two = {{"X-A", "2"}}, three = {{"X-A", "3"}};
  const auto of_one = stored(one), of_two = stored(two);
  {
    const auto asks = w.fills.join(w.key("/"), one, of_one);
    EXPECT_EQ(w.fills.join(w.key("/"), one, of_one).fill, asks.fill);
    const auto other = w.fills.join(w.key("/"), two, of_two);
    EXPECT_EQ(other.part, Part::leader);
    EXPECT_EQ(other.fill->stale(), of_two);
    EXPECT_EQ(w.join("/", three).part, Part::leader);
  }
  {
    const auto asks = w.join("/2", three);  // nothing is stored for it
    EXPECT_EQ(w.fills.join(w.key("/2"), two, of_two).part, Part::leader);
    EXPECT_EQ(w.join("/2", one).fill, asks.fill) << "nobody can know yet";
  }
}

TEST(Fill, readers_take_the_growing_body_at_their_own_pace) {
  World w;
  const auto a = w.join("/"), b = w.join("/");
  Fill& fill = *a.fill;
  EXPECT_EQ(fill.read(a.reader).state, State::wait);
  EXPECT_EQ(fill.read(b.reader).state, State::wait);
  EXPECT_TRUE(fill.woken().empty());
  w.head(fill, std::nullopt);
  EXPECT_EQ(fill.woken(), (std::vector<Fill::ReaderId>{a.reader, b.reader}));
  fill.on_body("hello ");
  EXPECT_TRUE(fill.woken().empty());  // nobody waits
  EXPECT_EQ(take(fill, a.reader).bytes, "hello ");
  fill.on_body("world");
  EXPECT_EQ(fill.woken(), std::vector<Fill::ReaderId>{a.reader});  // b has not asked yet
  EXPECT_EQ(take(fill, a.reader).bytes, "world");
  const auto c = w.join("/");  // comes late, gets it all
  const auto stored = fill.on_end();
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->body->bytes, "hello world");
  EXPECT_TRUE(stored->head.image().ends_with("Content-Length: 11\r\n"));
  EXPECT_EQ(stored->freshness.fresh_for, 60s);
  EXPECT_EQ(take(fill, a.reader).state, State::end);
  for (const auto id : {b.reader, c.reader}) {
    const Taken taken = take(fill, id);
    EXPECT_EQ(taken.bytes, "hello world");
    EXPECT_EQ(taken.state, State::end);
  }
}

TEST(Fill, a_slow_follower_holds_back_nobody) {
  World w;
  const auto a = w.join("/"), slow = w.join("/");
  w.head(*a.fill, 900);
  for (int i = 0; i < 9; ++i) {
    a.fill->on_body(std::string(100, 'x'));
    EXPECT_TRUE(a.fill->wants_more());
    EXPECT_EQ(take(*a.fill, a.reader).bytes.size(), 100u);
  }
  EXPECT_TRUE(a.fill->on_end());
  EXPECT_EQ(take(*a.fill, slow.reader).bytes.size(), 900u);
}

TEST(Fill, the_clients_leaving_does_not_end_a_fill) {
  World w;
  const auto a = w.join("/"), b = w.join("/");
  EXPECT_FALSE(a.fill->detach(a.reader));
  w.head(*a.fill, 3);
  a.fill->on_body("abc");
  EXPECT_TRUE(a.fill->wants_more());
  EXPECT_TRUE(a.fill->on_end());
  EXPECT_EQ(take(*a.fill, b.reader).bytes, "abc");
  EXPECT_TRUE(a.fill->detach(b.reader));
}

TEST(Fill, an_answer_not_to_be_stored_releases_the_followers_at_once) {
  World w;
  const auto a = w.join("/"), b = w.join("/");
  EXPECT_EQ(a.fill->read(b.reader).state, State::wait);
  a.fill->release();
  EXPECT_EQ(a.fill->woken(), std::vector<Fill::ReaderId>{b.reader});
  EXPECT_EQ(a.fill->read(b.reader).state, State::own_way);
  EXPECT_FALSE(a.fill->attach());
}

TEST(Fill, a_failure_sends_away_who_has_nothing_and_cuts_who_has_something) {
  World w;
  const auto a = w.join("/"), b = w.join("/");
  w.head(*a.fill, 10);
  a.fill->on_body("abc");
  EXPECT_EQ(take(*a.fill, a.reader).bytes, "abc");
  a.fill->on_body("d");
  a.fill->fail();
  const Taken rest = take(*a.fill, a.reader);
  EXPECT_EQ(rest.bytes, "d");
  EXPECT_EQ(rest.state, State::failed);
  EXPECT_EQ(a.fill->read(b.reader).state, State::own_way);
}

TEST(Fill, a_body_that_is_not_as_long_as_said_is_not_stored) {
  for (const std::string_view body : {"ab", "abcd"}) {
    World w;
    const auto a = w.join("/");
    w.head(*a.fill, 3);
    a.fill->on_body(body);
    EXPECT_FALSE(a.fill->on_end());
    EXPECT_EQ(a.fill->phase(), Fill::Phase::failed);
  }
}

TEST(Fill, after_a_304_everyone_is_served_the_refreshed_answer) {
  World w;
  const Got got = {.status = 200, .fields = {}, .asked_at = kT0, .got_at = kT0, .wall = {}};
  const auto fresh = make_stored(w.budget, Head::make(got, ""), nullptr, {}, {}, kT0);
  const auto a = w.fills.join(w.key("/"), {}, fresh);
  const auto b = w.join("/");
  EXPECT_EQ(a.fill->stale(), fresh);
  EXPECT_EQ(a.fill->read(b.reader).state, State::wait);
  a.fill->serve(fresh);
  EXPECT_EQ(a.fill->read(b.reader).state, State::serve);
  EXPECT_EQ(a.fill->read(a.reader).state, State::serve);
  EXPECT_EQ(a.fill->stored(), fresh);
}

TEST(Fill, what_outgrows_the_store_streams_on_through_a_window) {
  World w;
  const auto a = w.join("/"), slow = w.join("/"), gone = w.join("/");
  Fill& fill = *a.fill;
  w.head(fill, std::nullopt);
  a.fill->detach(gone.reader);
  std::string sent, got;
  for (int i = 0; i < 100; ++i) {
    const std::string piece(50, char('a' + i % 26));
    ASSERT_TRUE(fill.wants_more());
    fill.on_body(piece);
    sent += piece;
    got += take(fill, a.reader).bytes;
    ASSERT_LE(fill.held_bytes(), kLimits.object_bytes_max + kLimits.object_bytes_max / 4 + 50);
  }
  EXPECT_EQ(got, sent);
  EXPECT_FALSE(fill.storable());
  EXPECT_FALSE(fill.attach());
  EXPECT_EQ(take(fill, slow.reader).state, State::failed);
  fill.detach(slow.reader);
  EXPECT_FALSE(fill.on_end());
  EXPECT_EQ(take(fill, a.reader).state, State::end);
}

TEST(Fill, of_an_outgrown_answer_no_more_is_read_than_the_first_client_takes) {
  World w;
  const auto a = w.join("/"), fast = w.join("/");
  Fill& fill = *a.fill;
  w.head(fill, std::nullopt);
  fill.on_body(std::string(1001, 'x'));
  EXPECT_FALSE(fill.wants_more());
  EXPECT_EQ(take(fill, fast.reader).bytes.size(), 1001u);
  EXPECT_FALSE(fill.wants_more());
  EXPECT_EQ(take(fill, a.reader).bytes.size(), 1001u);
  EXPECT_TRUE(fill.wants_more());
  fill.on_body(std::string(99, 'x'));
  EXPECT_TRUE(fill.wants_more());
  fill.on_body("x");
  EXPECT_FALSE(fill.wants_more());
  fill.detach(a.reader);  // now the fastest sets the pace
  EXPECT_EQ(take(fill, fast.reader).bytes.size(), 100u);
  EXPECT_TRUE(fill.wants_more());
}

TEST(Fill, object_bytes_max_is_still_stored_and_one_more_is_not) {
  for (const size_t bytes : {size_t{1000}, size_t{1001}}) {
    World w;
    const auto a = w.join("/");
    w.head(*a.fill, std::nullopt);
    a.fill->on_body(std::string(bytes, 'x'));
    EXPECT_EQ(a.fill->on_end() != nullptr, bytes == 1000) << bytes;
  }
}

TEST(Fill, what_is_on_its_way_counts_in_the_budget_and_stops_being_stored_when_that_is_far_over) {
  World w(kLimits, 400);
  const auto a = w.join("/");
  w.head(*a.fill, std::nullopt);
  a.fill->on_body(std::string(450, 'x'));
  EXPECT_TRUE(a.fill->storable());
  EXPECT_EQ(w.budget->used(), 450u);
  a.fill->on_body(std::string(100, 'x'));
  EXPECT_FALSE(a.fill->storable());
}

TEST(Fill, any_interleaving_gives_every_reader_the_whole_body_or_a_clear_end) {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    Dice dice(seed);
    FillLimits limits = kLimits;
    limits.object_bytes_max = 200 + dice.below(2000);
    World w(limits);
    auto a = w.join("/");
    const std::shared_ptr<Fill> fill = a.fill;
    w.head(*fill, std::nullopt);
    std::map<Fill::ReaderId, std::string> got;
    got[a.reader];
    std::string sent;
    std::vector<Fill::ReaderId> cut;
    const size_t total = dice.below(3000);
    while (sent.size() < total || !got.empty()) {
      if (dice.chance(0.1)) {
        if (const auto id = fill->attach()) got[*id];
      }
      if (sent.size() < total && fill->wants_more() && !got.empty()) {
        const std::string piece(1 + dice.below(90), char('a' + dice.below(26)));
        fill->on_body(piece);
        sent += piece;
        if (sent.size() >= total) fill->on_end();
      } else if (sent.size() >= total && fill->phase() == Fill::Phase::streaming) {
        fill->on_end();
      }
      for (auto at = got.begin(); at != got.end();) {
        auto& [id, bytes] = *at;
        bool over = false;
        if (dice.chance(id == Fill::kLeader ? 0.9 : 0.3)) {
          const Fill::Read read = fill->read(id);
          if (read.state == State::head) fill->head_taken(id);
          if (read.state == State::bytes) {
            const size_t n = 1 + dice.below(read.bytes.size());
            bytes += read.bytes.substr(0, n);
            fill->consume(id, n);
          }
          ASSERT_TRUE(sent.starts_with(bytes)) << "seed " << seed;
          if (read.state == State::end) {
            ASSERT_EQ(bytes, sent) << "seed " << seed;
            over = true;
          }
          if (read.state == State::failed) {
            ASSERT_FALSE(fill->storable()) << "seed " << seed;
            over = true;
          }
        }
        if (over) fill->detach(id);
        at = over ? got.erase(at) : std::next(at);
      }
      if (got.empty() && sent.size() < total) break;  // everyone was cut: the lane stops
    }
    if (fill->stored()) ASSERT_EQ(fill->stored()->body->bytes, sent) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sealane::cache
