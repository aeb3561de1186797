// SPDX-License-Identifier: Apache-2.0
#include "cache/index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <list>
#include <map>
#include <set>

#include "base/dice.h"

namespace sealane::cache {
namespace {

using wire::http::Field;
using Fields = std::vector<Field>;
constexpr SipKey kSecret = {3, 4};
constexpr Instant kNow = Instant(100s);

struct World {
  explicit World(IndexLimits limits = {}, uint64_t budget_bytes = 1ull << 40)
      : budget(std::make_shared<Budget>(budget_bytes)), index(limits, budget) {}

  Key key(std::string_view target) { return make_key(buffer, kSecret, "s", target); }
  std::shared_ptr<const Stored> object(size_t body_bytes, const Fields& response = {},
                                       const Fields& request = {}) {
    const Got got = {
        .status = 200, .fields = response, .asked_at = kNow, .got_at = kNow, .wall = {}};
    auto body = std::make_shared<Body>();
    body->bytes.assign(body_bytes, 'x');
    body->charge = Charge(budget, body->bytes.capacity());
    return make_stored(budget, Head::make(got, ""), body, make_vary(response, request), {}, kNow);
  }
  bool put(std::string_view target, size_t body_bytes = 10) {
    return index.put(key(target), object(body_bytes));
  }
  Index::Found find(std::string_view target, const Fields& request = {}, Instant now = kNow) {
    return index.find(key(target), request, now);
  }
  bool has(std::string_view target) { return find(target).stored != nullptr; }

