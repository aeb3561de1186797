// SPDX-License-Identifier: Apache-2.0
#include "table/size.h"

#include <gtest/gtest.h>

#include "table/record.h"

namespace sealane::table {
namespace {

Value number(std::string_view text) { return Value(*Number::parse(text)); }

// What items at the limit of 400 KiB show of the service itself:
// github.com/paritysuite/dynamodb-conformance, captured in August 2026.
TEST(Size, a_number_weighs_two_digits_a_byte_from_the_point_outwards) {
  const std::pair<const char*, size_t> captured[] = {
      {"0", 1},         {"1", 2},     {"12", 2},
      {"123", 3},       {"1234", 3},  {"12345678901234567890123456789012345678", 20},
      {"0042", 2},      {"100", 2},   {"1010", 3},
      {"0.0000001", 2}, {"1E125", 2}, {"1E-100", 2},
      {"1.5", 3},       {"15", 2},    {"1.2", 3},
      {"1.200", 3},     {"1.234", 4}, {"3.14159", 5},
      {"123456", 4},    {"100.5", 4}, {"0.15", 2},
      {"-42", 3},       {"-0", 1},
  };
  for (const auto& [text, bytes] : captured) EXPECT_EQ(size_bytes(number(text)), bytes) << text;
}

TEST(Size, of_the_other_types_is_their_bytes_and_what_holds_them) {
  Item map;
  map.set("ab", number("12"));
  const std::pair<Value::Form, size_t> cases[] = {
      {std::string(), 0},
      {std::string("h\xc3\xa9"), 3},
      {Binary{"\x01\x02"}, 2},
      {Null{}, 1},
      {true, 1},
      {StringSet{"a", "bc"}, 3},
      {NumberSet{Number(1), Number(12)}, 4},
      {BinarySet{{"a"}, {"bc"}}, 3},
      {List{}, 3},
      {List{Value(), Value(std::string("xyz"))}, 3 + 2 + 1 + 3},
      {Item(), 3},
      {map, 3 + 1 + 2 + 2},
  };
  for (const auto& [form, bytes] : cases) EXPECT_EQ(size_bytes(Value(form)), bytes);
  Item item;
  item.set("id", Value(std::string("abc")));
  item.set("m", Value(map));
  EXPECT_EQ(size_bytes(item), 2u + 3 + 1 + 8);
}

TEST(Size, of_a_record_is_that_of_its_item) {
  Item item;
  item.set("id", Value(std::string("abc")));
  item.set("turns", Value(List{number("12")}));
  const Stamp put{1, 1}, appended{2, 1}, removed{3, 1};
  Record record = put_delta(item, put);
  EXPECT_EQ(size_bytes(record), size_bytes(item));
  // Removed attributes leave stamps that do not count; elements that were appended do.
  record.cells.push_back({.name = "was", .stamp = put});
  Cell& turns = record.cells[1];
  turns.value.reset();
  turns.is_sequence = true;
  turns.elements = {{put, 0, Element::Side::body, number("12")},
                    {appended, 0, Element::Side::back, Value(std::string("x"))}};
  EXPECT_EQ(size_bytes(record), size_bytes(item_of(record)));
  EXPECT_EQ(size_bytes(record), size_bytes(item) + 1 + 1);
  join(record, delete_delta(removed));
  EXPECT_EQ(size_bytes(record), 0u);
}

TEST(Size, depth_counts_the_levels_down_to_the_deepest_value) {
  EXPECT_EQ(depth(Value()), 1u);
  EXPECT_EQ(depth(Value(StringSet{"a"})), 1u);
  EXPECT_EQ(depth(Value(List{})), 1u);
  EXPECT_EQ(depth(Value(List{Value(), Value(List{Value()})})), 3u);
  Item map;
  map.set("a", Value(List{Value()}));
  EXPECT_EQ(depth(Value(map)), 3u);
}

TEST(Size, units_are_started_blocks_and_never_nothing) {
  EXPECT_EQ(read_units(0, true), 1.0);
  EXPECT_EQ(read_units(0, false), 0.5);
  EXPECT_EQ(read_units(4096, true), 1.0);
  EXPECT_EQ(read_units(4097, true), 2.0);
  EXPECT_EQ(read_units(4097, false), 1.0);
  EXPECT_EQ(write_units(0), 1.0);
  EXPECT_EQ(write_units(1024), 1.0);
  EXPECT_EQ(write_units(1025), 2.0);
  EXPECT_EQ(write_units(kItemBytesMax), 400.0);
}

}  // namespace
}  // namespace sealane::table
