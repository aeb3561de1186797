// SPDX-License-Identifier: Apache-2.0
#include "table/reconcile.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/dice.h"

namespace sealane::table {
namespace {

Value text(std::string s) { return Value(std::move(s)); }
constexpr Source kHere = 1, kThere = 2;

// What a side has seen: of each source all up to a time.
Seen up_to(std::map<Source, Hlc> times) {
  return [times](const Stamp& stamp) {
    const auto at = times.find(stamp.source);
    return at != times.end() && stamp.hlc <= at->second;
  };
}
const Seen kNothing = [](const Stamp&) { return false; };

Record put(std::string value, Stamp stamp) {
  Item item;
  item.set("id", text("k"));
  item.set("a", text(std::move(value)));
  return put_delta(item, stamp);
}

Record append(std::string element, Stamp stamp) {
  Item item;
  item.set("id", text("k"));
  item.set("l", Value(List{text(element)}));
  const Change change{.attribute = "l", .kind = Change::Kind::append, .elements = {text(element)}};
  const std::string keys[] = {"id"};
  return update_delta(item, std::span(&change, 1), Merge::conversation, stamp, keys);
}

std::string words(const Record& record) {
  std::string out;
  for (const auto& [name, value] : item_of(record)) {
    if (name == "id") continue;
    out += name + "=";
    if (const std::string* s = value.get<std::string>()) out += *s;
    if (const List* list = value.get<List>()) {
      for (const Value& each : *list) out += *each.get<std::string>();
    }
    out += ' ';
  }
  return record.exists() ? out : "nothing";
}

TEST(Reconcile, what_the_other_side_has_removed_and_forgotten_goes) {
  Record here = put("x", {10, kHere});
  reconcile(here, {}, kNothing, up_to({{kHere, 10}}));
  EXPECT_EQ(here, (Record{.cleared = {10, kHere}, .live = {}, .cells = {}}))
      << "only that it was cleared once";
}

TEST(Reconcile, what_the_other_side_has_not_seen_stays) {
  Record here = put("x", {10, kHere});
  const Record was = here;
  reconcile(here, {}, kNothing, up_to({{kHere, 9}}));
  EXPECT_EQ(here, was);
}

TEST(Reconcile, what_was_removed_and_forgotten_here_does_not_come_back) {
  Record here;
  reconcile(here, put("x", {10, kThere}), up_to({{kThere, 10}}), up_to({{kThere, 20}}));
  EXPECT_FALSE(here.exists());
  reconcile(here, put("x", {11, kThere}), up_to({{kThere, 10}}), up_to({{kThere, 20}}));
  EXPECT_EQ(words(here), "a=x ");
}

TEST(Reconcile, an_item_that_was_removed_and_put_anew_is_the_new_one) {
  Record here = put("old", {10, kHere});
  join(here, append("o", {11, kHere}));
  Record there = put("new", {30, kThere});
  there.cleared = {};  // purged
  reconcile(here, there, up_to({{kHere, 11}}), up_to({{kHere, 11}, {kThere, 30}}));
  EXPECT_EQ(words(here), "a=new ");
}

TEST(Reconcile, of_a_list_the_elements_that_are_news_stay) {
  Record here = append("1", {10, kHere});
  join(here, append("2", {20, kHere}));
  Record there = append("3", {15, kThere});
  reconcile(here, there, up_to({{kHere, 20}}), up_to({{kHere, 10}, {kThere, 15}}));
  EXPECT_EQ(words(here), "l=32 ") << "1 was seen there and is there no more";
}

// Two sides with random histories, of which one is set back to an earlier state; the traces of
// removals that both had passed are purged as the engine does it. Then both must be what they would
// be had nothing been set back.
struct Histories {
  explicit Histories(uint64_t seed) : dice(seed) {}
  Dice dice;
  struct Side {
    Record record;
    std::map<Source, Hlc> seen;
  };
  Side a, b;
  struct Write {
    Stamp stamp;
    Record delta;
  };
  std::vector<Write> written_by_a, written_by_b;
  size_t a_in_b = 0, b_in_a = 0;
  Hlc now = 1;

  Record random_write(const Stamp& stamp) {
    switch (dice.below(4)) {
      case 0:
        return delete_delta(stamp);
      case 1:
        return put(fmt::format("{}", stamp.hlc), stamp);
      default:
        return append(fmt::format("<{}>", stamp.hlc), stamp);
    }
  }
  void take(Side& side, const Write& write) {
    join(side.record, write.delta);
    side.seen[write.stamp.source] = std::max(side.seen[write.stamp.source], write.stamp.hlc);
  }
  void step() {
    ++now;
    switch (dice.below(5)) {
      case 0:
      case 1: {
        const bool is_a = dice.chance(0.5);
        const Stamp stamp{now, is_a ? kHere : kThere};
        auto& log = is_a ? written_by_a : written_by_b;
        log.push_back({stamp, random_write(stamp)});
        return take(is_a ? a : b, log.back());
      }
      case 2:
        if (a_in_b < written_by_a.size()) take(b, written_by_a[a_in_b++]);
        return;
      case 3:
        if (b_in_a < written_by_b.size()) take(a, written_by_b[b_in_a++]);
        return;
      default: {
        // Both have seen all that is older than this.
        const Hlc of_a = a_in_b < written_by_a.size() ? written_by_a[a_in_b].stamp.hlc - 1 : now;
        const Hlc of_b = b_in_a < written_by_b.size() ? written_by_b[b_in_a].stamp.hlc - 1 : now;
        for (Side* side : {&a, &b}) {
          if (purge(side->record, std::min(of_a, of_b))) side->record = {};
        }
      }
    }
  }
};

TEST(Reconcile, a_side_that_was_set_back_becomes_what_the_other_one_is) {
  for (uint64_t seed = 1; seed <= 3000; ++seed) {
    Histories world(seed);
    for (uint64_t i = world.dice.below(40); i-- > 0;) world.step();
    const Histories::Side copy = world.b;  // of b, to which it will be set back
    for (uint64_t i = world.dice.below(40); i-- > 0;) world.step();
    // What b wrote and a has not got is lost with it; what a has goes on from there.
    Record restored = copy.record;
    reconcile(restored, world.a.record, up_to(copy.seen), up_to(world.a.seen));
    // What b's copy has and a has not: its log tells it to a.
    for (const auto& write : world.written_by_b) {
      const bool is_in_copy = copy.seen.contains(kThere) && write.stamp.hlc <= copy.seen.at(kThere);
      if (is_in_copy && !(write.stamp.hlc <= world.a.seen[kThere]))
        join(world.a.record, write.delta);
    }
    ASSERT_EQ(words(restored), words(world.a.record)) << "seed " << seed;
    // And the same from the other side.
    Record other = world.a.record;
    reconcile(other, copy.record, up_to(world.a.seen), up_to(copy.seen));
    ASSERT_EQ(words(other), words(world.a.record)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace sealane::table
