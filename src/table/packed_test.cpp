// SPDX-License-Identifier: Apache-2.0
#include "table/packed.h"

#include <gtest/gtest.h>

#include "table/attribute_json.h"
#include "table/sample_value.h"
#include "table/size.h"

namespace sealane::table {
namespace {

using namespace std::string_literals;

std::string packed(const Value& value) {
  std::string out;
  append_packed(out, value);
  return out;
}

bool reads(std::string_view bytes) {
  std::string_view rest = bytes;
  return take_packed(rest).has_value();
}

// `levels` lists, one in another.
std::string nested(size_t levels) {
  std::string out;
  for (size_t i = 1; i < levels; ++i) out += "\x08\x01"s;
  return out + "\x08\x00"s;
}

TEST(Packed, what_is_packed_reads_back_and_leaves_what_follows) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    Dice dice(seed);
    const Value value = roll_value(dice, 4);
    const std::string bytes = packed(value) + "rest";
    std::string_view rest = bytes, skipped = bytes;
    const auto back = take_packed(rest);
    ASSERT_TRUE(back) << seed;
    ASSERT_EQ(*back, value) << seed;
    ASSERT_EQ(rest, "rest") << seed;
    ASSERT_TRUE(skip_packed(skipped)) << seed;
    ASSERT_EQ(skipped, "rest") << seed;
    size_t size = 1;
    skipped = bytes;
    ASSERT_TRUE(skip_packed(skipped, size)) << seed;
    ASSERT_EQ(skipped, "rest") << seed;
    ASSERT_EQ(size, 1 + size_bytes(value)) << seed;

    const Item item = roll_item(dice);
    std::string item_bytes;
    append_packed(item_bytes, item);
    std::string_view item_rest = item_bytes;
    ASSERT_EQ(*take_packed_item(item_rest), item) << seed;
    ASSERT_TRUE(item_rest.empty()) << seed;
  }
}

TEST(Packed, bytes_become_the_json_of_their_tree) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    Dice dice(seed);
    const Value value = roll_value(dice, 4);
    const Item item = roll_item(dice);
    const std::string bytes = packed(value);
    std::string item_bytes, of_tree, of_bytes;
    append_packed(item_bytes, item);
    append_json(of_tree, value);
    append_json(of_tree, item);
    std::string_view rest = bytes, item_rest = item_bytes;
    ASSERT_TRUE(append_packed_as_json(of_bytes, rest)) << seed;
    ASSERT_TRUE(append_packed_item_as_json(of_bytes, item_rest)) << seed;
    ASSERT_TRUE(rest.empty() && item_rest.empty()) << seed;
    ASSERT_EQ(of_bytes, of_tree) << seed;
  }
}

TEST(Packed, what_is_cut_short_is_corrupt_and_what_is_changed_is_another_value_or_corrupt) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    Dice dice(seed);
    const std::string bytes = packed(roll_value(dice, 3));
    for (size_t size = 0; size < bytes.size(); ++size) {
      std::string_view cut(bytes.data(), size), cut_json = cut, cut_skip = cut;
      std::string json;
      const auto taken = take_packed(cut);
      ASSERT_FALSE(taken) << seed << " " << size;
      ASSERT_EQ(taken.error().code, Code::corrupt);
      ASSERT_FALSE(append_packed_as_json(json, cut_json)) << seed << " " << size;
      ASSERT_FALSE(skip_packed(cut_skip)) << seed << " " << size;
    }
    for (size_t at = 0; at < bytes.size(); ++at) {
      std::string changed = bytes;
      changed[at] = char(dice.below(256));
      std::string_view rest = changed, json_rest = changed;
      std::string json;
      const auto taken = take_packed(rest);
      ASSERT_EQ(append_packed_as_json(json, json_rest), taken.has_value()) << seed << " " << at;
      if (taken) {
        ASSERT_EQ(packed(*taken) + std::string(rest), changed) << seed << " " << at;
      }
    }
  }
}

