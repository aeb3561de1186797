// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/name.h"

#include <gtest/gtest.h>

#include "wire/dns/types.h"

namespace sealane::wire::dns {
namespace {

std::span<const uint8_t> span_of(std::string_view s) { return {bytes_of(s), s.size()}; }

TEST(Names, go_to_wire_form_and_back) {
  const struct {
    std::string_view text, wire;
  } cases[] = {
      {"www.example.test", std::string_view("\3www\7example\4test\0", 18)},
      {"WwW.test", std::string_view("\3WwW\4test\0", 10)},
      {"", std::string_view("\0", 1)},
      {"a\\.b.test", std::string_view("\3a.b\4test\0", 10)},
      {"a\\\\b", std::string_view("\3a\\b\0", 5)},
      {"\\000\\255\\032", std::string_view("\3\0\xff \0", 5)},
  };
  for (const auto& c : cases) {
    const Result<std::string> wire = name_to_wire(c.text);
    ASSERT_TRUE(wire.has_value()) << c.text;
    EXPECT_EQ(*wire, c.wire) << c.text;
    EXPECT_EQ(name_to_text(*wire), c.text);
    EXPECT_EQ(wire_name_bytes(span_of(*wire)), wire->size());
  }
  EXPECT_EQ(name_to_wire("test.").value(), name_to_wire("test").value());
  EXPECT_EQ(name_to_wire(".").value(), std::string(1, '\0'));
}

TEST(Names, relative_names_continue_with_the_origin) {
  const std::string origin = name_to_wire("example.test").value();
  EXPECT_EQ(name_to_wire("www", origin).value(), name_to_wire("www.example.test").value());
  EXPECT_EQ(name_to_wire("www.", origin).value(), name_to_wire("www").value());
  EXPECT_EQ(name_to_wire("@", origin).value(), origin);
  EXPECT_EQ(name_to_wire("\\@", origin).value(), std::string("\1@") + origin);
  EXPECT_FALSE(name_to_wire("", origin).has_value());
}

TEST(Names, of_the_largest_size_are_taken_and_larger_ones_are_not) {
  const std::string label63(63, 'a'), label61(61, 'a'), label62(62, 'a');
  const std::string three = label63 + "." + label63 + "." + label63 + ".";
  EXPECT_EQ(name_to_wire(three + label61).value().size(), kNameBytesMax);
  EXPECT_FALSE(name_to_wire(three + label62).has_value());
  EXPECT_TRUE(name_to_wire(label63).has_value());
  EXPECT_FALSE(name_to_wire(label63 + "a").has_value());
}

TEST(Names, that_are_no_names_are_errors) {
  for (const char* text : {"a..b", ".a", "a\\", "a\\1", "a\\12", "a\\256", "a\\12x", ".."}) {
    EXPECT_FALSE(name_to_wire(text).has_value()) << text;
  }
}

TEST(Names, in_messages_follow_pointers_backwards_only) {
  const std::string header(12, '\0');
  std::string message = header + std::string("\4test\0", 6) + std::string("\1a\xc0\x0c", 4);
  size_t at = 18;
  EXPECT_EQ(name_to_text(read_name(span_of(message), at).value()), "a.test");
  EXPECT_EQ(at, message.size());
  const std::string bad[] = {
      header + std::string("\xc0\x0c", 2),       // to itself
      header + std::string("\xc0\x0e\1a\0", 5),  // forwards
      header + std::string("\1a\xc0\x0c", 4),    // a loop
      header + std::string("\xc0\x00", 2),       // into the header
      header + std::string("\xc0", 1),           // cut off
      header + std::string("\5ab", 3),           // cut off
      header + std::string("\x40"
                           "a\0",
                           3),  // RFC 6891 5: not in use
      header,
  };
  for (const std::string& one : bad) {
    at = 12;
    EXPECT_FALSE(read_name(span_of(one), at).has_value());
  }
}

TEST(Names, know_what_lies_below_them) {
  const std::string apex = name_to_wire("example.test").value();
  EXPECT_TRUE(is_at_or_below(apex, apex));
  EXPECT_TRUE(is_at_or_below(name_to_wire("a.b.example.test").value(), apex));
  EXPECT_FALSE(is_at_or_below(name_to_wire("anexample.test").value(), apex));
  EXPECT_FALSE(is_at_or_below(name_to_wire("test").value(), apex));
  EXPECT_EQ(label_count(apex), 2u);
  EXPECT_EQ(name_to_text(parent_name(apex)), "test");
}

TEST(Names, lower_case_touches_letters_only) {
  EXPECT_EQ(lower_name("\3AbZ[@`\xc3\x84"), "\3abz[@`\xc3\x84");
}

}  // namespace
}  // namespace sealane::wire::dns
