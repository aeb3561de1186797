// SPDX-License-Identifier: Apache-2.0
#include "table/record.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/dice.h"
#include "table/attribute_json.h"
#include "table/size.h"

namespace sealane::table {
namespace {

Value text(std::string_view s) { return Value(std::string(s)); }
Value list(std::initializer_list<std::string_view> all) {
  List out;
  for (const std::string_view s : all) out.push_back(text(s));
  return Value(std::move(out));
}

Item item(std::initializer_list<std::pair<std::string_view, Value>> attributes) {
  Item out;
  for (const auto& [name, value] : attributes) out.set(name, value);
  return out;
}

const std::string kKeys[] = {"id"};

Record set(std::string_view name, Value value, Stamp stamp, Merge merge = Merge::attribute) {
  const Change change{.attribute = std::string(name)};
  return update_delta(item({{"id", text("k")}, {name, std::move(value)}}), std::span(&change, 1),
                      merge, stamp, kKeys);
}

Record removal(std::string_view name, Stamp stamp) {
  const Change change{.attribute = std::string(name), .kind = Change::Kind::removed};
  return update_delta(item({{"id", text("k")}}), std::span(&change, 1), Merge::attribute, stamp,
                      kKeys);
}

Record append(std::string_view name, std::string_view element, Stamp stamp,
              Change::Kind kind = Change::Kind::append) {
  const Change change{.attribute = std::string(name), .kind = kind, .elements = {text(element)}};
  return update_delta(item({{"id", text("k")}, {name, list({element})}}), std::span(&change, 1),
                      Merge::conversation, stamp, kKeys);
}

std::string json(const Record& record) {
  std::string out;
  append_json(out, item_of(record));
  return out;
}

Record joined(std::initializer_list<Record> all) {
  Record out;
  for (const Record& each : all) join(out, each);
  return out;
}

TEST(Records, of_a_put_are_its_item) {
  const Record r = joined({put_delta(item({{"id", text("k")}, {"a", text("1")}}), {10, 1})});
  EXPECT_EQ(json(r), R"({"a":{"S":"1"},"id":{"S":"k"}})");
}

TEST(Records, of_one_region_follow_the_order_of_their_writes) {
  Record r =
      joined({put_delta(item({{"id", text("k")}, {"a", text("1")}, {"b", text("2")}}), {10, 1}),
              removal("b", {11, 1})});
  EXPECT_EQ(json(r), R"({"a":{"S":"1"},"id":{"S":"k"}})");
  join(r, delete_delta({12, 1}));
  EXPECT_FALSE(r.exists());
  EXPECT_EQ(json(r), "{}");
  join(r, set("c", text("3"), {13, 1}));
  EXPECT_EQ(json(r), R"({"c":{"S":"3"},"id":{"S":"k"}})");
}

TEST(Records, keep_updates_of_different_attributes_by_two_regions) {
  const Record base = put_delta(item({{"id", text("k")}}), {10, 1});
  EXPECT_EQ(json(joined({base, set("a", text("A"), {11, 1}), set("b", text("B"), {11, 2})})),
            R"({"a":{"S":"A"},"b":{"S":"B"},"id":{"S":"k"}})");
}

TEST(Records, of_tables_that_merge_by_item_have_one_last_writer) {
  const Record base = put_delta(item({{"id", text("k")}}), {10, 1});
  EXPECT_EQ(json(joined({base, set("a", text("A"), {11, 1}, Merge::item),
                         set("b", text("B"), {11, 2}, Merge::item)})),
            R"({"b":{"S":"B"},"id":{"S":"k"}})");
}

TEST(Conversations, keep_every_append_in_one_order) {
  const Record a = append("m", "from one", {11, 1}), b = append("m", "from two", {11, 2}),
               c = append("m", "later", {12, 1});
  const std::string wanted =
      R"({"id":{"S":"k"},"m":{"L":[{"S":"from one"},{"S":"from two"},{"S":"later"}]}})";
  EXPECT_EQ(json(joined({a, b, c})), wanted);
  EXPECT_EQ(json(joined({c, b, a})), wanted);
  EXPECT_EQ(json(joined({b, a, c, a, b})), wanted);
}

TEST(Conversations, put_elements_in_front_latest_first) {
  const auto prepend = Change::Kind::prepend;
  EXPECT_EQ(json(joined({append("m", "1", {10, 1}), append("m", "2", {11, 1}, prepend),
                         append("m", "3", {12, 1}, prepend)})),
            R"({"id":{"S":"k"},"m":{"L":[{"S":"3"},{"S":"2"},{"S":"1"}]}})");
}

TEST(Conversations, that_were_set_whole_keep_what_was_appended_later) {
  const Record whole = set("m", list({"a", "b"}), {11, 1}, Merge::conversation);
  const Record late = append("m", "c", {12, 2}), early = append("m", "x", {10, 2});
  const std::string wanted = R"({"id":{"S":"k"},"m":{"L":[{"S":"a"},{"S":"b"},{"S":"c"}]}})";
  EXPECT_EQ(json(joined({early, whole, late})), wanted);
  EXPECT_EQ(json(joined({late, early, whole})), wanted);
  EXPECT_EQ(json(joined({late, whole, early})), wanted);
}

TEST(Conversations, that_were_deleted_keep_what_was_appended_later) {
  EXPECT_EQ(
      json(joined({append("m", "c", {12, 2}), delete_delta({11, 1}), append("m", "a", {10, 1})})),
      R"({"id":{"S":"k"},"m":{"L":[{"S":"c"}]}})");
}

// ── laws ──

Record random_delta(Dice& dice, uint64_t n) {
  const Stamp stamp{dice.below(6) + 1, uint32_t(n)};  // sources differ, so stamps are unique
  const std::string name(1, char('a' + dice.below(3)));
  const std::string value = std::to_string(dice.below(100));
  switch (dice.below(8)) {
    case 0: return put_delta(item({{"id", text("k")}, {name, list({value})}}), stamp);
    case 1: return delete_delta(stamp);
    case 2: return removal(name, stamp);
    case 3: return set(name, text(value), stamp);
    case 4: return set(name, list({value, value}), stamp, Merge::conversation);
    case 5: return append(name, value, stamp, Change::Kind::prepend);
    default: return append(name, value, stamp);
  }
}

std::string bytes_of(const Record& record) {
  std::string out;
  append_packed(out, record);
  return out;
}

TEST(Records, joined_in_any_order_and_however_often_have_the_same_bytes) {
  for (uint64_t seed = 1; seed <= 20'000; ++seed) {
    Dice dice(seed);
    std::vector<Record> deltas;
    for (uint64_t n = 0, count = 2 + dice.below(5); n < count; ++n)
      deltas.push_back(random_delta(dice, n + 1));
    Record one, other;
    for (const Record& delta : deltas) join(one, delta);
    // In another order, some twice, and in two halves that are joined at the end.
    std::vector<Record> shuffled = deltas;
    shuffled.push_back(deltas[dice.below(deltas.size())]);
    for (size_t i = shuffled.size(); i > 1; --i)
      std::swap(shuffled[i - 1], shuffled[dice.below(i)]);
    Record half;
    for (size_t i = 0; i < shuffled.size(); ++i) join(i % 2 ? half : other, shuffled[i]);
    join(other, half);
    ASSERT_EQ(bytes_of(one), bytes_of(other))
        << "seed " << seed << ": " << json(one) << " | " << json(other);
    std::string_view view;
    const std::string bytes = bytes_of(one);
    view = bytes;
    const auto again = take_packed_record(view);
    ASSERT_TRUE(again && view.empty() && *again == one) << "seed " << seed;
    const auto outline = outline_of_packed_record(bytes);
    ASSERT_TRUE(outline) << "seed " << seed;
    ASSERT_EQ(outline->exists, one.exists()) << "seed " << seed;
    ASSERT_EQ(outline->size_bytes, size_bytes(one)) << "seed " << seed;
    Stamp latest = std::max(one.cleared, one.live);
    for (const Cell& cell : one.cells) latest = std::max(latest, cell.latest());
    ASSERT_EQ(outline->latest, latest) << "seed " << seed;
    std::string as_json;
    const auto there = append_packed_record_as_json(as_json, bytes);
    ASSERT_TRUE(there) << "seed " << seed;
    ASSERT_EQ(*there ? as_json : "{}", json(one)) << "seed " << seed;
    for (const std::string name : {"a", "b", "c", "id", "z"}) {
      const auto found = find_in_packed_record(bytes, name);
      const Item whole = item_of(one);
      ASSERT_TRUE(found) << "seed " << seed;
      const Value* expected = whole.find(name);
      ASSERT_EQ(found->has_value(), expected != nullptr) << "seed " << seed << " " << name;
      if (expected) ASSERT_EQ(**found, *expected) << "seed " << seed;
    }
  }
}

// The writer's shortcut: what it may store without reading what is there.
TEST(Records, that_are_replaced_become_the_delta_itself) {
  size_t replaced_count = 0;
  for (uint64_t seed = 1; seed <= 20'000; ++seed) {
    Dice dice(seed);
    Record record;
    for (uint64_t n = 0, count = dice.below(5); n < count; ++n)
      join(record, random_delta(dice, n + 1));
    const Record delta = random_delta(dice, 9);
    const Outline outline = *outline_of_packed_record(bytes_of(record));
    if (!replaces(delta, outline.latest)) continue;
    ++replaced_count;
    join(record, delta);
    ASSERT_EQ(bytes_of(record), bytes_of(delta)) << "seed " << seed;
  }
  EXPECT_GT(replaced_count, 500u);
  EXPECT_TRUE(replaces(put_delta(item({{"id", text("k")}}), {10, 1}), {9, 2}));
  EXPECT_FALSE(replaces(put_delta(item({{"id", text("k")}}), {10, 1}), {10, 2}))
      << "from another region, and later";
  EXPECT_FALSE(replaces(delete_delta({10, 1}), {9, 2}))
      << "a removal keeps when the item was last alive";
  EXPECT_FALSE(replaces(set("a", text("1"), {10, 1}), {9, 2}));
}

// ── conflicts ──

TEST(Witnesses, tell_what_a_writer_overwrote_without_having_seen_it) {
  Record mine =
      joined({put_delta(item({{"id", text("k")}}), {10, 1}), set("a", text("mine"), {11, 1})});
  const auto saw_up_to = [](Hlc hlc) {
    return [hlc](const Stamp& stamp) { return stamp.source == 2 || stamp.hlc <= hlc; };
  };
  Record record = mine;
  Witness unseen{.self = 1, .has_seen = saw_up_to(10)};
  join(record, set("a", text("theirs"), {12, 2}), &unseen);
  ASSERT_EQ(unseen.discarded.size(), 1u);
  EXPECT_EQ(unseen.discarded[0].attribute, "a");
  EXPECT_EQ(unseen.discarded[0].value, text("mine"));

  record = mine;
  Witness seen{.self = 1, .has_seen = saw_up_to(11)};
  join(record, set("a", text("theirs"), {12, 2}), &seen);
  EXPECT_TRUE(seen.discarded.empty()) << "an ordinary overwrite";

  record = mine;
  Witness late{.self = 1, .has_seen = saw_up_to(10)};
  join(record, set("a", text("theirs"), {11, 0}), &late);
  ASSERT_EQ(late.discarded.size(), 1u);
  EXPECT_EQ(late.discarded[0].value, text("theirs")) << "what comes in and loses is told too";
}

TEST(Witnesses, say_nothing_of_appends_that_are_all_kept) {
  Record record = append("m", "mine", {11, 1});
  Witness witness{.self = 1, .has_seen = [](const Stamp& stamp) { return stamp.source == 2; }};
  join(record, append("m", "theirs", {12, 2}), &witness);
  EXPECT_TRUE(witness.discarded.empty());
}

TEST(Purging, forgets_removals_that_every_replica_has_passed) {
  Record record = joined(
      {put_delta(item({{"id", text("k")}, {"a", text("1")}}), {10, 1}), removal("a", {12, 1})});
  EXPECT_FALSE(purge(record, 11));
  EXPECT_NE(record.find("a"), nullptr) << "somebody may still write before it";
  EXPECT_FALSE(purge(record, 12));
  EXPECT_EQ(record.find("a"), nullptr);
  EXPECT_EQ(record.cleared, Stamp{}) << "or who forgot the whole item before would differ in bytes";
  join(record, delete_delta({20, 1}));
  EXPECT_FALSE(purge(record, 19));
  EXPECT_TRUE(purge(record, 20));
}

}  // namespace
}  // namespace sealane::table