TEST(Packed, only_the_one_form_of_a_value_reads_back) {
  const std::pair<std::string, const char*> refused[] = {
      {"", "nothing"},
      {"\x00"s, "no such type"},
      {"\x0b"s, "no such type"},
      {"\x0a\x02"s, "a boolean that is neither"},
      {"\x01\x81\x00x"s, "a length that is longer than it needs to be"},
      {"\x01\x02x"s, "a length beyond the end"},
      {"\x02\x02"s + "01"s, "a number with a leading zero"},
      {"\x02\x00"s, "a number without text"},
      {"\x04\x00"s, "an empty set of strings"},
      {"\x05\x00"s, "an empty set of numbers"},
      {"\x06\x00"s, "an empty set of binaries"},
      {"\x04\x02\x01"s + "b\x01"s + "a"s, "a set out of order"},
      {"\x04\x02\x01"s + "a\x01"s + "a"s, "a set with an element twice"},
      {"\x05\x02\x02"s + "10\x01"s + "9"s, "numbers ordered as text"},
      {"\x06\x02\x01"s + "a\x01"s + "a"s, "a binary twice"},
      {"\x07\x02\x01"s + "b\x09\x01"s + "a\x09"s, "names out of order"},
      {"\x07\x02\x01"s + "a\x09\x01"s + "a\x09"s, "a name twice"},
      {"\x08\xff\xff\xff\xff\x7f"s, "more elements than bytes"},
  };
  for (const auto& [bytes, why] : refused) {
    EXPECT_FALSE(reads(bytes)) << why;
    std::string json;
    std::string_view rest = bytes;
    EXPECT_FALSE(append_packed_as_json(json, rest)) << why;
  }
  EXPECT_TRUE(reads("\x05\x02\x01"s + "9\x02"s + "10"s));
}

// On disk and on every replica: these may never change.
TEST(Packed, the_bytes_are_as_they_ever_were) {
  Item map;
  map.set("a", Value(Number(-5)));
  EXPECT_EQ(packed(Value("hi"s)), "\x01\x02hi"s);
  EXPECT_EQ(packed(Value(*Number::parse("1.50"))), "\x02\x03"s + "1.5"s);
  EXPECT_EQ(packed(Value(Binary{"\0"s})), "\x03\x01\0"s);
  EXPECT_EQ(packed(Value(StringSet{"a", "b"})), "\x04\x02\x01"s + "a\x01"s + "b"s);
  EXPECT_EQ(packed(Value(NumberSet{Number(1)})), "\x05\x01\x01"s + "1"s);
  EXPECT_EQ(packed(Value(BinarySet{{"a"}})), "\x06\x01\x01"s + "a"s);
  EXPECT_EQ(packed(Value(map)), "\x07\x01\x01"s + "a\x02\x02-5"s);
  EXPECT_EQ(packed(Value(List{Value(), Value(Value::Form(true))})), "\x08\x02\x09\x0a\x01"s);
  EXPECT_EQ(packed(Value(std::string(200, 'x'))), "\x01\xc8\x01"s + std::string(200, 'x'));
}

TEST(Packed, nests_as_deep_as_items_may_and_no_deeper) {
  for (const size_t levels : {kDepthMax, kDepthMax + 1, size_t(100'000)}) {
    const bool is_allowed = levels <= kDepthMax;
    const std::string bytes = nested(levels);
    std::string_view skipped = bytes, streamed = bytes;
    std::string json;
    EXPECT_EQ(reads(bytes), is_allowed) << levels;
    EXPECT_EQ(skip_packed(skipped), is_allowed) << levels;
    EXPECT_EQ(append_packed_as_json(json, streamed), is_allowed) << levels;
  }
  std::string_view rest;
  const std::string deepest = nested(kDepthMax);
  Value value = *take_packed(rest = deepest);
  EXPECT_EQ(depth(value), kDepthMax);
  EXPECT_EQ(packed(value), deepest);
  List outer;
  outer.push_back(std::move(value));
  std::string out;
  EXPECT_DEATH(append_packed(out, Value(std::move(outer))), "assertion failed");
}

TEST(Varint, has_one_form_for_each_number) {
  for (const uint64_t value :
       {uint64_t(0), uint64_t(1), uint64_t(127), uint64_t(128), uint64_t(16383), uint64_t(16384),
        uint64_t(1) << 32, uint64_t(1) << 63, UINT64_MAX}) {
    std::string bytes;
    append_varint(bytes, value);
    std::string_view rest = bytes;
    uint64_t back = 0;
    ASSERT_TRUE(take_varint(rest, back)) << value;
    EXPECT_EQ(back, value);
    EXPECT_TRUE(rest.empty());
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(take_varint(rest = std::string_view(bytes).substr(0, size), back));
  }
  uint64_t unused;
  for (const std::string& bytes : {"\x80\x00"s, "\xff\x80\x00"s, std::string(9, '\xff') + "\x02",
                                   std::string(10, '\xff') + "\x01"}) {
    std::string_view rest = bytes;
    EXPECT_FALSE(take_varint(rest, unused)) << testing::PrintToString(bytes);
  }
}

}  // namespace
}  // namespace sealane::table
