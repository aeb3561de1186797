// SPDX-License-Identifier: Apache-2.0
#include "table/key.h"

#include <gtest/gtest.h>

#include "table/sample_value.h"

namespace sealane::table {
namespace {

using namespace std::string_literals;

Value text(std::string s) { return Value(std::move(s)); }

std::string ordered(const Value& value) {
  std::string out;
  append_ordered(out, value);
  return out;
}

Value roll_key(Dice& dice, Type type) {
  if (type == Type::N) return Value(roll_number(dice));
  std::string bytes = roll_bytes(dice);
  return type == Type::S ? Value(bytes) : Value(Binary{bytes});
}

std::strong_ordering order(const Value& a, const Value& b) {
  if (const auto* n = a.get<Number>()) return *n <=> *b.get<Number>();
  if (const auto* s = a.get<std::string>()) return *s <=> *b.get<std::string>();
  return a.get<Binary>()->bytes <=> b.get<Binary>()->bytes;
}

TEST(Key, ordered_bytes_order_as_values_do_and_none_begins_another) {
  for (const Type type : {Type::S, Type::N, Type::B}) {
    SCOPED_TRACE(name(type));
    Dice dice{uint64_t(type)};
    std::vector<Value> values;
    for (int i = 0; i < 400; ++i) values.push_back(roll_key(dice, type));
    for (const Value& a : values) {
      for (const Value& b : values) {
        const std::string x = ordered(a), y = ordered(b);
        ASSERT_EQ(order(a, b), x <=> y);
        ASSERT_TRUE(a == b || !y.starts_with(x));
      }
    }
  }
}

TEST(Key, what_is_encoded_reads_back_and_leaves_what_follows) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    Dice dice(seed);
    const Type types[] = {Type::S, Type::N, Type::B};
    KeySchema schema{.hash = {"h", types[dice.below(3)]}, .range = {}};
    Item item;
    item.set("h", roll_key(dice, schema.hash.type));
    if (dice.chance(0.7)) {
      schema.range = {"r", types[dice.below(3)]};
      item.set("r", roll_key(dice, schema.range->type));
    }
    const std::string bytes = *key_of(item, schema) + "rest";
    EXPECT_TRUE(bytes.starts_with(encode_key_prefix(*item.find("h"))));
    std::string_view rest = bytes;
    const auto key = take_key(rest, schema);
    ASSERT_TRUE(key) << seed;
    ASSERT_EQ(*key, item) << seed;
    ASSERT_EQ(rest, "rest") << seed;
  }
}

TEST(Key, one_hash_key_is_one_range_in_the_order_of_its_range_keys) {
  Dice dice(3);
  const Value other = text("other");
  for (int i = 0; i < 500; ++i) {
    const Value hash = roll_key(dice, Type::S);
    const Value a = roll_key(dice, Type::N), b = roll_key(dice, Type::N);
    ASSERT_EQ(order(a, b), encode_key(hash, &a) <=> encode_key(hash, &b));
    const std::string begin = encode_key_prefix(hash), end = after_prefix(begin);
    ASSERT_LE(begin, encode_key(hash, &a));
    ASSERT_LT(encode_key(hash, &a), end);
    if (hash == other) continue;
    const std::string stranger = encode_key(other, &a);
    ASSERT_TRUE(stranger < begin || stranger >= end);
  }
}

// On disk and on every replica: these may never change.
TEST(Key, the_hash_and_the_bytes_are_as_they_ever_were) {
  EXPECT_EQ(hash_of(text("")), 21286u);
  EXPECT_EQ(hash_of(text("user#1")), 1684u);
  EXPECT_EQ(hash_of(Value(Number(42))), 28167u);
  EXPECT_EQ(hash_of(Value(Binary{"\x00\x01"s})), 28234u);
  EXPECT_EQ(ordered(text("a\0b"s)),
            "a\0\xff"
            "b\0\x01"s);
  EXPECT_EQ(ordered(Value(Number(0))), "\x02"s);
  EXPECT_EQ(ordered(Value(Number(123))), "\x03\x84\x0d\x1f\x00"s);
  EXPECT_EQ(ordered(Value(Number(-123))), "\x01\x7b\xf2\xe0\xff"s);
}

TEST(Key, hash_keys_spread_over_the_segments_of_a_scan) {
  size_t counts[16] = {};
  for (int i = 0; i < 16'000; ++i) ++counts[hash_of(text("user#" + std::to_string(i))) >> 12];
  for (const size_t count : counts) EXPECT_NEAR(double(count), 1000, 150);
}

TEST(Key, bytes_that_no_key_writes_are_corrupt) {
  const KeySchema schema{.hash = {"h", Type::S}, .range = {{"r", Type::N}}};
  const Value range(Number(5));
  const std::string good = encode_key(text("a\0b"s), &range);
  for (size_t size = 0; size < good.size(); ++size) {
    std::string_view cut(good.data(), size);
    ASSERT_FALSE(take_key(cut, schema)) << size;
  }
  std::string other_hash = good, wrong_escape = good;
  other_hash[0] = char(other_hash[0] ^ 1);
  wrong_escape[4] = '\x02';
  for (const std::string& bytes : {other_hash, wrong_escape}) {
    std::string_view rest = bytes;
    const auto key = take_key(rest, schema);
    ASSERT_FALSE(key);
    EXPECT_EQ(key.error().code, Code::corrupt);
  }
}

TEST(Key, after_prefix_is_the_first_string_behind_all_that_begin_so) {
  EXPECT_EQ(after_prefix("ab"), "ac");
  EXPECT_EQ(after_prefix("a\xff\xff"), "b");
  EXPECT_EQ(after_prefix("\xff\xff"), "");
  EXPECT_EQ(after_prefix(""), "");
  EXPECT_EQ(after_prefix("a\x7f"), "a\x80");
  Dice dice(5);
  for (int i = 0; i < 2000; ++i) {
    const std::string prefix = roll_bytes(dice), other = roll_bytes(dice);
    const std::string after = after_prefix(prefix);
    if (after.empty()) continue;
    const bool is_between = prefix <= other && other < after;
    ASSERT_EQ(other.starts_with(prefix), is_between);
  }
}

TEST(Key, an_item_without_the_key_or_with_another_type_has_none) {
  const KeySchema schema{.hash = {"h", Type::S}, .range = {{"r", Type::N}}};
  Item item;
  EXPECT_FALSE(key_of(item, schema));
  item.set("h", text("a"));
  EXPECT_FALSE(key_of(item, schema));
  item.set("r", text("1"));
  EXPECT_FALSE(key_of(item, schema));
  item.set("r", Value(Number(1)));
  EXPECT_TRUE(key_of(item, schema));
  item.set("h", Value(Binary{"a"}));
  EXPECT_FALSE(key_of(item, schema));
}

}  // namespace
}  // namespace sealane::table