  std::shared_ptr<Budget> budget;
  std::string buffer;
  Index index;
};

TEST(Index, finds_what_was_put_and_only_that) {
  World w;
  EXPECT_FALSE(w.has("/a"));
  EXPECT_TRUE(w.put("/a"));
  EXPECT_TRUE(w.has("/a"));
  EXPECT_FALSE(w.has("/b"));
  EXPECT_EQ(w.index.counts().hits, 1u);
  EXPECT_EQ(w.index.counts().misses, 2u);
}

TEST(Index, two_keys_with_one_hash_are_told_apart) {
  World w;
  const Key a = {"s\n/a", 42}, b = {"s\n/b", 42};
  ASSERT_TRUE(w.index.put(a, w.object(1)));
  EXPECT_FALSE(w.index.find(b, {}, kNow).stored);
  ASSERT_TRUE(w.index.put(b, w.object(2)));
  EXPECT_EQ((*w.index.find(a, {}, kNow).stored)->body->bytes.size(), 1u);
  EXPECT_EQ((*w.index.find(b, {}, kNow).stored)->body->bytes.size(), 2u);
  EXPECT_TRUE(w.index.purge(a));
  EXPECT_TRUE(w.index.find(b, {}, kNow).stored);
}

TEST(Index, a_newer_answer_takes_the_place_of_its_variant) {
  World w;
  ASSERT_TRUE(w.put("/a", 1000));
  const uint64_t before = w.index.counts().bytes;
  ASSERT_TRUE(w.put("/a", 2000));
  EXPECT_EQ((*w.find("/a").stored)->body->bytes.size(), 2000u);
  EXPECT_EQ(w.index.counts().entries, 1u);
  EXPECT_NEAR(double(w.index.counts().bytes - before), 1000, 32);
}

TEST(Index, variants_are_selected_by_vary_and_the_oldest_gives_way) {
  World w;
  const Fields response = {{"Vary", "X-A"}};
  const auto put = [&](int n) {
    const std::string value = std::to_string(n);
    const Fields request = {{"X-A", value}};
    return w.index.put(w.key("/"), w.object(size_t(n), response, request));
  };
  const auto size = [&](int n) -> int64_t {
    const std::string value = std::to_string(n);
    const auto found = w.find("/", {{"X-A", value}});
    return found.stored ? int64_t((*found.stored)->body->bytes.size()) : -1;
  };
  for (int n = 0; n < int(Index::kVariantsMax); ++n) ASSERT_TRUE(put(n));
  for (int n = 0; n < int(Index::kVariantsMax); ++n) EXPECT_EQ(size(n), n);
  ASSERT_TRUE(put(int(Index::kVariantsMax)));
  EXPECT_EQ(size(0), -1);
  EXPECT_EQ(size(1), 1);
  EXPECT_EQ(size(int(Index::kVariantsMax)), int(Index::kVariantsMax));
  EXPECT_EQ(w.index.counts().entries, 1u);
  EXPECT_TRUE(w.index.purge(w.key("/")));  // all at once
  EXPECT_EQ(size(1), -1);
  EXPECT_EQ(w.index.counts().bytes, 0u);
}

TEST(Index, marks_pass_and_back_off_end_by_time_or_by_a_new_answer) {
  World w;
  ASSERT_TRUE(w.put("/a"));
  w.index.mark_pass(w.key("/a"), kNow + 10s);
  EXPECT_FALSE(w.has("/a"));  // what was stored is no longer what the origin says
  EXPECT_TRUE(w.find("/a").pass);
  EXPECT_TRUE(w.find("/a", {}, kNow + 10s - 1us).pass);
  EXPECT_FALSE(w.find("/a", {}, kNow + 10s).pass);
  ASSERT_TRUE(w.put("/a"));
  EXPECT_FALSE(w.find("/a").pass);

  w.index.mark_back_off(w.key("/a"), kNow + 1s);
  EXPECT_TRUE(w.find("/a").back_off);
  EXPECT_TRUE(w.has("/a"));
  EXPECT_FALSE(w.find("/a", {}, kNow + 1s).back_off);
  w.index.mark_back_off(w.key("/none"), kNow + 1s);
  EXPECT_FALSE(w.find("/none").back_off);
}

TEST(Index, purges_an_exact_path_or_a_trailing_star) {
  World w;
  for (const char* target : {"/docs/a", "/docs/a?x=1", "/docs/b", "/docs", "/Docs/a", "/%7ea"}) {
    ASSERT_TRUE(w.put(target));
  }
  EXPECT_EQ(w.index.purge("other", "/docs/a"), 0u);
  EXPECT_EQ(w.index.purge("s", "/docs/a"), 1u);
  EXPECT_FALSE(w.has("/docs/a"));
  EXPECT_TRUE(w.has("/docs/a?x=1"));
  EXPECT_EQ(w.index.purge("s", "/docs/*"), 2u);
  EXPECT_TRUE(w.has("/docs") && w.has("/Docs/a"));
  EXPECT_EQ(w.index.purge("s", "/~a"), 1u);
  EXPECT_EQ(w.index.purge("s", "/*"), 2u);
  EXPECT_EQ(w.index.counts().entries, 0u);
  EXPECT_EQ(w.index.counts().bytes, 0u);
}

TEST(Index, refuses_what_would_sweep_the_small_queue_and_forgets_the_old_answer) {
  World w({.bytes_max = 100'000, .entries_max = 100});
  ASSERT_TRUE(w.put("/a", 9'000));
  EXPECT_FALSE(w.put("/a", 10'001));
  EXPECT_FALSE(w.has("/a"));
  EXPECT_EQ(w.index.counts().refused, 1u);
}

TEST(Index, bounds_hold_at_every_step) {
  const IndexLimits limits = {.bytes_max = 200'000, .entries_max = 64};
  World w(limits);
  Dice dice(11);
  for (int i = 0; i < 20'000; ++i) {
    const std::string target = "/" + std::to_string(dice.below(200));
    if (dice.chance(0.5))
      w.has(target);
    else if (dice.chance(0.05))
      w.index.mark_pass(w.key(target), kNow + 1s);
    else
      w.put(target, dice.below(15'000));
    ASSERT_LE(w.index.counts().bytes, limits.bytes_max);
    ASSERT_LE(w.index.counts().entries, limits.entries_max);
    ASSERT_EQ(w.index.counts().entries, w.index.small_keys().size() + w.index.main_keys().size());
  }
  EXPECT_GT(w.index.counts().evicted, 1000u);
  w.index.purge("s", "/*");
  EXPECT_EQ(w.index.counts().bytes, 0u);
  EXPECT_EQ(w.budget->used(), 0u);
}

TEST(Index, what_another_lane_holds_in_the_budget_is_not_evicted_here_for_ever) {
  World w({}, 50'000);
  const auto elsewhere = w.object(60'000);
  ASSERT_TRUE(w.budget->over());
  EXPECT_FALSE(w.put("/a", 10));
  EXPECT_EQ(w.index.counts().entries, 0u);
}

TEST(Index, a_copy_of_a_hit_outlives_its_eviction) {
  World w;
  ASSERT_TRUE(w.put("/a", 123));
  const std::shared_ptr<const Stored> mine = *w.find("/a").stored;
  w.index.clear();
  EXPECT_EQ(mine->body->bytes.size(), 123u);
  EXPECT_FALSE(w.has("/a"));
}

TEST(Index, lanes_that_share_an_object_do_not_share_its_reference_count) {
  World a, b;
  const auto object = a.object(10);
  ASSERT_TRUE(a.index.put(a.key("/"), object));
  ASSERT_TRUE(b.index.put(b.key("/"), object));
  const long before = object.use_count();
  const auto hit = *a.find("/").stored;
  EXPECT_EQ(hit.get(), object.get());
  EXPECT_EQ(object.use_count(), before);
}

// The same algorithm over std::list and std::map, limited by count only.
struct Model {
  struct Entry {
    std::string key;
    int visits = 0;
  };
  size_t entries_max;
  std::list<Entry> small, main;  // front: newest
  std::list<std::string> ghost;

  static std::list<Entry>::iterator in(std::list<Entry>& list, const std::string& key) {
    return std::find_if(list.begin(), list.end(), [&](const Entry& e) { return e.key == key; });
  }
  bool find(const std::string& key) {
    for (auto* list : {&small, &main}) {
      if (const auto at = in(*list, key); at != list->end()) {
        at->visits = std::min(at->visits + 1, 3);
        return true;
      }
    }
    return false;
  }
  void evict() {
    while (true) {
      if (!small.empty() && (main.empty() || small.size() > entries_max / 10)) {
        Entry e = small.back();
        small.pop_back();
        if (e.visits >= 2) {
          main.push_front({e.key, 0});
          continue;
        }
        ghost.remove(e.key);
        ghost.push_front(e.key);
        while (ghost.size() > std::max(main.size(), small.size() + 1)) ghost.pop_back();
        return;
      }
      Entry e = main.back();
      main.pop_back();
      if (e.visits == 0) return;
      main.push_front({e.key, e.visits - 1});
    }
  }
  void put(const std::string& key) {
    if (in(small, key) != small.end() || in(main, key) != main.end()) return;
    while (small.size() + main.size() >= entries_max) evict();
    const auto seen = std::find(ghost.begin(), ghost.end(), key);
    if (seen != ghost.end()) {
      ghost.erase(seen);
      main.push_front({key, 0});
    } else {
      small.push_front({key, 0});
    }
  }
  void purge(const std::string& key) {
    for (auto* list : {&small, &main}) {
      if (const auto at = in(*list, key); at != list->end()) list->erase(at);
    }
  }
  static std::vector<std::string> keys(const std::list<Entry>& list) {
    std::vector<std::string> out;
    for (auto at = list.rbegin(); at != list.rend(); ++at) out.push_back("s\n" + at->key);
    return out;
  }
};

TEST(Index, behaves_as_the_naive_model_of_s3_fifo) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    Dice dice(seed);
    const size_t entries_max = 10 + dice.below(60);
    World w({.bytes_max = 1ull << 40, .entries_max = uint32_t(entries_max)});
    Model model{.entries_max = entries_max, .small = {}, .main = {}, .ghost = {}};
    for (int i = 0; i < 3'000; ++i) {
      // Some keys are asked for much more often than others.
      const uint64_t range = uint64_t(1) << (1 + dice.below(8));
      const std::string target = "/" + std::to_string(dice.below(range));
      if (dice.chance(0.02)) {
        w.index.purge(w.key(target));
        model.purge(target);
      } else {
        const bool found = w.has(target);
        ASSERT_EQ(found, model.find(target)) << "seed " << seed << " step " << i;
        if (!found) {
          ASSERT_TRUE(w.put(target));
          model.put(target);
        }
      }
      ASSERT_EQ(w.index.small_keys(), Model::keys(model.small)) << "seed " << seed << " step " << i;
      ASSERT_EQ(w.index.main_keys(), Model::keys(model.main)) << "seed " << seed << " step " << i;
    }
  }
}

TEST(Index, a_scan_leaves_the_hot_set_alone) {
  World w({.bytes_max = 1ull << 40, .entries_max = 100});
  const auto ask = [&](const std::string& target) {
    const bool hit = w.has(target);
    if (!hit) w.put(target);
    return hit;
  };
  for (int round = 0; round < 5; ++round) {
    for (int i = 0; i < 50; ++i) ask("/hot" + std::to_string(i));
  }
  for (int i = 0; i < 10'000; ++i) ask("/scan" + std::to_string(i));
  int hits = 0;
  for (int i = 0; i < 50; ++i) hits += ask("/hot" + std::to_string(i));
  EXPECT_EQ(hits, 50);
}

TEST(Ghost, forgets_the_oldest_and_what_was_taken) {
  Ghost ghost;
  for (uint64_t i = 0; i < 5; ++i) ghost.add(i, 3);
  EXPECT_EQ(ghost.size(), 3u);
  EXPECT_FALSE(ghost.take(1));
  EXPECT_TRUE(ghost.take(2));
  EXPECT_FALSE(ghost.take(2));
  ghost.add(3, 3);  // again: the newest now
  ghost.add(5, 3);
  ghost.add(6, 3);
  EXPECT_TRUE(ghost.take(3));
  EXPECT_FALSE(ghost.take(4));
  EXPECT_TRUE(ghost.take(6));
}

}  // namespace
}  // namespace sealane::cache
