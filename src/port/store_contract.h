// SPDX-License-Identifier: Apache-2.0
// What store.h promises, as tests that every implementation runs. Only for test programs.
//
//   struct Bench {                       // one lane and one empty store on it
//     port::Store& store();
//     bool run(std::function<bool()> done, Duration max);  // turns the loop until done() or max
//     void reopen();                     // closes the store and opens it again
//     void close();                      // after it, only reopen()
//     void restore(std::string where);   // closes the store, opens in its place the copy there
//   };
//   INSTANTIATE_TYPED_TEST_SUITE_P(Sim, StoreContract, Bench);
#pragma once

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/dice.h"
#include "base/time.h"
#include "port/store.h"

namespace sealane::port::contract {

template <typename Bench>
class StoreContract : public testing::Test {
 protected:
  static constexpr Keyspace kItems = Keyspace::items;
  Bench bench;

  Store& store() { return bench.store(); }
  bool run(std::function<bool()> done) { return bench.run(std::move(done), 5s); }
  void put(std::string_view key, std::string_view value, Keyspace space = kItems) {
    const auto batch = store().batch();
    batch->put(space, key, value);
    ASSERT_TRUE(store().write(*batch));
  }
  void erase(std::string_view key) {
    const auto batch = store().batch();
    batch->erase(kItems, key);
    ASSERT_TRUE(store().write(*batch));
  }
  // The value, or "-" when there is none.
  std::string get(std::string_view key, Keyspace space = kItems) {
    std::string value = "what was in the string before";
    const Result<bool> found = store().get(space, key, value);
    EXPECT_TRUE(found) << found.error().what;
    return found && *found ? value : "-";
  }
  // "a=1 b=2 ": a walk from its first key to its last.
  std::string read(Cursor& cursor, bool backwards = false) {
    std::string text;
    for (; cursor.valid(); backwards ? cursor.previous() : cursor.next()) {
      text += std::string(cursor.key()) + '=' + std::string(cursor.value()) + ' ';
    }
    EXPECT_TRUE(cursor.status());
    return text;
  }
  std::string all(std::string_view first = {}, std::string_view last = {},
                  const Snapshot* snapshot = nullptr, Keyspace space = kItems) {
    const auto cursor = store().walk(space, first, last, snapshot);
    cursor->seek(first);
    return read(*cursor);
  }
};

TYPED_TEST_SUITE_P(StoreContract);

TYPED_TEST_P(StoreContract, what_was_written_is_read) {
  EXPECT_EQ(this->get("a"), "-");
  this->put("a", "1");
  EXPECT_EQ(this->get("a"), "1");
  this->put("a", "");
  EXPECT_EQ(this->get("a"), "") << "an empty value is a value";
  this->put("", "the empty key is a key");
  EXPECT_EQ(this->get(""), "the empty key is a key");
  const std::string bytes("\0\xff\0key", 6), large(300'000, 'x');
  this->put(bytes, large);
  EXPECT_EQ(this->get(bytes), large);
  this->erase("a");
  EXPECT_EQ(this->get("a"), "-");
  this->erase("never there");
}

TYPED_TEST_P(StoreContract, keyspaces_do_not_see_each_other) {
  for (size_t i = 0; i < kKeyspaceCount; ++i) this->put("k", std::to_string(i), Keyspace(i));
  const auto batch = this->store().batch();
  batch->erase(Keyspace::items, "k");
  batch->erase_range(Keyspace::log, "a", "z");
  ASSERT_TRUE(this->store().write(*batch));
  for (size_t i = 0; i < kKeyspaceCount; ++i) {
    const bool gone = Keyspace(i) == Keyspace::items || Keyspace(i) == Keyspace::log;
    EXPECT_EQ(this->get("k", Keyspace(i)), gone ? "-" : std::to_string(i));
  }
}

TYPED_TEST_P(StoreContract, a_batch_is_applied_in_its_order_and_may_be_used_again) {
  this->put("b", "old");
  const auto batch = this->store().batch();
  const size_t empty_bytes = batch->bytes();
  batch->put(Keyspace::items, "a", "1");
  batch->erase_range(Keyspace::items, "a", "c");
  batch->put(Keyspace::items, "b", "2");
  batch->put(Keyspace::items, "b", "3");
  batch->put(Keyspace::items, "c", "4");
  batch->erase(Keyspace::items, "c");
  EXPECT_GT(batch->bytes(), empty_bytes + 5);
  EXPECT_EQ(this->all(), "b=old ") << "nothing is visible before write()";
  ASSERT_TRUE(this->store().write(*batch));
  EXPECT_EQ(this->all(), "b=3 ");
  this->put("b", "between");
  ASSERT_TRUE(this->store().write(*batch));
  EXPECT_EQ(this->all(), "b=3 ") << "write() leaves the batch as it was";
  batch->clear();
  EXPECT_EQ(batch->bytes(), empty_bytes);
  batch->put(Keyspace::items, "d", "5");
  ASSERT_TRUE(this->store().write(*batch));
  EXPECT_EQ(this->all(), "b=3 d=5 ");
  batch->clear();
  EXPECT_TRUE(this->store().write(*batch)) << "nothing to do is no error";
}

TYPED_TEST_P(StoreContract, erase_range_leaves_its_end) {
  for (const char* key : {"a", "b", "ba", "c", "d"}) this->put(key, "1");
  const auto batch = this->store().batch();
  batch->erase_range(Keyspace::items, "b", "c");
  batch->erase_range(Keyspace::items, "d", "d");
  batch->erase_range(Keyspace::items, "d", "a");
  batch->erase_range(Keyspace::items, "a", "");
  ASSERT_TRUE(this->store().write(*batch));
  EXPECT_EQ(this->all(), "a=1 c=1 d=1 ");
}

TYPED_TEST_P(StoreContract, a_walk_goes_in_the_order_of_bytes_within_its_bounds) {
  for (const char* key : {"a", "b\xff", "b", "c", "\xff\xff", "ba"}) this->put(key, "");
  EXPECT_EQ(this->all(), "a= b= ba= b\xff= c= \xff\xff= ");
  EXPECT_EQ(this->all("b", "c"), "b= ba= b\xff= ");
  EXPECT_EQ(this->all("bb"), "b\xff= c= \xff\xff= ");
  EXPECT_EQ(this->all("x", "y"), "");
  EXPECT_EQ(this->all({}, {}, nullptr, Keyspace::index), "");
  const auto cursor = this->store().walk(Keyspace::items, "b", "c", nullptr);
  EXPECT_FALSE(cursor->valid()) << "it stands nowhere before the first seek";
  cursor->seek("a");
  ASSERT_TRUE(cursor->valid());
  EXPECT_EQ(cursor->key(), "b") << "the bound holds for a seek before it";
  cursor->previous();
  EXPECT_FALSE(cursor->valid());
  cursor->seek("c");
  EXPECT_FALSE(cursor->valid());
  cursor->seek_backwards("z");
  EXPECT_EQ(this->read(*cursor, true), "b\xff= ba= b= ");
  cursor->seek_backwards("bb");
  ASSERT_TRUE(cursor->valid());
  EXPECT_EQ(cursor->key(), "ba");
  cursor->next();
  ASSERT_TRUE(cursor->valid());
  EXPECT_EQ(cursor->key(), "b\xff");
  cursor->previous();
  ASSERT_TRUE(cursor->valid());
  EXPECT_EQ(cursor->key(), "ba");
  cursor->seek_backwards("b");
  ASSERT_TRUE(cursor->valid());
  EXPECT_EQ(cursor->key(), "b") << "a key that is there is the last that is not behind it";
  cursor->seek_backwards("a");
  EXPECT_FALSE(cursor->valid());
  EXPECT_TRUE(cursor->status()) << "an end is not an error";
}

TYPED_TEST_P(StoreContract, a_walk_sees_the_store_as_it_was_when_it_began) {
  this->put("a", "1");
  this->put("b", "1");
  const auto cursor = this->store().walk(Keyspace::items, {}, {}, nullptr);
  this->put("a", "2");
  this->put("aa", "2");
  this->erase("b");
  cursor->seek({});
  EXPECT_EQ(this->read(*cursor), "a=1 b=1 ");
  EXPECT_EQ(this->all(), "a=2 aa=2 ");
}

TYPED_TEST_P(StoreContract, what_a_cursor_shows_outlives_a_write) {
  this->put("a", "1");
  const auto cursor = this->store().walk(Keyspace::items, {}, {}, nullptr);
  cursor->seek("a");
  const std::string_view key = cursor->key(), value = cursor->value();
  for (int i = 0; i < 100; ++i) this->put("a", std::string(1000, 'x'));
  EXPECT_EQ(key, "a");
  EXPECT_EQ(value, "1");
}

TYPED_TEST_P(StoreContract, a_snapshot_stays_as_it_was) {
  this->put("a", "1");
  this->put("b", "1");
  auto old = this->store().snapshot();
  this->put("a", "2");
  this->erase("b");
  this->put("c", "2");
  const auto middle = this->store().snapshot();
  this->erase("a");
  this->put("b", "3");
  EXPECT_EQ(this->all({}, {}, old.get()), "a=1 b=1 ");
  EXPECT_EQ(this->all({}, {}, middle.get()), "a=2 c=2 ");
  EXPECT_EQ(this->all(), "b=3 c=2 ");
  old.reset();
  EXPECT_EQ(this->all({}, {}, middle.get()), "a=2 c=2 ");
  this->put("c", "4");
  EXPECT_EQ(this->all({}, {}, middle.get()), "a=2 c=2 ");
}

TYPED_TEST_P(StoreContract, a_flush_changes_nothing_that_is_read) {
  ASSERT_TRUE(this->store().flush()) << "nothing to do is no error";
  this->put("a", "1");
  {
    const auto cursor = this->store().walk(Keyspace::items, {}, {}, nullptr);
    this->put("a", "2");
    ASSERT_TRUE(this->store().flush());
    EXPECT_EQ(this->all(), "a=2 ");
    cursor->seek({});
    EXPECT_EQ(this->read(*cursor), "a=1 ");
  }
  this->bench.reopen();
  EXPECT_EQ(this->all(), "a=2 ");
}

TYPED_TEST_P(StoreContract, sync_answers_later_on_the_lane_in_the_order_of_the_calls) {
  std::string order;
  for (const char name : {'a', 'b', 'c'}) {
    this->put(std::string(1, name), "1");
    this->store().sync([&order, name](const Status& status) {
      EXPECT_TRUE(status);
      order += name;
    });
  }
  EXPECT_EQ(order, "") << "never from inside";
  ASSERT_TRUE(this->run([&] { return order.size() == 3; }));
  EXPECT_EQ(order, "abc");
}

TYPED_TEST_P(StoreContract, a_sync_may_be_asked_for_from_inside_an_answer) {
  int answered_count = 0;
  std::function<void(Status)> again = [&](const Status& status) {
    EXPECT_TRUE(status);
    if (++answered_count < 20) this->store().sync(again);
  };
  this->store().sync(again);
  EXPECT_TRUE(this->run([&] { return answered_count == 20; }));
}

TYPED_TEST_P(StoreContract, more_syncs_than_the_limit_are_told_so) {
  // Groups leave while we ask, so how many are refused depends on the disk; each is answered once.
  size_t good_count = 0, limit_count = 0;
  constexpr size_t kAsked = Store::kSyncsMax + 1000;
  for (size_t i = 0; i < kAsked; ++i) {
    this->store().sync([&](const Status& status) {
      if (status) {
        ++good_count;
      } else {
        EXPECT_EQ(status.error().code, Code::limit);
        ++limit_count;
      }
    });
  }
  ASSERT_TRUE(this->run([&] { return good_count + limit_count == kAsked; }));
  EXPECT_GE(good_count, Store::kSyncsMax);
}

TYPED_TEST_P(StoreContract, a_closed_store_answers_no_sync) {
  int answered_count = 0;
  for (int i = 0; i < 3; ++i) {
    this->store().sync([&](const Status&) { ++answered_count; });
  }
  this->bench.close();
  this->bench.run([] { return false; }, 50ms);
  EXPECT_EQ(answered_count, 0);
  this->bench.reopen();
}

TYPED_TEST_P(StoreContract, a_store_may_be_closed_from_inside_an_answer) {
  int answered_count = 0;
  for (int i = 0; i < 3; ++i) {
    this->store().sync([&](const Status&) {
      ++answered_count;
      this->bench.close();
    });
  }
  ASSERT_TRUE(this->run([&] { return answered_count > 0; }));
  this->bench.run([] { return false; }, 50ms);
  EXPECT_EQ(answered_count, 1);
  this->bench.reopen();
}

TYPED_TEST_P(StoreContract, what_was_written_is_there_when_the_store_is_opened_again) {
  for (size_t i = 0; i < kKeyspaceCount; ++i) this->put("k", std::to_string(i), Keyspace(i));
  this->put("gone", "1");
  this->erase("gone");
  this->bench.reopen();
  for (size_t i = 0; i < kKeyspaceCount; ++i)
    EXPECT_EQ(this->get("k", Keyspace(i)), std::to_string(i));
  EXPECT_EQ(this->get("gone"), "-");
}

TYPED_TEST_P(StoreContract, the_figure_of_bytes_grows_with_what_is_written) {
  const uint64_t before = this->store().bytes_on_disk();
  for (int i = 0; i < 100; ++i)
    this->put("k" + std::to_string(i), std::string(10'000, char('a' + i % 26)));
  EXPECT_GE(this->store().bytes_on_disk(), before + 100'000);
}

TYPED_TEST_P(StoreContract, a_copy_is_the_store_as_it_was_at_one_moment) {
  this->put("before", "1");
  this->put("gone", "1");
  this->erase("gone");
  std::optional<Result<std::string>> where;
  this->store().copy("one", [&](Result<std::string> answer) { where = std::move(answer); });
  EXPECT_FALSE(where) << "never from inside";
  uint64_t written_count = 0;
  ASSERT_TRUE(this->run([&] {
    if (!where) this->put("during", std::to_string(++written_count), Keyspace::log);
    if (!where) this->put("during", std::to_string(written_count), Keyspace::items);
    return where.has_value();
  }));
  ASSERT_TRUE(*where) << where->error().what;
  this->put("after", "1");
  EXPECT_EQ(this->get("during"), std::to_string(written_count)) << "writes go on";
  this->bench.restore(**where);
  EXPECT_EQ(this->get("before"), "1");
  EXPECT_EQ(this->get("gone"), "-");
  EXPECT_EQ(this->get("after"), "-");
  // Across keyspaces, too, what came first is there when what came later is.
  const auto number = [](const std::string& text) { return text == "-" ? 0 : std::stoull(text); };
  const uint64_t first = number(this->get("during", Keyspace::log)),
                 second = number(this->get("during"));
  EXPECT_TRUE(first == second || first == second + 1) << first << " and " << second;
  EXPECT_LE(first, written_count);
  this->put("more", "1");
  EXPECT_EQ(this->get("more"), "1") << "and it goes on from there";
}

TYPED_TEST_P(StoreContract, copies_are_told_why_not) {
  std::vector<Code> codes;
  const auto copy = [&](std::string_view name) {
    this->store().copy(name, [&](const Result<std::string>& where) {
      codes.push_back(where ? Code{} : where.error().code);
    });
  };
  copy("");
  copy("../../etc");
  copy("Upper");
  copy(std::string(65, 'a'));
  ASSERT_TRUE(this->run([&] { return codes.size() == 4; }));
  EXPECT_EQ(codes, std::vector<Code>(4, Code::invalid));
  codes.clear();
  std::optional<Result<std::string>> where;
  this->store().copy("a", [&](Result<std::string> answer) { where = std::move(answer); });
  copy("b");
  ASSERT_TRUE(this->run([&] { return where && !codes.empty(); }));
  ASSERT_TRUE(*where) << where->error().what;
  EXPECT_EQ(codes, std::vector<Code>{Code::conflict}) << "one at a time";
  copy("a");
  ASSERT_TRUE(this->run([&] { return codes.size() == 2; }));
  EXPECT_EQ(codes[1], Code::conflict) << "the name is taken";
  for (size_t i = 1; i < Store::kCopiesMax; ++i) {
    where.reset();
    this->store().copy("c" + std::to_string(i),
                       [&](Result<std::string> answer) { where = std::move(answer); });
    ASSERT_TRUE(this->run([&] { return where.has_value(); }));
    ASSERT_TRUE(*where) << where->error().what;
  }
  copy("one-more");
  ASSERT_TRUE(this->run([&] { return codes.size() == 3; }));
  EXPECT_EQ(codes[2], Code::limit);
}

TYPED_TEST_P(StoreContract, a_closed_store_answers_no_copy) {
  bool is_answered = false;
  this->store().copy("one", [&](const Result<std::string>&) { is_answered = true; });
  this->bench.close();
  this->bench.run([] { return false; }, 50ms);
  EXPECT_FALSE(is_answered);
  this->bench.reopen();
}

// Random batches, walks and snapshots against the simplest thing that can be right: maps.
TYPED_TEST_P(StoreContract, it_equals_a_map_under_random_use) {
  using Map = std::map<std::string, std::string>;
  using Maps = std::array<Map, kKeyspaceCount>;
  const uint64_t seed = 20260101;
  Dice dice(seed);
  Maps now;
  std::vector<std::pair<std::unique_ptr<Snapshot>, Maps>> old;
  auto batch = this->store().batch();
  auto random_key = [&] {
    return std::string(1 + dice.below(3), char('a' + dice.below(4))) + char('a' + dice.below(4));
  };
  for (int round = 0; round < 400; ++round) {
    batch->clear();
    for (uint64_t i = dice.below(6); i-- > 0;) {
      const auto space = size_t(dice.below(kKeyspaceCount));
      const std::string key = random_key();
      if (dice.chance(0.6)) {
        const std::string value = std::to_string(dice.below(1000));
        batch->put(Keyspace(space), key, value);
        now[space][key] = value;
      } else if (dice.chance(0.7)) {
        batch->erase(Keyspace(space), key);
        now[space].erase(key);
      } else {
        const std::string last = random_key();
        batch->erase_range(Keyspace(space), key, last);
        if (key < last) now[space].erase(now[space].lower_bound(key), now[space].lower_bound(last));
      }
    }
    ASSERT_TRUE(this->store().write(*batch));
    if (dice.chance(0.1) && old.size() < 5) old.emplace_back(this->store().snapshot(), now);
    if (dice.chance(0.05) && !old.empty())
      old.erase(old.begin() + ptrdiff_t(dice.below(old.size())));
    if (dice.chance(0.01)) {
      old.clear();
      batch.reset();
      this->bench.reopen();
      batch = this->store().batch();
    }

    const bool at_present = old.empty() || dice.chance(0.3);
    const size_t which = at_present ? 0 : size_t(dice.below(old.size()));
    const Maps& expected_maps = at_present ? now : old[which].second;
    const auto space = size_t(dice.below(kKeyspaceCount));
    const Map& map = expected_maps[space];
    std::string first = random_key(), last = random_key(), text, expected;
    if (last < first) std::swap(first, last);
    if (dice.chance(0.2)) last.clear();
    const auto cursor = this->store().walk(Keyspace(space), first, last,
                                           at_present ? nullptr : old[which].first.get());
    const auto end = last.empty() ? map.end() : map.lower_bound(last);
    const std::string from = random_key();
    if (dice.chance(0.5)) {
      cursor->seek(from);
      for (auto it = map.lower_bound(std::max(from, first));
           it != map.end() && it != end && (last.empty() || it->first < last); ++it) {
        expected += it->first + '=' + it->second + ' ';
      }
      text = this->read(*cursor);
    } else {
      cursor->seek_backwards(from);
      for (auto it = map.rbegin(); it != map.rend() && it->first >= first; ++it) {
        if (it->first > from || (!last.empty() && it->first >= last)) continue;
        expected += it->first + '=' + it->second + ' ';
      }
      text = this->read(*cursor, true);
    }
    ASSERT_EQ(text, expected) << "seed " << seed << " round " << round;
    const std::string key = random_key();
    const auto it = now[space].find(key);
    ASSERT_EQ(this->get(key, Keyspace(space)), it == now[space].end() ? "-" : it->second);
  }
}

REGISTER_TYPED_TEST_SUITE_P(
    StoreContract, what_was_written_is_read, keyspaces_do_not_see_each_other,
    a_batch_is_applied_in_its_order_and_may_be_used_again, erase_range_leaves_its_end,
    a_walk_goes_in_the_order_of_bytes_within_its_bounds,
    a_walk_sees_the_store_as_it_was_when_it_began, what_a_cursor_shows_outlives_a_write,
    a_snapshot_stays_as_it_was, a_flush_changes_nothing_that_is_read,
    sync_answers_later_on_the_lane_in_the_order_of_the_calls,
    a_sync_may_be_asked_for_from_inside_an_answer, more_syncs_than_the_limit_are_told_so,
    a_closed_store_answers_no_sync, a_store_may_be_closed_from_inside_an_answer,
    what_was_written_is_there_when_the_store_is_opened_again,
    the_figure_of_bytes_grows_with_what_is_written, a_copy_is_the_store_as_it_was_at_one_moment,
    copies_are_told_why_not, a_closed_store_answers_no_copy, it_equals_a_map_under_random_use);

}  // namespace sealane::port::contract
