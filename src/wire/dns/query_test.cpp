// SPDX-License-Identifier: Apache-2.0
#include "wire/dns/query.h"

#include <gtest/gtest.h>

#include "base/dice.h"
#include "wire/dns/message.h"

namespace sealane::wire::dns {
namespace {

using Verdict = Query::Verdict;

Verdict parse(std::string_view packet, Query& query) {
  return parse_query({bytes_of(packet), packet.size()}, query);
}
Verdict parse(std::string_view packet) {
  Query query;
  return parse(packet, query);
}

// A query for a.test A with this OPT data.
std::string with_options(std::string options) {
  Message m;
  m.questions = {{"a.test", Type::a, Class::in}};
  std::string packet = encode_message(m).value();
  packet[11] = 1;
  packet += std::string("\0\0\x29\x04\xd0\0\0\0\0", 9);
  append16(packet, uint16_t(options.size()));
  return packet + options;
}
std::string option(uint16_t code, std::string_view value) {
  std::string out;
  append16(out, code);
  append16(out, uint16_t(value.size()));
  return out + std::string(value);
}

TEST(Queries, are_read_in_one_pass) {
  Query query;
  const std::string packet = make_query("WwW.Example-1.Test", Type::aaaa,
                                        {.id = 77,
                                         .recursion_desired = true,
                                         .udp_bytes_max = 4096,
                                         .subnet = Prefix::parse("10.2.3.0/24").value(),
                                         .nsid = true,
                                         .cookie = "12345678abcdefgh"})
                                 .value();
  ASSERT_EQ(parse(packet, query), Verdict::ok);
  EXPECT_EQ(query.id, 77);
  EXPECT_EQ(query.flags, Flag::rd);
  EXPECT_EQ(query.type, Type::aaaa);
  EXPECT_EQ(query.klass, Class::in);
  EXPECT_EQ(query.label_count, 3);
  EXPECT_EQ(name_to_text({reinterpret_cast<const char*>(query.name.data()), query.name_bytes}),
            "www.example-1.test");
  EXPECT_EQ(query.question_end, 12 + 20 + 4);
  EXPECT_EQ(query.udp_bytes_max, 4096);
  EXPECT_TRUE(query.edns && query.wants_nsid && !query.dnssec_ok);
  ASSERT_TRUE(query.subnet.has_value());
  EXPECT_EQ(query.subnet->address.to_string(), "10.2.3.0");
  EXPECT_EQ(query.subnet->source_bits, 24);
  ASSERT_TRUE(query.cookie.has_value());
  EXPECT_EQ(query.cookie->server_bytes, 8);
  EXPECT_EQ(query.cookie->client[0], '1');
  EXPECT_EQ(query.cookie->server[7], 'h');
}

TEST(Queries, keep_nothing_of_the_one_before) {
  Query query;
  ASSERT_EQ(
      parse(make_query(
                "a.test", Type::a,
                {.subnet = Prefix::parse("10.0.0.0/8").value(), .nsid = true, .cookie = "12345678"})
                .value(),
            query),
      Verdict::ok);
  ASSERT_EQ(parse(make_query("b.test", Type::a, {}).value(), query), Verdict::ok);
  EXPECT_FALSE(query.edns || query.wants_nsid || query.subnet || query.cookie);
  EXPECT_EQ(query.udp_bytes_max, 512);
}

TEST(Queries, lower_case_is_for_letters_only_whatever_the_length) {
  for (size_t length = 1; length <= 63; ++length) {
    std::string label;
    for (size_t i = 0; i < length; ++i) label += char("@AZ[`az{\x80\xc1\xda\xff"[i % 12]);
    Message m;
    std::string packet = make_query("x", Type::a, {}).value().substr(0, 12);
    packet += char(length) + label + std::string("\0\0\1\0\1", 5);
    Query query;
    ASSERT_EQ(parse(packet, query), Verdict::ok);
    const std::string expected = lower_name(char(length) + label + std::string(1, '\0'));
    EXPECT_EQ(std::string_view(reinterpret_cast<const char*>(query.name.data()), query.name_bytes),
              expected);
  }
}

TEST(Queries, that_are_answers_or_shorter_than_a_header_are_dropped) {
  std::string packet = make_query("a.test", Type::a, {}).value();
  EXPECT_EQ(parse(packet.substr(0, 11)), Verdict::drop);
  EXPECT_EQ(parse(""), Verdict::drop);
  packet[2] = char(0x80);
  EXPECT_EQ(parse(packet), Verdict::drop);
}

TEST(Queries, with_other_opcodes_are_not_implemented) {
  std::string packet = make_query("a.test", Type::a, {}).value();
  for (unsigned opcode = 1; opcode < 16; ++opcode) {
    packet[2] = char(opcode << 3);
    EXPECT_EQ(parse(packet), Verdict::notimp) << opcode;
  }
}

TEST(Queries, with_wrong_counts_are_format_errors) {
  const std::string good = make_query("a.test", Type::a, {}).value();
  for (const size_t at : {4uz, 6uz, 8uz, 10uz}) {
    for (const int count : {0, 1, 2, 255}) {
      std::string packet = good;
      packet[at + 1] = char(count);
      const bool same = packet == good;
      EXPECT_EQ(parse(packet), same ? Verdict::ok : Verdict::formerr) << at << " " << count;
    }
  }
}

TEST(Queries, cut_anywhere_are_format_errors_and_so_is_what_follows) {
  const std::string good =
      make_query(
          "www.example.test", Type::a,
          {.subnet = Prefix::parse("10.0.0.0/24").value(), .nsid = true, .cookie = "12345678"})
          .value();
  ASSERT_EQ(parse(good), Verdict::ok);
  for (size_t bytes = 12; bytes < good.size(); ++bytes) {
    EXPECT_EQ(parse(good.substr(0, bytes)), Verdict::formerr) << bytes;
  }
  EXPECT_EQ(parse(good + "x"), Verdict::formerr);
}

TEST(Queries, may_not_compress_the_question) {
  std::string packet = make_query("a.test", Type::a, {}).value();
  packet[12] = char(0xc0);
  packet[13] = 12;
  EXPECT_EQ(parse(packet), Verdict::formerr);
}

TEST(Queries, of_the_largest_name_are_read_and_larger_ones_are_not) {
  const std::string head = make_query("x", Type::a, {}).value().substr(0, 12);
  const std::string label63 = char(63) + std::string(63, 'a');
  const auto packet = [&](size_t last) {
    return head + label63 + label63 + label63 + char(last) + std::string(last, 'b') +
           std::string("\0\0\1\0\1", 5);
  };
  Query query;
  EXPECT_EQ(parse(packet(61), query), Verdict::ok);
  EXPECT_EQ(query.name_bytes, 255);
  EXPECT_EQ(parse(packet(62)), Verdict::formerr);
  std::string many = head;
  for (int i = 0; i < 127; ++i) many += "\1a";
  EXPECT_EQ(parse(many + std::string("\0\0\1\0\1", 5), query), Verdict::ok);
  EXPECT_EQ(query.label_count, 127);
  EXPECT_EQ(parse(many + std::string("\1a\0\0\1\0\1", 7)), Verdict::formerr);
}

TEST(Queries, with_two_opts_or_one_below_the_root_are_format_errors) {
  std::string two = with_options("");
  two += std::string("\0\0\x29\x04\xd0\0\0\0\0\0\0", 11);
  two[11] = 2;
  Query query;
  EXPECT_EQ(parse(two, query), Verdict::formerr);
  EXPECT_TRUE(query.edns) << "so that the answer has an OPT as well";
  std::string named = with_options("");
  named.replace(named.size() - 11, 1, std::string("\1a\0", 3));
  EXPECT_EQ(parse(named), Verdict::formerr);
}

TEST(Queries, of_an_unknown_edns_version_are_badvers_whatever_their_options) {
  std::string packet = with_options("\xff");
  packet[packet.size() - 6] = 1;
  EXPECT_EQ(parse(packet), Verdict::badvers);
}

TEST(Queries, without_a_question_ask_for_a_cookie_or_are_formerr) {
  const auto without_question = [](std::string packet) {
    packet[5] = 0;
    return packet.erase(12, 8 + 4);
  };
  Query query;
  const std::string asks =
      without_question(with_options(option(OptionCode::cookie, "12345678")));
  EXPECT_EQ(parse(asks, query), Verdict::cookie_only);
  EXPECT_EQ(query.question_end, 12);
  EXPECT_EQ(query.name_bytes, 0);
  EXPECT_TRUE(query.edns && query.cookie.has_value());
  EXPECT_EQ(parse(asks + "x"), Verdict::formerr);
  EXPECT_EQ(parse(without_question(with_options(""))), Verdict::formerr);
  std::string bare = asks.substr(0, 12);
  bare[11] = 0;
  EXPECT_EQ(parse(bare), Verdict::formerr);
  std::string two = with_options(option(OptionCode::cookie, "12345678"));
  two[5] = 2;
  EXPECT_EQ(parse(two), Verdict::formerr);
}

TEST(Queries, with_other_records_behind_are_read_past_them) {
  std::string packet = make_query("a.test", Type::a, {}).value();
  packet[11] = 1;
  const std::string tsig = std::string("\3key\0\0\xfa\0\xff\0\0\0\0\0\4abcd", 19);
  EXPECT_EQ(parse(packet + tsig), Verdict::ok);
  EXPECT_EQ(parse(packet + tsig.substr(0, 18)), Verdict::formerr);
}

TEST(ClientSubnets, are_checked_as_rfc_7871_asks) {
  const struct {
    std::string_view value;
    Verdict verdict;
    const char* why;
  } cases[] = {
      {std::string_view("\0\1\x18\0\x0a\1\2", 7), Verdict::ok, "10.1.2.0/24"},
      {std::string_view("\0\1\0\0", 4), Verdict::ok, "0.0.0.0/0"},
      {std::string_view("\0\2\0\0", 4), Verdict::ok, "::/0"},
      {std::string_view("\0\1\x20\0\x0a\1\2\3", 8), Verdict::ok, "a whole address"},
      {std::string_view("\0\1\x17\0\x0a\1\2", 7), Verdict::ok, "/23 with its last bit zero"},
      {std::string_view("\0\1\x17\0\x0a\1\3", 7), Verdict::formerr, "a bit behind the prefix"},
      {std::string_view("\0\1\x18\x18\x0a\1\2", 7), Verdict::formerr, "a scope in a query"},
      {std::string_view("\0\1\x18\0\x0a\1", 6), Verdict::formerr, "too few bytes"},
      {std::string_view("\0\1\x18\0\x0a\1\2\0", 8), Verdict::formerr, "too many bytes"},
      {std::string_view("\0\1\x21\0\x0a\1\2\3\0", 9), Verdict::formerr, "/33"},
      {std::string_view("\0\2\x81\0"
                        "0123456789abcdef\0",
                        21),
       Verdict::formerr, "/129"},
      {std::string_view("\0\3\x08\0\x0a", 5), Verdict::formerr, "family 3"},
      {std::string_view("\0\0\0\0", 4), Verdict::formerr, "family 0"},
      {std::string_view("\0\1\x18", 3), Verdict::formerr, "cut off"},
  };
  for (const auto& c : cases)
    EXPECT_EQ(parse(with_options(option(OptionCode::ecs, c.value))), c.verdict) << c.why;
  const std::string one = option(OptionCode::ecs, cases[0].value);
  EXPECT_EQ(parse(with_options(one + one)), Verdict::formerr) << "twice";
}

TEST(Cookies, have_eight_bytes_or_sixteen_to_forty) {
  for (size_t bytes = 0; bytes <= 45; ++bytes) {
    const bool good = bytes == 8 || (bytes >= 16 && bytes <= 40);
    EXPECT_EQ(parse(with_options(option(OptionCode::cookie, std::string(bytes, 'c')))),
              good ? Verdict::ok : Verdict::formerr)
        << bytes;
  }
}

TEST(Options, that_are_not_known_are_ignored_and_broken_ones_are_not) {
  EXPECT_EQ(parse(with_options(option(65001, "abc") + option(12, ""))), Verdict::ok);
  EXPECT_EQ(parse(with_options(option(65001, "abc") + "x")), Verdict::formerr);
  EXPECT_EQ(parse(with_options(std::string("\xfe\1\0\5abc", 7))), Verdict::formerr);
}

TEST(Hashes, do_not_look_behind_the_name) {
  Dice dice(3);
  for (size_t bytes = 1; bytes <= 255; ++bytes) {
    std::array<uint8_t, 264> a{}, b{};
    for (size_t i = 0; i < a.size(); ++i) {
      a[i] = uint8_t(dice.roll());
      b[i] = i < bytes ? a[i] : uint8_t(dice.roll());
    }
    EXPECT_EQ(hash_name(a.data(), bytes), hash_name(b.data(), bytes));
    b[dice.below(bytes)] ^= 1;
    EXPECT_NE(hash_name(a.data(), bytes), hash_name(b.data(), bytes));
  }
}

}  // namespace
}  // namespace sealane::wire::dns
